"""The text of one function: instructions, blocks, and where in the module each comes from.

Values are numbered, as LLVM's own printer does. `FunctionWriter.out` holds lines, an
instruction or a few in each; `head` those that go before them, into the function's first
block, and `traps` the blocks behind them all.

*Places.* Each access, call and trap carries a debug location whose line is its byte offset in
the module: `objects` reads them back from the line table. LLVM may make a load part of the
instruction that uses its value, with that instruction's location; so what is computed from a
loaded value carries the location of the load.
"""

from __future__ import annotations

from wasmer_llvm_backend.ir.templates import Template
from wasmer_llvm_backend.module_text import FIRST_FREE_METADATA, SUBPROGRAM, TRAP, TRAP_CALL


class FunctionWriter:
    """The text of a function, and the metadata of all functions of the unit."""

    def __init__(self) -> None:
        self.metadata: list[str] = []
        self.next_metadata = FIRST_FREE_METADATA
        self.scope = 0
        self.begin_text()

    def begin_text(self) -> None:
        """Forget the function before."""
        self.number = 0  # of the next value
        self.blocks = 0
        self.block = "entry"
        self.before = ""  # the block whose branch, the line before the block at hand, leads only here
        self.out: list[str] = []
        self.head: list[str] = []
        self.traps: list[str] = []
        self.offset = 0  # of the operator at hand, in the module
        self.located_offset = -1
        self.located = 0
        self.location_text = ""
        self.loaded: dict[str, int] = {}  # value computed from what was loaded -> location of the (last) load
        self.load_places: dict[int, tuple[str, int]] = {}  # of such a location -> address, bytes

    def open_scope(self, index: int, offset: int) -> None:
        """Begin the function `index`, which lies at `offset`: locations are in it from here on."""
        self.offset = offset
        self.scope = self.next_metadata
        self.next_metadata += 1
        self.metadata.append(f'!{self.scope} = distinct !DISubprogram(name: "f{index}", line: {offset}, {SUBPROGRAM})')

    # --- instructions and blocks ----------------------------------------------------------
    def let(self, text: str) -> str:
        """Emit an instruction with a result; the value."""
        number = self.number
        self.number = number + 1
        value = f"%{number}"
        self.out.append(f"{value} = {text}")
        return value

    def template(self, row: Template, *operands: str) -> str:
        """Emit a row of `templates`; its result."""
        number = self.number
        last = number + row.names
        self.number = last
        operands += ("",) * (4 - len(operands))
        text = row.format.format(*operands, *range(number, last))
        result = f"%{last - 1}"
        if not self.loaded.keys().isdisjoint(operands):
            text = self.locate(text, result, *operands[:3])
        self.out.append(text)
        return result

    def start(self, block: str, before: str = "") -> None:
        """Begin a block; `before`: that of the branch in the line before, if nobody else comes here."""
        self.out.append(f"{block}:")
        self.block = block
        self.before = before

    def trap_if(self, condition: str, kind: int) -> None:
        """Trap if the bit `condition` is set."""
        self.blocks += 1
        number = self.blocks
        self.out.append(f"br i1 {condition}, label %t{number}, label %c{number}")
        self.traps.append(f"t{number}:\ncall void @{TRAP}{kind}() {TRAP_CALL}{self.location()}\nunreachable")
        self.start(f"c{number}", self.block)

    def trap(self, kind: int) -> None:
        self.out.append(f"call void @{TRAP}{kind}() {TRAP_CALL}{self.location()}\nunreachable")

    # --- places ---------------------------------------------------------------------------
    def location(self) -> str:
        """The debug location of the operator at hand, as what follows an instruction; `located` is its number."""
        if self.located_offset != self.offset:
            self.located_offset = self.offset
            number = self.located = self.next_metadata
            self.next_metadata = number + 1
            self.metadata.append(f"!{number} = !DILocation(line: {self.offset}, scope: !{self.scope})")
            self.location_text = f", !dbg !{number}"
        return self.location_text

    def load_of(self, left: str, right: str = "", third: str = "") -> int:
        """The location of the last load that one of the values comes from, or 0."""
        get = self.loaded.get
        number = get(left, 0)
        if right:
            number = max(number, get(right, 0), get(third, 0))
        return number

    def let_from(self, text: str, left: str, right: str = "", third: str = "") -> str:
        """`let`, of something computed from these values."""
        number = self.load_of(left, right, third)
        if not number:
            return self.let(text)
        result = self.let(f"{text}, !dbg !{number}")
        self.loaded[result] = number
        return result

    def branch(self, text: str, condition: str) -> None:
        """Emit a branch on a condition, into which LLVM may fold a load as well."""
        number = self.load_of(condition)
        self.out.append(f"{text}, !dbg !{number}" if number else text)

    def locate(self, text: str, result: str, left: str, right: str = "", third: str = "") -> str:
        """The text of a row that computes `result` from loaded values, with the locations of their loads."""
        number = self.loaded[result] = self.load_of(left, right, third)
        if "\n" not in text:
            return f"{text}, !dbg !{number}"
        lines = text.split("\n")
        for at, line in enumerate(lines):
            own = number
            if "= bitcast" in line:  # of one operand
                own = max(
                    [self.load_of(value) for value in (left, right, third) if f" {value} " in line], default=number
                )
            if own:
                lines[at] = f"{line}, !dbg !{own}"
        return "\n".join(lines)
