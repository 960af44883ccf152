// jq: filters run by the function of its package.
const path = require('path');
const GIVEN = '{"a": [1, 2, {"b": 3, "\\u00e9": "x"}], "c": null, "d": "2015-03-05T23:51:47Z"}';
require(path.join(path.resolve(process.argv[2]), 'jq-web/jq.js')).then((jq) => {
  for (const filter of ['.', '.a[2].b, (.a | length)', '[paths]', '.d | fromdate', '.a | map(tojson) | join("-")', '.e.f.g'])
    console.log(jq.raw(GIVEN, filter, ['-c']).trim());
  process.exit(0);
});
