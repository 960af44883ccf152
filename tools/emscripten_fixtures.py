"""Build the programs of the emscripten tests with emcc, run them, compare with node or a native build.

    python tools/emscripten_fixtures.py [--bless | --bless-today] [--backend NAME]…

``emcc`` is looked for on the PATH, or named by the variable ``EMCC``. With ``--bless`` the modules and what they must
print become the fixtures of the tests; with ``--bless-today`` the modules alone, of those that are kept as emcc of
today builds them. What an older emcc cannot build is left out. Prints a table; the exit code is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "lib/emscripten/tests"

os.environ.setdefault("NODE_PATH", "/usr/share/nodejs")
# Where Debian's emcc finds what it needs of node's packages: Debian's node looks there by itself, another one is told.


def emcc(language: str) -> list[str] | None:
    """The command that compiles, or None where there is none."""
    named = os.environ.get("EMCC")
    if named:
        return [*shlex.split(named), "--driver-mode=g++"] if language == "cpp" else shlex.split(named)
    found = shutil.which("em++" if language == "cpp" else "emcc")
    return [found] if found else None


def build(program: Any, flags: tuple[str, ...], into: Path) -> Path | None:
    """The glue, the module beside it or in it; None where it cannot be built."""
    command = emcc(program.source.rpartition(".")[2])
    assert command is not None
    glue = into / f"{program.name}.js"
    glue.with_suffix(".wasm").unlink(missing_ok=True)  # of the same program, built in another way
    sources = into if program.sides else TESTS / "programs"  # a side module that is needed is named as it is given
    if program.sides:
        for source in (program.source, *(side.source for side in program.sides)):
            shutil.copyfile(TESTS / "programs" / source, into / source)
    commands = [
        [*command, "-O1", "-w", "-sSIDE_MODULE=1", side.source, *side.needed, "-o", side.name] for side in program.sides
    ]
    for each in [*commands, [*command, *flags, *program.flags, program.source, "-o", glue]]:
        done = subprocess.run(each, capture_output=True, text=True, cwd=sources)  # no path of this machine is in it
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return None
    return glue


def is_older() -> bool:
    """Whether this emcc is one that knows no newer encoding of exceptions: before version 4."""
    command = emcc("c")
    assert command is not None
    done = subprocess.run([*command, "-dumpversion"], capture_output=True, text=True, check=True)
    return int(done.stdout.partition(".")[0]) < 4


def truth(program: Any, run: Any, into: Path) -> tuple[int, bytes, bytes]:
    """Exit code, output and errors, as they must be."""
    if program.truth == "native":
        binary = into / program.name
        source = TESTS / "programs" / program.source
        subprocess.run(["cc", "-O1", "-w", "-D_GNU_SOURCE", source, "-o", binary], check=True)
        command = [str(binary)]
        place = into / f"{program.name}.{run.name}"
        place.mkdir(exist_ok=True)
    elif program.truth == "kept":
        expected, _, output = program.expected(run).read_bytes().partition(b"\n")
        return int(expected), output, b""
    else:
        node = shutil.which("node")
        assert node is not None, "node is needed to compare with"
        command = [node, "--no-experimental-fetch", str(into / f"{program.name}.js")]
        place = into
    environment = os.environ | dict(run.env)
    done = subprocess.run([*command, *run.args], input=run.stdin, capture_output=True, env=environment, cwd=place)
    return done.returncode, done.stdout, done.stderr


def ours(program: Any, module: Path, run: Any, backend: str) -> tuple[int, bytes, bytes]:
    from wasmer_emscripten import CAPTURE, load

    running = load(
        module,
        backend=backend,
        args=run.args,
        env=dict(run.env),
        stdin=run.stdin,
        stdout=CAPTURE,
        stderr=CAPTURE,
        current="/tmp",
        libraries={side.name: module.parent / side.name for side in program.sides},
    )
    code = running.main()
    return code, running.stdout_bytes(), running.stderr_bytes()


def same(first: tuple[int, bytes, bytes], second: tuple[int, bytes, bytes]) -> bool:
    """Whether two runs are the same; node ends a last line that the program has not ended."""
    return first[0] == second[0] and all(
        one.rstrip(b"\n") == two.rstrip(b"\n") for one, two in zip(first[1:], second[1:], strict=True)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bless", action="store_true", help="make what was built the fixtures of the tests")
    parser.add_argument("--backend", action="append", help="compare with this one. Default: singlepass")
    parser.add_argument("--bless-today", action="store_true", help="the same for what emcc of today has built")
    options = parser.parse_args()
    if emcc("c") is None:
        print("emcc is not on the PATH (Debian: apt install emscripten): nothing was built, nothing compared")
        return 0
    sys.path.insert(0, str(TESTS))
    programs = importlib.import_module("programs")

    failed = 0
    older = is_older()
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        for program in programs.PROGRAMS:
            if older and program.newer:
                continue
            module = build(program, programs.FLAGS, into)
            if module is None:
                print(f"{program.name:14} cannot be built")
                failed += 1
                continue
            if options.bless and program.kept:
                shutil.copyfile(module.with_suffix(".wasm"), program.module)
                for side in program.sides:
                    shutil.copyfile(into / side.name, side.module)
            if options.bless_today and program.today:
                shutil.copyfile(module.with_suffix(".wasm"), programs.TODAY / program.module.name)
                for side in program.sides:
                    shutil.copyfile(into / side.name, programs.TODAY / side.module.name)
            for run in program.runs:
                expected = truth(program, run, into)
                if options.bless and program.kept:
                    program.expected(run).write_bytes(b"%d\n" % expected[0] + expected[1])
                for backend in options.backend or ["singlepass"]:
                    equal = same(expected, ours(program, module, run, backend))
                    failed += not equal
                    print(f"{program.name:14} {run.name:10} {backend:10} {'same' if equal else 'DIFFERENT'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
