"""Whether a function makes sense: all that is wrong with it, each with the instruction.

Checked is what passes rely on: that blocks end, that operands are of their row's types and are
defined on every way to where they are used, that edges bring what their block takes, that calls and
returns agree with signatures, and that the function's links (lists of instructions, incoming edges)
agree with each other. `opcodes` has the rules of types; nothing here knows an instruction by name
that a row does not tell apart.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.flow import Flow
from wasmer_clif_backend.ir.function import Function, Parameter
from wasmer_clif_backend.ir.opcodes import (
    BR_TABLE,
    EFFECTS,
    ENDS,
    IN_A,
    IN_B,
    PARAMETER,
    RESULT,
    RETURN,
    ROWS,
    VALUE,
    Operand,
    Row,
    derived,
)
from wasmer_clif_backend.ir.printer import Printer
from wasmer_clif_backend.ir.types import NO_TYPE, TYPE_NAMES, bits_of, bytes_of, lanes_of, type_name
from wasmer_clif_backend.ir.uses import uses_of
from wasmer_runtime_core.support.annotations import Final, final
from wasmer_runtime_core.support.printable import shortened

MOST_FINDINGS: Final = 100
"""Of one function; what else is wrong with it may come of these."""
LONGEST_TEXT: Final = 1000
"""Characters of what a finding says, and of its instruction, which may have as many operands as the text is long."""


@final
class Finding:
    """One thing that is wrong.

    Attributes:
        instruction: its number, or 0: the function itself.
        text: the instruction, as `printer` prints it; a block's name; or ``""``.
        line: the instruction's source.
        reason: what is wrong with it.
    """

    def __init__(self, instruction: int, text: str, line: int, reason: str) -> None:
        self.instruction = instruction
        self.text = text
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.text}: {self.reason}" if self.text else self.reason


def verify(function: Function) -> list[Finding]:
    """All that is wrong with a function; empty: it may be compiled."""
    return _Verifier(function).run()


def verify_flow(function: Function, flow: Flow) -> list[str]:
    """What somebody who made a function block by block knows wrongly about it; the same found from its graph is right.

    Loops are those of the source: they may have more blocks than lead back to their heads, but never fewer.
    """
    found = Flow(function)
    wrong = []
    if sorted(flow.order) != sorted(found.order):
        return ["the blocks are not those that are reached"]
    for b in found.order:
        if flow.dominator[b] != found.dominator[b]:
            wrong.append(f"block {b} has dominator {found.dominator[b]}, not {flow.dominator[b]}")
        if b != function.entry and flow.number[found.dominator[b]] >= flow.number[b]:
            wrong.append(f"block {b} stands before its dominator")
        if not flow.is_within(b, found.loop[b]):
            wrong.append(f"block {b} is in the loop of {found.loop[b]}")
    return wrong


@final
class _Verifier:
    def __init__(self, function: Function) -> None:
        self.function: Final = function
        self.findings: list[Finding] = []
        self.printer: Final = Printer(function)

    def run(self) -> list[Finding]:
        """All findings. What would make later checks fail themselves ends it early."""
        function = self.function
        if not function.entry:
            self.add(0, "the function has no block")
            return self.findings
        self.tables()
        self.structure()
        if self.findings:
            return self.findings
        self.entry()
        for b in function.block_order():
            for v in function.instructions(b):
                self.instruction(v)
        if not self.findings:
            self.dominance()
        return self.findings

    def add(self, v: int, reason: str, block: int = 0) -> None:
        """A finding; texts are printed as far as that goes. Of too many, the first ones are kept."""
        if len(self.findings) > MOST_FINDINGS:
            return
        function = self.function
        text = self.printer.block_name(block) if block else ""
        line = 0
        if v:
            line = int(function.source[v])
            text = self.printer.value(v)
            if function.opcode[v] not in (PARAMETER, RESULT):
                try:
                    text = self.printer.instruction(v)
                except (LookupError, ValueError):
                    text = ROWS[function.opcode[v]].name
        self.findings.append(Finding(v, shortened(text, LONGEST_TEXT), line, shortened(reason, LONGEST_TEXT)))

    # --- the function's own tables -----------------------------------------------------------------

    def tables(self) -> None:
        """Signatures and functions refer to what is there."""
        function = self.function
        for number, external in enumerate(function.functions):
            if not 0 <= external.signature < len(function.signatures):
                self.add(0, f"fn{number} has signature sig{external.signature}, which is not there")
        for signature in [function.signature, *function.signatures]:
            for one in signature.parameters + signature.results:
                if int(one.type) not in TYPE_NAMES:
                    self.add(0, f"a signature has type {one.type}, which is none")

    def structure(self) -> None:
        """Blocks are lists that end; edges are where instructions say."""
        function = self.function
        incoming = [0] * int(function.block_count)
        for b in function.block_order():
            before = 0
            body = function.instructions(b)
            if not body or not EFFECTS[function.opcode[body[-1]]] & ENDS:
                self.add(body[-1] if body else 0, "the block does not end with a branch, a return or a trap", b)
            for v in body:
                opcode = function.opcode[v]
                if function.block_of[v] != b or function.previous[v] != before:
                    self.add(v, "is linked wrongly into its block")
                if EFFECTS[opcode] & ENDS and v != body[-1]:
                    self.add(v, "ends its block, but instructions stand behind it")
                if opcode == PARAMETER and before and function.opcode[before] != PARAMETER:
                    self.add(v, "is a parameter, but does not stand at the block's start")
                if opcode == RESULT:
                    number = function.immediate[v]
                    of = before if number == 1 else (function.a[before] if before else 0)
                    if before == 0 or function.a[v] != of or (number > 1 and function.immediate[before] != number - 1):
                        self.add(v, "is a result, but does not stand behind its instruction")
                before = v
            for e in function.edges(b):
                if not 0 < e < function.edge_count or not 0 < function.edge_to[e] < function.block_count:
                    self.add(body[-1], "leads nowhere")
                elif function.edge_from[e] != b:
                    self.add(body[-1], "has an edge that belongs to another block")
                else:
                    incoming[function.edge_to[e]] += 1
        for b in function.block_order():
            found = 0
            e = function.incoming[b]
            while e and found <= incoming[b]:
                found += 1
                e = function.edge_next[e]
            if found != incoming[b]:
                self.add(0, f"has {incoming[b]} edges that lead to it, and lists others", b)

    def entry(self) -> None:
        """The entry takes the function's parameters, and nothing leads there."""
        function = self.function
        if function.incoming[function.entry]:
            self.add(0, "is the entry, but a branch leads there", int(function.entry))
        have = [int(function.type[v]) for v in function.parameters(function.entry)]
        self.same(0, have, function.signature.parameters, "the entry takes", int(function.entry))

    def same(self, v: int, have: list[int], wanted: list[Parameter], what: str, block: int = 0) -> None:
        """Types are those of a signature."""
        types = [int(one.type) for one in wanted]
        if have != types:
            here = ", ".join(type_name(one) for one in have) or "nothing"
            there = ", ".join(type_name(one) for one in types) or "nothing"
            self.add(v, f"{what} {here}; the signature says {there}", block)

    # --- instructions -----------------------------------------------------------------------------------

    def instruction(self, v: int) -> None:
        """Operands and results are what the row says."""
        function = self.function
        row = ROWS[function.opcode[v]]
        if row.number in (PARAMETER, RESULT):
            if int(function.type[v]) not in TYPE_NAMES:
                self.add(v, "has no type")
            return
        for operand in row.operands:
            if operand.kind == VALUE and not self.is_value(self.column(v, operand)):
                self.add(v, f"operand {operand.name} is no value")
                return
        controlling = int(self.printer.controlling_type(v))
        if row.types and controlling not in row.types:
            allowed = ", ".join(type_name(one) for one in sorted(row.types))
            self.add(v, f"is not for {type_name(controlling)}; there are {allowed}")
            return
        for operand in row.operands:
            if operand.kind == VALUE:
                have = int(function.type[self.column(v, operand)])
                allowed_types = derived(operand.rule, controlling)
                if have not in allowed_types:
                    allowed = " or ".join(type_name(one) for one in sorted(allowed_types))
                    self.add(v, f"operand {operand.name} is {type_name(have)}; expected {allowed}")
            else:
                self.other_operand(v, row, operand, controlling)
        self.results(v, row, controlling)

    def column(self, v: int, operand: Operand) -> int:
        """What lies in a value's column."""
        function = self.function
        if operand.place == IN_A:
            return int(function.a[v])
        return int(function.b[v] if operand.place == IN_B else function.c[v])

    def is_value(self, v: int) -> bool:
        """Whether a number is an instruction of this function with a result."""
        function = self.function
        return 0 < v < function.count and function.type[v] != NO_TYPE and function.block_of[v] != 0

    def results(self, v: int, row: Row, controlling: int) -> None:
        """Types of the results."""
        function = self.function
        have = [int(function.type[one]) for one in function.results(v)]
        if row.results == ("call",):
            return  # with the arguments
        rules = [derived(rule, controlling) for rule in row.results]
        if len(have) != len(rules) or any(one not in rule for one, rule in zip(have, rules, strict=True)):
            here = ", ".join(type_name(one) for one in have) or "nothing"
            there = ", ".join(type_name(min(rule)) for rule in rules) or "nothing"
            self.add(v, f"gives {here}; expected {there}")

    def other_operand(self, v: int, row: Row, operand: Operand, controlling: int) -> None:
        """What is no single value."""
        function = self.function
        kind = operand.kind
        immediate = int(function.immediate[v])
        extra = int(function.extra[v])
        if kind == "number":
            bits = int(bits_of(controlling))  # Python's own: a native 1 << 63 is negative
            if not -(1 << (bits - 1)) <= immediate < 1 << (bits - 1):
                self.add(v, f"the constant does not fit {type_name(controlling)}")
        elif kind == "lane":
            if not 0 <= immediate < lanes_of(controlling):
                self.add(v, f"there is no lane {immediate}: {type_name(controlling)} has {lanes_of(controlling)}")
        elif kind in ("constant", "mask"):
            if not 0 <= immediate < len(function.constants):
                self.add(v, f"there is no constant {immediate}")
        elif kind == "slot":
            if not 0 <= extra < len(function.slots):
                self.add(v, f"there is no slot ss{extra}")
            else:
                self.slot_access(v, row, extra, immediate, controlling)
        elif kind == "function":
            if not 0 <= extra < len(function.functions):
                self.add(v, f"there is no function fn{extra}")
            elif row.name != "func_addr":
                self.call(v, row, function.functions[extra].signature)
        elif kind == "signature":
            if not 0 <= extra < len(function.signatures):
                self.add(v, f"there is no signature sig{extra}")
            else:
                self.call(v, row, extra)
        elif kind == "code":
            if not 0 < extra < 256:
                self.add(v, f"there is no trap {extra}")
        elif kind == "block":
            self.edge(v, self.column(v, operand))
        elif kind == "table":
            for e in function.items(function.b[v]):
                self.edge(v, e)
            if row.number == BR_TABLE and not function.b[v]:
                self.add(v, "has no default target")
        elif kind == "arguments" and row.number == RETURN:
            self.arguments(v, function.signature.results, "returns")

    def slot_access(self, v: int, row: Row, slot: int, offset: int, controlling: int) -> None:
        """An access lies within its slot; an address may be of its end."""
        size = 0 if row.name == "stack_addr" else int(bytes_of(controlling))
        if offset < 0 or offset + size > self.function.slots[slot].size:
            self.add(v, f"bytes {offset} to {offset + size} are outside of ss{slot} ({self.function.slots[slot].size})")

    def call(self, v: int, row: Row, number: int) -> None:
        """Arguments and results are the signature's; a call in place of this function gives what it gives."""
        function = self.function
        signature = function.signatures[number]
        self.arguments(v, signature.parameters, "is given")
        if row.results == ("call",):
            self.same(v, [int(function.type[one]) for one in function.results(v)], signature.results, "gives")
        else:
            given = [int(one.type) for one in signature.results]
            self.same(v, given, function.signature.results, "returns")

    def arguments(self, v: int, wanted: list[Parameter], what: str) -> None:
        """A list of values in b."""
        function = self.function
        given = function.items(function.b[v])
        if not all(self.is_value(one) for one in given):
            self.add(v, "an argument is no value")
            return
        self.same(v, [int(function.type[one]) for one in given], wanted, what)

    def edge(self, v: int, e: int) -> None:
        """An edge brings what its block takes."""
        function = self.function
        target = int(function.edge_to[e])
        given = function.items(function.edge_arguments[e])
        if not all(self.is_value(one) for one in given):
            self.add(v, "an argument is no value")
            return
        here = [type_name(function.type[one]) for one in given]
        there = [type_name(function.type[one]) for one in function.parameters(target)]
        if here != there:
            self.add(
                v,
                f"gives {self.printer.block_name(target)} {', '.join(here) or 'nothing'}; "
                f"it takes {', '.join(there) or 'nothing'}",
            )

    # --- where values are defined --------------------------------------------------------------------------

    def dominance(self) -> None:
        """Every value is defined on every way to each use; code that is not reached is not looked at."""
        function = self.function
        flow = Flow(function)
        place = [0] * int(function.count)
        for b in flow.order:
            for at, v in enumerate(function.instructions(b)):
                place[v] = at
        first, last = _ranges(function, flow)
        for b in flow.order:
            for v in function.instructions(b):
                for used in uses_of(function, v):
                    home = int(function.block_of[used])
                    good = place[used] < place[v] if home == b else first[home] <= first[b] <= last[home]
                    if not good:
                        self.add(v, f"{self.printer.value(used)} is not defined on every way to here")
                        if len(self.findings) > MOST_FINDINGS:
                            return


def _ranges(function: Function, flow: Flow) -> tuple[list[int], list[int]]:
    """By block: its number when blocks are numbered from dominators down, and that of the last one it dominates.

    So whether one dominates another is seen at once, however many lie between. What is not reached has no range.
    """
    below = [1] * int(function.block_count)
    for b in reversed(list(flow.order)):
        below[flow.dominator[b]] += below[b]
    first = [1] * int(function.block_count)
    last = [0] * int(function.block_count)
    free = [1] * int(function.block_count)
    for b in flow.order:
        above = int(flow.dominator[b])
        first[b] = free[above]
        last[b] = first[b] + below[b] - 1
        free[above] += below[b]
        free[b] = first[b] + 1
    return first, last
