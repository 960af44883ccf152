"""The same things done through several runtimes' Python packages, as statements to time.

Each embedding gives the statements of `STEPS` in its own API, each with the names it uses,
and scripts that are run in fresh processes. What a runtime cannot do is left out, and
shows as a gap in the table. The modules are the smallest that do what is measured.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Final, Protocol

Statement = tuple[str, Mapping[str, object]]

HOST_CALLS: Final = 1000
"""How often a statement that measures host calls makes wasm code call the host."""

FUNCTIONS: Final = f"""
(module
  (import "env" "nothing" (func $nothing))
  (import "env" "add" (func $add (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "nop"))
  (func (export "add_i32") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
  (func (export "add_f64") (param f64 f64) (result f64) local.get 0 local.get 1 f64.add)
  (func (export "five") (param i32 i32 i32 i32 i32) (result i32)
    local.get 0 local.get 1 i32.add local.get 2 i32.add local.get 3 i32.add local.get 4 i32.add)
  (func (export "call_nothing") (local $left i32)
    i32.const {HOST_CALLS} local.set $left
    loop
      call $nothing
      local.get $left i32.const 1 i32.sub local.tee $left
      br_if 0
    end)
  (func (export "call_add") (result i32) (local $left i32) (local $sum i32)
    i32.const {HOST_CALLS} local.set $left
    loop
      local.get $sum i32.const 3 call $add local.set $sum
      local.get $left i32.const 1 i32.sub local.tee $left
      br_if 0
    end
    local.get $sum)
  (func (export "trap") unreachable))
"""

SMALL: Final = (
    b"\0asm\1\0\0\0"
    b"\1\7\1\x60\2\x7f\x7f\1\x7f"  # type: (i32, i32) -> i32
    b"\3\2\1\0"  # one function of it
    b"\5\3\1\0\1"  # one memory of one page
    b"\7\7\1\3add\0\0"  # exported as "add"
    b"\x0a\x09\1\7\0\x20\0\x20\1\x6a\x0b"  # local.get 0, local.get 1, i32.add
)
"""One function, one memory."""


def nothing() -> None:
    """A host function without work."""


def add(left: int, right: int) -> int:
    """A host function with hardly any."""
    return left + right


class Embedding(Protocol):
    """One runtime's package."""

    @property
    def name(self) -> str: ...

    @property
    def imports(self) -> str:
        """The statement that imports it."""

    @property
    def prepare(self) -> str:
        """Statements that make, of the bytes `small`, a function `instantiate()` and a first instance."""

    @property
    def first_call(self) -> str:
        """An expression: ``add(1, 2)`` on a new instance from `instantiate`."""

    def statements(self) -> dict[str, Statement]:
        """The steps this runtime can do, by the names of `boundary.ROWS`."""


TRY: Final = "try:\n    f()\nexcept Exception:\n    pass"


class Ours:
    """This project, with its default backend or the one named."""

    def __init__(self, backend: str) -> None:
        self.name = backend
        self.imports = "import wasmer_runtime"
        self.prepare = (
            f"module = wasmer_runtime.compile(small, backend={backend!r})\n"
            "def instantiate(): return wasmer_runtime.instantiate(module, {})"
        )
        self.first_call = "instantiate().exports.add(1, 2)"

    def statements(self) -> dict[str, Statement]:
        import wasmer_runtime

        module = wasmer_runtime.compile(FUNCTIONS, backend=self.name)
        instance = wasmer_runtime.instantiate(module, {"env": {"nothing": nothing, "add": add}})
        exports = instance.exports
        small = wasmer_runtime.compile(SMALL, backend=self.name)
        steps: dict[str, Statement] = {
            "call nop()": ("f()", {"f": exports.nop}),
            "call add(i32, i32)": ("f(1, 2)", {"f": exports.add_i32}),
            "call add(f64, f64)": ("f(1.5, 2.5)", {"f": exports.add_f64}),
            "call five(i32 ...)": ("f(1, 2, 3, 4, 5)", {"f": exports.five}),
            "host call () -> ()": ("f()", {"f": exports.call_nothing}),
            "host call (i32, i32) -> i32": ("f()", {"f": exports.call_add}),
            "read a byte": ("v[8]", {"v": memoryview(exports.memory)}),
            "instantiate": ("f(m, i)", {"f": wasmer_runtime.instantiate, "m": small, "i": {}}),
            "trap": (TRY, {"f": exports.trap}),
        }
        if importlib.util.find_spec("numpy") is not None:
            import numpy

            steps["numpy view"] = ("f(m, t)", {"f": numpy.frombuffer, "m": exports.memory, "t": numpy.uint8})
        return steps


class Wasmtime:
    """Wasmtime's package. Instances that do not share a store need one each."""

    name = "wasmtime"
    imports = "import wasmtime"
    prepare = (
        "engine = wasmtime.Engine(); module = wasmtime.Module(engine, small)\n"
        "def instantiate():\n"
        "    store = wasmtime.Store(engine)\n"
        "    return store, wasmtime.Instance(store, module, [])"
    )
    first_call = "(lambda store, instance: instance.exports(store)['add'](store, 1, 2))(*instantiate())"

    def statements(self) -> dict[str, Statement]:
        import wasmtime

        engine = wasmtime.Engine()
        store = wasmtime.Store(engine)
        i32 = wasmtime.ValType.i32()
        imports = [
            wasmtime.Func(store, wasmtime.FuncType([], []), nothing),
            wasmtime.Func(store, wasmtime.FuncType([i32, i32], [i32]), add),
        ]
        exports = wasmtime.Instance(store, wasmtime.Module(engine, FUNCTIONS), imports).exports(store)
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        small = wasmtime.Module(engine, SMALL)
        steps: dict[str, Statement] = {
            "call nop()": ("f(s)", {"f": exports["nop"], "s": store}),
            "call add(i32, i32)": ("f(s, 1, 2)", {"f": exports["add_i32"], "s": store}),
            "call add(f64, f64)": ("f(s, 1.5, 2.5)", {"f": exports["add_f64"], "s": store}),
            "call five(i32 ...)": ("f(s, 1, 2, 3, 4, 5)", {"f": exports["five"], "s": store}),
            "host call () -> ()": ("f(s)", {"f": exports["call_nothing"], "s": store}),
            "host call (i32, i32) -> i32": ("f(s)", {"f": exports["call_add"], "s": store}),
            "read a byte": ("p[8]", {"p": memory.data_ptr(store)}),
            "instantiate": ("i(o(e), m, [])", {"i": wasmtime.Instance, "o": wasmtime.Store, "e": engine, "m": small}),
            "trap": (TRY.replace("f()", "f(s)"), {"f": exports["trap"], "s": store}),
        }
        if importlib.util.find_spec("numpy") is not None:
            import numpy

            steps["numpy view"] = (
                "f(m.get_buffer_ptr(s), t)",
                {"f": numpy.frombuffer, "m": memory, "s": store, "t": numpy.uint8},
            )
        return steps


class Wasm3:
    """pywasm3, an interpreter: calls cost it little, code runs ten times slower.

    It parses anew for each instance. Traps are left out: it prints each one.
    """

    name = "pywasm3"
    imports = "import wasm3"
    prepare = (
        "environment = wasm3.Environment()\n"
        "def instantiate():\n"
        "    runtime = environment.new_runtime(65536)\n"
        "    runtime.load(environment.parse_module(small))\n"
        "    return runtime"
    )
    first_call = "instantiate().find_function('add')(1, 2)"

    def statements(self) -> dict[str, Statement]:
        import wasm3  # type: ignore[import-not-found,unused-ignore]  # has no types

        binary = _binary_functions()
        if binary is None:
            return {}
        environment = wasm3.Environment()
        runtime = environment.new_runtime(65536)
        module = environment.parse_module(binary)
        runtime.load(module)
        module.link_function("env", "nothing", "v()", nothing)
        module.link_function("env", "add", "i(ii)", add)

        def instantiate() -> object:
            fresh = environment.new_runtime(65536)
            fresh.load(environment.parse_module(SMALL))
            return fresh

        find: Callable[[str], object] = runtime.find_function
        steps: dict[str, Statement] = {
            "call nop()": ("f()", {"f": find("nop")}),
            "call add(i32, i32)": ("f(1, 2)", {"f": find("add_i32")}),
            "call add(f64, f64)": ("f(1.5, 2.5)", {"f": find("add_f64")}),
            "call five(i32 ...)": ("f(1, 2, 3, 4, 5)", {"f": find("five")}),
            "host call () -> ()": ("f()", {"f": find("call_nothing")}),
            "host call (i32, i32) -> i32": ("f()", {"f": find("call_add")}),
            "read a byte": ("v[8]", {"v": runtime.get_memory(0)}),
            "instantiate": ("f()", {"f": instantiate}),
        }
        if importlib.util.find_spec("numpy") is not None:
            import numpy

            steps["numpy view"] = (
                "f(r.get_memory(0), t)",
                {"f": numpy.frombuffer, "r": runtime, "t": numpy.uint8},
            )
        return steps


def _binary_functions() -> bytes | None:
    """`FUNCTIONS` in the binary format, which pywasm3 needs; wasmtime's package has a converter."""
    if importlib.util.find_spec("wasmtime") is None:
        return None
    import wasmtime

    return bytes(wasmtime.wat2wasm(FUNCTIONS))


def available(backends: str) -> tuple[list[Embedding], list[str]]:
    """The embeddings whose packages are installed, ours first, and the names of the others."""
    packages: list[tuple[Embedding, str]] = [
        *((Ours(backend), "wasmer_runtime") for backend in backends.split(",") if backend),
        (Wasmtime(), "wasmtime"),
        (Wasm3(), "wasm3"),
    ]
    here: list[Embedding] = []
    missing: list[str] = []
    for embedding, package in packages:
        if importlib.util.find_spec(package) is not None:
            here.append(embedding)
        else:
            missing.append(embedding.name)
    return here, missing
