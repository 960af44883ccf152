"""The backend is found by its name, and refused where the processor lacks what its code needs."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from wasmer_clif_backend import CraneliftCompiler, compiler
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling import registry as backends
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.contract.target import host_features
from wasmer_runtime_core.errors import BackendError, CompileError
from wasmer_runtime_core.running import publish as code

HERE = host_features()


def test_the_entry_point_leads_to_it() -> None:
    (entry,) = entry_points(group="wasmer.backends", name="cranelift")
    assert entry.load() is CraneliftCompiler
    found = backends.find_compiler("cranelift")
    assert isinstance(found, CraneliftCompiler) and found.name == "cranelift"


@pytest.mark.parametrize("lacking", compiler.REQUIRED)
def test_a_processor_that_lacks_something_is_refused(lacking: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the compiler is made, so that ``auto`` takes another one."""
    with pytest.raises(CompileError, match=f"x86-64-v3; this one does not have {lacking}$"):
        CraneliftCompiler(cpu_features=HERE - {lacking})
    monkeypatch.setattr(compiler, "host_features", lambda: HERE - {lacking})
    monkeypatch.setattr(backends, "_found", {})
    with pytest.raises(BackendError, match=lacking):
        backends.find_compiler("cranelift")


ALL = """(module (memory 1)
  (func (export "bits") (param i64) (result i64)
    (i64.add (i64.clz (local.get 0)) (i64.add (i64.ctz (local.get 0)) (i64.popcnt (local.get 0)))))
  (func (export "shift") (param i32 i32) (result i32) (i32.shl (local.get 0) (local.get 1)))
  (func (export "sum") (param f64 f64) (result f64) (f64.nearest (f64.add (local.get 0) (local.get 1))))
  (func (export "lanes") (param i32) (result v128) (i8x16.splat (local.get 0))))"""


def test_code_that_came_from_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the code of a module needs is written in it, and core looks before it makes it executable."""
    module = compile_with(ALL, CraneliftCompiler(), CompilerConfig())
    needed = module.compiled.cpu_features
    assert {"avx", "lzcnt", "bmi1", "popcnt"} <= set(needed)
    assert set(needed) <= {*compiler.REQUIRED, "sse3", "ssse3", "sse4.1", "sse4.2"}
    for name in needed:
        here = HERE - {name}
        monkeypatch.setattr(code, "host_features", lambda here=here: here)
        with pytest.raises(CompileError, match=f"needs a processor with {name}"):
            compile_with(ALL, CraneliftCompiler(), CompilerConfig()).instantiate({})
