"""What translation asks about the module, and what it keeps of open labels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, final

from wasmer_llvm_backend.ir.templates import V128
from wasmer_llvm_backend.module_text import CODE
from wasmer_runtime_core.contract.convention import FLOAT, INTEGER, VECTOR, Arguments
from wasmer_runtime_core.contract.helpers import VMCALLS
from wasmer_runtime_core.contract.objects import ObjectLayouts
from wasmer_runtime_core.contract.vmctx import VmctxOffsets
from wasmer_runtime_core.support.checkpoint import watched
from wasmer_runtime_core.wasm.types import ANYREF, EXNREF, EXTERNREF, F32, F64, FUNCREF, I32, I64
from wasmer_runtime_core.wasm.types import V128 as V128_CODE

if TYPE_CHECKING:
    from wasmer_runtime_core.wasm.module import ModuleInfo

LLVM_TYPES: Final = {
    I32: "i32", I64: "i64", F32: "float", F64: "double", V128_CODE: V128,
    FUNCREF: "ptr", EXTERNREF: "ptr", ANYREF: "ptr", EXNREF: "ptr",
}  # fmt: skip
ZEROS: Final = {
    I32: "0", I64: "0", F32: "0x0000000000000000", F64: "0x0000000000000000",
    V128_CODE: "zeroinitializer", FUNCREF: "null", EXTERNREF: "null", ANYREF: "null", EXNREF: "null",
}  # fmt: skip


_CLASSES: Final = {F32: FLOAT, F64: FLOAT, V128_CODE: VECTOR}
"""Of the value types that do not travel with the integers."""
INTEGERS: Final = frozenset((I32, I64, FUNCREF, EXTERNREF, ANYREF, EXNREF))
INTEGER_RESULTS: Final = 3  # rax, rdx, rcx
FLOAT_RESULTS: Final = 2  # xmm0, xmm1


class Signature:
    """A function type in LLVM's words.

    Following the machine contract the first result is returned and the others go to a
    buffer (`external_result`); a function private to its unit returns them all at once, if there are registers
    for them (`in_registers`). If there were not, LLVM would put an argument in front of the vmctx.
    """

    def __init__(self, params: bytes, results: bytes) -> None:
        self.params = [LLVM_TYPES[code] for code in params]
        self.results = [LLVM_TYPES[code] for code in results]
        self.external_result = self.results[0] if results else "void"
        self.internal_result = self.external_result
        if len(results) > 1:
            self.internal_result = "{" + ", ".join(self.results) + "}"
        self.buffered = len(results) > 1
        integers = sum(code in INTEGERS for code in results)
        self.in_registers = integers <= INTEGER_RESULTS and len(results) - integers <= FLOAT_RESULTS
        self._codes = params

    @cached_property
    def arguments(self) -> Arguments:
        """Where the parameters lie by the machine contract."""
        return Arguments([_CLASSES.get(code, INTEGER) for code in self._codes], 2 if self.buffered else 1)


class ModuleView(VmctxOffsets):
    """What the translation of every function asks about the module."""

    def __init__(self, info: ModuleInfo, checked_memories: tuple[int, ...], exact: bool) -> None:
        super().__init__(info)
        self.info = info
        self.objects = ObjectLayouts(info.definitions)
        self.checked_memories = frozenset(checked_memories)
        self.wide_memories = frozenset(at for at, memory in enumerate(info.memories) if memory.index_type == I64)
        self.wide_tables = frozenset(at for at, table in enumerate(info.tables) if table.index_type == I64)
        self.shared_memories = frozenset(at for at, memory in enumerate(info.memories) if memory.shared)
        self.exact = exact
        self.signatures = [Signature(type_.param_kinds, type_.result_kinds) for type_ in watched(info.types)]
        self.entries = self.defined_functions + len(VMCALLS)
        self.tag_types = info.tags
        self.global_types = [LLVM_TYPES[type_.kind] for type_ in info.globals]
        self.global_mutable = [type_.mutable for type_ in info.globals]
        self.everything = frozenset(range(len(info.functions)))
        self.escaping = frozenset(info.escaping) | (frozenset() if info.start is None else {info.start})

    def slot(self, entry: int) -> str:
        """The address of entry `entry` in the table of code addresses."""
        return f"getelementptr (i8, ptr @{CODE}, i64 {-8 * (self.entries - entry)})"


@final
class Label:
    """A block, loop, if or the function's body while it is open."""

    __slots__ = (
        "at", "branch", "edges", "height", "loop", "name", "otherwise", "params", "phis", "places", "results", "saved",
        "sources",
    )  # fmt: skip

    def __init__(self, name: str, height: int, params: list[str], results: list[str], places: int = 0) -> None:
        self.name = name
        self.height = height
        self.places = places  # how many addresses are known where it opens, and so where it ends
        self.params = params
        self.results = results
        self.edges: list[tuple[str, Mapping[int, str], tuple[str, ...]]] = []
        """(block that branches here, locals there, values that come along)"""
        self.sources: set[str] = set()
        """The blocks of `edges`."""
        self.phis: list[tuple[int, int]] = []  # of a loop: (local, or -1 - parameter; number of its phi)
        self.at = 0  # of a loop: where in the text its phis go
        self.saved: tuple[Mapping[int, str], tuple[str, ...]] = ({}, ())  # of an if: locals and parameters
        self.otherwise = ""  # of an if: the block of its second arm, while that has not begun
        self.branch = (0, "")  # of an if: where in the text its branch stands, and in which block
        self.loop = False

    def add_edge(self, block: str, locals_: Mapping[int, str], values: tuple[str, ...]) -> None:
        """A branch from a block."""
        self.edges.append((block, locals_, values))
        self.sources.add(block)


@final
class Try:
    """A try while it is open.

    Attributes:
        landing: the block where exceptions of its calls land.
        dispatch: the block where its arms are asked: behind the landing, and where those of tries in it have no arm.
        around: the landing of the try around it.
        rest: the block where the next arm is asked, if the last one was and may not be it.
        saved: the locals there, or before the try.
        asks: whether an arm was there.
    """

    __slots__ = ("around", "asks", "dispatch", "landing", "rest", "saved")

    def __init__(self, number: int, height: int, places: int, around: Label | None, saved: Mapping[int, str]) -> None:
        self.landing = Label(f"l{number}", height, [], [], places)
        self.dispatch = Label(f"d{number}", height, [], [], places)
        self.around = around
        self.rest = ""
        self.saved = saved
        self.asks = False

    @property
    def is_reached(self) -> bool:
        """Whether some exception may come here."""
        return bool(self.landing.edges or self.dispatch.edges)
