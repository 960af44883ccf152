"""Modules from artifacts do what compiled ones do, on every backend: middlewares, backtraces, names, lines."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.backends import BACKENDS, compiler_or_skip
from wasmer_runtime import CompilerConfig, Limits, Module, compile, instantiate
from wasmer_runtime.error import CacheError, LinkError, Trap
from wasmer_runtime.middleware import BlockTrace, CallTrace, ExecutionLimitExceeded, Metering

TEXT = """
(module $named
  (import "env" "log" (func $log (param i32)))
  (import "env" "base" (global $base i32))
  (memory (export "memory") 1 4)
  (table (export "table") 4 funcref)
  (global $counter (export "counter") (mut i64) (i64.const 5))
  (global $object (mut externref) (ref.null extern))
  (global (export "first") funcref (ref.func $divide))
  (elem (i32.const 1) $divide $count)
  (elem $kept func $log)
  (data (i32.const 8) "active")
  (data (global.get $base) "imported")
  (data $passive "passive")
  (func $start (call $log (i32.const 7)))
  (start $start)
  (func $keep (export "keep") (param externref) (result externref)
    (global.get $object) (global.set $object (local.get 0)))
  (func (export "copy") (memory.init $passive (i32.const 64) (i32.const 0) (i32.const 7))
    (table.init $kept (i32.const 0) (i32.const 0) (i32.const 1)))
  (func $divide (export "divide") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func $through (export "through") (param i32 i32) (result i32)
    (i32.add (i32.const 1) (call_indirect (param i32 i32) (result i32) (local.get 0) (local.get 1) (i32.const 1))))
  (func $count (export "count") (param i64) (result i64) (local i64)
    (loop (local.set 1 (i64.add (local.get 1) (i64.const 1)))
      (br_if 0 (i64.lt_u (local.get 1) (local.get 0))))
    (local.get 1))
  (func (export "lanes") (param f32) (result f32)
    (f32x4.extract_lane 2 (f32x4.mul (f32x4.splat (local.get 0)) (v128.const f32x4 1 2 3 4)))))
"""


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    compiler_or_skip(name)
    return name


@pytest.fixture(params=["bytes", "file"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A function that gives back a module from its artifact."""

    def through(module: Module) -> Module:
        data = module.serialize()
        if request.param == "bytes":
            return Module.deserialize(data)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.wasmer"
        path.write_bytes(data)
        return Module.deserialize(path)

    return through


def test_all_of_a_module_works(backend: str, stored: Any) -> None:
    compiled = compile(TEXT, backend=backend)
    module = stored(compiled)
    assert module.serialize() == compiled.serialize() == compile(TEXT, backend=backend).serialize()
    assert (module.name, module.backend) == ("named", backend)
    assert (module.imports, module.exports) == (compiled.imports, compiled.exports)
    for _ in range(2):
        said: list[int] = []
        instance = instantiate(module, {"env": {"log": said.append, "base": 32}})
        exports = instance.exports
        assert said == [7] and exports.counter.value == 5
        exports.copy()
        memory = bytes(memoryview(exports.memory)[:72])
        assert (memory[8:14], memory[32:40], memory[64:71]) == (b"active", b"imported", b"passive")
        assert (exports.divide(7, 2), exports.through(9, 3), exports.count(100)) == (3, 4, 100)
        assert exports.first.value(8, 2) == 4 and exports.lanes(2.0) == 6.0
        exports.table.get(0)(11)
        assert said == [7, 11]
        thing = object()
        assert exports.keep(thing) is None and exports.keep(None) is thing
        with pytest.raises(Trap) as caught:
            exports.through(1, 0)
        names = [frame.function_name for frame in caught.value.frames]
        assert names == ["divide", "through"]
    with pytest.raises(LinkError, match="base"):
        instantiate(module, {"env": {"log": print}})
    with pytest.raises(Exception, match="memory"):
        instantiate(module, {"env": {"log": print, "base": 1}}, limits=Limits(memory_pages=0))


def test_middlewares_are_in_the_code(backend: str, stored: Any) -> None:
    imports = {"env": {"log": lambda number: None, "base": 1}}
    metered = stored(compile(TEXT, backend=backend, config=CompilerConfig(middlewares=(Metering(1000),))))
    exports = instantiate(metered, imports).exports
    assert exports.count(10) == 10
    with pytest.raises(ExecutionLimitExceeded):
        exports.count(1_000_000)
    said = []
    compiled = compile(TEXT, backend=backend, config=CompilerConfig(middlewares=(CallTrace(), BlockTrace())))
    for module in (compiled, stored(compiled)):
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", out)
            assert instantiate(module, imports).exports.through(8, 2) == 5
        said.append(out.getvalue())
    assert said[0] == said[1] and "divide" in said[0] and "func (5)" in said[0]


def test_checked_memories_stay_checked(backend: str, stored: Any) -> None:
    text = '(module (memory i64 1) (memory 1) (func (export "f") (param i64) (result i32) (i32.load (local.get 0))))'
    for config in (CompilerConfig(), CompilerConfig(memory_bound_check_mode="enable")):
        compiled = compile(text, backend=backend, config=config)
        module = stored(compiled)
        assert module.compiled.checked_memories == compiled.compiled.checked_memories
        exports = instantiate(module).exports
        assert exports.f(65532) == 0
        for beyond in (65533, -1, 2**40):
            with pytest.raises(Trap):
                exports.f(beyond)


def test_released_calls_release(backend: str, stored: Any) -> None:
    module = stored(compile(TEXT, backend=backend, config=CompilerConfig(release_gil=True)))
    assert module.compiled.release_gil
    assert instantiate(module, {"env": {"log": print, "base": 1}}).exports.count(10) == 10


def test_lines_of_debug_information(stored: Any, tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="a C compiler for WebAssembly is needed (ziglang)")
    source, target = tmp_path / "program.c", tmp_path / "program.wasm"
    source.write_text('__attribute__((export_name("div"))) int div(int a, int b)\n{\n  return a / b;\n}\n')
    flags = ["-target", "wasm32-freestanding", "-g", "-O1", "-nostdlib", "-Wl,--no-entry", "-o", str(target)]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, str(source)], check=True, capture_output=True)
    module = stored(compile(target))
    assert "custom_sections" not in vars(module.info)
    with pytest.raises(Trap) as caught:
        instantiate(module).exports.div(1, 0)
    assert "program.c:3" in caught.value.frames[0].source


def test_inlined_calls_are_named(stored: Any) -> None:
    compiler_or_skip("llvm")
    text = """(module
      (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
      (func $outer (export "run") (param i32) (result i32) (call $inner (local.get 0))))"""
    compiled = compile(text, backend="llvm")
    module = stored(compiled)
    assert module.compiled.inlined == compiled.compiled.inlined != b""
    with pytest.raises(Trap) as caught:
        instantiate(module).exports.run(0)
    assert [frame.function_name for frame in caught.value.frames] == ["inner", "outer"]


def test_an_artifact_of_more_than_this_processor_has(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """As on an older machine: what the code does not need is not missed, what it needs is named."""
    from wasmer_runtime_core.running.artifacts import stored as at

    module = compile(TEXT, backend=backend)
    monkeypatch.setattr(at, "host_features", frozenset)
    needed = module.compiled.cpu_features
    if needed:
        with pytest.raises(CacheError, match=needed[0].replace(".", r"\.")) as caught:
            Module.deserialize(module.serialize())
        assert caught.value.kind == "processor"
    else:
        assert Module.deserialize(module.serialize()).backend == backend
