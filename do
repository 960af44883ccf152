#!/usr/bin/env python3
"""Run a session of noxfile.py on a machine that has only Python, pip and a C compiler.

    ./do                       list the sessions
    ./do tests                 run one, or several
    ./do tests -- -k memory    what stands behind -- goes to the session

Makes .venv beside this file with nox in it, once, and calls that. Nothing is installed anywhere
else: each session makes its own environment below .nox and keeps it.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "installed"


def main() -> int:
    if sys.version_info < (3, 11):
        print(f"Python 3.11 or later is needed; {sys.executable} is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    requirements = nox_requirements()
    if not STAMP.is_file() or STAMP.read_text() != "\n".join(requirements):
        install(requirements)
    arguments = sys.argv[1:]
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        arguments = []
    split = arguments.index("--") if "--" in arguments else len(arguments)
    sessions = ["-s", *arguments[:split]] if split else ["--list"]
    nox = [str(ENVIRONMENT / "bin" / "python"), "-m", "nox", "-f", str(ROOT / "noxfile.py")]
    return subprocess.run([*nox, *sessions, *arguments[split:]], cwd=ROOT).returncode


def nox_requirements() -> list[str]:
    """The group `nox` of pyproject.toml."""
    import tomllib

    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["dependency-groups"]["nox"]


def install(requirements: list[str]) -> None:
    """Make .venv. Without pip of its own: Debian packs `ensurepip` apart, pip itself can serve."""
    print(f"Making {ENVIRONMENT.relative_to(ROOT)} with {' '.join(requirements)} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(ENVIRONMENT)], check=True)
    python = ENVIRONMENT / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *requirements], check=True, env=dict(os.environ, PIP_USER="0"))
    STAMP.write_text("\n".join(requirements))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"./do: could not set up .venv: {' '.join(error.cmd)} failed")
    except KeyboardInterrupt:
        sys.exit(130)
