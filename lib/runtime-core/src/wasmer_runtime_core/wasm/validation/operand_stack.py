"""The types of the operands, as the specification's algorithm keeps them (appendix 7.3).

The stack belongs to the innermost control frame from its *floor* upward. A frame is
*polymorphic* once control cannot pass: then it gives any operand that is asked for below
its floor. Apart from that the code is *live* or not: whether control comes here at all,
which decides what is written of it and what counts for the deepest stack.

Types here are whole (`types`), not only kinds; lists of them come packed (`packed.packed_types`). An operand that
is not of the type that is asked for is compared once more, for it may be of a subtype.
"""

from __future__ import annotations

from librt.strings import read_i64_le
from librt.vecs import vec

from wasmer_runtime_core.implementation_limits import OPERANDS, VALUES_PASSED
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, NoReturn, final, i64
from wasmer_runtime_core.wasm.operators.tables import BELOW, LOWEST, RESULT, TOP
from wasmer_runtime_core.wasm.subtyping import ANY, ANY_REFERENCE, TypeSpace, is_reference
from wasmer_runtime_core.wasm.types import value_type_name
from wasmer_runtime_core.wasm.validation.body_reader import BodyReader
from wasmer_runtime_core.wasm.validation.packed import INITIAL_WORDS, TYPE_SHIFT, grown, unpacked_types, zeros

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN: Final = 16
"""Operands that a message lists at most."""


def type_names(types: Iterable[int]) -> str:
    """``[i32 i64]``."""
    return "[" + " ".join(_NAMES.get(type_) or value_type_name(type_) for type_ in types) + "]"


_NAMES: Final = {ANY: "any", ANY_REFERENCE: "any reference"}


@final
class OperandStack:
    """Operand types, and where control can come.

    Attributes:
        types: value types, `ANY` among them; room for one more per byte left of
            the body, and for what was reserved.
        height: how many there are.
        floor: height of the innermost control frame.
        deepest: greatest height in live code.
        polymorphic: the innermost frame is.
        live: control comes here.
        passed: operands that calls, branches and blocks have passed, in all bodies so far.
    """

    def __init__(self, reader: BodyReader, space: TypeSpace) -> None:
        self.reader: Final = reader
        self.space: Final = space
        self.most: i64 = reader.most(OPERANDS)
        self.passed: i64 = 0
        self.most_passed: i64 = reader.most(VALUES_PASSED)
        self.types: vec[i64] = zeros(INITIAL_WORDS)
        self.height: i64 = 0
        self.floor: i64 = 0
        self.deepest: i64 = 0
        self.polymorphic: bool = False
        self.live: bool = True

    def begin(self) -> None:
        """Empty it for another body."""
        self.height = 0
        self.floor = 0
        self.deepest = 0
        self.polymorphic = False
        self.live = True
        self.reserve(0)

    def reserve(self, count: i64) -> None:
        """Make room for `count` operands, and one per byte that is left of the body."""
        reader = self.reader
        if self.height + count > self.most:
            reader.exceeded(OPERANDS, self.height + count)
        needed = self.height + count + reader.end - reader.position + 1
        if needed > len(self.types):
            self.types = grown(self.types, needed)

    # --- push -------------------------------------------------------------------------------
    def push(self, type_: i64) -> None:
        """One operand, of an operator: no more than one per byte of the body."""
        self.types[self.height] = type_
        self.height += 1
        if self.live:
            self.measure()

    def pass_values(self, count: i64) -> None:
        """So many operands are looked at for one operator, which may take no more than two bytes."""
        self.passed += count
        if self.passed > self.most_passed:
            self.reader.exceeded(VALUES_PASSED, self.passed)

    def push_all(self, types: bytes) -> None:
        """Any number of operands, the last on top."""
        size: i64 = len(types)
        count = size >> TYPE_SHIFT
        self.pass_values(count)
        self.reserve(count)
        stack = self.types
        height = self.height
        at: i64 = 0
        while at < size:
            stack[height] = read_i64_le(types, at)
            height += 1
            at += 8
        self.height = height
        if self.live:
            self.measure()

    def measure(self) -> None:
        """This may be the deepest stack."""
        if self.height > self.deepest:
            self.deepest = self.height

    # --- pop --------------------------------------------------------------------------------
    def pop_any(self) -> i64:
        """Take one operand off; its type."""
        if self.height == self.floor:
            if not self.polymorphic:
                self.reader.invalid(f"type mismatch: {self.reader.mnemonic()} needs an operand, the stack is empty")
            return ANY
        self.height -= 1
        return self.types[self.height]

    def pop_reference(self) -> i64:
        """Take a reference off; its type, `ANY_REFERENCE` where any operand would do."""
        found = self.pop_any()
        if found == ANY:
            return ANY_REFERENCE
        if not is_reference(found) and found != ANY_REFERENCE:
            mnemonic = self.reader.mnemonic()
            self.reader.invalid(f"type mismatch: {mnemonic} needs a reference, not {value_type_name(int(found))}")
        return found

    def pop(self, type_: i64) -> None:
        """Take one operand of this type off."""
        if self.height == self.floor:
            if not self.polymorphic:
                self.mismatch([type_])
            return
        found = self.types[self.height - 1]
        if found != type_ and found != ANY and not self.space.matches(found, type_):
            self.mismatch([type_])
        self.height -= 1

    def expect(self, types: bytes) -> bool:
        """The topmost operands have these types, or subtypes; whether they are exactly these. They stay."""
        stack = self.types
        exact = True
        at = self.height
        left: i64 = len(types)
        self.pass_values(left >> TYPE_SHIFT)
        while left > 0:
            left -= 8
            if at == self.floor:
                if self.polymorphic:
                    return False
                self.mismatch(unpacked_types(types))
            at -= 1
            found = stack[at]
            type_ = read_i64_le(types, left)
            if found != type_:
                if found != ANY and not self.space.matches(found, type_):
                    self.mismatch(unpacked_types(types))
                exact = False
        return exact

    def pop_all(self, types: bytes) -> None:
        """Take operands of these types off."""
        if len(types) != 0:
            self.expect(types)
            height = self.height - (len(types) >> TYPE_SHIFT)
            self.height = self.floor if height < self.floor else height

    def empty(self, types: bytes) -> None:
        """The frame's operands are exactly these; take them off."""
        count: i64 = len(types) >> TYPE_SHIFT
        if self.height - self.floor > count:
            found = type_names(self.topmost(SHOWN))
            wanted = type_names(unpacked_types(types))
            self.reader.invalid(f"type mismatch: the block's results are {wanted}, the stack holds {found}")
        if count != 0:
            self.expect(types)
        self.height = self.floor

    # --- operators --------------------------------------------------------------------------
    def apply(self) -> None:
        """Type the operator at hand by its row."""
        code = self.reader.operator
        type_: i64 = TOP[code]
        if type_ != 0:
            self.pop(type_)
            type_ = BELOW[code]
            if type_ != 0:
                self.pop(type_)
                type_ = LOWEST[code]
                if type_ != 0:
                    self.pop(type_)
        type_ = RESULT[code]
        if type_ != 0:
            self.push(type_)

    def apply_at(self, index_type: i64) -> None:
        """Type an access to a memory with this index: its lowest operand is the address."""
        code = self.reader.operator
        type_: i64 = TOP[code]
        if BELOW[code] != 0:
            self.pop(type_)
            if LOWEST[code] != 0:
                type_ = BELOW[code]
                self.pop(type_)
        self.pop(index_type)
        type_ = RESULT[code]
        if type_ != 0:
            self.push(type_)

    def stop(self) -> None:
        """Control does not pass: the rest of the frame is polymorphic and dead."""
        self.height = self.floor
        self.polymorphic = True
        self.live = False

    # --- messages -----------------------------------------------------------------------------
    def topmost(self, count: i64) -> list[int]:
        """The topmost operands of the frame, `count` at most."""
        at = self.height - count
        if at < self.floor:
            at = self.floor
        found: list[int] = []
        while at < self.height:
            found.append(int(self.types[at]))
            at += 1
        return found

    def mismatch(self, types: list[int]) -> NoReturn:
        """Refuse the operator at hand: it needs other operands."""
        found = type_names(self.topmost(len(types)))
        mnemonic = self.reader.mnemonic()
        self.reader.invalid(f"type mismatch: {mnemonic} needs {type_names(types)}, the stack holds {found}")
