"""Every attack again and again, in turn: ``python -m tests.attack --minutes 60``.

Each round starts one campaign with a seed of its own, in a process group of its own, under a limit on
what it may write to (not on address space: that is reserved in plenty) and on how long it may take. A
campaign that fails, crashes, hangs or exceeds its memory is a finding; the others go on. At the end stand
the rounds of each campaign, and for each finding the command that repeats it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]

BYTES: Final = 6 << 30
"""That the processes of a campaign may have each (RLIMIT_DATA counts what is writable, not what is reserved).

A memory may have 4 GiB, all of it written in a scenario of its growth.
"""

HANGS: Final = 20.0
"""A campaign hangs when it takes so many times its time."""


class Campaign(NamedTuple):
    """One kind of attack: what to run, with ``{seed}`` and ``{seconds}``, also in the environment."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


_PYTEST: Final = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:faulthandler")

CAMPAIGNS: Final = (
    Campaign(
        "hostile WASI calls",
        (*_PYTEST, "lib/wasi/tests/test_fuzz.py"),
        (("WASMER_FUZZ_SEED", "{seed}"), ("WASMER_FUZZ_SECONDS", "{seconds}")),
    ),
    Campaign(
        "hostile calls of emcc's programs",
        (*_PYTEST, "lib/emscripten/tests/test_fuzz.py"),
        (("WASMER_FUZZ_SEED", "{seed}"), ("WASMER_FUZZ_SECONDS", "{seconds}")),
    ),
    Campaign("hostile shapes", ("-m", "tests.attack.shapes", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign("thread pairs", ("-m", "tests.attack.pairs", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign("unwinding", ("-m", "tests.attack.unwinding", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign("calls of all sorts", ("-m", "tests.attack.calls", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign("heaps", ("-m", "tests.attack.heaps", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign("code that comes later", ("-m", "tests.attack.later", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign(
        "hostile calls of Go's programs",
        (*_PYTEST, "lib/go/tests/test_fuzz.py"),
        (("WASMER_FUZZ_SEED", "{seed}"), ("WASMER_FUZZ_SECONDS", "{seconds}")),
    ),
    Campaign("stored modules", ("-m", "tests.attack.stored", "--seed", "{seed}", "--seconds", "{seconds}")),
    Campaign(
        "storms", ("-m", "tests.stress", "--minutes", "{minutes}", "--seed", "{seed}", "--scale", "1", "--shuffle")
    ),
    Campaign("broken modules", ("-m", "tests.fuzz", "--minutes", "{minutes}", "--seed", "{seed}")),
    Campaign("random programs", ("-m", "tests.differential", "--minutes", "{minutes}", "--first", "{seed}")),
)


class Finding(NamedTuple):
    """A campaign that did not end well."""

    campaign: str
    why: str
    again: str
    output: str


def attempt(campaign: Campaign, seed: int, seconds: float) -> Finding | None:
    """One round of a campaign."""
    words = {"seed": str(seed), "seconds": f"{seconds:g}", "minutes": f"{seconds / 60:g}"}
    command = [sys.executable, *(part.format(**words) for part in campaign.command)]
    given = {name: value.format(**words) for name, value in campaign.environment}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **given},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=_confine,
    )
    why = ""
    try:
        output, _ = process.communicate(timeout=HANGS * max(seconds, 15))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGQUIT)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        why = f"did not end within {HANGS * max(seconds, 15):.0f} s"
    if not why and process.returncode:
        code = process.returncode
        why = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    if not why:
        return None
    again = " ".join([*(f"{name}={value}" for name, value in given.items()), "python", *command[1:]])
    return Finding(campaign.name, why, again, output[-3000:])


def _confine() -> None:
    """In the child, before it becomes Python."""
    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=20.0, help="that each round of a campaign takes")
    parser.add_argument("--seed", type=int, default=None, help="of the first round (default: another each time)")
    parser.add_argument("--only", default="", help="part of the campaigns' names")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(30) if options.seed is None else options.seed
    chosen = [campaign for campaign in CAMPAIGNS if options.only in campaign.name]
    if not chosen:
        parser.error(f"no campaign is called {options.only!r}: {', '.join(campaign.name for campaign in CAMPAIGNS)}")
    rounds = dict.fromkeys((campaign.name for campaign in chosen), 0)
    findings: list[Finding] = []
    print(f"attacks from seed {seed} on", flush=True)
    end = time.monotonic() + 60 * options.minutes
    while time.monotonic() < end:
        for campaign in chosen:
            if time.monotonic() >= end:
                break
            finding = attempt(campaign, seed, options.seconds)
            rounds[campaign.name] += 1
            if finding:
                findings.append(finding)
                print(
                    f"FOUND  {finding.campaign}: {finding.why}\n  again: {finding.again}\n{finding.output}", flush=True
                )
            seed += 1000
    for name, count in rounds.items():
        found = sum(finding.campaign == name for finding in findings)
        print(f"{name:20} {count:5} rounds  {found:3} findings")
    for finding in findings:
        print(f"{finding.campaign}: {finding.why}; again: {finding.again}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
