// A .NET program under node: what tools/dotnet_programs.py compares with.
//
//     node dotnet_host.mjs FRAMEWORK PROGRAM [ARGUMENTS…]
//
// FRAMEWORK is a directory _framework. The runtime is started as its own JavaScript does, with invariant globalisation.
// The last line on standard error is JSON: the exit code, or the message and the stack trace of an exception; and how
// many milliseconds the start and Main took.

import { existsSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [, , folder, program, ...given] = process.argv;
const script = path.join(folder, "dotnet.js");
const begun = performance.now();
const { dotnet } = await import(pathToFileURL(script).href);

const file = path.basename(program).replace(/\.exe$/, ".dll");
const name = file.replace(/\.dll$/, "");
const beside = path.join(path.dirname(program), "library.dll");
const files = { [file]: program, ...(existsSync(beside) ? { "library.dll": beside } : {}) };
const listed = existsSync(path.join(folder, "blazor.boot.json"));
if (listed) dotnet.withConfigSrc("blazor.boot.json");
dotnet.withConfig({
  mainAssemblyName: name,
  globalizationMode: "invariant",
  disableIntegrityCheck: true,
  disableNoCacheFetch: true,
  environmentVariables: { MINE: "set" },
  runtimeConfig: { runtimeOptions: { configProperties: { "System.Resources.UseSystemResourceKeys": false } } },
  resources: {
    assembly: listed
      ? Object.fromEntries(Object.keys(files).map((each) => [each, ""]))
      : Object.keys(files).map((each) => ({ name: each, virtualPath: each })),
  },
});
dotnet.withOnConfigLoaded((config) => {
  config.globalizationMode = "invariant"; // the file's own word comes after the above
});
dotnet.withResourceLoader((type, wanted) =>
  wanted in files ? Promise.resolve(new Response(readFileSync(files[wanted]))) : undefined,
);

const tell = (said) => writeSync(2, "\n" + JSON.stringify({ ...said, started, ended: performance.now() - begun }) + "\n");
let started = null;
process.on("exit", (code) => tell({ code }));
const api = await dotnet.create();
started = performance.now() - begun;
try {
  process.exit(await api.runMain(name, given));
} catch (failure) {
  if (failure.status !== undefined) process.exit(failure.status); // Environment.Exit
  tell({ message: failure.message, stack: failure.stack });
  process.exit(1);
}
