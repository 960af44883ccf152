// PostgreSQL: what its program says of itself; extensions that are opened and asked what they were built for.
import fs from 'fs';
import path from 'path';
import zlib from 'zlib';
import crypto from 'crypto';
import { pathToFileURL } from 'url';

const dist = path.join(path.resolve(process.argv[2]), '_electric-sql_pglite/dist');
const { default: create } = await import(pathToFileURL(path.join(dist, 'pglite.js')));

async function started(lines) {
  return create({
    noInitialRun: true,
    thisProgram: 'postgres',
    print: (line) => lines.push(line),
    printErr() {},
    locateFile: (name) => path.join(dist, name),
    getPreloadedPackage: () => new Uint8Array(fs.readFileSync(path.join(dist, 'pglite.data'))).buffer,
  });
}

function unpacked(extension) {  // a tar file: a header of 512 bytes before each, padded to that
  const tar = zlib.gunzipSync(fs.readFileSync(path.join(dist, `${extension}.tar.gz`)));
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString('latin1', at, tar.indexOf(0, at));
    const size = parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name.endsWith(`/${extension}.so`)) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

for (const argument of ['--version', '--help', '--describe-config']) {
  const lines = [];
  const code = (await started(lines)).callMain([argument]);
  console.log(argument, code, lines.length, crypto.createHash('sha1').update(lines.join('\n')).digest('hex'));
}

const postgres = await started([]);
function text(string) {
  const at = postgres._malloc(string.length + 1);
  for (let i = 0; i <= string.length; i++) postgres.HEAPU8[at + i] = string.charCodeAt(i) || 0;
  return at;
}
for (const extension of ['hstore', 'pgcrypto', 'pg_trgm']) {
  postgres.FS.writeFile(`/tmp/${extension}.so`, unpacked(extension));
  const handle = postgres._dlopen(text(`/tmp/${extension}.so`), 2);
  const found = ['Pg_magic_func', 'work_mem', 'none'].map((name) => postgres._dlsym(handle, text(name)) !== 0);
  const error = postgres._dlerror();
  const end = postgres.HEAPU8.indexOf(0, error);
  console.log(extension, handle !== 0, ...found, Buffer.from(postgres.HEAPU8.slice(error, end)).toString());
}
