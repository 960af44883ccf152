"""What a script's failures mean: superseded, expected, or ours to mend."""

from __future__ import annotations

from typing import NamedTuple

from tests.spec.corpus import NO_BACKEND, expected_failures, superseded
from tests.spec.runner import ScriptResult


class Verdict(NamedTuple):
    """A script on a backend.

    Attributes:
        script, backend: which.
        assertions: how many the script has.
        passed: how many passed.
        superseded: how many failed as they should, since a later release takes them back.
        expected: how many failures are expected.
        problems: line -> what is wrong: failures nobody expects, and passes nobody expects.
        crashes: how often the process died.
    """

    script: str
    backend: str
    assertions: int
    passed: int
    superseded: int
    expected: int
    problems: dict[int, str]
    crashes: int

    def report(self) -> str:
        """The problems, a line each."""
        return "\n".join(f"{self.script}.wast:{line}: {what}" for line, what in sorted(self.problems.items()))


def judge(script: str, backend: str, result: ScriptResult) -> Verdict:
    """Compare what failed with what may."""
    problems = dict(result.failures)
    taken_back = superseded(script)
    superseded_count = 0
    for line, reason in taken_back.items():
        if problems.pop(line, None) is not None:
            superseded_count += 1
        elif backend != NO_BACKEND:
            problems[line] = f"passed, though superseded: {reason}"
    expected_count = 0
    for row in expected_failures(script, backend):
        lines = [row.line] if row.line is not None else list(problems)
        found = [line for line in lines if problems.pop(line, None) is not None]
        expected_count += len(found)
        if not found and backend != NO_BACKEND:
            problems[row.line or 0] = f"passed, though expected to fail: {row.reason}"
    return Verdict(
        script, backend, result.assertions, result.passed, superseded_count, expected_count, problems, result.crashes
    )


def table(verdicts: list[Verdict], every_file: bool = True) -> list[str]:
    """Totals by file, by release and of all, as lines."""
    lines = [f"{'script':44} {'assertions':>10} {'passed':>8} {'superseded':>10} {'expected':>8} {'failed':>7}"]

    def row(name: str, of: list[Verdict]) -> str:
        assertions = sum(verdict.assertions for verdict in of)
        passed = sum(verdict.passed for verdict in of)
        taken_back = sum(verdict.superseded for verdict in of)
        expected = sum(verdict.expected for verdict in of)
        failed = sum(len(verdict.problems) for verdict in of)
        crashes = sum(verdict.crashes for verdict in of)
        crashed = f"  {crashes} crashes" if crashes else ""
        return f"{name:44} {assertions:>10,} {passed:>8,} {taken_back:>10} {expected:>8} {failed:>7}{crashed}"

    for backend in dict.fromkeys(verdict.backend for verdict in verdicts):
        of_backend = [verdict for verdict in verdicts if verdict.backend == backend]
        if every_file:
            lines += [row(f"{verdict.script} ({backend})", [verdict]) for verdict in of_backend]
        for release in dict.fromkeys(verdict.script.split("/")[0] for verdict in of_backend):
            of_release = [verdict for verdict in of_backend if verdict.script.startswith(release + "/")]
            lines.append(row(f"{release} on {backend}: {len(of_release)} files", of_release))
            simd = [verdict for verdict in of_release if "/simd/" in verdict.script]
            if simd and len(simd) < len(of_release):
                others = [verdict for verdict in of_release if "/simd/" not in verdict.script]
                lines.append(row(f"  without SIMD: {len(others)} files", others))
    return lines
