"""The end of the stack: no frame is entered before it is known to fit, and Python finds there what it needs.

Frames of all sizes and shapes are called at all distances from the end, on every kind of thread and backend. Below
wasm's part of the stack lies a canary (`stacks.canary`), which must stay as it is.
"""

from __future__ import annotations

import ctypes
import functools
import json
import pickle
import re
import signal
import struct
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.stress.isolated import isolated
from tests.stress.stacks import MIB, beside_canary, in_threads
from wasmer_runtime import CompilerConfig, Limits, Module, compile
from wasmer_runtime.error import CompileError, Trap

KIB: Final = 1024
STACKS: Final = (0, 256 * KIB, MIB, 8 * MIB, 16 * MIB)
"""Sizes of stacks; 0: the main thread's."""


# --- shapes of frames: (name, parameters, body); each result is 1 -----------------------------------------------------
# What is loaded from memory, where all is zero, is used in the opposite order, by operators that do not associate:
# so all of it is alive at once, also to LLVM, and lies in the frame.


def operands(count: int) -> tuple[str, str]:
    """Vectors on the operand stack."""
    loads = " ".join(f"(v128.load offset={16 * (at % 4000)} (i32.const 0))" for at in range(count))
    return "", f"{loads} {'f64x2.sub ' * (count - 1)} (i32.add (i32x4.extract_lane 0) (i32.const 1))"


def backwards(count: int) -> str:
    """Locals from the last to the first; 1."""
    reads = " ".join(f"(local.get {at}) i64.rotl" for at in reversed(range(count - 1)))
    return f"(local.get {count - 1}) {reads} (i32.add (i32.wrap_i64) (i32.const 1))"


def locals_(count: int) -> tuple[str, str]:
    """Locals that are all written before the first is read."""
    writes = " ".join(f"(local.set {at} (i64.load offset={8 * (at % 8000)} (i32.const 0)))" for at in range(count))
    return f"(local {'i64 ' * count})", f"{writes} {backwards(count)}"


def calling(count: int) -> tuple[str, str]:
    """Operands across a call."""
    loads = " ".join(f"(i64.load offset={8 * (at % 8000)} (i32.const 0))" for at in range(count))
    return "", f"{loads} (call $zero) {'i64.rotl ' * count} (i32.add (i32.wrap_i64) (i32.const 1))"


def looping(count: int) -> tuple[str, str]:
    """Locals that a loop writes."""
    steps = " ".join(
        f"(local.set {at} (i64.add (local.get {at}) (i64.load offset={8 * (at % 8000)} (i32.const 0))))"
        for at in range(count)
    )
    return (
        f"(local {'i64 ' * count} i32)",
        f"(loop {steps} (br_if 0 (i32.lt_u (local.tee {count} (i32.add (local.get {count}) (i32.const 1)))"
        f" (i32.const 2)))) {backwards(count)}",
    )


def arguments(count: int) -> tuple[str, str]:
    """A call with very many arguments."""
    return "", f"(call $many{count} {'(i64.load (i32.const 0)) ' * count})"


def results(count: int) -> tuple[str, str]:
    """A call with very many results."""
    return "", f"(call $values{count}) {'i64.add ' * (count - 1)} i32.wrap_i64"


def thousands(count: int) -> tuple[str, str]:
    """Operands that calls push, a thousand vectors each: large frames of little text."""
    return "", f"{'(call $thousand) ' * count} (return (i32.const 1))"


SHAPES: Final[dict[Callable[[int], tuple[str, str]], tuple[int, ...]]] = {
    operands: (50, 120, 1000, 4000),
    locals_: (100, 1000, 4000),
    calling: (100, 500, 1000, 4000),
    looping: (10, 30, 500),
    arguments: (7, 40, 1000),
    results: (2, 40, 1000),
}
LARGE: Final = {thousands: (1, 5, 16, 64, 130), locals_: (10_000,)}
"""Up to 2 MiB. LLVM would leave out what nobody reads."""


def program(shapes: dict[Callable[[int], tuple[str, str]], tuple[int, ...]]) -> tuple[str, list[str]]:
    """A module with a function per shape and count, and their names."""
    functions, names = [], []
    for shape, counts in shapes.items():
        for count in counts:
            name = f"{shape.__name__}{count}"
            names.append(name)
            declared, body = shape(count)
            functions.append(f"(func ${name} (result i32) {declared} {body})")
            if shape is arguments:
                functions.append(
                    f"(func $many{count} (param {'i64 ' * count}) (result i32)"
                    f" (i32.add (i32.wrap_i64 (local.get {count - 1})) (i32.const 1)))"
                )
            if shape is results:
                functions.append(
                    f"(func $values{count} (result {'i64 ' * count})"
                    f" (i64.const 1) {'(i64.load (i32.const 0)) ' * (count - 1)})"
                )
    # functions that call a shape at the end of `depth` calls; the table keeps them from being inlined
    deep = [
        f"""(func $deep_{name} (export "{name}") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (i32.const 0) (call $deep_{name} (i32.sub (local.get 0) (i32.const 1)))))
          (else (call_indirect (result i32) (i32.const {at})))))"""
        for at, name in enumerate(["nothing", *names])
    ]
    table = f"(table funcref (elem {' '.join(f'${name}' for name in ['nothing', *names])}))"
    nothing = "(func $nothing (result i32) (i32.const 1)) (func $zero (result i64) (i64.load (i32.const 0)))"
    nothing += f"(func $thousand (result {'v128 ' * 1000}) {'(v128.const i64x2 1 2) ' * 1000})"
    return f"(module (memory 2) {table} {nothing} {' '.join(functions)} {' '.join(deep)})", names


def outcome(call: Callable[[], Any]) -> bool:
    """Whether a call returned 1; False if the stack was exhausted."""
    try:
        assert call() == 1
    except Trap as trap:
        assert trap.kind == "STACK_OVERFLOW", trap
        return False
    return True


def deepest(call: Callable[[int], Any]) -> int:
    """The greatest depth at which it returns, or -1."""
    low, high = -1, 1 << 22
    while low + 1 < high:
        middle = (low + high) // 2
        if outcome(lambda: call(middle)):  # noqa: B023
            low = middle
        else:
            high = middle
    return low


def walk_to_the_edge(module: Module, names: list[str]) -> None:
    """Call every shape at all distances from the end."""
    exports = module.instantiate().exports
    for released in (False, True):
        nothing = exports["nothing"]
        end = deepest(nothing.released if released else nothing)
        assert end > 100
        for name in names:
            function = exports[name].released if released else exports[name]
            fits = deepest(function)
            assert fits <= end
            for depth in (fits + 1, fits + 2, (fits + end) // 2, *range(end - 70, end + 2)):
                if depth > fits:
                    assert not outcome(lambda: function(depth)), (name, depth, fits)  # noqa: B023
            assert outcome(lambda: exports["nothing"](1))


def in_greenlets(target: Callable[[], None]) -> None:
    greenlet = pytest.importorskip("greenlet", reason="greenlet is not installed")

    def further_down(depth: int) -> None:
        if depth:
            sorted([0], key=lambda _: further_down(depth - 1))  # type: ignore[arg-type,return-value]
        else:
            greenlet.greenlet(target).switch()

    further_down(20)


def everywhere(module: Module, names: list[str]) -> None:
    walk = functools.partial(walk_to_the_edge, module, names)
    for size in STACKS:
        beside_canary(walk, size)
    beside_canary(lambda: in_greenlets(walk), 8 * MIB)


@isolated(timeout=300)
def test_frames_of_all_shapes() -> None:
    text, names = program(SHAPES)
    everywhere(compile(text, backend="singlepass"), names)


@isolated(timeout=300)
def test_large_frames() -> None:
    text, names = program(LARGE)
    everywhere(compile(text, backend="singlepass"), names)


@isolated(timeout=900, environment={"WASMER_CLIF_CHECK": ""})
def test_frames_of_all_shapes_of_cranelift() -> None:
    pytest.importorskip("wasmer_clif_backend")
    text, names = program({shape: counts[:-1] for shape, counts in SHAPES.items()} | {thousands: (1, 64)})
    everywhere(compile(text, backend="cranelift"), names)


@isolated(timeout=900)
def test_frames_of_all_shapes_of_llvm() -> None:
    pytest.importorskip("wasmer_llvm_backend")
    text, names = program(SHAPES)
    everywhere(compile(text, backend="llvm"), names)


@isolated(timeout=900)
def test_a_large_frame_of_llvm() -> None:
    """Half a MiB, compiled without optimization for its size."""
    pytest.importorskip("wasmer_llvm_backend")
    text, names = program({operands: (31_000,)})
    module = compile(text, backend="llvm")
    for size in (0, 256 * KIB, 8 * MIB):
        beside_canary(functools.partial(walk_to_the_edge, module, names), size)


@isolated(timeout=900)
def test_frames_of_all_shapes_of_llvm_with_all_passes() -> None:
    """Functions private to a unit: LLVM may change their parameters, and inlines them into one another."""
    LLVMCompiler = pytest.importorskip("wasmer_llvm_backend").LLVMCompiler
    shapes = {shape: counts[:-1] for shape, counts in SHAPES.items()}
    text, names = program(shapes)
    direct = re.sub(r"\(call_indirect \(result i32\) \(i32.const (\d+)\)\)", r"(call $\1)", text)
    for at, name in enumerate(["nothing", *names]):
        direct = direct.replace(f"(call ${at})", f"(call ${name})")
    direct = re.sub(r"\(table funcref.*?\)\)", "", direct)
    for level in (0, 2):
        module = compile(direct, backend=LLVMCompiler(opt_level=level))
        for size in (0, 256 * KIB):
            beside_canary(functools.partial(walk_to_the_edge, module, names), size)


@isolated(timeout=300)
def test_frames_that_fit_nowhere_are_refused() -> None:
    thousand = f"(func $thousand (result {'v128 ' * 1000}) unreachable)"
    text = f"(module {thousand} (func {'(call $thousand) ' * 1048} unreachable))"
    with pytest.raises(CompileError, match=r"function 1 needs a frame of 1[67],\d\d\d,\d\d\d bytes on the stack"):
        compile(text, backend="singlepass", config=CompilerConfig(implementation_limits={"values_passed": 1 << 30}))


# --- what a signal makes the code call --------------------------------------------------------------------------------

SPIN: Final = """(module (import "h" "f" (func $f (result i32)))
  (func $spin (result i32) (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 30000000)))) (i32.const 1))
  (func $deep (export "deep") (param i32 i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (i32.const 0) (call $deep (i32.sub (local.get 0) (i32.const 1)) (local.get 1))))
      (else (if (result i32) (local.get 1)
        (then (if (result i32) (i32.eq (local.get 1) (i32.const 1)) (then (call $spin)) (else (call $f))))
        (else (i32.const 1)))))))"""


def to_the_limit(depth: int = 0) -> int:
    """Through C: what takes the most of the stack for each level that Python counts."""
    return sorted([1, 2], key=lambda x: to_the_limit(depth + 1))[0]


def signals_at_the_edge(backend: str) -> None:
    seen: list[type[BaseException]] = []

    def handler(number: int, frame: object) -> None:
        json.dumps([[number]])
        try:
            to_the_limit()
        except RecursionError as error:
            seen.append(type(error))

    signal.signal(signal.SIGALRM, handler)
    deep = compile(SPIN, backend=backend).instantiate({"h": {"f": lambda: 1}}).exports.deep
    for function in (deep, deep.released):
        end = deepest(lambda depth: function(depth, 0))  # noqa: B023
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.01)
        for distance in range(4):
            while not outcome(lambda: function(end - distance, 1)):  # noqa: B023
                distance += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert seen


@isolated(timeout=120)
def test_signal_handlers_at_the_edge() -> None:
    signals_at_the_edge("singlepass")


@isolated(timeout=120)
def test_signal_handlers_at_the_edge_of_cranelift() -> None:
    pytest.importorskip("wasmer_clif_backend")
    signals_at_the_edge("cranelift")


@isolated(timeout=120)
def test_signal_handlers_at_the_edge_of_llvm() -> None:
    pytest.importorskip("wasmer_llvm_backend")
    signals_at_the_edge("llvm")


# --- host functions ---------------------------------------------------------------------------------------------------


def nested_list(levels: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


class Comparing:
    """Sorts itself while it is compared: the most that a level of recursion takes."""

    def __lt__(self, other: object) -> bool:
        return bool(sorted([Comparing(), Comparing()]))


class Showing:
    def __repr__(self) -> str:
        return repr([self, Showing()])


class Missing:
    def __getattr__(self, name: str) -> Any:
        return getattr(Missing(), name + "x")


def only_python(depth: int) -> int:
    return only_python(depth + 1)


WORK: Final[dict[str, Callable[[], Any]]] = {
    "json, written": lambda: json.dumps(nested_list(100_000)),
    "json, read": lambda: json.loads("[" * 100_000),
    "pickle": lambda: pickle.dumps(nested_list(100_000)),
    "re": lambda: re.match("(a|b)*?c", "ab" * 50_000),
    "re, compiled": lambda: re.compile("(" * 90 + ")" * 90),
    "sub": lambda: re.sub("a", lambda found: str(WORK["sub"]()), "a"),
    "sorted": to_the_limit,
    "compared": lambda: sorted([Comparing(), Comparing()]),
    "shown": lambda: repr(Showing()),
    "attributes": lambda: Missing().a,
    "parsed": lambda: eval("-" * 5000 + "1"),
    "in Python": lambda: only_python(0),
    "exec": lambda: exec("WORK['exec']()", {"WORK": WORK}),
}
LITTLE: Final[dict[str, Callable[[], Any]]] = {
    "json, written": lambda: json.dumps(nested_list(20)),
    "json, read": lambda: json.loads("[" * 20 + "]" * 20),
    "pickle": lambda: pickle.loads(pickle.dumps(nested_list(20))),
    "re": lambda: re.sub("(a|b)*?c", lambda found: found.group().upper(), "ababc" * 100),
    "sorted": lambda: sorted(range(100), key=lambda x: sorted([x, -x], key=lambda y: -y)[0]),
    "in Python": lambda: only_python(0),
}
"""What also a thread with little stack has room for."""


def work_at_the_edge(module: Module, work: dict[str, Callable[[], Any]]) -> None:
    current: list[Callable[[], Any]] = [lambda: 1]

    def host() -> int:
        try:
            current[0]()
        except RecursionError:
            pass
        return 1

    deep = module.instantiate({"h": {"f": host}}).exports.deep
    for function in (deep, deep.released):
        end = deepest(lambda depth: function(depth, 2))  # noqa: B023
        assert end > 100
        for name, job in work.items():
            current[0] = job
            assert outcome(lambda: function(end, 2)), name  # noqa: B023
        current[0] = lambda: 1


def host_functions(backend: str) -> None:
    module = compile(SPIN, backend=backend)
    work_at_the_edge(module, WORK)
    in_threads(lambda: work_at_the_edge(module, WORK), (0, 16 * MIB))
    in_threads(lambda: work_at_the_edge(module, LITTLE), (128 * KIB, 256 * KIB, MIB))


@isolated(timeout=300)
def test_host_functions_at_the_edge() -> None:
    host_functions("singlepass")


@isolated(timeout=300)
def test_host_functions_at_the_edge_of_cranelift() -> None:
    pytest.importorskip("wasmer_clif_backend")
    host_functions("cranelift")


@isolated(timeout=300)
def test_host_functions_at_the_edge_of_llvm() -> None:
    pytest.importorskip("wasmer_llvm_backend")
    host_functions("llvm")


def through_the_host(module: Module, stores: int) -> None:
    """From store to store and back to Python, each time as deep as it goes, and at the end all that Python can."""
    left = [0]
    ends: list[type[BaseException]] = []

    def host() -> int:
        if left[0]:
            left[0] -= 1
            current = exports[left[0] % stores]
            try:
                deepest(lambda depth: current.deep(depth, 0))
                return int(current.deep(1000, 2))
            except (RecursionError, Trap) as error:
                ends.append(type(error))
                return 1
        for job in WORK.values():
            try:
                job()
            except RecursionError:
                pass
        return 1

    exports = [module.instantiate({"h": {"f": host}}).exports for _ in range(stores)]
    for times in (1, 3, 10, 30):
        left[0] = times
        assert host() == 1
        left[0] = 0
        assert exports[0].deep(10, 2) == 1


@isolated(timeout=120)
def test_from_store_to_store() -> None:
    module = compile(SPIN, backend="singlepass")
    for stores in (1, 2, 7):
        through_the_host(module, stores)
        in_threads(functools.partial(through_the_host, module, stores), (0,))


@isolated()
def test_a_stack_that_is_too_small_is_refused() -> None:
    module = compile(SPIN, backend="singlepass")

    def refused() -> None:
        deep = module.instantiate({"h": {"f": lambda: 1}}).exports.deep
        with pytest.raises(Trap) as caught:
            deep(1, 0)
        assert caught.value.kind == "STACK_OVERFLOW"
        assert "a stack of 64 KiB, and WebAssembly needs 128" in "".join(caught.value.__notes__)

    in_threads(refused, (64 * KIB,))


@isolated()
def test_the_stack_is_limited_while_it_grows() -> None:
    """The main thread's stack ends where the limit says at that moment."""
    import resource

    deep = compile(SPIN, backend="singlepass").instantiate({"h": {"f": lambda: 1}}).exports.deep
    assert deep(1, 0) == 1
    resource.setrlimit(resource.RLIMIT_STACK, (256 * KIB, resource.RLIM_INFINITY))
    assert not outcome(lambda: deep(1 << 20, 0))
    assert deep(1, 0) == 1


@isolated()
def test_limits_count_from_the_outermost_call() -> None:
    module = compile(SPIN, backend="singlepass")
    ends = [
        deepest(lambda depth: exports.deep(depth, 0))  # noqa: B023
        for size in (64 * KIB, 128 * KIB, 512 * KIB)
        for exports in [module.instantiate({"h": {"f": lambda: 1}}, limits=Limits(stack_bytes=size)).exports]
    ]
    assert ends[0] < ends[1] < ends[2]


@isolated()
def test_a_stack_that_a_library_switched_to_is_refused() -> None:
    """Where a thread's stack ends is known; of any other it is not."""
    libc = ctypes.CDLL(None)
    module = compile(SPIN, backend="singlepass")
    ends: list[BaseException] = []
    here, there, stack = (ctypes.create_string_buffer(size) for size in (4096, 4096, 2 * MIB))

    def elsewhere() -> None:
        try:
            module.instantiate({"h": {"f": lambda: 1}}).exports.deep(1, 0)
        except Trap as trap:
            ends.append(trap)

    entry = ctypes.CFUNCTYPE(None)(elsewhere)
    assert not libc.getcontext(there)
    # of ucontext_t: flags; the context behind it; the stack's address, flags, size
    struct.pack_into("<QQQQQ", there, 0, 0, ctypes.addressof(here), ctypes.addressof(stack), 0, len(stack))
    libc.makecontext(there, entry, 0)
    assert not ctypes.PyDLL(None).swapcontext(here, there)
    assert ends and ends[0].__notes__ == ["the code that calls it does not run on the stack of its thread"]
    assert module.instantiate({"h": {"f": lambda: 1}}).exports.deep(1, 0) == 1
