"""A worker that ends at command 1 and again at command 3, for `test_runner`."""

from __future__ import annotations

import json
import os
import sys

from tests.spec.runner import ScriptResult

for request in sys.stdin:
    _, skip = json.loads(request)
    for number in range(5):
        if number not in skip:
            os.write(1, b"%d\n" % number)
            if number in (1, 3):
                os.abort()
    result = ScriptResult(assertions=5, passed=5 - len(skip), failures=dict.fromkeys(skip, "the process ended"))
    os.write(1, json.dumps(vars(result)).encode() + b"\n")
