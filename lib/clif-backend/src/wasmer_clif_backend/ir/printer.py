"""A function as text that Cranelift's tools, and `parser`, read.

Values and blocks are numbered in the order in which they are printed, so that the text depends on
the function alone, not on the numbers it happens to use: printing what was parsed from a printed
text gives that text. With ``numbers`` they have their own numbers, for looking at a pass.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.function import Function, Signature
from wasmer_clif_backend.ir.numerals import format_float, format_integer
from wasmer_clif_backend.ir.opcodes import (
    ATOMIC_OPERATIONS,
    FLOAT_CONDITIONS,
    IN_A,
    IN_B,
    INTEGER_CONDITIONS,
    MEMORY_FLAGS,
    PARAMETER,
    RESULT,
    ROWS,
    TRAP_CODE_SHIFT,
    TRAP_CODES,
    VALUE,
    Operand,
)
from wasmer_clif_backend.ir.types import type_name
from wasmer_runtime_core.support.annotations import Final, final, i64

_CODE_NAMES: Final = {number: name for name, number in TRAP_CODES.items()}
_SPACED: Final = frozenset(("flags", "intcc", "floatcc", "atomic"))
"""Kinds behind which no comma stands."""


def format_code(code: int) -> str:
    """A trap by its number."""
    return _CODE_NAMES.get(code, f"user{code}")


def format_flags(flags: int) -> str:
    """Flags of an access, and its trap."""
    words = [word for word, bit in MEMORY_FLAGS.items() if flags & bit]
    code = flags >> TRAP_CODE_SHIFT
    return " ".join([*words, format_code(code)] if code else words)


def format_signature(signature: Signature) -> str:
    """``(i32, i64 vmctx) -> i32 fast``."""
    words = []
    for some in (signature.parameters, signature.results):
        words.append(
            ", ".join(" ".join(filter(None, (type_name(one.type), one.extension, one.purpose))) for one in some)
        )
    text = f"({words[0]})" + (f" -> {words[1]}" if words[1] else "")
    return f"{text} {signature.convention}" if signature.convention else text


@final
class Printer:
    """Prints one function, or single instructions of it.

    Args:
        function: what to print.
        numbers: show the values' and blocks' own numbers.
    """

    def __init__(self, function: Function, numbers: bool = False) -> None:
        self.function = function
        self.values: dict[int, int] = {}
        self.blocks: dict[int, int] = {}
        self.printed: set[int] = set()
        if not numbers:
            for block in function.block_order():
                self.blocks[block] = len(self.blocks)
                for v in function.instructions(block):
                    if function.type[v]:
                        self.values[v] = len(self.values)

    def text(self) -> str:
        """The whole function, with a newline at its end."""
        function = self.function
        lines = [f"function {function.name}{format_signature(function.signature)} {{"]
        head = self._head()
        lines += head
        for block in function.block_order():
            if len(lines) > 1:
                lines.append("")
            lines += self.block(block)
        lines.append("}\n")
        return "\n".join(lines)

    def block(self, block: int) -> list[str]:
        """The lines of a block."""
        function = self.function
        given = [f"{self.value(v)}: {type_name(function.type[v])}" for v in function.parameters(block)]
        self.printed.update(function.parameters(block))
        cold = " cold" if function.cold[block] else ""
        lines = [f"{self.block_name(block)}{'(' + ', '.join(given) + ')' if given else ''}{cold}:"]
        for v in function.instructions(block):
            if function.opcode[v] not in (PARAMETER, RESULT):
                lines.append("    " + self.instruction(v))
                self.printed.update(function.results(v))
        return lines

    def instruction(self, v: int) -> str:
        """One instruction, without indentation."""
        function = self.function
        row = ROWS[function.opcode[v]]
        results = ", ".join(self.value(one) for one in function.results(v))
        text = f"{results} = {row.name}" if results else row.name
        controlling = self.controlling_type(v)
        if controlling:
            shown = row.shown >= 0 and self._value_at(v, row.shown) in self.printed
            if not shown:
                text += f".{type_name(controlling)}"
        comma = " "
        for operand in row.operands:
            word = self._operand(v, operand)
            if operand.kind == "offset":
                text += word
            elif operand.kind == "arguments" and row.name != "return":
                text += f"({word})"
            elif word:
                text += comma + word
                comma = " " if operand.kind in _SPACED else ", "
        return text

    def controlling_type(self, v: i64) -> i64:
        """The type that the row's T stands for in an instruction; 0 if it has none."""
        function = self.function
        row = ROWS[function.opcode[v]]
        if not row.types:
            return 0
        if row.shown >= 0:
            return function.type[self._value_at(v, row.shown)]
        return function.type[v]

    def value(self, v: i64) -> str:
        """A value's name."""
        return f"v{self.values.get(int(v), int(v))}"

    def block_name(self, block: i64) -> str:
        """A block's name."""
        return f"block{self.blocks.get(int(block), int(block))}"

    def target(self, e: i64) -> str:
        """Where an edge leads, with its arguments."""
        function = self.function
        given = ", ".join(self.value(v) for v in function.items(function.edge_arguments[e]))
        return self.block_name(function.edge_to[e]) + (f"({given})" if given else "")

    def _value_at(self, v: i64, place: int) -> int:
        function = self.function
        if place == IN_A:
            return int(function.a[v])
        return int(function.b[v] if place == IN_B else function.c[v])

    def _operand(self, v: i64, operand: Operand) -> str:
        function = self.function
        kind = operand.kind
        immediate = int(function.immediate[v])
        extra = int(function.extra[v])
        if kind == VALUE:
            return self.value(self._value_at(v, operand.place))
        if kind == "block":
            return self.target(self._value_at(v, operand.place))
        if kind == "arguments":
            return ", ".join(self.value(one) for one in function.items(function.b[v]))
        if kind == "table":
            *targets, default = function.items(function.b[v])
            return f"{self.target(default)}, [{', '.join(self.target(e) for e in targets)}]"
        if kind == "number":
            return format_integer(immediate)
        if kind in ("float32", "float64"):
            size = 4 if kind == "float32" else 8
            return format_float(immediate & ((1 << 8 * size) - 1), size)
        if kind == "lane":
            return str(immediate)
        if kind == "intcc":
            return INTEGER_CONDITIONS[immediate]
        if kind == "floatcc":
            return FLOAT_CONDITIONS[immediate]
        if kind == "atomic":
            return ATOMIC_OPERATIONS[immediate]
        if kind == "offset":
            return f"{immediate:+}" if immediate else ""
        if kind == "constant":
            return f"const{immediate}"
        if kind == "mask":
            return f"[{' '.join(str(byte) for byte in function.constants[immediate])}]"
        if kind == "flags":
            return format_flags(extra)
        if kind == "slot":
            return f"ss{extra}"
        if kind == "function":
            return f"fn{extra}"
        if kind == "signature":
            return f"sig{extra}"
        return format_code(extra)

    def _head(self) -> list[str]:
        function = self.function
        lines = []
        for number, slot in enumerate(function.slots):
            align = f", align = {1 << slot.alignment}" if slot.alignment else ""
            lines.append(f"    ss{number} = explicit_slot {slot.size}{align}")
        for number, signature in enumerate(function.signatures):
            lines.append(f"    sig{number} = {format_signature(signature)}")
        for number, external in enumerate(function.functions):
            colocated = "colocated " if external.colocated else ""
            lines.append(f"    fn{number} = {colocated}{external.name} sig{external.signature}")
        for number, data in enumerate(function.constants):
            lines.append(f"    const{number} = 0x{int.from_bytes(data, 'little'):032x}")
        return lines


def print_function(function: Function, numbers: bool = False) -> str:
    """A function's text."""
    return Printer(function, numbers).text()
