// Zstandard, by the class that the module binds: packages of two years.
const path = require('path'), crypto = require('crypto');
const folder = path.resolve(process.argv[2]);
let text = '';
for (let at = 0; at < 2000; at++) text += `line ${at * 7919 % 1000} of a text\n`;
const TEXT = new Uint8Array(Buffer.from(text));

(async () => {
  for (const version of ['0.1.0', '0.1.5']) {
    const name = path.join(folder, `zstd-codec_${version}/lib`);
    const binding = require(path.join(name, 'zstd-codec-binding-wasm.js'));
    const Module = await new Promise((resolve) => { const made = binding({ onRuntimeInitialized() { delete made.then; resolve(made); } }); });
    const codec = new Module.ZstdCodec(), source = new Module.VectorU8();
    Module.cloneToVector(source, TEXT);
    for (const level of [1, 9, 19]) {
      const packed = new Module.VectorU8();
      packed.resize(codec.compressBound(TEXT.length), 0);
      packed.resize(codec.compress(packed, source, level), 0);
      const data = Module.cloneAsTypedArray(packed);
      console.log(version, level, data.length, crypto.createHash('sha1').update(data).digest('hex'), codec.contentSize(packed));
    }
  }
})();
