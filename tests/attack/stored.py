"""A cache that several processes use, any of which may be killed, while somebody damages what is in it.

    python -m tests.attack.stored --seed 7 --seconds 20

Each process compiles, or finds, the same few modules again and again, more than there is room for, and calls them.
Now and then one is killed and another started. Meanwhile files are removed, dated otherwise, replaced by damaged ones,
and cut off at pages, also while they are mapped. Whatever a process finds is right, or refused.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from wasmer_runtime import compile
from wasmer_runtime.cache import compilations
from wasmer_runtime.error import CacheError, Trap
from wasmer_runtime_core.running.module import Module

PROCESSES: Final = 3
MODULES: Final = 5
PAGE: Final = 4096
FUNCTIONS: Final = 300
"""So many that the code has several pages."""


def text(number: int) -> str:
    functions = " ".join(
        f"""(func (export "f{at}") (param i32) (result i32) (if (i32.eqz (local.get 0)) (then unreachable))
          (i32.add (local.get 0) (i32.add (i32.load (i32.const 8)) (i32.const {at}))))"""
        for at in range(FUNCTIONS)
    )
    data = f"""(data $d "{"x" * 70_000}") (data (i32.const 8) "\\{number:02x}\\00\\00\\00")"""
    return f"""(module (memory 1) {data} {functions}
      (func (export "init") (result i32)
        (memory.init $d (i32.const 100) (i32.const 30000) (i32.const 30000)) (i32.load8_u (i32.const 30099))))"""


# --- one process -----------------------------------------------------------------------------------
def use(seed: int, seconds: float) -> int:
    """Use the cache until the time has come; 1 if something is wrong."""
    chance = random.Random(seed)
    size = len(compile(text(0), cache=False).serialize())
    compilations.limit = lambda: 3 * size + 100
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        number = chance.randrange(MODULES)
        try:
            wrong = called(compile(text(number)), number, chance)
        except CacheError as error:
            wrong = "" if error.kind == "truncated" else f"{error.kind}: {error}"
        if wrong:
            print(wrong, flush=True)
            return 1
    return 0


def called(module: Module, number: int, chance: random.Random) -> str:
    """Call some of it; what is wrong."""
    exports: Any = module.instantiate({}).exports
    for _ in range(chance.randrange(50)):
        at, given = chance.randrange(FUNCTIONS), chance.randrange(3)
        try:
            result: object = exports[f"f{at}"](given)
        except CacheError:
            raise
        except Trap:
            result = None
        if result != (given + number + at if given else None):
            return f"module {number}: f{at}({given}) gives {result}"
    return "" if exports.init() == ord("x") else f"module {number}: data are not what they were"


# --- who damages it --------------------------------------------------------------------------------
def cut(path: Path, chance: random.Random) -> None:
    os.chmod(path, 0o600)
    os.truncate(path, PAGE * chance.randrange(os.stat(path).st_size // PAGE))


def replace(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(chance.randrange(4)):
        if content:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    other = path.with_name(f".{os.getpid()}-{time.monotonic_ns()}.new")
    other.write_bytes(content[: chance.choice((len(content), chance.randrange(len(content) + 1)))])
    other.rename(path)


def date(path: Path, chance: random.Random) -> None:
    moment = time.time() + chance.choice((-(10**9), -5000, 5000, 10**9))
    os.utime(path, (moment, moment))


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


DAMAGES: Final[tuple[Callable[[Path, random.Random], None], ...]] = (cut, replace, date, remove)


def attack(seed: int, seconds: float) -> list[str]:
    """Processes, kills and damages for so long; what was wrong."""
    chance = random.Random(seed)
    wrong: list[str] = []
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, compilations.DIRECTORY_VARIABLE: directory, "WASMER_CLIF_CHECK": ""}

        def start() -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "tests.attack.stored", "--use", "--seed", str(chance.getrandbits(30))]
            command += ["--seconds", str(max(end - time.monotonic(), 0.1))]
            return subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )

        running = [start() for _ in range(PROCESSES)]
        os.chmod(directory, 0o700)
        while time.monotonic() < end and not wrong:
            time.sleep(chance.random() * 0.05)
            files = sorted(Path(directory).iterdir())
            if files:
                try:
                    chance.choice(DAMAGES)(chance.choice(files), chance)
                except FileNotFoundError:  # a process was faster
                    pass
            if chance.random() < 0.02:
                running[chance.randrange(PROCESSES)].kill()
            for number, process in enumerate(running):
                if process.poll() is not None:
                    wrong += failure(process)
                    running[number] = start()
        for process in running:
            process.wait()
            wrong += failure(process)
    return wrong


def failure(process: subprocess.Popen[str]) -> list[str]:
    """What was wrong with a process that has ended; nothing is with one that was killed."""
    output, _ = process.communicate()
    return [] if process.returncode in (0, -signal.SIGKILL) else [f"ended with {process.returncode}: {output[-2000:]}"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack.stored", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--use", action="store_true", help="be one of the processes")
    options = parser.parse_args()
    if options.use:
        return use(options.seed, options.seconds)
    wrong = attack(options.seed, options.seconds)
    print("\n".join(wrong) or "all was right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
