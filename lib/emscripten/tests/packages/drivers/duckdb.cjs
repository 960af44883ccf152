// DuckDB through the functions of its C interface: queries, what they answer with (as Arrow writes it), what fails.
const crypto = require("crypto"), fs = require("fs"), Module = require("module"), path = require("path");
const load = Module._load;
Module._load = (name, ...more) => (name === "apache-arrow" ? {} : load(name, ...more)); // which reads the answers
const dist = path.join(process.argv[2], "_duckdb_duckdb-wasm/dist");
const duckdb = require(path.join(dist, "duckdb-node-blocking.cjs"));
const queries = fs.readFileSync(path.join(__dirname, "../duckdb.sql"), "utf8").split(";\n").map((each) => each.trim()).filter(Boolean);
const bundle = { mainModule: path.join(dist, "duckdb-eh.wasm"), mainWorker: "" };
duckdb.createDuckDB({ mvp: bundle, eh: bundle }, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME).then(async (database) => {
  await database.instantiate();
  const module = database.mod;
  function call(name, types, ...values) {
    const stack = module.stackSave(), response = module.stackAlloc(24);
    module.ccall(name, null, ["number", ...types], [response, ...values]);
    const [status, data, size] = module.HEAPF64.subarray(response / 8, response / 8 + 3);
    const bytes = Buffer.from(data ? module.HEAPU8.slice(data, data + size) : []);
    module.ccall("duckdb_web_clear_response", null, [], []);
    module.stackRestore(stack);
    return status ? `${status} ${bytes}` : `${bytes.length} ${crypto.createHash("sha1").update(bytes).digest("hex")}`;
  }
  console.log(call("duckdb_web_get_version", []));
  console.log(call("duckdb_web_open", ["string"], JSON.stringify({ path: ":memory:" })));
  const connection = module.ccall("duckdb_web_connect", "number", [], []);
  for (const query of queries) console.log(call("duckdb_web_query_run", ["number", "string"], connection, query).replace(/\n/g, "|"));
});
