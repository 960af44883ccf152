"""The shapes: each a function from a size to a module in the binary format, whose length grows with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

HEADER: Final = b"\0asm\1\0\0\0"
I32: Final = b"\x7f"
CONST: Final = b"\x41\0"
"""``i32.const 0``"""
ADD: Final = b"\x6a"
DROP: Final = b"\x1a"
BLOCK: Final = b"\x02\x40"
LOOP: Final = b"\x03\x40"
IF: Final = b"\x04\x40"
ELSE: Final = b"\x05"
END: Final = b"\x0b"
UNREACHABLE: Final = b"\0"
SELECT: Final = b"\x1b"
RETURN: Final = b"\x0f"


def number(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def vector(items: Iterable[bytes]) -> bytes:
    items = list(items)
    return number(len(items)) + b"".join(items)


def section(identifier: int, content: bytes) -> bytes:
    return bytes((identifier,)) + number(len(content)) + content


def type_(params: int = 0, results: int = 0) -> bytes:
    """A function type of that many i32s."""
    return b"\x60" + vector([I32] * params) + vector([I32] * results)


def function(body: bytes, locals_: int = 0) -> bytes:
    """A code entry with that many i32 locals."""
    code = (b"\1" + number(locals_) + I32 if locals_ else b"\0") + body + END
    return number(len(code)) + code


def module(bodies: Iterable[bytes], types: Iterable[bytes] = (type_(),), of: Iterable[int] | None = None) -> bytes:
    """Functions, of type 0 or of those given, with a memory; all are exported through a table."""
    bodies = list(bodies)
    of = [0] * len(bodies) if of is None else list(of)
    return (
        HEADER
        + section(1, vector(types))
        + section(3, vector(number(index) for index in of))
        + section(4, vector([b"\x70\0" + number(len(bodies))]))
        + section(5, vector([b"\0\1"]))
        + section(7, vector([b"\1f\0\0"]))
        + section(9, vector([b"\0\x41\0\x0b" + vector(number(at) for at in range(len(bodies)))]))
        + section(10, vector(bodies))
    )


def get(local: int) -> bytes:
    return b"\x20" + number(local)


def set_(local: int) -> bytes:
    return b"\x21" + number(local)


def tee(local: int) -> bytes:
    return b"\x22" + number(local)


def call(index: int) -> bytes:
    return b"\x10" + number(index)


def branch(depth: int) -> bytes:
    return b"\x0c" + number(depth)


def branch_if(depth: int) -> bytes:
    return b"\x0d" + number(depth)


def table(targets: Iterable[int], default: int) -> bytes:
    return CONST + b"\x0e" + vector(map(number, targets)) + number(default)


def one(body: bytes, locals_: int = 0, **more: object) -> bytes:
    return module([function(body, locals_)], **more)  # type: ignore[arg-type]


def deep_operands(n: int, between: bytes, each: bytes = CONST) -> bytes:
    """Operands below as many of something."""
    return one(each * n + between * n + DROP * n, 8)


LOAD: Final = b"\x28\2\0"
SUM: Final = get(1) + get(2) + ADD

SHAPES: Final[dict[str, Callable[[int], bytes]]] = {
    "operators": lambda n: one((get(0) + get(1) + ADD + set_(0)) * n, 2),
    "constants below calls": lambda n: deep_operands(n, call(0)),
    "constants below blocks": lambda n: deep_operands(n, BLOCK + END),
    "constants below ifs": lambda n: deep_operands(n, CONST + IF + END),
    "constants below sets": lambda n: deep_operands(n, get(0) + CONST + ADD + set_(1)),
    "locals below calls": lambda n: deep_operands(n, call(0), get(0)),
    "locals below blocks": lambda n: deep_operands(n, BLOCK + END, get(0)),
    "locals below sets of them": lambda n: deep_operands(n, get(0) + CONST + set_(0) + DROP, get(0)),
    "one local each below sets": lambda n: one(
        b"".join(map(get, range(n))) + b"".join(CONST + set_(at) for at in range(n)) + DROP * n, n
    ),
    "one local each below tees": lambda n: one(
        b"".join(map(get, reversed(range(n)))) + b"".join(CONST + tee(at) + DROP for at in range(n)) + DROP * n, n
    ),
    "sums below sums": lambda n: deep_operands(n, CONST + SUM * 6 + ADD * 6 + DROP, SUM),
    "sums below calls": lambda n: one((SUM + call(0)) * n + DROP * n, 4),
    "floats below calls": lambda n: one((b"\x43\0\0\x80\x3f" * 2 + b"\x92" + call(0)) * n + DROP * n),
    "results below calls": lambda n: module(
        [function(call(1) * n + DROP * n), function(CONST)], [type_(), type_(0, 1)], [0, 1]
    ),
    "blocks in blocks": lambda n: one(BLOCK * n + END * n),
    "blocks in blocks with results": lambda n: one(b"\x02\x7f" * n + CONST + END * n + DROP),
    "blocks in blocks with many results": lambda n: one(
        (b"\x02\1") * n + CONST * 8 + END * n + DROP * 8, types=[type_(), type_(0, 8)]
    ),
    "blocks with parameters": lambda n: one(
        CONST * 8 + (b"\x02\1" + END) * n + DROP * 8, types=[type_(), type_(8, 8)]
    ),
    "loops in loops": lambda n: one(LOOP * n + END * n),
    "loops in loops that write": lambda n: one(LOOP * n + CONST + set_(0) + END * n, 1),
    "loops in a row": lambda n: one((LOOP + get(0) + CONST + ADD + tee(0) + branch_if(0) + END) * n, 2),
    "loops with parameters": lambda n: one(
        CONST * 8 + (b"\x03\1" + END) * n + DROP * 8, types=[type_(), type_(8, 8)]
    ),
    "ifs in ifs": lambda n: one((CONST + IF) * n + END * n),
    "else chains": lambda n: one((CONST + IF + ELSE) * n + END * n),
    "else chains with many locals": lambda n: one((get(0) + IF + CONST + set_(0) + ELSE) * n + END * n, n),
    "ifs in a row with many locals": lambda n: one(
        b"".join(get(at) + IF + CONST + set_(at) + END for at in range(n)), n
    ),
    "ifs in a row with one local": lambda n: one((get(0) + IF + CONST + set_(0) + END) * n, 1),
    "many locals": lambda n: one(b"".join(CONST + set_(at) for at in range(n)), n),
    "many locals, nothing done": lambda n: one(b"", n),
    "many locals in many functions": lambda n: module([function(get(0) + DROP, 40)] * n),
    "branches to one label": lambda n: one(BLOCK + (get(0) + branch_if(0)) * n + END, 1),
    "branches to one label behind ifs": lambda n: one(BLOCK + (get(0) + IF + branch(1) + END) * n + END, 1),
    "branches to one label with values": lambda n: one(
        b"\x02\x7f" + (CONST + get(0) + branch_if(0) + DROP) * n + CONST + END + DROP, 1
    ),
    "branches to one label with locals": lambda n: one(
        BLOCK + b"".join(CONST + set_(at % 50) + get(0) + branch_if(0) for at in range(n)) + END, 50
    ),
    "branches out of blocks in blocks": lambda n: one(BLOCK * n + (get(0) + branch_if(n - 1)) * n + END * n, 1),
    "sets in blocks in blocks": lambda n: one(
        BLOCK * n + b"".join(CONST + set_(at) + END for at in range(n)), n
    ),
    "references to functions": lambda n: module(
        [function(b"".join(b"\xd2" + number(at) + DROP for at in range(n)))] + [function(b"")] * n
    ),
    "branches to the function": lambda n: one((get(0) + branch_if(0)) * n, 1),
    "returns": lambda n: one((get(0) + IF + RETURN + END) * n, 1),
    "br_table, one label": lambda n: one(BLOCK + table([0] * n, 0) + END),
    "br_table, as many labels": lambda n: one(BLOCK * n + table(range(n), 0) + END * n),
    "br_table with values": lambda n: one(
        b"\x02\1" + CONST * 4 + table([0] * n, 0) + END + DROP * 4, types=[type_(), type_(0, 4)]
    ),
    "br_tables": lambda n: one((BLOCK + table([0, 0, 0, 0, 0, 0], 0) + END) * n),
    "unreachable tail": lambda n: one(UNREACHABLE + (CONST + DROP + ADD + DROP) * n),
    "unreachable blocks": lambda n: one(UNREACHABLE + (BLOCK + END) * n),
    "unreachable blocks in blocks": lambda n: one(UNREACHABLE + BLOCK * n + END * n),
    "unreachables": lambda n: one((get(0) + IF + UNREACHABLE + END) * n, 1),
    "selects": lambda n: one(CONST + (get(0) + get(1) + SELECT) * n + DROP, 2),
    "divisions": lambda n: one(get(0) + (get(1) + b"\x6d") * n + DROP, 2),
    "loads": lambda n: one((get(0) + LOAD + set_(0)) * n, 1),
    "loads in loops": lambda n: one(
        (LOOP + get(0) + LOAD + set_(1) + get(0) + CONST + ADD + tee(0) + branch_if(0) + END) * n, 2
    ),
    "stores": lambda n: one((get(0) + get(1) + b"\x36\2\0") * n, 2),
    "stores with offsets": lambda n: one(
        b"".join(get(0) + get(1) + b"\x36\2" + number(at) for at in range(n)), 2
    ),
    "different constants": lambda n: one(
        b"".join(b"\x44" + at.to_bytes(8, "little") + DROP for at in range(1, n + 1))
    ),
    "vector constants": lambda n: one(
        b"".join(b"\xfd\x0c" + at.to_bytes(16, "little") + DROP for at in range(n))
    ),
    "functions": lambda n: module([function(b"")] * n),
    "functions that call the next": lambda n: module([function(call(min(at + 1, n - 1))) for at in range(n)]),
    "functions that call one": lambda n: module([function(call(n)) for at in range(n)] + [function(b"")]),
    "indirect calls": lambda n: one((CONST + b"\x11\0\0") * n),
    "calls with many arguments": lambda n: module(
        [function((CONST * 20 + call(1) + DROP * 20) * n), function(CONST * 20)], [type_(), type_(20, 20)], [0, 1]
    ),
    "types": lambda n: module([function(b"")], [type_(), *(type_(at % 20, at // 20 % 20) for at in range(n))]),
}  # fmt: skip
