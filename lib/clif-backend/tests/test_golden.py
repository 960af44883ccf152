"""Golden tests: small functions with the stages of their compilation, as text.

A file of ``golden/`` is CLIF. Behind the functions stand, as comments that begin with ``;;``, for each function its
code with virtual registers, the same with the places that the allocator gave, and the machine instructions. A
change of any shows as a change of these texts: read it, then ``pytest --bless``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.ir.parser import parse_file
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.machine.printer import print_code
from wasmer_runtime_core.codegen.x64.printer import format_records

GOLDEN = Path(__file__).parent / "golden"


def expected_of(source: str) -> str:
    """The file with the output of today behind its functions."""
    text = "\n".join(line for line in source.splitlines() if not line.startswith(";;")).rstrip()
    functions = [one.function for one in parse_file(text).functions]
    names = sorted({one.name for one in functions} | {one.name for f in functions for one in f.functions})
    stages = Stages({name: number for number, name in enumerate(names)}, prove=True)
    lines: list[str] = []
    for function in functions:
        assert verify(function) == []
        records, constants = stages.records(function)
        lines += ["", f"{function.name}: code with virtual registers"]
        lines += print_code(stages.code).splitlines()
        lines += ["", f"{function.name}: with their places"]
        lines += print_code(stages.code, stages.allocation).splitlines()
        lines += ["", f"{function.name}: machine instructions, {len(constants)} bytes of constants"]
        lines += format_records(records).rstrip().splitlines()
    return text + "\n\n" + "".join(f";; {line}".rstrip() + "\n" for line in lines)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.clif")), ids=lambda path: path.stem)
def test_stages(path: Path, bless: bool) -> None:
    source = path.read_text()
    expected = expected_of(source)
    if bless:
        path.write_text(expected)
    assert source == expected or bless
