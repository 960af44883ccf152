"""From a module to a program that can be called: what it imports, and what a user gives it.

`Options` is what a user can say, checked; `environment` makes the imports of one instance; `load` does all of it.
"""

from __future__ import annotations

import importlib
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import wasmer_emscripten.fastcomp.arithmetic
import wasmer_emscripten.fastcomp.files
import wasmer_emscripten.fastcomp.library
import wasmer_emscripten.library
import wasmer_emscripten.linking.opening
import wasmer_emscripten.syscalls
from wasmer_emscripten import functions as provided
from wasmer_emscripten.fastcomp import pointers, records
from wasmer_emscripten.fastcomp.names import without_underscores
from wasmer_emscripten.fastcomp.numbered import by_pointer, named, number_of, numbered
from wasmer_emscripten.fastcomp.placing import imported_global, places_of, reserved
from wasmer_emscripten.glue.constant import constant
from wasmer_emscripten.glue.embedded import SUFFIXES, module_of
from wasmer_emscripten.glue.matching import LOOK_EVERY
from wasmer_emscripten.glue.names import Names, Symbols, names_of, read_text
from wasmer_emscripten.glue.packaged import data_of, packed
from wasmer_emscripten.heap_of_glue import put_heap
from wasmer_emscripten.library.javascript import asm_constants, missing
from wasmer_emscripten.library.jumps import PREFIX, invoke
from wasmer_emscripten.library.refused import remedy_for
from wasmer_emscripten.linking.dylink import dylink_of
from wasmer_emscripten.linking.linker import MAIN, Linker
from wasmer_emscripten.linking.modules import Finder, checked
from wasmer_emscripten.linking.places import TABLE_BASE, is_main, is_placed, main_places
from wasmer_emscripten.linking.record import record_of
from wasmer_emscripten.linking.slots import Slots
from wasmer_emscripten.process import DEFAULT_ENVIRONMENT, Process
from wasmer_emscripten.recognising import info_of, is_fastcomp, is_minified, layouts_of
from wasmer_emscripten.signatures import letters_of
from wasmer_emscripten.state import Fastcomp
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.backend_names import Backend
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.values import ElementType, MemoryDescriptor, TableDescriptor
from wasmer_runtime_core.running.host import HostFunc, func
from wasmer_runtime_core.running.imports import ImportObject
from wasmer_runtime_core.running.interrupts import check_interrupts
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.running.objects.tags import Tag
from wasmer_runtime_core.support.printable import printable
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, MEMORY, TABLE, TAG
from wasmer_vfs.clock import Clock
from wasmer_vfs.descriptors import DEFAULT_LIMIT
from wasmer_vfs.devices import Devices
from wasmer_vfs.network import Network
from wasmer_vfs.random import RandomSource, system
from wasmer_vfs.standard_streams import CAPTURE, INHERIT, as_input, as_output_or_capture
from wasmer_vfs.tree_files import Files
from wasmer_vfs.trees import Tree, mountable

if TYPE_CHECKING:
    from wasmer_emscripten.program import Program
    from wasmer_runtime_core.compiling.pipeline import Source
    from wasmer_runtime_core.contract.backend import CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler
    from wasmer_runtime_core.running.objects.limits import Limits
    from wasmer_runtime_core.wasm.module import Import, ModuleInfo
    from wasmer_runtime_core.wasm.types import FunctionType

BESIDE: Final = object()
"""Of `data`: what lies beside the glue."""

__all__ = ["CAPTURE", "Options", "environment", "load"]

DIRECTORIES: Final = (b"tmp", b"home", b"home/web_user", b"dev", b"proc", b"proc/self", b"proc/self/fd")
"""What is in every program's tree."""

EMBIND: Final = ("_embind_", "_emval_", "__embind_", "__emval_")
"""How names of embind's functions begin."""
EMBINDS_ERROR: Final = "BindingError"
"""What is in every glue that has embind, whatever a minifier did to it."""
EMBINDS_ROWS: Final = "wasmer_emscripten.embind.provided"
"""The module that fills the rows of embind's functions: only programs that bind something pay for it."""
PACKED_MODE: Final = 0o777
"""Of a file that emcc has packed: what its own JavaScript gives it."""
HALVES: Final = frozenset(("getTempRet0", "_getTempRet0", "setTempRet0", "_setTempRet0", "_emscripten_tempret_get"))
"""Imports or exports of a program that takes results of 64 bits in halves."""
MOST_SHOWN: Final = 2000
"""Characters of the JavaScript of a function that nobody knows."""

_REGISTERED: Final = (
    wasmer_emscripten.fastcomp.arithmetic,
    wasmer_emscripten.fastcomp.files,
    wasmer_emscripten.fastcomp.library,
    wasmer_emscripten.library,
    wasmer_emscripten.linking.opening,
    wasmer_emscripten.syscalls,
)


class Options(NamedTuple):
    """What a program is given. Nothing else of the machine is visible to it.

    Attributes:
        args: its arguments; its name is `name`.
        env: variables, on top of what every program of emcc finds (HOME=/home/web_user …).
        stdin: a file object, a callable, bytes, a path, None (empty); if nothing is said, this process's.
        stdout, stderr: a file object, a callable, None (nowhere), `CAPTURE`; if nothing is said, this process's.
        mounts: directories by the name under which it sees them: a path of the host, a `HostDirectory` or a
            `MemoryDirectory`.
        current: its current directory.
        functions: Python functions for its own JavaScript, by name. They stand before what is here.
        asm: Python functions for its pieces of ``EM_ASM``, by text or number.
        glue: the JavaScript that emcc wrote beside it, as a path, for names that are minified and texts of ``EM_ASM``.
        symbols: names by their letters, where the glue has none: a mapping, or a file. `Program.names` of a run before:
            then nothing is looked for.
        globals: what C++ finds by name in its world (``val::global``), beside `embind.world.GLOBALS`.
        clock, random: where time and random bytes come from.
        descriptors: how many files it can have open at once.
        name: its argument 0.
        libraries: side modules for `dlopen`, and those that it needs, by the names under which it asks for them: a
            path of the host, bytes, or a module that is compiled.
        net: what it may reach by TCP and UDP, and where it may be reached: a `Network`. Nothing, if nothing is said.
        data: the file of data (a path, or bytes) that emcc packed its files into (``--preload-file``), where the glue
            lists some; if nothing is said, the one beside the glue; None: it starts without them.
    """

    args: tuple[str | bytes, ...] = ()
    env: Mapping[str, str] | None = None
    stdin: Any = INHERIT
    stdout: Any = INHERIT
    stderr: Any = INHERIT
    mounts: Mapping[str, Any] | None = None
    current: str = "/"
    functions: Mapping[str, Callable[..., Any]] | None = None
    asm: Mapping[str | int, Callable[..., Any]] | None = None
    glue: str | os.PathLike[str] | None = None
    symbols: Symbols | Names | None = None
    clock: Clock | None = None
    random: RandomSource = system
    descriptors: int = DEFAULT_LIMIT
    name: str | bytes = "./this.program"
    globals: Mapping[str, Any] | None = None
    net: Network | None = None
    libraries: Mapping[str, Any] | None = None
    data: Any = BESIDE


def _bytes_of(given: str | bytes, what: str) -> bytes:
    data = os.fsencode(given)
    if b"\0" in data:
        raise ValueError(f"{what} {given!r} contains a NUL byte, which would end it")
    return data


def _arguments(options: Options) -> list[bytes]:
    if isinstance(options.args, (str, bytes)):
        raise TypeError(f"args takes several, as a list: [{options.args!r}]")
    return [_bytes_of(each, "argument") for each in (options.name, *options.args)]


def _environ(options: Options) -> list[bytes]:
    variables = dict(DEFAULT_ENVIRONMENT)
    for name, value in (options.env or {}).items():
        key = _bytes_of(name, "environment variable")
        if not key or b"=" in key:
            raise ValueError(f"environment variable {name!r}: a name may not be empty or contain '='")
        variables[key] = _bytes_of(value, "value of an environment variable")
    return [key + b"=" + value for key, value in variables.items()]


def _streams(options: Options) -> tuple[Any, Any, Any]:
    return (
        as_input(options.stdin),
        as_output_or_capture(options.stdout, "output"),
        as_output_or_capture(options.stderr, "error"),
    )


def _unpack(options: Options, glue: str, tree: Tree) -> None:
    """Put the files that a glue lists into a tree in which nothing is mounted yet."""
    found = packed(glue) if options.data is not None else []
    if not found:
        return
    data = data_of(found, options.data, Path(options.glue) if options.glue is not None else None)
    files = Files(tree)
    for file in found:
        check_interrupts()
        files.mkdir(posixpath.dirname(file.path) or "/", parents=True, exist_ok=True)
        files.write_bytes(file.path, data[file.start : file.end])
        tree.set_mode(files.stat(file.path), PACKED_MODE)


def _tree(options: Options, glue: str) -> Tree:
    tree = Tree(DIRECTORIES)
    _unpack(options, glue, tree)
    tree.mount(b"/dev", Devices(options.random))
    for name, given in (options.mounts or {}).items():
        where = _bytes_of(name, "mount")
        if not where.startswith(b"/"):
            raise ValueError(f"a directory is mounted at a path from / on; this is {name!r}")
        tree.mount(where, mountable(name, given))
    tree.current = tree.absolute(_bytes_of(options.current, "current directory"), b"/")
    place = tree.place(tree.current)
    if place.directory.path_status(place.path, True).kind != "directory":
        raise NotADirectoryError(f"the current directory {options.current!r} is a file")
    return tree


def process_of(options: Options) -> Process:
    """What a program has, from what its user says.

    Raises:
        TypeError, ValueError: something is not of its form; it says what.
        OSError: a directory or a file cannot be opened.
    """
    environ = _environ(options)
    if options.net is not None and not isinstance(options.net, Network):
        raise TypeError(f"net: a Network is needed, Network(listen=[…], connect=[…]); this is {options.net!r}")
    libraries = checked(options.libraries)
    glue = read_text(options.glue) if options.glue is not None else ""
    zone = next((each[3:].decode() for each in environ if each.startswith(b"TZ=")), None)
    process = Process(
        _arguments(options),
        environ,
        _streams(options),
        _tree(options, glue),
        options.clock,
        options.random,
        zone,
        options.descriptors,
        options.net,
    )
    process.javascript.give(options.asm or {})
    process.globals = dict(options.globals or {})
    process.libraries = libraries
    process.symbols = options.symbols
    process.glue = glue
    process.javascript.texts = asm_constants(glue)
    return process


# --- the imports


def environment(
    module: Any,
    process: Process,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    limits: Limits | None = None,
    compile: Callable[[Any], Module] | None = None,
) -> ImportObject:
    """The imports of one instance of a module, which `process` is for.

    Every function that the module wants is there. What is not supported says so when it is called. A memory and tables
    that it imports are made here, under `limits`. A program that is linked dynamically gets its linker here, which
    compiles side modules with `compile`; if nothing is said, as the program was.

    Raises:
        CompileError: the module is none that can be run: it says why.
        UnableToCreateMemory, UnableToCreateTable: what it imports is larger than `limits`, or the system, allow.
    """
    info = info_of(module)
    wanted = [entry.name for entry in info.imports]
    if is_minified(info) and EMBINDS_ERROR in process.glue:
        importlib.import_module(EMBINDS_ROWS)  # for what the letters may stand for
    if isinstance(process.symbols, Names):
        names = process.symbols
    else:
        names = names_of(info, process.glue, process.symbols, provided.fits)
        if is_fastcomp(info):
            names = without_underscores(info, names)
    if is_fastcomp(info):
        calls_back = any(name.startswith(pointers.JS_CALL) for name in map(names.of_import, wanted))
        process.fastcomp = Fastcomp(places_of(info, process.glue), reserved(process.glue), calls_back)
    process.names = names
    process.halves = not HALVES.isdisjoint(
        (*map(names.of_import, wanted), *names.exports, *(each.name for each in info.exports))
    )
    process.layouts = layouts_of(info, names.imports, process.glue)
    if process.fastcomp is not None:
        process.layouts = records.layouts_of(info, names.imports, process.glue)
        process.errors = records.errors_of(info, names.imports, process.glue)
    wanted = [names.of_import(name) for name in wanted]
    if any(name.startswith(EMBIND) for name in wanted):
        importlib.import_module(EMBINDS_ROWS)
        from wasmer_emscripten.embind.emval import numbering
        from wasmer_emscripten.embind.registry import registry_of

        registry_of(process).handles.be_of(numbering(process, wanted))
    given = dict(functions or {})
    imports = ImportObject(state=None)
    create = _returning(process)
    namespaces: dict[str, dict[str, Any]] = {}
    pointer = by_pointer(info, names.imports)
    if process.fastcomp is None and (is_main(info) or is_placed(info)):
        process.linker = _linker(module, process, given, limits, compile)
    for number, entry in enumerate(info.imports):
        if number % LOOK_EVERY == 0:
            check_interrupts()
        found = _import(info, process, entry, given, limits, pointer)
        if isinstance(found, HostFunc):
            found = found.with_state(create)
        if found is not None:
            namespaces.setdefault(entry.namespace, {})[entry.name] = found
        if isinstance(found, Memory):
            process.memory = found
            if process.fastcomp is not None:
                places = process.fastcomp.places
                found.write(places.heap_end, places.heap.to_bytes(4, "little"))
            elif process.linker is None:
                process.heap_place = put_heap(found, process.glue)
        if process.linker is not None:
            if isinstance(found, Table) and process.linker.slots is None:
                process.linker.slots = Slots(found)
    if is_main(info) and process.linker is not None and process.linker.slots is None:  # its libraries may need one
        process.linker.slots = Slots(Table(TableDescriptor(ElementType.ANYFUNC, TABLE_BASE, None), limits=limits))
    for name, namespace in namespaces.items():
        imports.register(name, namespace)
    return imports


def _linker(
    module: Any,
    process: Process,
    given: Mapping[str, Callable[..., Any]],
    limits: Limits | None,
    compile: Callable[[Any], Module] | None,
) -> Linker | None:
    """The linker of a program, or None: it does not say what it wants of one."""
    info = info_of(module)
    dylink = dylink_of(info, MAIN)
    if dylink is None:
        return None

    def provide(namespace: str, name: str, wanted: FunctionType) -> Callable[..., Any] | None:
        return _provided(process, name, wanted, given)

    places = main_places(info, dylink, process.glue, MAIN) if is_main(info) else None
    finder = Finder(process, process.libraries, compile or _compiling_like(module))
    record = record_of(info, process.names.imports, process.glue)
    return Linker(process, dylink, places, finder, provide, limits, record)


def _compiling_like(
    module: Module, compiler: Compiler | None = None, config: CompilerConfig | None = None
) -> Callable[[Any], Module] | None:
    """What compiles a side module as the program was compiled, where nothing else is said; None: nothing says how.

    A side module runs as a part of the program: what a configuration puts into the code of one, it puts into all.
    """
    chosen = module.config if config is None else config
    if chosen is None:
        return None
    return lambda source: compile_with(source, compiler or find_compiler(module.backend), chosen)


def _returning(process: Process) -> Callable[[], Process]:
    return lambda: process


def _import(
    info: ModuleInfo,
    process: Process,
    entry: Import,
    given: Mapping[str, Callable[..., Any]],
    limits: Limits | None,
    by_pointer: bool,
) -> HostFunc | Memory | Table | Global | Tag | None:
    if entry.kind == MEMORY:
        size = entry.type.limits  # type: ignore[union-attr]
        return Memory(MemoryDescriptor(size.minimum, size.maximum), limits=limits)
    if entry.kind == TABLE:
        size = entry.type.limits  # type: ignore[union-attr]
        least = size.minimum
        if process.linker is not None:  # what it says itself leaves out the places before its own
            least = max(least, process.linker.main.table + process.linker.main.dylink.table_size)
        return Table(TableDescriptor(ElementType.ANYFUNC, least, size.maximum), limits=limits)
    if entry.kind == FUNCTION and isinstance(entry.type, int):
        wanted = info.types[entry.type]
        return func(
            _function(process, entry.namespace, process.names.of_import(entry.name), wanted, given, by_pointer),
            params=wanted.params,
            returns=wanted.results,
        )
    if entry.kind == TAG and isinstance(entry.type, int):
        return process.imported_tag(process.names.of_import(entry.name), info.types[entry.type])
    if entry.kind == GLOBAL and process.fastcomp is not None:
        return imported_global(entry, process.fastcomp.places)
    if entry.kind == GLOBAL and process.linker is not None:
        linker: Linker = process.linker
        return linker.imported_global(linker.main, entry)
    return None  # the runtime's error lists it


def _given(process: Process, function: Callable[..., Any], wanted: FunctionType) -> Callable[..., Any]:
    halved = process.halves and letters_of(wanted.results) == "i"
    return provided.leaving_high(process, function) if halved else function


def _provided(
    process: Process, name: str, wanted: FunctionType, given: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any] | None:
    """What a program's side modules get of its host, too: what the user gave, `invoke_*`, a row of `functions`."""
    if name in given:
        return _given(process, given[name], wanted)
    return invoke(process, wanted, name) if name.startswith(PREFIX) else provided.find(process, name, wanted)


def _function(
    process: Process,
    namespace: str,
    name: str,
    wanted: FunctionType,
    given: Mapping[str, Callable[..., Any]],
    by_pointer: bool,
) -> Callable[..., Any]:
    if name in given:
        return _given(process, given[name], wanted)
    if name.startswith(PREFIX):
        return invoke(process, wanted, name)
    if name.startswith(pointers.JS_CALL):
        return pointers.js_call(process, wanted)
    if name.startswith(pointers.NULL):
        return pointers.null_function(name)
    number = number_of(name)
    if number is not None and by_pointer:
        call = numbered(process, number)
        if call is not None:
            return call
    name = named(name)
    found = provided.find(process, name, wanted)
    if found is not None:
        return found
    if name in process.names.texts:
        constantly = constant(process.names.texts[name], letters_of(wanted.results))
        if constantly is not None:
            return constantly
    types = provided.known(name)
    if types:
        remedy: str | None = (
            f"the module wants it as {wanted}, which is none of its types ({', '.join(types)}): give a function for "
            f"it, functions={{{name!r}: f}}"
        )
    elif name in process.names.texts:
        remedy = (
            f"nothing says what emcc called it: give its name, symbols={{{name!r}: …}}, or a function for it, "
            f"functions={{{name!r}: f}}; it is JavaScript:\n{process.names.texts[name][:MOST_SHOWN]}"
        )
    else:
        remedy = remedy_for(name)
    absent = missing(process, namespace, printable(name), remedy)
    if process.linker is not None and remedy is None:  # a side module may have it
        linker: Linker = process.linker
        return linker.later(linker.main, name, absent)
    return absent


def glue_beside(path: Path) -> Path | None:
    """The JavaScript that emcc wrote beside a module, or the path itself if it is that; None: there is none."""
    if path.suffix in SUFFIXES:
        return path
    if not path.name:  # a directory, as reading it will say
        return None
    return next((each for suffix in SUFFIXES if (each := path.with_suffix(suffix)).is_file()), None)


def load(
    source: Module | Source,
    *,
    backend: str | Backend | Compiler = Backend.SINGLEPASS,
    config: CompilerConfig | None = None,
    limits: Limits | None = None,
    args: Iterable[str | bytes] = (),
    env: Mapping[str, str] | None = None,
    stdin: Any = INHERIT,
    stdout: Any = INHERIT,
    stderr: Any = INHERIT,
    mounts: Mapping[str, Any] | None = None,
    current: str = "/",
    functions: Mapping[str, Callable[..., Any]] | None = None,
    asm: Mapping[str | int, Callable[..., Any]] | None = None,
    glue: str | os.PathLike[str] | None = None,
    symbols: Symbols | Names | None = None,
    clock: Clock | None = None,
    random: RandomSource = system,
    descriptors: int = DEFAULT_LIMIT,
    name: str | bytes = "./this.program",
    globals: Mapping[str, Any] | None = None,
    net: Network | None = None,
    libraries: Mapping[str, Any] | None = None,
    data: Any = BESIDE,
) -> Program:
    """A program, ready to be called: its constructors have run, its `main` has not.

    Args:
        source: a path, of a module or of the JavaScript beside it (or around it), bytes (binary or text), text, or a
            module that is compiled.
        backend: what compiles it: a name, a `Backend`, a compiler.
        config: how to compile; side modules, too, where the program is compiled already.
        limits: how large the instance may become.

    And what `Options` says.

    Raises:
        CompileError: the module is malformed, not valid, or none that can be run.
        LinkError: it imports what only a dynamic linker has.
        UnableToCreateMemory, UnableToCreateTable, TooManyInstances: it is larger than `limits` allow.
        Trap, EmscriptenError: its constructors failed.
        TypeError, ValueError, OSError: what was given is not of its form, or cannot be opened.
    """
    from wasmer_emscripten.program import Program

    given_args = args if isinstance(args, (str, bytes)) else tuple(args)
    options = Options(
        given_args,  # type: ignore[arg-type]
        env, stdin, stdout, stderr, mounts, current, functions, asm, glue, symbols, clock, random, descriptors, name,
        globals, net, libraries, data,
    )  # fmt: skip
    if not isinstance(source, Module):
        compiler = find_compiler(backend) if isinstance(backend, (str, Backend)) else backend
        if isinstance(source, os.PathLike):
            path = Path(source)
            if options.glue is None:
                options = options._replace(glue=glue_beside(path))
            if path.suffix in SUFFIXES:
                source = module_of(path)
        source = compile_with(source, compiler, config)
    else:
        compiler = None
    process = process_of(options)
    try:
        imports = environment(source, process, functions, limits, _compiling_like(source, compiler, config))
        return Program(source.instantiate(imports, limits), process)
    except BaseException:
        process.close()
        raise
