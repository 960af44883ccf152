"""What Python in WebAssembly prints, here and in node."""

import collections
import dataclasses
import datetime
import decimal
import hashlib
import json
import math
import re
import sys

print(sys.version)
print(sys.platform, sys.maxsize, sys.byteorder)
print(json.dumps({"a": [1, 2.5, None], "b": "\u00e9"}), re.sub("a+", "b", "caaat"), math.pi)
print(hashlib.sha256(b"x").hexdigest(), decimal.Decimal(1) / 3, datetime.date(2024, 2, 29).isoformat())
print(collections.Counter("abracadabra").most_common(2), sorted({3, 1, 2}), 2**200)


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5


print(Point(3), [*map(str.upper, "abc")])
try:
    int("none")
except ValueError as error:
    print(repr(error))


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def numbers():
    received = yield 1
    while received is not None:
        received = yield received + 1


generator = numbers()
print(fib(20), next(generator), generator.send(4))
with open("/tmp/a file", "w") as file:
    file.write("hi\nthere\n")
print([*open("/tmp/a file")], flush=True)
