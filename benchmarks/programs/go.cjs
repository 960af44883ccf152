// What node needs for calls of a Go program: node go.cjs SUPPORT MODULE CALLS, prints microseconds of CPU per call.
const fs = require("fs");
const [support, module_, calls] = process.argv.slice(2);
globalThis.fs = fs;
require(`${support}/wasm_exec.js`);
const go = new globalThis.Go();
Object.assign(globalThis, { config: { limit: 1e15 }, one: 1 });

function timed(run, count) {
  let least = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / count);
  }
  return least;
}

WebAssembly.instantiate(fs.readFileSync(module_), go.importObject).then(({ instance }) => {
  go.run(instance);
  setTimeout(() => {
    const n = Number(calls);
    const into = timed(() => { for (let at = 0; at < n; at++) globalThis.add(at, 1); }, n);
    const out = timed(() => globalThis.repeat(() => undefined, n), n);
    console.log(JSON.stringify({ "a call of a Go function": into * 1e-6, "a call by a Go function": out * 1e-6 }));
    process.exit(0);
  }, 100);
});
