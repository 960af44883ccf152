"""What the flags tell already: a comparison with zero that stands behind the instruction that made the number goes.

Arithmetic sets ZF and SF by its result, as ``test r, r`` does; carry and overflow differ. So the test goes only if what
reads the flags behind it asks for *equal* or *not equal*. Moves leave flags alone.
"""

from __future__ import annotations

from wasmer_clif_backend.machine.code import COPIES, REG_WRITTEN, RM_WRITTEN, Code
from wasmer_runtime_core.codegen.x64 import forms
from wasmer_runtime_core.codegen.x64.conditions import EQUAL, NOT_EQUAL
from wasmer_runtime_core.codegen.x64.forms import FORMS
from wasmer_runtime_core.codegen.x64.records import NONE, REG
from wasmer_runtime_core.support.annotations import Final, final, i64

_TEST32: Final[i64] = forms.TEST_RM32_R32.number
_TEST64: Final[i64] = forms.TEST_RM64_R64.number
_JCC: Final[i64] = forms.JCC_REL32.number
_SETCC: Final[i64] = forms.SETCC_RM8.number
_CMOV32: Final[i64] = forms.CMOVCC_R32_RM32.number
_CMOV64: Final[i64] = forms.CMOVCC_R64_RM64.number

_SETS32: Final = 1
_SETS64: Final = 2
_LEAVES: Final = 3


def _kinds() -> bytes:
    """By form: what it does to flags; 0: something else, or it reads them."""
    kinds = bytearray(max(form.number for form in FORMS) + 1)
    for form in FORMS:
        name, _, operands = form.syntax.partition(" ")
        if name in ("add", "sub", "and", "or", "xor", "neg") or (
            name in ("shl", "shr", "sar") and operands.endswith("imm8")
        ):
            first = operands.split(",")[0]
            kinds[form.number] = _SETS32 if first.endswith("32") else _SETS64 if first.endswith("64") else 0
        elif name in (
            "mov",
            "movzx",
            "movsx",
            "movsxd",
            "lea",
            "vmovaps",
            "vmovups",
            "vmovss",
            "vmovsd",
            "vmovd",
            "vmovq",
        ):
            kinds[form.number] = _LEAVES
    return bytes(kinds)


_KINDS: Final = _kinds()


@final
class Flags:
    """Whose value the flags tell, while code is emitted."""

    def __init__(self) -> None:
        self.register: i64 = -1
        """The register of the machine that was computed last; -1: none, or it has been written since."""
        self._wide = False

    def forget(self) -> None:
        """Nothing is known here."""
        self.register = -1

    def pass_by(self, form: i64, mode: i64, roles: i64, reg: i64, rm: i64) -> None:
        """An instruction is emitted, with these places."""
        kind: i64 = _KINDS[form]
        written: i64 = -1
        if roles & REG_WRITTEN:
            written = reg
        elif roles & RM_WRITTEN and (mode == REG or mode == NONE):  # ``mov r, n`` has no mode
            written = rm
        if kind == _LEAVES:
            if written == self.register:
                self.register = -1
        elif kind:
            self.register = written
            self._wide = kind == _SETS64
        else:
            self.register = -1

    def tell(self, code: Code, i: i64, end: i64, reg: i64, rm: i64) -> bool:
        """Whether instruction i is a test of what they tell, and nobody asks for more; `end` is its block's."""
        form = code.form[i]
        if reg != self.register or rm != reg or not (form == _TEST64 or (form == _TEST32 and not self._wide)):
            return False  # a word has zeros above
        i += 1
        while i < end and (code.form[i] == COPIES or (code.form[i] < COPIES and _KINDS[code.form[i]] == _LEAVES)):
            i += 1
        if i >= end:
            return False
        condition = _condition(code.form[i])
        return (condition == EQUAL or condition == NOT_EQUAL) and (i + 1 >= end or _condition(code.form[i + 1]) < 0)


def _condition(form: i64) -> i64:
    """The condition that an instruction reads; -1: none."""
    if form >= _JCC and form < _JCC + 16:
        return form - _JCC
    if form >= _SETCC and form < _SETCC + 16:
        return form - _SETCC
    if form >= _CMOV32 and form < _CMOV32 + 16:
        return form - _CMOV32
    if form >= _CMOV64 and form < _CMOV64 + 16:
        return form - _CMOV64
    return -1
