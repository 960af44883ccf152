// HiGHS: models of linear programs, solved through the functions of its C interface.
const path = require('path');
const folder = path.resolve(process.argv[2]);
const MODEL = `Maximize
 obj: x1 + 2 x2 + 4 x3 + x4
Subject To
 c1: - x1 + x2 + x3 + 10 x4 <= 20
 c2: x1 - 4 x2 + x3 <= 30
 c3: x2 - 0.5 x4 = 0
Bounds
 0 <= x1 <= 40
 2 <= x4 <= 3
`;

(async () => {
  const highs = await require(path.join(folder, 'highs/build/highs.js'))({ print() {}, printErr() {} });
  for (const more of ['', 'General\n x1\n x4\n']) {
    try {
      const found = highs.solve(MODEL + more + 'End');
      console.log(found.Status, found.ObjectiveValue);
      for (const name of Object.keys(found.Columns)) console.log(' ', name, found.Columns[name].Primal);
      for (const row of found.Rows) console.log(' ', row.Name, row.Primal);
    } catch (error) {
      console.log('ERROR', error.message);
    }
  }
})();
