"""``inspect``, ``dump`` and ``backends``: what a module is made of, between any two passes, and who can compile it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli import stages
from wasmer_runtime.cli.backend_option import backend_option
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.describing import description, program
from wasmer_runtime.cli.dotnet import assembly_of, is_assembly
from wasmer_runtime.cli.files import file_argument, load
from wasmer_runtime_core.compiling import pipeline
from wasmer_runtime_core.compiling import registry as core_backends
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import BackendError
from wasmer_runtime_core.support.printable import printable


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under a title: a table of `rich` on a terminal that has it, else one line each, tab-separated."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if not rows:
        return
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.table import Table
            from rich.text import Text
        except ImportError:
            pass
        else:
            table = Table(*columns, title=title, title_justify="left")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            Console().print(table)
            return
    for row in rows:
        click.echo("\t".join((title, *row)))


@click.command()
@file_argument
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@compiling_options
def inspect(file: Path, as_json: bool, config: CompilerConfig | None) -> None:
    """Show what a module is: which kind of program, what it imports and exports, its features and sections.

    Of an assembly of .NET: its name, its version, and what it refers to.
    """
    source = load(file, config)
    if is_assembly(source):
        inspect_assembly(source, as_json)
        return
    compilation = pipeline.run(pipeline.Compilation(source, config=config), until="validate")
    kind = program(compilation.info)
    what = description(compilation, kind)
    if as_json:
        click.echo(json.dumps(what, indent=2))
        return
    if what["name"]:
        click.echo(f"module\t{printable(what['name'])}")
    if kind.kind:
        click.echo("\t".join(filter(None, ("program", kind.shown, kind.version))))
    rows = [(row["namespace"], row["name"], row["type"]) for row in what["imports"]]
    show_table("import", ("namespace", "name", "type"), rows)
    show_table("export", ("name", "type"), [(row["name"], row["type"]) for row in what["exports"]])
    show_table("unknown import", ("namespace", "name"), kind.unknown)
    show_table("feature", ("name", "used by"), list(what["features"].items()))
    show_table("section", ("name", "bytes"), [(row["name"], str(row["bytes"])) for row in what["sections"]])


def inspect_assembly(source: bytes | Path, as_json: bool) -> None:
    """Show what an assembly of .NET says of itself."""
    assembly = assembly_of(source)
    references = [(name, dotted(version)) for name, version in assembly.references]
    if as_json:
        what = {
            "kind": "assembly",
            "name": assembly.name,
            "version": dotted(assembly.version),
            "has_main": assembly.has_main,
            "references": dict(references),
        }
        click.echo(json.dumps(what, indent=2))
        return
    click.echo(f"assembly\t{printable(assembly.name)}\t{dotted(assembly.version)}")
    click.echo(f"Main\t{'yes' if assembly.has_main else 'no'}")
    show_table("reference", ("name", "version"), references)


def dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


@click.command()
@file_argument
@click.option("--stage", required=True, help="What to show.")
@backend_option("Whose records, code or own stage: {backends}. Default: singlepass.")
@click.option("--function", type=int, help="Only the function of this index.")
@compiling_options
def dump(file: Path, stage: str, backend: str | None, function: int | None, config: CompilerConfig | None) -> None:
    """Show a module between two passes, as text.

    \b
    module   what it declares
    body     every function, checked and flattened, as backends get it
    records  machine instructions, as the backend wrote them
    code     machine code

    Of cranelift also: clif (in SSA form), opt (after the passes), vcode (machine instructions with virtual registers),
    ra (these with registers). Of llvm also: ir (what LLVM gets), opt (what its passes make of it).
    """
    source = load(file, config)
    if stage in stages.STAGES:
        lines = stages.STAGES[stage](source, backend, function, config)
    else:
        lines = stages.of_backend(stage, source, backend, function, config)
    shown = False
    for line in lines:
        click.echo(line)
        shown = True
    if function is not None and not shown:
        raise click.BadParameter(f"the module defines no function of index {function}", param_hint="'--function'")


@click.command()
def backends() -> None:
    """List the backends and whether they can be used here."""
    rows = []
    for row in core_backends.BACKENDS:
        try:
            core_backends.find_compiler(row.name)
        except BackendError as error:
            rows.append((row.name, "no", str(error)))
        else:
            rows.append((row.name, "yes", row.distribution))
    known = {row.name for row in core_backends.BACKENDS}
    rows += [(name, "yes", "entry point") for name in core_backends.installed() if name not in known]
    show_table("backend", ("name", "usable", "from"), rows)
