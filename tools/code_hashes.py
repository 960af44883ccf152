"""Hashes of all that the compilers make of a corpus: compiled and uncompiled builds must agree.

    python tools/code_hashes.py --output FILE [--expect interpreted|compiled] [--every N] [--backends NAMES] [PATH ...]
    python tools/code_hashes.py --compare FILE FILE

Integers are bounded when a module is compiled by mypyc and unbounded when it is interpreted, so the
same source can mean two things. This is the guard: every module of the corpus goes through every
pass in both builds, and all they produce is compared: the binary made from text, each field of each
`Body`, code, sites, offsets and relocations of the `CompiledModule`, and for a module that is
refused, the error with its position. singlepass compiles every module; the other backends, which take
longer, those up to a size, and with ``--every N`` each Nth one of these.

The corpus: the specification's scripts (`../shared/testdata` or ``WASMER_TESTDATA``), the modules below
`examples/` and `tests/`, the real ones that other sessions left below `build/` (``WASMER_NPM`` may name the place
of npm's), or the files and folders that are named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompiledModule
from wasmer_runtime_core.contract.compiler import Compiler
from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.wasm.binary import decode
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.text.script import read_script
from wasmer_runtime_core.wasm.validation import body_validator

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDERS: Final = ("examples", "tests", "lib", "build/programs", "build/benchmarks")
SUFFIXES: Final = (".wasm", ".wat", ".wast")
SIZES: Final = {"singlepass": 1 << 30, "cranelift": 1 << 20, "llvm": 1 << 12}
"""By backend: bytes of the largest module that it compiles here."""


def specification_scripts() -> Path:
    """Where the specification's scripts are, if they are."""
    return Path(os.environ.get("WASMER_TESTDATA") or ROOT.parent / "shared" / "testdata") / "spec"


def corpus(paths: Sequence[Path]) -> Iterator[tuple[str, bytes | str | CompileError]]:
    """(name, module) of every module in files and below folders."""
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in (file for file in files if file.suffix in SUFFIXES):
            name = str(file.relative_to(path.parent))
            if file.suffix == ".wast":
                yield from script_modules(name, file.read_bytes())
            elif file.suffix == ".wat":
                yield name, file.read_text()
            else:
                yield name, file.read_bytes()


def script_modules(name: str, script: bytes) -> Iterator[tuple[str, bytes | str | CompileError]]:
    """Every module of a script, also those that must be refused."""
    try:
        commands = read_script(script)
    except CompileError as error:  # a script of a later release may hold what is not read yet
        yield name, error
        return
    for command in commands:
        if command.module is None:
            continue
        place = f"{name}:{command.line}"
        try:
            binary = command.module.encode()
        except CompileError as error:
            yield place, error
        else:
            yield place, binary


def fingerprint(module: bytes | str | CompileError, compiler: Compiler) -> str:
    """What comes of a module, in a line: hashes by pass, and the error it ended with, if any."""
    if isinstance(module, CompileError):
        return refusal(module)
    compilation = Compilation(module, compiler)
    try:
        run(compilation)
        artifact = Module(compilation.info, compilation.compiled).serialize()
        outcome = f"code {digest(*code_fields(compilation.compiled))}  artifact {digest(artifact)}"
    except (CompileError, InternalError) as error:
        outcome = refusal(error)
    bodies = digest(*(field for body in compilation.bodies for field in fields(body)))
    return f"binary {digest(compilation.binary)}  bodies {bodies}  {outcome}"


def refusal(error: CompileError | InternalError) -> str:
    """An error in a line."""
    kind = "BUG" if isinstance(error, InternalError) else type(error).__name__
    return f"{kind} {error}".replace("\n", " ")


def fields(body: Body) -> Iterator[bytes]:
    """Every field of a body as bytes."""
    numbers = (body.function_index, body.type_index, body.offset, body.size, body.max_stack, body.label_count)
    yield repr((*numbers, body.call_weight, body.calls, body.memory_accesses)).encode()
    yield from (body.local_types, body.records, body.pool, body.loops, body.local_weights)


def code_fields(compiled: CompiledModule) -> Iterator[bytes]:
    """Everything of a compiled module as bytes."""
    yield from (compiled.code, compiled.function_offsets, compiled.sites, compiled.relocations)
    yield repr((compiled.backend, compiled.target, compiled.checked_memories, compiled.cpu_features)).encode()
    yield from (compiled.inlined, compiled.handlers, compiled.saved)


def digest(*parts: bytes) -> str:
    """A short hash of byte strings, lengths included."""
    state = hashlib.blake2b(digest_size=10)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def build_kind() -> str:
    """Which build runs: "compiled", "interpreted", or "mixed", which is nobody's."""
    compiled = {not str(module.__file__).endswith(".py") for module in (decode, body_validator)}
    return "mixed" if len(compiled) > 1 else "compiled" if compiled.pop() else "interpreted"


def in_this_process(backend: str) -> Compiler:
    """A backend that starts no processes."""
    if backend == "llvm":
        from wasmer_llvm_backend import LLVMCompiler

        return LLVMCompiler(processes=0)
    return find_compiler(backend)


def write(output: Path, paths: Sequence[Path], backends: Sequence[str], every: int) -> None:
    """Fingerprint the corpus into `output`, a line per module and backend."""
    started = time.process_time()
    compilers = [(backend, in_this_process(backend)) for backend in backends]
    lines = []
    for number, (name, module) in enumerate(corpus(paths)):
        size = 0 if isinstance(module, CompileError) else len(module)
        for backend, compiler in compilers:
            if size <= SIZES.get(backend, 1 << 12) and (backend == "singlepass" or number % every == 0):
                lines.append(f"{name} [{backend}]  {fingerprint(module, compiler)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(lines) + "\n")
    seconds = time.process_time() - started
    coded = sum("  code " in line for line in lines)
    print(f"{build_kind()}: {len(lines)} modules, {coded} of them to machine code, in {seconds:.1f} s -> {output}")


def compare(first: Path, second: Path) -> int:
    """Print what differs between two outputs; return how many lines do."""
    left, right = (path.read_text().splitlines() for path in (first, second))
    names = dict.fromkeys(line.split("  ")[0] for line in [*left, *right])
    tables = [{line.split("  ")[0]: line for line in lines} for lines in (left, right)]
    different = [name for name in names if tables[0].get(name) != tables[1].get(name)]
    for name in different[:20]:
        for path, lines in zip((first, second), tables, strict=True):
            print(f"{path.name}: {lines.get(name, name + '  (missing)')}")
    bugs = sum("  BUG " in line for line in left)
    print(f"{len(names)} modules compared, {len(different)} differ, {bugs} ended in an internal error")
    return len(different)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--output", type=Path, help="where the hashes go")
    parser.add_argument("--expect", choices=("interpreted", "compiled"), help="fail unless this is the build that runs")
    parser.add_argument("--compare", nargs=2, type=Path, metavar="FILE", help="compare two outputs")
    parser.add_argument("--every", type=int, default=1, help="of modules for other backends than singlepass")
    parser.add_argument("--backends", default=",".join(SIZES), help="by name, separated by commas (default: all)")
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args()
    if options.compare:
        return 1 if compare(*options.compare) else 0
    if options.output is None:
        parser.error("one of --output and --compare is needed")
    if options.expect and build_kind() != options.expect:
        print(
            f"the {build_kind()} build runs, expected was the {options.expect} one: {decode.__file__}", file=sys.stderr
        )
        return 1
    paths = options.paths
    if not paths:
        folders = [*(ROOT / name for name in FOLDERS), Path(os.environ.get("WASMER_NPM", ROOT / "build" / "npm"))]
        paths = [folder for folder in folders if folder.is_dir()]
        scripts = specification_scripts()
        releases = [scripts / release for release in ("1.0", "2.0")]
        if all(release.is_dir() for release in releases):
            paths += releases
        else:
            print(f"the specification's scripts are not at {scripts}: set WASMER_TESTDATA", file=sys.stderr)
    write(options.output, paths, options.backends.split(","), options.every)
    return 0


if __name__ == "__main__":
    sys.exit(main())
