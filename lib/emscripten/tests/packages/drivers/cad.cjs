// OpenCascade: models in three formats, with and without parameters; what are none.
const crypto = require("crypto"), fs = require("fs"), path = require("path");
const folder = path.join(process.argv[2], "occt-import-js");
const files = [
  ["ReadStepFile", "simple-basic-cube/cube.stp", null],
  ["ReadStepFile", "simple-basic-cube/cube.stp", { linearUnit: "inch", linearDeflectionType: "absolute_value", linearDeflection: 0.5, angularDeflection: 0.3 }],
  ["ReadStepFile", "cax-if/as1_pe_203.stp", null],
  ["ReadIgesFile", "cube-10x10mm/Cube 10x10.igs", null],
  ["ReadBrepFile", "cax-if-brep/as1_pe_203.brep", null],
  ["ReadStepFile", "", null],
  ["ReadIgesFile", "", null],
  ["ReadBrepFile", "", null],
];
const silent = { print() {}, printErr() {} };
require(path.join(folder, "dist/occt-import-js.js"))(silent).then((occt) => {
  for (const [read, name, parameters] of files) {
    const data = name ? fs.readFileSync(path.join(folder, "test/testfiles", name)) : Buffer.from("no model");
    const told = JSON.stringify(occt[read](new Uint8Array(data), parameters));
    console.log(`${read} ${name} ${told.length} ${crypto.createHash("sha1").update(told).digest("hex")}`);
  }
});
