// What benchmarks/emscripten.py measures, in node: one JSON object of seconds (CPU time), or bytes. Argument: node_modules.
const path = require('path'), { pathToFileURL } = require('url');
const root = process.argv[2], rows = Number(process.argv[3]), figures = {};
const cpu = () => { const used = process.cpuUsage(); return (used.user + used.system) / 1e6; };
const timed = (name, run, count = 1) => { const start = cpu(); const value = run(); figures[name] = (cpu() - start) / count; return value; };
const best = (name, run, count, rounds = 5) => {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) { const start = cpu(); run(); least = Math.min(least, (cpu() - start) / count); }
  figures[name] = least;
};
(async () => {
  let start = cpu();
  const SQL = await require(path.join(root, 'sql.js/dist/sql-wasm.js'))();
  const db = new SQL.Database();
  db.exec('select 40 + 2');
  figures['sqlite: load to first query'] = cpu() - start;
  db.run('create table t(a integer primary key, b text, c real)');
  timed('sqlite: insert rows', () => {
    db.run('begin');
    const statement = db.prepare('insert into t values(?, ?, ?)');
    for (let at = 0; at < rows; at++) statement.run([at, 'name ' + at * 7 % 1000, at / 3]);
    statement.free();
    db.run('commit');
  });
  timed('sqlite: query them', () => db.exec('select b, count(*), sum(c) from t group by b order by 2 desc, 1 limit 5'));
  timed('sqlite: insert rows by SQL', () => db.run(`create table u as with recursive n(i) as (select 1 union all select i + 1 from n where i < ${rows}) select i, 'name ' || (i * 7 % 1000) as b, i / 3.0 as c from n`));

  const { LuaFactory } = require(path.join(root, 'wasmoon/dist/index.js'));
  const lua = await new LuaFactory().createEngine({ openStandardLibs: true });
  for (const [name, script] of Object.entries(JSON.parse(process.argv[4]))) {
    const count = name.includes('longjmp') ? 1000 : 1;
    lua.doStringSync(script);
    best(name, () => lua.doStringSync(script), count, 3);
  }

  const Y = await (await import(pathToFileURL(path.join(root, 'yoga-layout/dist/binaries/yoga-wasm-base64-esm.js')))).default();
  const node = Y.Node.createDefault();
  best('embind: method(double)', () => { for (let at = 0; at < 20000; at++) node.setWidth(300); }, 20000);
  best('embind: method() -> double', () => { for (let at = 0; at < 20000; at++) node.getComputedWidth(); }, 20000);
  timed('embind: an object made and deleted', () => { for (let at = 0; at < 100000; at++) Y.Node.createDefault().delete(); }, 100000);
  console.log(JSON.stringify(figures));
  process.exit(0);
})();
