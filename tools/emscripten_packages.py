"""Run modules of npm's packages from Python, compare with what node has printed.

    python tools/emscripten_packages.py [--backend NAME]… [--set NAME]… [--packages FOLDER]

The packages are fetched by npm, by exact names and versions, into a folder of their own, unless one is named that has
them. What node prints is read from ``../shared/testdata/emscripten``, or where the variable ``WASMER_TESTDATA`` says;
for packages of which nothing is kept there, drivers of ours are run by node now. Prints a table; the exit code is 1 if
anything differs. Where npm cannot be reached, it says so, and nothing is run.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import traceback
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
TESTS: Final = ROOT / "lib/emscripten/tests"
SECONDS: Final = 300
"""That npm is waited for, for each package."""


def testdata() -> Path:
    """The folder of what is expected."""
    return Path(os.environ.get("WASMER_TESTDATA", ROOT.parent / "shared/testdata")) / "emscripten"


def fetch(package: Any, folder: Path) -> str | None:
    """Have a package unpacked in the folder; what npm says if it cannot be had."""
    target = folder / package.folder
    if target.is_dir():
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on the PATH"
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", "--silent", f"{package.name}@{package.version}"]
        try:
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return f"npm did not answer for {SECONDS} s"
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["npm pack failed"])[-1]
        with tarfile.open(next(Path(place).glob("*.tgz"))) as archive:
            archive.extractall(place, filter="data")
        shutil.copytree(Path(place) / "package", target)
    return None


def plain(each: Any, line: str) -> str:
    """A line without what is so by chance."""
    return re.sub(each.by_chance, "…", line) if each.by_chance else line


def outcome(each: Any, folder: Path, backend: str, expected: list[str]) -> list[str]:
    """How what it prints differs from what is expected; nothing: it does not."""
    lines = []
    try:
        for line in each.run(folder, backend):
            lines.append(plain(each, line))
    except Exception:
        lines.extend(traceback.format_exc().splitlines())
    expected = [plain(each, line) for line in expected]
    return list(difflib.unified_diff(expected, lines, "node", "here", lineterm="", n=0))


def printed(each: Any, folder: Path) -> list[str] | None:
    """What node prints: what is kept, or what a driver prints now; None where there is neither."""
    if each.expected:
        path = testdata() / each.expected
        return path.read_text().splitlines() if path.is_file() else None
    if not each.driver:
        return each.told()  # type: ignore[no-any-return]
    node = shutil.which("node")
    if node is None:
        return None
    driver = TESTS / "packages" / "drivers" / each.driver
    command = [node, "--no-experimental-fetch", str(driver), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", help="run on this one. Default: singlepass")
    parser.add_argument("--set", action="append", help="run this one. Default: all")
    parser.add_argument("--packages", type=Path, help="where the packages are, or are to be")
    options = parser.parse_args()
    sys.path.insert(0, str(TESTS))
    sets = [each for each in importlib.import_module("packages").SETS if not options.set or each.name in options.set]

    failed = 0
    documented: Any = importlib.import_module("emscripten_documented")  # beside this file
    with tempfile.TemporaryDirectory() as made:
        folder = options.packages or Path(made)
        importlib.import_module("packages.samples").write(folder)
        for each in sets:
            for package in each.packages:
                problem = fetch(package, folder)
                if problem is not None:
                    print(f"{package.name} {package.version} cannot be fetched, so nothing more is run: {problem}")
                    return 1 if failed else 0
            if each.name == "sqlite_rows":
                names = documented.run(documented.block("emscripten.md", "sqlite"), folder / "sql.js_1.17.0/dist")
                failed += names["answer"] != "42"
                print(f"{'documentation':14} sqlite     {'same' if names['answer'] == '42' else 'DIFFERENT'}")
            expected = printed(each, folder.resolve())
            if expected is None:
                what = (
                    f"{testdata() / each.expected} (WASMER_TESTDATA names another folder)" if each.expected else "node"
                )
                print(f"{each.name:14} not run: {what} is not here")
                continue
            for backend in options.backend or ["singlepass"]:
                if backend in each.too_large and not options.set:
                    print(f"{each.name:14} {backend:10} left out: more than half an hour; --set runs it")
                    continue
                difference = outcome(each, folder, backend, expected)
                failed += bool(difference)
                print(f"{each.name:14} {backend:10} {'DIFFERENT' if difference else 'same'}", flush=True)
                print("".join(f"    {line}\n" for line in difference), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
