"""Small modules of hostile shapes: many of one thing, deep, wide, or multiplied with one another.

    python -m tests.attack.shapes --seed 7 --count 100

Each shape takes a number and makes a module around it. The number is drawn so that the module
stays below `LARGEST` bytes. Whatever comes of a module has to come cheaply: the processor's time is
bounded by the module's size, memory by the limit that the process runs under, and a deadline ends
compiling wherever it is. An error has to be one of ours.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
import time
from collections.abc import Callable
from typing import Final

from wasmer_runtime import Limits, compile, timeout, wasm2wat
from wasmer_runtime.error import Error, Timeout

LARGEST: Final = 300_000

SECONDS: Final = {"singlepass": (3.0, 30e-6), "llvm": (20.0, 2e-3), "cranelift": (6.0, 100e-6)}
"""Processor seconds that any module may take, and more per byte: some thirty times what ordinary ones do."""

PATIENCE: Final = 5.0
"""Processor seconds within which a deadline has to end whatever goes on; most of it is for a busy machine."""

# --- the binary format -----------------------------------------------------------------


def leb(number: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while True:
        low, number = number & 127, number >> 7
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def sized(content: bytes) -> bytes:
    return leb(len(content)) + content


def vector(items: list[bytes]) -> bytes:
    return leb(len(items)) + b"".join(items)


def module(*sections: tuple[int, bytes]) -> bytes:
    """A module of (section id, content)."""
    return b"\0asm\1\0\0\0" + b"".join(bytes([number]) + sized(content) for number, content in sections)


def function_type(params: bytes, results: bytes = b"") -> bytes:
    return b"\x60" + sized(params) + sized(results)


def body(code: bytes, local_declarations: bytes = b"\0") -> bytes:
    return sized(local_declarations + code + b"\x0b")


def functions(bodies: list[bytes], types: list[bytes] | None = None, of: list[int] | None = None) -> bytes:
    """A module of functions of the first type; the first is exported as `f`, and there is a memory and a table."""
    types = types or [function_type(b"")]
    indices = of or [0] * len(bodies)
    return module(
        (1, vector(types)),
        (3, vector([leb(index) for index in indices])),
        (4, b"\1\x70\0\x0a"),
        (5, b"\1\0\1"),
        (7, b"\1\1f\0\0"),
        (10, vector(bodies)),
    )


ZERO: Final = b"\x41\0"
DROP: Final = b"\x1a"

# --- the shapes ------------------------------------------------------------------------

Shape = Callable[[random.Random, int], bytes]

SHAPES: Final[dict[str, tuple[Shape, int]]] = {}
"""Name -> the shape, and about how many bytes one more of it takes."""


def shape(bytes_each: int) -> Callable[[Shape], Shape]:
    """Enter a shape in the table."""

    def enter(made: Shape) -> Shape:
        SHAPES[made.__name__] = made, bytes_each
        return made

    return enter


@shape(9)
def many_types(source: random.Random, n: int) -> bytes:
    kinds = b"\x7f\x7e\x7d\x7c\x7b\x70\x6f"
    return module((1, vector([function_type(bytes(source.choices(kinds, k=source.randrange(12)))) for _ in range(n)])))


@shape(12)
def many_imports(source: random.Random, n: int) -> bytes:
    names = [sized(f"m{source.randrange(n)}".encode()) + sized(f"n{k}".encode()) + b"\0\0" for k in range(n)]
    return module((1, vector([function_type(b"")])), (2, vector(names)))


@shape(4)
def many_functions(source: random.Random, n: int) -> bytes:
    return functions([body(source.choice([b"", ZERO + DROP, b"\x01" * 3])) for _ in range(n)])


@shape(5)
def many_tables(source: random.Random, n: int) -> bytes:
    return module((4, vector([b"\x70\0" + leb(source.choice([0, 1, 1000, 1 << 20, (1 << 32) - 1])) for _ in range(n)])))


@shape(3)
def many_memories(source: random.Random, n: int) -> bytes:
    return module((5, vector([b"\0" + leb(source.choice([0, 1, 65536])) for _ in range(n)])))


@shape(5)
def many_globals(source: random.Random, n: int) -> bytes:
    rows = [b"\x7f\1" + ZERO, b"\x6f\0\xd0\x6f", b"\x7b\1\xfd\x0c" + bytes(16)]
    return module((6, vector([source.choice(rows) + b"\x0b" for _ in range(n)])))


@shape(8)
def many_exports(source: random.Random, n: int) -> bytes:
    names = [sized(f"{k}".encode() * source.randrange(1, 3) + b"_" * source.randrange(3)) for k in range(n)]
    rows = vector([name + b"\0\0" for name in names])
    return module((1, vector([function_type(b"")])), (3, b"\1\0"), (7, rows), (10, vector([body(b"")])))


@shape(6)
def many_segments(source: random.Random, n: int) -> bytes:
    data = [source.choice([b"\0" + ZERO + b"\x0b" + sized(b"x"), b"\1" + sized(b"")]) for _ in range(n)]
    element = [source.choice([b"\0" + ZERO + b"\x0b\0", b"\1\0\0"]) for _ in range(n)]
    return module((4, b"\1\x70\0\1"), (5, b"\1\0\1"), (9, vector(element)), (11, vector(data)))


@shape(1)
def long_segment(source: random.Random, n: int) -> bytes:
    indices = vector([b"\0"] * n)
    sections = [(1, vector([function_type(b"")])), (3, b"\1\0"), (4, b"\1\x70\0" + leb(n))]
    return module(*sections, (9, vector([b"\0" + ZERO + b"\x0b" + indices])), (10, vector([body(b"")])))


@shape(1)
def promises(source: random.Random, n: int) -> bytes:
    """A count with nothing behind it."""
    return module((source.randrange(1, 13), leb(min((1 << 32) - 1, n * n * n))))


@shape(9)
def many_customs(source: random.Random, n: int) -> bytes:
    return module(*[(0, sized(source.choice([b"name", b"", b"producers", b".debug_line"])) + b"x") for _ in range(n)])


@shape(40)
def many_names(source: random.Random, n: int) -> bytes:
    rows = vector([leb(k) + sized(source.choice([b"", b"a" * 50, b"\x1b[2J"])) for k in range(n)])
    return (
        functions([body(b"")])
        + bytes([0])
        + sized(sized(b"name") + b"\1" + sized(rows) + b"\2" + sized(leb(1) + b"\0" + rows))
    )


@shape(4)
def many_locals(source: random.Random, n: int) -> bytes:
    kinds = b"\x7f\x7e\x7d\x7c\x7b\x70\x6f"
    groups = vector(
        [
            leb(source.choice([0, 1, 1000, (1 << 32) - 1 if n > 1000 else 5])) + bytes([source.choice(kinds)])
            for _ in range(min(n, 60_000))
        ]
    )
    return functions([body(b"", groups)])


@shape(4)
def mentioned_locals(source: random.Random, n: int) -> bytes:
    count = max(1, min(n, 50_000))
    mentions = b"".join(b"\x20" + leb(source.randrange(count)) + DROP for _ in range(n))
    return functions([body(mentions + b"\x10\0" * source.randrange(200), b"\1" + leb(count) + b"\x7b")])


@shape(5)
def operands_below_calls(source: random.Random, n: int) -> bytes:
    return functions([body(ZERO * n + b"\x10\1" * n + DROP * n), body(b"")])


@shape(4)
def wide_calls(source: random.Random, n: int) -> bytes:
    width = source.choice([10, 100, 999, 1000, 1001, 5000])
    wide = b"\x7f" * width
    types = [function_type(b""), function_type(wide, wide)]
    return functions(
        [body(ZERO * width + b"\x10\1" * n + DROP * width), body(b"".join(b"\x20" + leb(k) for k in range(width)))],
        types,
        [0, 1],
    )


@shape(1)
def wide_branches(source: random.Random, n: int) -> bytes:
    width = source.choice([1, 10, 999, 1000])
    types = [function_type(b""), function_type(b"", b"\x7f" * width)]
    table = b"\x0e" + leb(n) + b"\0" * (n + 1)
    return functions([body(b"\x02\1" + ZERO * width + ZERO + table + b"\x0b" + DROP * width)], types)


@shape(4)
def many_branches(source: random.Random, n: int) -> bytes:
    return functions([body(b"\x02\x40" + (ZERO + b"\x0d\0") * n + b"\x0b")])


@shape(3)
def tables_in_nests(source: random.Random, n: int) -> bytes:
    depth = min(n, 2000)
    jumps = b"".join(
        bytes([*ZERO, 0x0E]) + leb(20) + b"".join(leb(source.randrange(depth)) for _ in range(21)) for _ in range(1)
    )
    return functions([body((b"\x02\x40" * depth) + jumps + b"\x0b" * depth)])


@shape(3)
def nests(source: random.Random, n: int) -> bytes:
    kind = source.choice([b"\x02\x40", b"\x03\x40", ZERO + b"\x04\x40"])
    return functions([body(kind * n + b"\x0b" * n)])


@shape(8)
def chains(source: random.Random, n: int) -> bytes:
    """An if for each of many, in a function of many locals that each changes."""
    count = source.choice([1, 100, 2000])
    arm = b"".join(b"\x20\0\x04\x40" + ZERO + b"\x21" + leb(source.randrange(count)) + b"\x0b" for _ in range(n))
    return functions([body(arm, b"\1" + leb(count) + b"\x7f")])


@shape(4)
def loops(source: random.Random, n: int) -> bytes:
    """Loops in loops, each with locals of its own that all below write."""
    depth = min(n, 1000)
    writes = b"".join(ZERO + b"\x21" + leb(k % 500) for k in range(n))
    return functions([body(b"\x03\x40" * depth + writes + b"\x0b" * depth, b"\1" + leb(500) + b"\x7f")])


@shape(5)
def selects(source: random.Random, n: int) -> bytes:
    return functions([body(ZERO + (ZERO + b"\x20\0" + b"\x1b") * n + DROP, b"\1\1\x7f")])


@shape(3)
def arithmetic(source: random.Random, n: int) -> bytes:
    operators = b"\x6a\x6b\x6c\x71\x72\x73\x74\x77\x46\x48"
    return functions(
        [
            body(
                b"\x20\0"
                + b"".join(b"\x20" + leb(source.randrange(50)) + bytes([source.choice(operators)]) for _ in range(n))
                + DROP,
                b"\1\x32\x7f",
            )
        ]
    )


@shape(3)
def deep_operands(source: random.Random, n: int) -> bytes:
    return functions([body(b"\x20\0" * n + b"\x6a" * (n - 1) + DROP, b"\1\1\x7f")])


@shape(10)
def floats(source: random.Random, n: int) -> bytes:
    """A different constant each."""
    return functions([body(b"".join(b"\x44" + source.randbytes(8) + DROP for _ in range(n)))])


@shape(9)
def memory_accesses(source: random.Random, n: int) -> bytes:
    loads = (b"\x28\2", b"\x29\3", b"\x2c\0", b"\x2f\1")
    return functions(
        [
            body(
                b"".join(b"\x20\0" + source.choice(loads) + leb(source.getrandbits(32)) + DROP for _ in range(n)),
                b"\1\1\x7f",
            )
        ]
    )


@shape(3)
def dead_code(source: random.Random, n: int) -> bytes:
    return functions([body(b"\0" + source.choice([b"\x6a", b"\x1a", b"\x02\x40\x0b", b"\x0c\0"]) * n)])


@shape(8)
def bulk(source: random.Random, n: int) -> bytes:
    fill = ZERO + ZERO + b"\x41" + leb(source.getrandbits(6)) + b"\xfc\x0b\0"
    return functions([body(b"\x03\x40" + fill * min(n, 1000) + b"\x0c\0\x0b")])


@shape(1)
def recursion(source: random.Random, n: int) -> bytes:
    width = min(n, 50_000)
    return functions(
        [
            body(
                b"\x10\0" + b"".join(b"\x20" + leb(k) + DROP for k in range(0, width, 7)),
                b"\1" + leb(width) + bytes([source.choice(b"\x7f\x7b")]),
            )
        ]
    )


def attack(wasm: bytes, backend: str, hurried: bool) -> str:
    """Compile, print, pickle, instantiate and run one module; what came of it. Raises AssertionError for a finding."""
    base, per_byte = SECONDS[backend]
    allowed = base + per_byte * len(wasm)
    start = time.process_time()
    outcome = "ran"
    try:
        with timeout(0.2 if hurried else 600):
            made = compile(wasm, backend=backend)
            assert len(made.compiled.code) <= (1 << 20) + 400 * len(wasm), f"{len(made.compiled.code):,} bytes of code"
            if len(wasm) < 20_000:
                wasm2wat(wasm)
            copy = pickle.loads(pickle.dumps(made))
            instance = copy.instantiate(limits=Limits(memory_pages=16, table_elements=10_000, instances=2))
            with timeout(0.2):
                instance.exports.f() if "f" in instance.exports else None
    except Timeout:
        outcome, allowed = "ended by its deadline", PATIENCE if hurried else allowed
    except Error as error:
        outcome = type(error).__name__
        assert len(str(error)) < 10_000, f"an error of {len(str(error)):,} letters"
    taken = time.process_time() - start
    assert taken <= allowed, f"{taken:.1f} s of processor time, where {allowed:.1f} are allowed; {outcome}"
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.shapes", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=0, help="stop after that many, if the count is not reached")
    parser.add_argument("--backends", default="singlepass,llvm,cranelift")
    parser.add_argument("--only", choices=sorted(SHAPES), help="one shape")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    outcomes: dict[str, int] = {}
    end = time.monotonic() + options.seconds if options.seconds else None
    tried = 0
    for number in range(options.seed, options.seed + options.count):
        if end is not None and time.monotonic() >= end:
            break
        tried += 1
        source = random.Random(number)
        name = source.choice(sorted(SHAPES))
        make, bytes_each = SHAPES[options.only or name]
        backend = source.choices(options.backends.split(","), weights=[8, 1, 4][: len(options.backends.split(","))])[0]
        largest = LARGEST if backend != "llvm" else LARGEST // 20
        n = int(2 ** source.uniform(0, 18))
        wasm = make(source, max(1, min(n, largest // bytes_each)))
        hurried = source.random() < 0.2
        what = f"seed {number}: {make.__name__}, {len(wasm):,} bytes, {backend}{', in a hurry' if hurried else ''}"
        if options.verbose:
            print(what, end="", flush=True)
        try:
            outcome = attack(wasm, backend, hurried)
        except BaseException as finding:
            print(f"\nFOUND  {what}: {type(finding).__name__}: {str(finding)[:500]}")
            print(f"again: python -m tests.attack.shapes --seed {number} --count 1 --backends {options.backends}")
            return 1
        if options.verbose:
            print(":", outcome)
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    print(f"{tried} shapes from seed {options.seed} on: {outcomes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
