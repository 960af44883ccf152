"""Programs of emcc are recognised, and refused with a clear word."""

from __future__ import annotations

import pytest

from wasmer_emscripten import generate_emscripten_env, is_emscripten_module
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, Import, ModuleInfo
from wasmer_runtime_core.wasm.types import I32, GlobalType


def importing(*imports: Import) -> ModuleInfo:
    info = ModuleInfo()
    info.imports = list(imports)
    return info


@pytest.mark.parametrize("name", ["_emscripten_memcpy_big", "emscripten_memcpy_big", "__map_file"])
def test_each_mark_of_emcc_is_recognised(name: str) -> None:
    assert is_emscripten_module(importing(Import("env", "other", FUNCTION, 0), Import("env", name, FUNCTION, 0)))


def test_a_mark_counts_only_as_a_function_of_env() -> None:
    assert not is_emscripten_module(importing())
    assert not is_emscripten_module(importing(Import("other", "__map_file", FUNCTION, 0)))
    assert not is_emscripten_module(importing(Import("env", "__map_file", GLOBAL, GlobalType(I32, False))))


def test_running_one_says_that_it_cannot() -> None:
    with pytest.raises(CompileError, match="cannot be run in this version"):
        generate_emscripten_env()
