"""Wasmer's names, over instances that their user makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import fixture, imitation

from wasmer_emscripten import (
    CAPTURE,
    EmscriptenGlobals,
    emscripten_call_main,
    generate_emscripten_env,
    get_emscripten_memory_size,
    get_emscripten_table_size,
    is_emscripten_module,
    run_emscripten_instance,
    set_up_emscripten,
)
from wasmer_emscripten.loading import Options
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import ExportNotFound

CAPTURED = Options(stdin=b"", stdout=CAPTURE, stderr=CAPTURE)


def test_step_by_step() -> None:
    module = fixture("surroundings")
    assert is_emscripten_module(module) and is_emscripten_module(module.info)
    globals = EmscriptenGlobals(module, CAPTURED)
    instance = module.instantiate(generate_emscripten_env(globals))
    program = set_up_emscripten(instance)
    assert emscripten_call_main(instance, "name", ["one", "two"]) == 3
    assert program.stdout_bytes().startswith(b"argument 1: one\nargument 2: two\n")


def test_all_of_it(tmp_path: Path) -> None:
    module = fixture("posix")
    globals = EmscriptenGlobals(module, CAPTURED._replace(current="/work", mounts={"/work": tmp_path}))
    instance = module.instantiate(generate_emscripten_env(globals))
    assert run_emscripten_instance(module, instance, globals, "posix") == 0
    assert (tmp_path / "d").is_dir()


def test_an_entrypoint_gets_its_first_argument(tmp_path: Path) -> None:
    module = fixture("library")
    globals = EmscriptenGlobals(module, CAPTURED)
    instance = module.instantiate(generate_emscripten_env(globals))
    mapped = [("/there", tmp_path)]
    assert run_emscripten_instance(module, instance, globals, "p", ["four", "x"], "length", mapped) == 4
    assert run_emscripten_instance(module, instance, globals, "p", ["7"], "leave") != 0
    assert globals.process.tree.mounts.keys() >= {b"/there"}
    with pytest.raises(ExportNotFound, match="nothing"):
        run_emscripten_instance(module, instance, globals, "p", [], "nothing")


def test_globals_are_for_one_instance() -> None:
    module = fixture("library")
    globals = EmscriptenGlobals(module, CAPTURED)
    first = module.instantiate(generate_emscripten_env(globals))
    with pytest.raises(TypeError, match="belongs to another instance"):
        module.instantiate(generate_emscripten_env(globals))
    assert first.exports.half(1.0) == 0.5


def test_sizes() -> None:
    module = compile_with(imitation(), find_compiler("singlepass"))
    assert get_emscripten_memory_size(module) == (64, 64)
    assert get_emscripten_table_size(module) == (8, 16)
    bare = compile_with("(module)", find_compiler("singlepass"))
    for size in (get_emscripten_memory_size, get_emscripten_table_size):
        with pytest.raises(ValueError, match="no"):
            size(bare)


def test_what_is_given_wrongly() -> None:
    with pytest.raises(TypeError, match="expected EmscriptenGlobals"):
        generate_emscripten_env(fixture("library"))  # type: ignore[arg-type]
    bare = compile_with("(module)", find_compiler("singlepass")).instantiate()
    with pytest.raises(TypeError, match="was not given the imports"):
        set_up_emscripten(bare)
