"""``objdump``: machine code as instructions, each beside the bytes, the WebAssembly and the source that it comes of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wasmer_runtime import api
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.backend_option import backend_option
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.failures import must_be_installed
from wasmer_runtime.cli.files import file_argument, is_artifact, load
from wasmer_runtime_core.contract import traps
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.printable import printable

if TYPE_CHECKING:
    from iced_x86 import Decoder, Formatter

BYTES_SHOWN = 8


@click.command(
    epilog="""\b
Examples:
  wasmer-runtime objdump program.wasm
  wasmer-runtime objdump --backend llvm --function 12 program.wasm
  wasmer-runtime objdump program.wasmer
"""
)
@file_argument
@backend_option("Whose code: {backends}. Default: singlepass.")
@click.option("--function", type=int, help="Only the function of this index.")
@compiling_options
def objdump(file: Path, backend: str | None, function: int | None, config: CompilerConfig | None) -> None:
    """Show the machine code of a module, disassembled.

    Beside an instruction that may trap, and behind one that calls, stand the byte of the module that it comes of, and
    the line of the source where the module has debug information. FILE may be what ``compile`` made.
    """
    decoder, formatter = _disassembler()
    source = load(file, config)
    if is_artifact(source):
        module = Module.deserialize(source)
    else:
        module = api.compile(source, backend or api.DEFAULT_BACKEND, config, cache=False)
    shown = False
    for line in disassembled(module, function, decoder, formatter):
        click.echo(line)
        shown = True
    if not shown and function is not None:
        raise click.BadParameter(f"the module defines no function of index {function}", param_hint="'--function'")


def _disassembler() -> tuple[type[Decoder], Formatter]:
    """
    Raises:
        CommandError: it is not installed.
    """
    must_be_installed("iced_x86", "objdump needs a disassembler: pip install iced-x86")
    from iced_x86 import Decoder, Formatter, FormatterSyntax

    formatter = Formatter(FormatterSyntax.INTEL)
    formatter.hex_prefix, formatter.hex_suffix = "0x", ""
    formatter.space_after_operand_separator = True
    return Decoder, formatter


def disassembled(module: Module, function: int | None, decoder: type[Decoder], formatter: Formatter) -> Iterator[str]:
    """The lines."""
    info, compiled = module.info, module.compiled
    offsets = memoryview(compiled.function_offsets).cast("I")
    sites = memoryview(compiled.sites).cast("I")
    at = 0
    for position in range(len(offsets) - 1):
        index = info.imported_functions + position
        begin, end = offsets[position], offsets[position + 1]
        standing: dict[int, list[str]] = {}  # by where the instruction stands, or what a call returns to
        returning: dict[int, list[str]] = {}
        while at < len(sites) and (sites[at] < end or (sites[at] == end and _is_call(sites[at + 1]))):
            line = info.source_lines.find(sites[at + 2])
            what = "call" if _is_call(sites[at + 1]) else traps.BY_NUMBER[sites[at + 1] & 0xFF].message
            notes = returning if _is_call(sites[at + 1]) else standing
            where = f"wasm byte {sites[at + 2]:#x}" + (f", {line}" if line else "")
            notes.setdefault(sites[at], []).append(f"{what}: {where}")
            at += 3
        if function is not None and index != function:
            continue
        name = info.function_names.get(index) or info.linked_names.get(index, "")
        yield f"function {index}{f' {printable(name)}' if name else ''}: {compiled.target}, {end - begin} bytes"
        for instruction in decoder(64, compiled.code[begin:end], ip=begin):
            here = standing.get(instruction.ip, []) + returning.get(instruction.next_ip, [])
            raw = compiled.code[instruction.ip : instruction.next_ip].hex(" ")
            text = formatter.format(instruction)
            comment = f"  ; {'; '.join(printable(each) for each in here)}" if here else ""
            yield f"  {instruction.ip:6x}  {raw:<{BYTES_SHOWN * 3}}  {text:<40}{comment}".rstrip()
        yield ""


def _is_call(kind: int) -> bool:
    return kind & 0xFF == traps.CALL_SITE
