"""Wasmer's names for the same: the steps of `load`, one by one, over an instance that its user makes.

::

    globals = EmscriptenGlobals(module)
    instance = module.instantiate(generate_emscripten_env(globals))
    run_emscripten_instance(module, instance, globals, "lua", ["script.lua"], mapped_dirs=[("/work", "scripts")])
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, final

from wasmer_emscripten.calling import Stack
from wasmer_emscripten.loading import Options, environment, process_of
from wasmer_emscripten.process import Process
from wasmer_emscripten.program import Program
from wasmer_emscripten.recognising import info_of
from wasmer_runtime_core.errors import ExitCode, ExportNotFound
from wasmer_vfs.host_directories import HostDirectory

if TYPE_CHECKING:
    from wasmer_runtime_core.running.imports import ImportObject
    from wasmer_runtime_core.running.instance import Instance
    from wasmer_runtime_core.running.module import Module
    from wasmer_runtime_core.running.objects.limits import Limits


@final
class EmscriptenGlobals:
    """What one instance of a module gets. It is for one instance; its files are closed with it.

    Attributes:
        module: the module.
        process: what the program has.
        limits: bound the memory and the tables that the module imports, which are made here; give them to its
            instance, too.
        memory_min, memory_max: pages of its memory; the most may be None.
    """

    def __init__(self, module: Module, options: Options | None = None, limits: Limits | None = None) -> None:
        self.module = module
        self.limits = limits
        self.process = process_of(Options() if options is None else options)
        self.memory_min, self.memory_max = get_emscripten_memory_size(module)


def get_emscripten_memory_size(module: Module) -> tuple[int, int | None]:
    """The least and the most pages of a module's memory.

    Raises:
        ValueError: it has none.
    """
    memories = info_of(module).memories
    if not memories:
        raise ValueError("a program of emcc has a memory, and this module has none")
    return memories[0].limits.minimum, memories[0].limits.maximum


def get_emscripten_table_size(module: Module) -> tuple[int, int | None]:
    """The least and the most elements of a module's table.

    Raises:
        ValueError: it has none.
    """
    tables = info_of(module).tables
    if not tables:
        raise ValueError("the module has no table")
    return tables[0].limits.minimum, tables[0].limits.maximum


def generate_emscripten_env(globals: EmscriptenGlobals) -> ImportObject:
    """The imports of the instance that `globals` is for.

    Raises:
        TypeError: it is no `EmscriptenGlobals`.
        CompileError: the module is none that can be run.
        UnableToCreateMemory, UnableToCreateTable: what it imports is larger than its limits allow.
    """
    if not isinstance(globals, EmscriptenGlobals):
        raise TypeError(f"expected EmscriptenGlobals(module), not {globals!r}")
    return environment(globals.module, globals.process, limits=globals.limits)


def _process(instance: Instance) -> Process:
    ctx: Any = instance.context()
    for each in (ctx.data, *getattr(ctx, "states", ())):
        if isinstance(each, Process):
            return each
    raise TypeError("this instance was not given the imports of generate_emscripten_env")


def set_up_emscripten(instance: Instance) -> Program:
    """Run a program's constructors; what it returns has the rest of what Python calls of it.

    Raises:
        Trap, EmscriptenError: they failed.
    """
    return Program(instance, _process(instance))


def emscripten_call_main(instance: Instance, path: str, args: Iterable[str | bytes] = ()) -> int:
    """Run the `main` of a program that is set up: its exit code.

    Args:
        path: its name, which is its argument 0.
        args: its arguments.

    Raises:
        ExportNotFound: it has none.
        Trap, EmscriptenError: it failed.
    """
    process = _process(instance)
    process.args = [os.fsencode(path), *map(os.fsencode, args)]
    return Program(instance, process, start=False).main()


def run_emscripten_instance(
    module: Module,
    instance: Instance,
    globals: EmscriptenGlobals,
    path: str,
    args: Iterable[str | bytes] = (),
    entrypoint: str | None = None,
    mapped_dirs: Iterable[tuple[str, str | os.PathLike[str]]] = (),
) -> int:
    """Set a program up and run it.

    Args:
        entrypoint: an export to be called instead of `main`, with a pointer to the first argument.
        mapped_dirs: pairs of the name under which the program sees a directory, and that directory of the host.

    Returns:
        The exit code; of an entrypoint, what it returns.
    """
    process = _process(instance)
    for alias, directory in mapped_dirs:
        process.tree.mount(process.tree.absolute(os.fsencode(alias), b"/"), HostDirectory.at(directory))
    set_up_emscripten(instance)
    given = list(args)
    if entrypoint is None:
        return emscripten_call_main(instance, path, given)
    program = Program(instance, process, start=False)
    return call_entrypoint(program, entrypoint, given)


def call_entrypoint(program: Program, name: str, args: Sequence[str | bytes]) -> int:
    """Call an export with a pointer to the first argument, if it takes one.

    Raises:
        ExportNotFound: there is none.
    """
    function = program.links.called(name)
    if function is None:
        raise ExportNotFound(name, list(program.exports))
    pointers = [Stack(program.process, program.links).string(each) for each in args[: len(function.type.params)]]
    try:
        result = function(*pointers)
        program.finish()
    except ExitCode as ended:
        program.flush()
        return ended.code
    return int(result or 0)
