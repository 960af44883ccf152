"""``bench``: how long each backend takes to compile a module, and its code to run, as a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wasmer_runtime import api
from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.backend_option import backend_option
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.describing import program
from wasmer_runtime.cli.failures import NEEDS_WASI, CommandError, must_be_installed, warn
from wasmer_runtime.cli.files import file_argument, load
from wasmer_runtime.cli.inspecting import show_table
from wasmer_runtime.cli.running import function_signature, parse_arguments
from wasmer_runtime_core.compiling import pipeline, registry
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.module import Module


@click.command(
    cls=click.later("wasmer_runtime.cli.program_command:ProgramCommand"),
    epilog="""\b
Examples:
  wasmer-runtime bench program.wasm
  wasmer-runtime bench --invoke fib module.wat 30
  wasmer-runtime bench --backend llvm --repeat 10 program.wasm input
""",
)
@file_argument
@click.argument("arguments", metavar="[ARGS…]", nargs=-1, type=click.UNPROCESSED)
@backend_option("Only this one: {backends}. Default: each that is installed.")
@click.option("-i", "--invoke", metavar="NAME", help="Call this export with ARGS.")
@click.option("--repeat", metavar="N", type=click.IntRange(1, 1000), default=3, help="How often; the best counts.")
@compiling_options
def bench(
    file: Path,
    arguments: tuple[str, ...],
    backend: str | None,
    invoke: str | None,
    repeat: int,
    config: CompilerConfig | None,
) -> None:
    """Measure each backend: compiling, and running a WASI program (its output is dropped) or a function.

    Each line is the best of a few runs, in milliseconds; the cache is not asked. Compare lines of one table: times of
    two runs on a machine that does other things, too, differ.
    """
    source = pipeline.read_module(load(file, config))
    rows: list[Sequence[str]] = []
    for name in [backend] if backend else registry.installed():
        try:
            module, compiling = _best(repeat, partial(api.compile, source, name, config, cache=False))
        except CompileError as error:
            if backend:
                raise
            warn(f"{name}: {error}")
            continue
        work = _work(module, str(file), arguments, invoke)
        running = "" if work is None else f"{_best(repeat, work)[1] * 1e3:.2f}"
        rows.append((name, f"{compiling * 1e3:.2f}", f"{len(module.compiled.code):,}", running))
    show_table("bench", ("backend", "compiling, ms", "code, bytes", "running, ms"), rows)


def _best(repeat: int, work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returned last, and the shortest time in seconds."""
    best = float("inf")
    result = None
    for _ in range(repeat):
        begin = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begin)
    return result, best


def _work(module: Module, name: str, arguments: tuple[str, ...], invoke: str | None) -> Callable[[], object] | None:
    """What is measured of a module's code; None: there is nothing to run.

    Raises:
        CommandError: there is no such function, or `wasmer_wasi` is not installed.
    """
    kind = program(module.info).kind
    if invoke is None and kind == "wasi":
        must_be_installed("wasmer_wasi", NEEDS_WASI)
        from wasmer_wasi import run

        return lambda: run(module, arguments, name=name, stdout=None, stderr=None)
    if invoke is None and (kind or not any(row.name == "main" for row in module.info.exports)):
        warn("only compiling is measured: name a function with --invoke")
        return None
    if module.info.imports:
        raise CommandError("a function of a module with imports cannot be called from here")
    called = invoke or "main"
    values = parse_arguments(called, function_signature(module, called), arguments)
    function = module.instantiate().dyn_func(called)
    return lambda: function.call(values)
