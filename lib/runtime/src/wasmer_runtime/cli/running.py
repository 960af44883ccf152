"""``run``: a program from the command line, with what it may see of the world.

A module that imports WASI gets its arguments and its `World` through `wasmer_wasi`, and
`_start` is called; one that emcc built gets them through `wasmer_emscripten`, and its ``main``
is called; one of Go gets them through `wasmer_go`. Any other gets no imports, and ``main`` is called. An assembly of
.NET is run by `wasmer_runtime.cli.dotnet`. With
``--invoke NAME`` that function is called instead: arguments are read by its signature, and
what it returns is printed.
"""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click
from wasmer_runtime.cli.backend_option import backend_option
from wasmer_runtime.cli.bounds import Bounds, bounds_options
from wasmer_runtime.cli.compiling import compiling_options
from wasmer_runtime.cli.dotnet import dotnet_option, is_assembly, run_assembly
from wasmer_runtime.cli.failures import CommandError, flush, must_be_installed, quiet_option, show, warn
from wasmer_runtime.cli.files import file_argument, is_artifact, load
from wasmer_runtime.cli.llvm import LLVMFiles, llvm_options
from wasmer_runtime.cli.middlewares import middleware_options
from wasmer_runtime.cli.world import World, world_options
from wasmer_runtime_core.contract.values import FuncSig, Type, Value
from wasmer_runtime_core.errors import ExitCode
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.support.annotations import TYPE_CHECKING
from wasmer_runtime_core.support.printable import printable, shortened
from wasmer_runtime_core.wasm.module import FUNCTION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wasmer_emscripten import Program
    from wasmer_go import Program as GoProgram
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.running.imports import ImportObject
    from wasmer_runtime_core.running.objects.limits import Limits


EXAMPLES = """\b
Examples:
  wasmer-runtime program.wasm a --flag
  wasmer-runtime run --dir . --env LANG=C --env HOME program.wasm input.txt
  wasmer-runtime run --dir /srv/data::/data --timeout 10 --memory 256M program.wasm
  wasmer-runtime run --invoke add module.wat 1 2
  cat program.wasm | wasmer-runtime run -
"""

SPAWN = ("wasi", "thread-spawn")
"""What a WASI program imports that has threads."""


@click.command(cls=click.later("wasmer_runtime.cli.program_command:ProgramCommand"), epilog=EXAMPLES)
@file_argument
@click.argument("arguments", metavar="[ARGS…]", nargs=-1, type=click.UNPROCESSED)
@backend_option("Who compiles: {backends}. Default: auto.")
@click.option("-i", "--invoke", metavar="NAME", help="Call this export with ARGS, print what it returns.")
@click.option(
    "--em-symbol-map",
    metavar="FILE",
    type=click.FILE,
    help="Of a program of emcc: names of minified imports and exports, JSON or lines letters:name.",
)
@click.option("--em-entrypoint", metavar="NAME", help="Of a program of emcc: the export to call instead of main.")
@dotnet_option
@click.option("--lazy", is_flag=True, help="Compile each function when it is first called.")
@click.option(
    "--tiers/--no-tiers",
    default=None,
    help="Whether functions that run often get better code. Default: with auto.",
)
@click.option("--disable-cache", is_flag=True, help="Compile, whatever the cache has, and keep nothing in it.")
@quiet_option
@bounds_options
@world_options
@llvm_options
@middleware_options
@compiling_options
def run(
    file: Path,
    arguments: tuple[str, ...],
    backend: str | None,
    invoke: str | None,
    em_entrypoint: str | None,
    em_symbol_map: Path | None,
    dotnet: Path | None,
    world: World,
    bounds: Bounds,
    llvm: LLVMFiles,
    config: CompilerConfig | None,
    lazy: bool,
    tiers: bool | None,
    disable_cache: bool,
) -> None:
    """Run a program: of WASI, emcc, Go or .NET, or a function of any module; or what ``compile`` made of one.

    FILE is a module in either format, - is standard input. Options stand before it or directly behind it; the first
    word that is none, and all that follows, is an argument of the program.
    """
    source = load(file, config)
    if dotnet is not None or is_assembly(source):
        if invoke is not None:
            raise CommandError("of a program of .NET its Main is called: --invoke has no meaning for it")
        cache = not disable_cache
        run_assembly(
            source,
            file,
            dotnet,
            arguments,
            world,
            bounds,
            lambda native: llvm.compile(native, backend, config, cache, lazy, tiers),
        )
        return
    if is_artifact(source):
        module = Module.deserialize(source)
        if backend is not None or config is not None or lazy or tiers:
            warn(f"{file} is compiled already: options that say how have no effect")
    else:
        module = llvm.compile(source, backend, config, not disable_cache, lazy, tiers)
    bounds.within(
        lambda: run_module(module, file, arguments, invoke, em_entrypoint, em_symbol_map, world, bounds.limits())
    )


def run_module(
    module: Module,
    file: Path,
    arguments: tuple[str, ...],
    invoke: str | None,
    em_entrypoint: str | None,
    em_symbol_map: Path | None,
    world: World,
    limits: Limits | None,
) -> None:
    """Run a module as the program that it is."""
    if any(wanted.name.startswith("mono_wasm_") for wanted in module.info.imports):
        raise CommandError(f"{file} is a .NET runtime: name the program that it is to run, and --dotnet DIR")
    if is_emscripten(module, file, em_symbol_map):
        program = world.program(module, file, em_symbol_map, () if invoke is not None else arguments, limits)
        run_emscripten(program, module, arguments, invoke, em_entrypoint)
        return
    if is_go(module):
        run_go(world.go_program(module, file, arguments, limits), invoke)
        return
    for option, value in (("--em-entrypoint", em_entrypoint), ("--em-symbol-map", em_symbol_map)):
        if value is not None:
            warn(f"the program was not built by emcc: {option} has no effect")
    imports: ImportObject | None = None
    is_wasi = any(wanted.namespace.startswith("wasi_") for wanted in module.info.imports)
    if is_wasi and any((each.namespace, each.name) == SPAWN for each in module.info.imports):
        if invoke not in (None, "_start"):
            raise CommandError(f"--invoke {invoke}: a program with threads begins with _start")
        world.threads(module, str(file), arguments, limits).run()
        flush()
        return
    if is_wasi:
        imports = world.imports(module, str(file), arguments)
        if invoke is not None and invoke != "_start" and not is_reactor(module):
            warn("a function of a WASI program is called without its _start having run")
    elif given := world.given():
        verb = "has" if len(given) == 1 else "have"
        warn(f"the program does not use WASI: {', '.join(given)} {verb} no effect")
    asked = invoke is not None or not is_wasi  # for what the function returns
    name = start_function(module) if invoke is None else invoke
    signature = function_signature(module, name)
    values = parse_arguments(name, signature, arguments) if asked else []
    instance = module.instantiate(imports, limits)
    if is_wasi and invoke is not None and is_reactor(module):
        instance.exports["_initialize"]()
    results = instance.dyn_func(name).call(values)
    flush()
    if asked:
        show(f"{printable(name)}([{show_values(values)}]) returned [{show_values(results)}]")


def is_emscripten(module: Module, file: Path, symbols: Path | None) -> bool:
    """Whether emcc built it: asked of `wasmer_emscripten`, where the module imports what emcc's programs may.

    One whose imports are minified is known by the JavaScript beside it, or by the names that are given for it.
    """
    if not any(wanted.namespace in ("env", "a") for wanted in module.info.imports):
        return False
    try:
        from wasmer_emscripten import is_emscripten_module
        from wasmer_emscripten.loading import glue_beside
        from wasmer_emscripten.recognising import is_minified
    except ModuleNotFoundError as error:
        if error.name != "wasmer_emscripten":
            raise
        return False
    if is_emscripten_module(module):
        return True
    return is_minified(module.info) and (symbols is not None or glue_beside(file) is not None)


def is_go(module: Module) -> bool:
    """Whether it is a program of Go.

    Raises:
        CommandError: it is, and `wasmer_go` is not installed.
    """
    if not any(wanted.namespace in ("go", "gojs") for wanted in module.info.imports):
        return False
    must_be_installed(
        "wasmer_go", "this program needs Go's interface, which is not installed: pip install 'wasmer-runtime[go]'"
    )
    from wasmer_go import is_go_module

    return is_go_module(module)


def run_go(program: GoProgram, invoke: str | None) -> None:
    """Run a program of Go.

    Raises:
        ExitCode: its exit code, if that is not 0.
        CommandError: a function of it is to be called.
    """
    if invoke is not None:
        raise CommandError("the functions of a Go program are called from Python: --invoke has no meaning for it")
    code = program.run()
    flush()
    if code:
        raise ExitCode(code)


def run_emscripten(
    program: Program, module: Module, arguments: tuple[str, ...], invoke: str | None, entrypoint: str | None
) -> None:
    """Run a program of emcc, or a function of it.

    Raises:
        ExitCode: its exit code, if that is not 0.
    """
    from wasmer_emscripten.wasmer_names import call_entrypoint

    if invoke is not None:
        values = parse_arguments(invoke, function_signature(module, invoke), arguments)
        results = program.instance.dyn_func(invoke).call(values)
        program.flush()
        flush()
        show(f"{printable(invoke)}([{show_values(values)}]) returned [{show_values(results)}]")
        return
    code = program.main() if entrypoint is None else call_entrypoint(program, entrypoint, program.process.args)
    flush()
    if code:
        raise ExitCode(code)


def start_function(module: Module) -> str:
    """The export that a module's program starts with.

    Raises:
        CommandError: it has none.
    """
    names = [export.name for export in module.info.exports]
    for name in ("_start", "main"):
        if name in names:
            return name
    there_is = some_of(names) or "nothing"
    raise CommandError(
        f"the module exports neither _start nor main; name a function with --invoke (it exports {there_is})"
    )


def some_of(names: Sequence[str]) -> str:
    """The first of a module's names, for a message."""
    return ", ".join(map(shortened, names[:8])) + (", …" if len(names) > 8 else "")


def is_reactor(module: Module) -> bool:
    """Whether it is a WASI library: its ``_initialize`` runs before anything else of it is called."""
    return any(export.name == "_initialize" and export.kind == FUNCTION for export in module.info.exports)


def function_signature(module: Module, name: str) -> FuncSig:
    """The signature of an exported function.

    Raises:
        CommandError: nothing of that name, or no function.
    """
    for export in module.exports:
        if export.name == name:
            if isinstance(export.type, FuncSig):
                return export.type
            raise CommandError(f"Export is not a function: {name}")
    functions = some_of([export.name for export in module.info.exports if export.kind == FUNCTION])
    raise CommandError(f"Could not find function {name}" + (f" (there is: {functions})" if functions else ""))


def parse_arguments(name: str, signature: FuncSig, arguments: Sequence[str]) -> list[Value]:
    """Arguments for a call, read by the types of the parameters.

    Raises:
        CommandError: too few, too many, or one that is not what its parameter wants.
    """
    if len(arguments) != len(signature.params):
        expected, found = len(signature.params), len(arguments)
        raise CommandError(f"Wrong number of arguments for {name} {signature}: expected {expected}, found {found}")
    return [
        parse_argument(at, text, type.kind)
        for at, (text, type) in enumerate(zip(arguments, signature.params, strict=True))
    ]


def parse_argument(at: int, text: str, type: Type) -> Value:
    """One argument: integers as in Python (``0x2a``), floats too (``1e3``, ``nan``, ``inf``), ``null`` references."""
    try:
        if type in (Type.F32, Type.F64):
            return Value.of(type, float(text))
        if type in (Type.FUNCREF, Type.EXTERNREF, Type.EXNREF):
            if text == "null":
                return Value.of(type, None)
            raise ValueError
        return Value.of(type, int(text, 0))
    except (ValueError, OverflowError):
        raise CommandError(f"Could not parse argument {at + 1}, {text!r}, as {type}") from None


def show_values(values: Sequence[Value]) -> str:
    """As Wasmer prints them: ``I32(1), F64(0.5)``."""
    return ", ".join(printable(f"{value.type.name}({value})") for value in values)
