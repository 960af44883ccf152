"""Build Lua 5.4 from Debian's source package with emcc, run the suite of scripts, compare with a native lua5.4.

    python tools/emscripten_lua.py [--bless] [--backend NAME]…

``emcc`` is looked for as `tools/emscripten_fixtures.py` does. The source is fetched by apt, into a folder of its own,
unless ``--source FOLDER`` names it unpacked. What a native ``lua5.4`` prints is kept beside each script (``--bless``),
so it need not be installed. Prints a table; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

fixtures: Any = importlib.import_module("emscripten_fixtures")  # beside this file

SCRIPTS: Path = fixtures.ROOT / "lib/emscripten/tests/lua"
ARGUMENTS = ("one", "two")
VARIABLES = {"HERE": "yes"}
INPUT = b"12 rest\nsecond\nthird and more"
FLAGS = ("-O2", "-w", "-DLUA_COMPAT_5_3", "-sFORCE_FILESYSTEM=1", "-sEXIT_RUNTIME=1", "-sALLOW_MEMORY_GROWTH=1")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


def fetch(folder: Path, package: str) -> Path | None:
    """One of Debian's source packages, unpacked; None where apt cannot get it."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-source") is None:
        return None
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb-src [signed-by={KEYS}] http://deb.debian.org/debian bookworm main\n")
    options = [
        f"Dir::Etc::SourceList={sources}",
        "Dir::Etc::SourceParts=/dev/null",
        f"Dir::State::Lists={folder / 'lists'}",
        f"Dir::Cache={folder / 'cache'}",
        "APT::Sandbox::User=root",
    ]
    apt = ["apt-get", "-qq", *(part for option in options for part in ("-o", option))]
    for command in (["update"], ["source", "--download-only", package]):
        if subprocess.run([*apt, *command], cwd=folder, capture_output=True).returncode:
            return None
    described = next(folder.glob("*.dsc"))
    subprocess.run(["dpkg-source", "-x", described, package], cwd=folder, check=True, capture_output=True)
    return folder / package


def build(source: Path, into: Path) -> Path:
    """The module of the interpreter."""
    command = fixtures.emcc("c")
    assert command is not None
    (into / "lua5.4-deb-multiarch.h").write_text('#define DEB_HOST_MULTIARCH "wasm32"\n')  # Debian's rules write one
    files = [path for path in sorted((source / "src").glob("*.c")) if path.name != "luac.c"]
    glue = into / "lua.js"
    subprocess.run([*command, *FLAGS, f"-I{into}", *files, "-o", glue], check=True)
    return glue.with_suffix(".wasm")


Outcome = tuple[int, bytes, bytes]


def native(script: Path, place: Path) -> Outcome:
    """What a native lua5.4 makes of a script."""
    shutil.copyfile(script, place / script.name)
    command = ["lua5.4", script.name, *ARGUMENTS]
    done = subprocess.run(command, input=INPUT, capture_output=True, cwd=place, env=VARIABLES)
    return done.returncode, done.stdout, done.stderr


def kept(script: Path) -> Outcome:
    """What it has made of it."""
    code, errors, output = script.with_suffix(".expected").read_bytes().split(b"\n", 2)
    return int(code), output, errors.replace(b"|", b"\n")


def keep(script: Path, outcome: Outcome) -> None:
    """Write that down: the exit code, the lines of standard error, standard output."""
    code, output, errors = outcome
    script.with_suffix(".expected").write_bytes(b"%d\n%s\n%s" % (code, errors.replace(b"\n", b"|"), output))


def ours(module: object, script: Path) -> Outcome:
    from wasmer_emscripten import CAPTURE, load

    program = load(
        module,  # type: ignore[arg-type]
        name="lua5.4",
        args=[script.name, *ARGUMENTS],
        env=VARIABLES,
        stdin=INPUT,
        stdout=CAPTURE,
        stderr=CAPTURE,
        current="/tmp",
    )
    with program:
        program.fs.write_bytes(f"/tmp/{script.name}", script.read_bytes())
        code = program.main()
        return code, program.stdout_bytes(), program.stderr_bytes()


def documented(path: Path, folder: Path) -> bool:
    """Whether the lines of the documentation run a script."""
    (folder / "scripts").mkdir()
    shutil.copyfile(path, folder / "lua.wasm")
    (folder / "scripts" / "script.lua").write_text('local f = io.open("out", "w") f:write(_VERSION) f:close()')
    pages: Any = importlib.import_module("emscripten_documented")
    pages.run(pages.block("emscripten.md", "lua"), folder)
    return (folder / "scripts" / "out").read_text() == "Lua 5.4"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bless", action="store_true", help="keep what a native lua5.4 prints")
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--source", type=Path, help="the source package, unpacked")
    options = parser.parse_args()
    scripts = sorted(SCRIPTS.glob("*.lua"))
    if options.bless:
        for script in scripts:
            with tempfile.TemporaryDirectory() as folder:
                keep(script, native(script, Path(folder)))
    if fixtures.emcc("c") is None:
        print("emcc is not on the PATH (Debian: apt install emscripten): Lua was not built")
        return 0
    from wasmer_runtime_core.compile_module import compile_with
    from wasmer_runtime_core.compiling.registry import find_compiler

    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        source = options.source or fetch(into, "lua5.4")
        if source is None:
            print("apt cannot get Debian's source package lua5.4: Lua was not built")
            return 0
        path = build(source, into)
        shown = into / "documentation"
        shown.mkdir()
        equal = documented(path, shown)
        failed += not equal
        print(f"lua documentation {'same' if equal else 'DIFFERENT'}", flush=True)
        for backend in options.backend or ["singlepass"]:
            module = compile_with(path, find_compiler(backend))
            for script in scripts:
                equal = ours(module, script) == kept(script)
                failed += not equal
                print(f"lua {script.stem:12} {backend:10} {'same' if equal else 'DIFFERENT'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
