"""Modules as data: what they declare, that they pickle, how instances are made of them."""

from __future__ import annotations

import gc
import io
import os
import pickle
import threading
import weakref
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from machine_code import Program

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.compiling.pipeline import read_module, validate, validate_and_report_errors
from wasmer_runtime_core.contract.artifact import COMPILED_FIELDS, INFO_FIELDS
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.contract.compiler import Compiler
from wasmer_runtime_core.contract.values import (
    ElementType,
    FuncSig,
    GlobalDescriptor,
    MemoryDescriptor,
    TableDescriptor,
)
from wasmer_runtime_core.errors import (
    CompileError,
    DecodeError,
    ImplementationLimitError,
    InternalError,
    LinkError,
    Timeout,
    ValidationError,
)
from wasmer_runtime_core.implementation_limits import ImplementationLimits
from wasmer_runtime_core.running.imports import imports
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.running.module import ExportType, ImportType, Module
from wasmer_runtime_core.support.first_use import at_first_use
from wasmer_runtime_core.wasm import names
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import FUNCTION, MEMORY, CustomSection, Export, Import, ModuleInfo
from wasmer_runtime_core.wasm.names import read_function_names

EMPTY = b"\0asm\1\0\0\0"


class NoCode:
    """A backend for modules without functions of their own."""

    name = "no-code"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        if bodies:
            raise CompileError("this backend makes no code")
        return CompiledModule(self.name, "x86_64-sysv", b"", b"\0\0\0\0", b"")


def module_of(fields: str) -> Module:
    return compile_with(f"(module {fields})", NoCode())


EVERYTHING = """
    (import "env" "f" (func (param i32) (result f64)))
    (import "env" "m" (memory 1 2))
    (import "env" "g" (global $g i64))
    (table (export "t") 1 3 funcref)
    (global (export "h") (mut f32) (f32.const 1))
    (export "f" (func 0))
    (export "m" (memory 0))
"""


def test_declarations() -> None:
    module = module_of(EVERYTHING)
    assert module.imports == [
        ImportType("env", "f", FuncSig(["i32"], ["f64"])),
        ImportType("env", "m", MemoryDescriptor(1, 2)),
        ImportType("env", "g", GlobalDescriptor(False, "i64")),
    ]
    assert module.exports == [
        ExportType("t", TableDescriptor(ElementType.ANYFUNC, 1, 3)),
        ExportType("h", GlobalDescriptor(True, "f32")),
        ExportType("f", FuncSig(["i32"], ["f64"])),
        ExportType("m", MemoryDescriptor(1, 2)),
    ]
    assert module.backend == "no-code"


def test_custom_sections_of_one_name_come_in_order() -> None:
    section = lambda name, data: bytes((0, 1 + len(name) + len(data), len(name))) + name + data  # noqa: E731
    module = compile_with(EMPTY + section(b"a", b"1") + section(b"b", b"2") + section(b"a", b"3"), NoCode())
    assert module.custom_sections("a") == [b"1", b"3"]
    assert module.custom_sections("c") == []


def test_the_name_is_that_of_the_name_section() -> None:
    module = compile_with("(module $greeter)", NoCode())
    assert module.name == "greeter"
    assert "greeter" in repr(module)
    assert module_of("").name is None


def test_the_stored_fields_are_those_of_the_classes() -> None:
    found = {name for name in dir(ModuleInfo()) if not name.startswith("_")}
    fields = {name for name in found if not isinstance(getattr(ModuleInfo, name, None), at_first_use)}
    assert fields == set(INFO_FIELDS)
    assert CompiledModule._fields == COMPILED_FIELDS


def test_modules_pickle() -> None:
    module = module_of("$named" + EVERYTHING + '(data (i32.const 0) "abc") (elem (i32.const 0) func 0)')
    again = pickle.loads(pickle.dumps(module))
    assert again.compiled == module.compiled
    for name in INFO_FIELDS:
        assert getattr(again.info, name) == getattr(module.info, name), name
    assert again.prepared is None
    assert again.name == "named"


def test_code_lies_in_one_place() -> None:
    """In executable pages, once an instance was made; who asks gets a copy."""
    program = Program()
    program.function("add", "i32 i32", "i32", "add")
    module = program.module()
    before, size = module.compiled, module.code_bytes
    artifact = module.serialize()
    for _ in range(2):
        assert Instance(module, []).exports["add"](1, 2) == 3
        assert before.code not in [each for each in gc.get_referents(module._compiled) if isinstance(each, bytes)]
        assert module.compiled == before and module.code_bytes == size == len(before.code)
        assert (module.serialize(), module.backend) == (artifact, before.backend)


def test_what_a_large_compilation_took_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from wasmer_runtime_core import compile_module

    trimmed: list[bool] = []
    monkeypatch.setattr(compile_module, "trim_heap", lambda: trimmed.append(True))
    compile_with(EMPTY, NoCode())
    assert not trimmed
    monkeypatch.setattr(compile_module, "LARGE_MODULE_BYTES", len(EMPTY))
    compile_with(EMPTY, NoCode())
    assert trimmed


# --- the pipeline -------------------------------------------------------------------------


def test_sources_of_every_form(tmp_path: Path) -> None:
    text = "(module)"
    (tmp_path / "m.wat").write_text(text)
    (tmp_path / "m.wasm").write_bytes(EMPTY)
    for source in (
        text,
        text.encode(),
        bytearray(EMPTY),
        memoryview(EMPTY),
        array("B", EMPTY),
        EMPTY,
        tmp_path / "m.wat",
        tmp_path / "m.wasm",
    ):
        assert read_module(source) == EMPTY
        assert validate(source)


def test_of_a_file_no_more_is_asked_for_than_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python reserves so many bytes; a module may have a gigabyte."""
    asked: list[int] = []

    class File(io.FileIO):
        def read(self, size: int = -1, /) -> bytes:
            asked.append(size)
            return super().read(size)

    monkeypatch.setattr(pipeline, "open", lambda path, mode: File(path, mode), raising=False)
    content = EMPTY + b"\0\x83\x80\x08\1a" + bytes(131073)
    path, pipe = tmp_path / "m.wasm", tmp_path / "pipe"
    path.write_bytes(content)
    os.mkfifo(pipe)
    assert read_module(path) == content
    assert asked[0] == len(content) + 1 and max(asked) < 2 * len(content)
    asked.clear()
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert read_module(pipe) == content
    writer.join()
    assert max(asked) < 2 * len(content)
    few = ImplementationLimits({"module_bytes": 1000})
    asked.clear()
    with pytest.raises(ImplementationLimitError):
        read_module(path, few)
    assert sum(asked) <= 1001


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a module is bytes, text or a path, not int"):
        read_module(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        read_module(tmp_path / "nothing.wasm")
    for data in (b"\xff\xfe", b"\x7fELF\0\0\0\0", EMPTY[:4], EMPTY[:3], EMPTY[:7]):
        with pytest.raises(DecodeError):
            validate_and_report_errors(data)
        assert not validate(data)


def test_a_path_given_as_text_is_explained(tmp_path: Path) -> None:
    with pytest.raises(DecodeError) as caught:
        read_module("program.wasm")
    assert "pathlib.Path" in str(caught.value) and (caught.value.line, caught.value.column) == (1, 1)


def test_malformed_and_invalid_are_different() -> None:
    with pytest.raises(DecodeError) as decode:
        validate_and_report_errors(EMPTY + b"\x01")
    assert decode.value.offset is not None
    with pytest.raises(ValidationError) as invalid:
        validate_and_report_errors("(module (func (result i32)))")
    assert invalid.value.function == 0
    with pytest.raises(DecodeError) as text:
        validate_and_report_errors("(module\n  (fnord))")
    assert text.value.line == 2


def test_passes_stop_where_they_are_told_to() -> None:
    compilation = pipeline.run(pipeline.Compilation("(module (func))"), until="validate")
    assert [body.function_index for body in compilation.bodies] == [0]
    with pytest.raises(CompileError, match="no backend was chosen"):
        pipeline.run(pipeline.Compilation("(module)"))


@pytest.mark.parametrize(
    "error",
    [InternalError("lost"), ImplementationLimitError("locals", "locals", 2, 1), MemoryError(), OSError(5, "no")],
)
def test_what_is_not_the_modules_fault_is_no_answer(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug of ours, a limit of ours: neither says that the module is invalid."""

    def fail(compilation: pipeline.Compilation) -> None:
        raise error

    passes = tuple(step._replace(run=fail) if step.name == "validate" else step for step in pipeline.PASSES)
    monkeypatch.setattr(pipeline, "PASSES", passes)
    with pytest.raises(type(error)):
        validate("(module)")


def test_the_collector_is_back_after_a_failure() -> None:
    assert gc.isenabled()
    assert not validate(b"nonsense")
    assert gc.isenabled()


def test_middlewares_run_in_order() -> None:
    seen: list[str] = []

    def middleware(name: str) -> Any:
        def apply(info: ModuleInfo, bodies: Sequence[Body]) -> Sequence[Body]:
            seen.append(name)
            return bodies

        return apply

    config = CompilerConfig(middlewares=(middleware("first"), middleware("second")))
    compile_with("(module)", NoCode(), config)
    assert seen == ["first", "second"]


def test_the_test_backend_is_a_compiler() -> None:
    assert isinstance(NoCode(), Compiler)


# --- instances ----------------------------------------------------------------------------


def test_an_instance_of_what_needs_no_code() -> None:
    exporter = module_of('(memory (export "m") 1 2) (global (export "g") i64 (i64.const 7))').instantiate()
    given = {"f": lambda x: x / 2, "m": exporter.exports["m"], "g": exporter.exports["g"]}
    instance = module_of(EVERYTHING).instantiate({"env": given})
    assert instance.exports["m"] is exporter.exports["m"]
    assert instance.exports["f"](3) == 1.5


def test_an_instance_is_a_namespace() -> None:
    exporter = module_of('(memory (export "m") 1 2)').instantiate()
    importer = module_of('(import "lib" "m" (memory 1 2)) (export "again" (memory 0))')
    assert importer.instantiate({"lib": exporter}).exports["again"] is exporter.exports["m"]
    with pytest.raises(LinkError):
        importer.instantiate()


def test_state_is_made_for_each_instance_and_ended_with_it() -> None:
    made: list[list[int]] = []
    ended: list[object] = []

    def create() -> tuple[object, Any]:
        made.append([len(made)])
        return made[-1], ended.append

    module = module_of("")
    given = imports({}, state=create)
    first, second = module.instantiate(given), module.instantiate(given)
    assert (first.context().data, second.context().data) == ([0], [1])
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None
    assert ended == [[0]]


def test_state_without_a_destructor() -> None:
    assert module_of("").instantiate(imports({}, state=lambda: "data")).context().data == "data"


def named(entries: bytes, count: int, subsection: int) -> CustomSection:
    body = leb(count) + entries
    return CustomSection("name", bytes((subsection,)) + leb(len(body)) + body, 0)


def leb(number: int) -> bytes:
    return bytes([number >> 7 * at & 0x7F | 0x80 for at in range(4)] + [number >> 28])


def test_names_are_kept_of_what_is_there() -> None:
    """A name of nothing takes two bytes in a module and a hundred in a dictionary."""
    info = decode_module(b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\3\2\0\0" + b"\x0a\7\2\2\0\x0b\2\0\x0b").info
    assert len(info.functions) == 2
    names = b"".join(leb(index) + b"\1a" for index in (0, 1, 2, 500, 0xFFFF_FFFF, 1))
    locals_ = b"".join(leb(index) + leb(6) + names for index in (0, 1, 2, 1 << 20))
    info.custom_sections = [named(names, 6, 1), named(locals_, 4, 2)]
    assert info.function_names == {0: "a", 1: "a"}
    assert set(info.local_names) == {0, 1} and set(info.local_names[0]) == {0, 1, 2, 500}


@pytest.mark.parametrize("subsection", [1, 2])
def test_long_lists_of_names_look_for_deadlines(subsection: int) -> None:
    info = ModuleInfo()
    info.functions = [0] * 9_000
    entry = b"\1a" if subsection == 1 else leb(0)
    info.custom_sections = [named(b"".join(leb(index) + entry for index in range(9_000)), 9_000, subsection)]
    with timeout(0), pytest.raises(Timeout):
        assert info.function_names or info.local_names
    assert len(info.function_names if subsection == 1 else info.local_names) == 9_000


def test_names_that_others_use_are_found_with_looks_for_deadlines() -> None:
    info = ModuleInfo()
    info.imports = [
        Import("env", "first", FUNCTION, 0),
        Import("env", "memory", MEMORY, None),
        Import("env", "f", FUNCTION, 0),
    ]
    info.exports = [Export("again", FUNCTION, 2), Export("later", FUNCTION, 2), Export("f", FUNCTION, 1)]
    assert info.linked_names == {0: "env.first", 1: "f", 2: "again"}
    for kind in (info.exports, info.imports):
        long = ModuleInfo()
        long.imports, long.exports = ([], list(kind)) if kind is info.exports else (list(kind), [])
        with timeout(0), pytest.raises(Timeout):
            assert long.linked_names
        assert long.linked_names


def test_names_of_one_module_wait_for_nobody_who_reads_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module may have gigabytes of them."""
    one, other = ModuleInfo(), ModuleInfo()
    other.functions = [0]
    other.custom_sections = [named(leb(0) + b"\1a", 1, 1)]
    found: list[dict[int, str]] = []

    def read(sections: Sequence[CustomSection], functions: int) -> dict[int, str]:
        if functions:
            return read_function_names(sections, functions)
        thread = threading.Thread(target=lambda: found.append(other.function_names))
        thread.start()
        thread.join(60)
        return {}

    monkeypatch.setattr(names, "read_function_names", read)
    assert one.function_names == {} and found == [{0: "a"}]
    assert one.function_names is one.function_names and "function_names" in vars(one)
    assert ModuleInfo.function_names.__doc__ == "Names by function index."
