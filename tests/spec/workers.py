"""Scripts in a process of their own.

A worker runs one script after the other. If it dies, its last sign of life says at which
command; the script is run again in a new worker without that command, which has failed.
A worker that is silent for too long is ended and treated the same.
"""

from __future__ import annotations

import faulthandler
import json
import os
import select
import subprocess
import sys
from typing import Final

from tests.spec.corpus import ROOT, script_path
from tests.spec.runner import ScriptResult, run_script

SILENCE_SECONDS: Final = 120.0
"""How long one command may take."""
MAX_CRASHES: Final = 20
"""Commands that may end the process before the script is given up."""


class Worker:
    """A process that runs scripts on a backend; started when first needed."""

    def __init__(self, backend: str, module: str = "tests.spec.workers") -> None:
        self.backend = backend
        self.module = module
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, name: str) -> ScriptResult:
        """Run a script, in spite of crashes."""
        skip: list[int] = []
        while True:
            result, last = self.attempt(name, skip)
            if result is not None:
                return result
            if last < 0 or len(skip) >= MAX_CRASHES:
                result = ScriptResult(crashes=len(skip) + 1)
                result.failures[0] = f"the process ended {len(skip) + 1} times; the script was given up"
                return result
            skip.append(last)

    def attempt(self, name: str, skip: list[int]) -> tuple[ScriptResult | None, int]:
        """The result, or None and the number of the command at which the process ended."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, self.backend],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        process = self.process
        assert process.stdin is not None and process.stdout is not None
        last = -1
        rest = b""
        try:
            process.stdin.write(json.dumps([name, skip]).encode() + b"\n")
            process.stdin.flush()
            while True:
                if not select.select([process.stdout], [], [], SILENCE_SECONDS)[0]:
                    process.kill()
                    break
                received = os.read(process.stdout.fileno(), 1 << 16)
                if not received:
                    break
                *lines, rest = (rest + received).split(b"\n")
                for line in lines:
                    if line.startswith(b"{"):
                        fields = json.loads(line)
                        fields["failures"] = {int(key): reason for key, reason in fields["failures"].items()}
                        return ScriptResult(**fields), last
                    last = int(line)
        except BrokenPipeError:
            pass
        self.close()
        return None, last

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            process, self.process = self.process, None
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except OSError:
                        pass
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main() -> None:
    """The worker: a line of JSON per script in, command numbers and a line of JSON out."""
    backend = sys.argv[1]
    faulthandler.enable()  # a crash leaves a trace in the run's output
    # What a host function or a crash handler prints must not get between.
    out = os.dup(1)
    os.dup2(2, 1)
    for request in sys.stdin:
        name, skip = json.loads(request)
        try:
            result = run_script(
                script_path(name), backend, frozenset(skip), lambda number: os.write(out, b"%d\n" % number)
            )
        except Exception as error:
            result = ScriptResult(failures={0: f"the script cannot be run: {type(error).__name__}: {error}"})
        os.write(out, json.dumps(vars(result)).encode() + b"\n")


if __name__ == "__main__":
    main()
