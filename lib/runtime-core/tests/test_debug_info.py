"""Backtraces: lines from DWARF, frames that are looked up when asked for."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from wasmer_runtime_core.errors import Frame, Trap
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.custom_sections import CustomSection
from wasmer_runtime_core.wasm.debug.source_lines import SourceLines
from wasmer_runtime_core.wasm.module import ModuleInfo

PROGRAM = """\
static int divide(int a, int b) {
  return a / b;
}
__attribute__((noinline, export_name("run"))) int run(int a) {
  return divide(a, a - 3) + 1;
}
"""


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\xff" * 64, bytes(range(256))])
def test_unreadable_debug_information_is_none(junk: bytes) -> None:
    info = ModuleInfo()
    names = (".debug_info", ".debug_line", ".debug_abbrev")
    info.custom_sections = [CustomSection(name, junk, 0) for name in names]
    assert SourceLines(info).find(0x10) == ""


def test_lines_of_a_c_program(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="a C compiler for WebAssembly is needed (ziglang)")
    source = tmp_path / "program.c"
    source.write_text(PROGRAM)
    target = tmp_path / "program.wasm"
    flags = ["-target", "wasm32-freestanding", "-g", "-O1", "-nostdlib", "-Wl,--no-entry", "-o", str(target)]
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, str(source)], check=True, capture_output=True)
    data = target.read_bytes()
    info = decode_module(data).info
    division = data.rindex(b"\x6d", 0, data.index(b".debug"))  # i32.div_s
    assert "program.c:2:" in info.source_lines.find(division)  # the path depends on where the compiler ran
    assert info.source_lines.find(len(data) * 2) == ""
    assert "source_lines" not in pickle.loads(pickle.dumps(info)).__dict__


def test_frames_are_looked_up_when_asked_for() -> None:
    asked = []

    def look_up() -> tuple[Frame, ...]:
        asked.append(True)
        return (Frame(3, "divide", 0x42, "module", "program.c:2:12"),)

    trap = Trap("integer divide by zero", "INTEGER_DIVIDE_BY_ZERO", "IllegalArithmetic")
    trap.add_frames(look_up)
    assert not asked
    assert "module!divide at program.c:2:12 (function 3, at byte 0x42)" in trap.__notes__[0]
    assert trap.frames[0].source == "program.c:2:12"
    assert asked == [True]
    assert pickle.loads(pickle.dumps(trap)).frames == trap.frames
