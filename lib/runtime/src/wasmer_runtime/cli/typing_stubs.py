"""``stubs``: the types of a module's exports and imports, as the text of a ``.pyi``, for checkers and editors."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Final

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.deferred import FILE
from wasmer_runtime.cli.files import file_argument, load, write_text
from wasmer_runtime.cli.stubs import class_name
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, KIND_NAMES, ModuleInfo
from wasmer_runtime_core.wasm.types import F32, F64, I32, I64, KIND, V128, FunctionType

TAKEN: Final = {I32: "int", I64: "int", F32: "float", F64: "float", V128: "bytes | int"}
GIVEN: Final = TAKEN | {V128: "bytes"}
OBJECTS: Final = ("", "Table", "Memory", "Global", "Tag")
"""By kind of export."""


@click.command("stubs")
@file_argument
@click.option("-o", "--output", type=FILE, help="Where to write; default: standard output.")
@click.option("--name", metavar="NAME", help="How the classes begin. Default: after the file.")
@compiling_options
def stubs(file: Path, output: Path | None, name: str | None, config: CompilerConfig | None) -> None:
    """Write a .pyi with the types of what a module exports and imports."""
    compilation = pipeline.run(pipeline.Compilation(load(file, config), config=config), until="validate")
    text = module_stubs(compilation.info, name or class_name(file), file.name)
    write_text(text, output)


def module_stubs(info: ModuleInfo, name: str, file: str) -> str:
    """The text.

    Args:
        info: the module.
        name: how the names of its classes begin.
        file: what it was read from.
    """
    lines = [
        f'"""What {printable(file)} exports and imports, as `wasmer-runtime stubs` writes it::',
        "",
        f'    exports = cast("{name}Exports", instance.exports)',
        '"""',
        "",
        "from collections.abc import Callable",
        "from typing import Any, Protocol, TypedDict",
        "",
        "from wasmer_runtime import Function, Global, Memory, Table, Tag",
        "",
        f"class {name}Exports(Protocol):",
        *_indented(_exports(info)),
    ]
    spaces: dict[str, dict[str, str]] = {}
    for row in info.imports:
        if row.kind == FUNCTION and isinstance(row.type, int):
            type_ = f"Callable[..., {_returned(info.types[row.type], TAKEN)}]"
        else:
            type_ = OBJECTS[row.kind] + (" | int | float" if row.kind == GLOBAL else "")
        spaces.setdefault(row.namespace, {})[row.name] = type_
    for at, (namespace, names) in enumerate(spaces.items()):
        rows = "".join(f"\n        {each!r}: {type_}," for each, type_ in names.items())
        lines += ["", f"{name}Imports{at} = TypedDict(  # {printable(namespace)}", f'    "{name}Imports{at}",', "    {"]
        lines[-1] += rows + "\n    },"
        lines += [")"]
    if spaces:
        rows = "".join(f"\n        {namespace!r}: {name}Imports{at}," for at, namespace in enumerate(spaces))
        lines += ["", f'{name}Imports = TypedDict(\n    "{name}Imports",\n    {{{rows}\n    }},\n)']
    return "\n".join(lines) + "\n"


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines] or ["    ..."]


def _exports(info: ModuleInfo) -> list[str]:
    lines = []
    for name, kind, index in info.exports:
        if not name.isidentifier() or keyword.iskeyword(name) or not name.isascii():
            lines.append(f"# exports[{name!r}]: {KIND_NAMES[kind]}")
        elif kind != FUNCTION:
            lines += ["@property", f"def {name}(self) -> {OBJECTS[kind]}: ..."]
        else:
            type_ = info.types[info.functions[index]]
            lines.append(
                f"def {name}(self, {_params(info, index, type_)}*, timeout: float | None = None)"
                f" -> {_returned(type_, GIVEN)}: ..."
            )
    return lines


def _params(info: ModuleInfo, function: int, type_: FunctionType) -> str:
    names = info.local_names.get(function, {})
    params: list[str] = []
    for at in range(len(type_.params)):
        name = re.sub(r"\W", "_", names.get(at, ""), flags=re.ASCII)
        if not name.isidentifier() or keyword.iskeyword(name) or name in ("self", "timeout") or name in params:
            name = f"p{at}"
        params.append(name)
    taken = [f"{name}: {_type(value, TAKEN)}" for name, value in zip(params, type_.params, strict=True)]
    return "".join(f"{each}, " for each in taken) + ("/, " if taken else "")


def _returned(type_: FunctionType, names: dict[int, str]) -> str:
    types = [_type(each, names) for each in type_.results]
    return "None" if not types else types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _type(value: int, names: dict[int, str]) -> str:
    return names.get(value & KIND, "Any")
