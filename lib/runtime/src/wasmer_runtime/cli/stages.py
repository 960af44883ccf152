"""The text forms of a module between its passes, for ``dump``. Each stage gives lines.

Stages of all modules are in `STAGES`. A backend may have stages of its own: a compiler whose `stages` names them, and
whose ``show(stage, info, body, config)`` gives the text of one body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from wasmer_runtime import api
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.failures import CommandError
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.compiling.pipeline import Compilation, Source
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract import traps as trap_kinds
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import KIND_NAMES, ModuleInfo, import_type
from wasmer_runtime_core.wasm.types import show_external_type


def _named(info: ModuleInfo, index: int) -> str:
    name = info.function_names.get(index)
    return f"function {index}" + (f" ${printable(name)}" if name else "")


def module(source: Source, backend: str | None, function: int | None, config: CompilerConfig | None) -> Iterator[str]:
    """What a module declares, one line an entry, in the order of its sections."""
    info = pipeline.run(Compilation(source, config=config), until="validate").info
    for index, type in enumerate(info.types):
        yield f"type {index} {type}"
    for row in info.imports:
        shown = show_external_type(import_type(info, row))
        yield f"import {row.namespace!r} {row.name!r} {shown if row.kind else f'{shown} (type {row.type})'}"
    for index in range(info.imported_functions, len(info.functions)):
        yield f"{_named(info, index)} type {info.functions[index]}"
    for index in range(info.imported_tables, len(info.tables)):
        yield f"table {index} {info.tables[index]}"
    for index in range(info.imported_memories, len(info.memories)):
        yield f"memory {index} {info.memories[index]}"
    for index in range(info.imported_tags, len(info.tags)):
        yield f"tag {index} type {info.tags[index]}"
    for index in range(info.imported_globals, len(info.globals)):
        yield f"global {index} {info.globals[index]}"
    for name, kind, index in info.exports:
        yield f"export {name!r} {KIND_NAMES[kind]} {index}"
    if info.start is not None:
        yield f"start function {info.start}"
    for index, element in enumerate(info.elements):
        yield f"element {index} {_MODES[element.mode]} table {element.table}, {len(element.items)} items"
    for index, data in enumerate(info.data):
        yield f"data {index} {_MODES[data.mode]} memory {data.memory}, {len(data.data)} bytes"
    for section in info.custom_sections:
        yield f"custom section {section.name!r} at byte {section.offset:#x}, {len(section.data)} bytes"


_MODES: Final = ("active", "passive", "declarative")


def body(source: Source, backend: str | None, function: int | None, config: CompilerConfig | None) -> Iterator[str]:
    """Every function as backends get it."""
    from wasmer_runtime_core.wasm.body.text import format_body

    compilation = pipeline.run(Compilation(source, config=config), until="canonical")
    for one in compilation.bodies:
        if function is None or one.function_index == function:
            yield f"{_named(compilation.info, one.function_index)}:"
            yield format_body(one)


def records(source: Source, backend: str | None, function: int | None, config: CompilerConfig | None) -> Iterator[str]:
    """Machine instructions as the backend wrote them, before they are encoded."""
    from wasmer_runtime_core.codegen.x64.printer import format_records

    name = backend or api.DEFAULT_BACKEND
    write = getattr(find_compiler(name), "records", None)
    if write is None:
        raise CommandError(f"the backend {name} does not write records of its own")
    compilation = pipeline.run(Compilation(source, config=config), until="canonical")
    for one in compilation.bodies:
        if function is None or one.function_index == function:
            yield f"{_named(compilation.info, one.function_index)}:"
            yield format_records(write(compilation.info, one, compilation.config)).rstrip()


def code(source: Source, backend: str | None, function: int | None, config: CompilerConfig | None) -> Iterator[str]:
    """Machine code in hexadecimal, sixteen bytes per line, with what its sites mean."""
    made = api.compile(source, backend, config)
    info, compiled = made.info, made.compiled
    offsets = memoryview(compiled.function_offsets).cast("I")
    sites = memoryview(compiled.sites).cast("I")
    at = 0
    for position in range(len(offsets) - 1):
        index = info.imported_functions + position
        shown = function is None or index == function
        if shown:
            begin, end = offsets[position], offsets[position + 1]
            yield f"{_named(info, index)}: {compiled.target}, bytes {begin:#x} to {end:#x}"
            for start in range(begin, end, 16):
                line = compiled.code[start : min(start + 16, end)]
                yield f"  {start:6x}  {line.hex(' ')}"
        while at < len(sites) and sites[at] <= offsets[position + 1]:
            if shown:
                kind = sites[at + 1] & 0xFF
                meaning = "call" if kind == trap_kinds.CALL_SITE else trap_kinds.BY_NUMBER[kind].message
                yield f"  {sites[at]:6x}  {meaning}, wasm byte {sites[at + 2]:#x}"
            at += 3


def of_backend(
    stage: str, source: Source, backend: str | None, function: int | None, config: CompilerConfig | None
) -> Iterator[str]:
    """Every function at a stage that only one backend has."""
    name = backend or api.DEFAULT_BACKEND
    compiler: Any = find_compiler(name)
    own: tuple[str, ...] = getattr(compiler, "stages", ())
    if stage not in own:
        reason = f"{stage!r} is no stage of the backend {name}: there are {', '.join((*STAGES, *own))}"
        raise click.BadParameter(reason, param_hint="--stage")
    compilation = pipeline.run(Compilation(source, config=config), until="canonical")
    for one in compilation.bodies:
        if function is None or one.function_index == function:
            yield f"{_named(compilation.info, one.function_index)}:"
            yield compiler.show(stage, compilation.info, one, compilation.config).rstrip()


STAGES: Final[dict[str, Callable[[Source, str | None, int | None, CompilerConfig | None], Iterator[str]]]] = {
    "module": module,
    "body": body,
    "records": records,
    "code": code,
}
