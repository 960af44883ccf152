"""Every operator of WebAssembly 2.0, and those of 3.0 that are here, one row each.

A row holds the operator's code, its mnemonic in the text format, the kind of its
immediate, its type and its effects. Decoder, validator, text parser and printer, `Body` and the
backends' lowering tables all derive from these rows; nothing about an operator is
written a second time. Long for one idea: it is one table, as the specification has one index.

*Code.* Single-byte opcodes stand for themselves; an operator behind a prefix byte has
the page of its prefix added to its sub-opcode: ``0xFC n`` is ``0x100 + n``, ``0xFD n``
is ``0x200 + n`` (the vector page has the length of two, `PAGE_LENGTHS`), ``0xFE n`` is ``0x400 + n`` and ``0xFB n``
is ``0x500 + n``.

*Type.* ``"i32 i32 -> i32"``, operands in the order they are pushed. Rows whose type
depends on their immediate or on the stack (control, variables, calls, references,
tables, memories as a whole) leave it empty: the validator knows them by name. The address of an
access is an i32 here; it is what the index of its memory is.

*Feature.* The name of the proposal (`features.FEATURES`) that brought the operator; empty for those of the first
release. All of the vector page came with two.

*Immediate.* One word of `IMMEDIATES`; a memory access adds the bytes it touches, which
bounds its alignment: ``"memarg 4"``.

*Effects.* What the operator does besides turning operands into results, in the words of
`effects`: ``"reads data, writes memory, traps memory, helper"``. A row without has those of its
immediate (`OF_IMMEDIATES`): blocks open, labels are branched to, an access with results is a load,
one without a store. So most rows have none, and nothing is told from a mnemonic.

Long for one idea: it is one table, a line for each operator there is.

Source: WebAssembly 2.0, sections 5.4 (binary format of instructions), 6.5 (text format),
3.3 (validation) and 4.4 (execution).
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.support.first_use import kept
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.operators.effects import ALLOCATES, CALLS, HELPER, THROWS, read_effects

IMMEDIATES: Final = (
    "",
    "block",  # block type: a type index, or a negative value type
    "label",  # relative depth
    "labels",  # br_table: vector of depths and a default
    "function",
    "type table",  # call_indirect, return_call_indirect
    "types",  # select with its type written
    "local",
    "global",
    "table",
    "memory",
    "memarg",  # alignment exponent and offset
    "i32",
    "i64",
    "f32",
    "f64",
    "v128",
    "heap type",  # ref.null
    "type",  # call_ref
    "tag",  # throw, catch
    "block catches",  # try_table: block type; vector of kinds of catch, with a tag where it has one, and a depth
    "data memory",  # memory.init
    "data",
    "memory memory",  # memory.copy: destination, source
    "element table",  # table.init
    "element",
    "table table",  # table.copy: destination, source
    "lane",
    "memarg lane",
    "lanes",  # i8x16.shuffle: sixteen of them
    "reference type",  # ref.test, ref.cast: a heap type; whether null is one of it the opcode says
    "cast",  # br_on_cast: which of two reference types have null, a relative depth, their heap types
    "type field",  # struct.get, struct.set
    "type count",  # array.new_fixed
    "type data",
    "type element",
    "type type",  # array.copy: destination, source
    "zero",  # atomic.fence: a byte that is zero, and is in no text
)

HAS_MEMORY_INDEX: Final = 0x40
"""In the first number of a memarg: the index of its memory stands behind that number."""
MEMARG_END: Final = 0x80
"""What that number is below."""

LOAD: Final = "reads memory, traps memory"
STORE: Final = "writes memory, traps memory"
OF_IMMEDIATES: Final = {"block": "opens", "block catches": "opens", "label": "branches", "labels": "branches"}
"""Immediate -> the effects of a row that has none written; those of accesses are `LOAD` and `STORE`."""

VECTOR_PAGE: Final = 0x200
ATOMIC_PAGE: Final = 0x400
OBJECT_PAGE: Final = 0x500
PREFIX_PAGES: Final = {0xFC: 0x100, 0xFD: VECTOR_PAGE, 0xFE: ATOMIC_PAGE, 0xFB: OBJECT_PAGE}
"""Prefix byte -> what is added to the sub-opcode."""
PAGE_LENGTHS: Final = {0xFC: 0x100, 0xFD: 0x200, 0xFE: 0x100, 0xFB: 0x100}
"""Prefix byte -> how many sub-opcodes its page has room for."""


class Operator(NamedTuple):
    """One row of the table."""

    code: int
    mnemonic: str
    immediate: str  # a word of IMMEDIATES
    params: tuple[str, ...]
    results: tuple[str, ...]
    access_bytes: int  # of a memory access, else 0
    typed_by_row: bool  # False: the type depends on immediate or stack
    feature: str = ""  # name of a row of `features.FEATURES`; "" in 1.0
    effects: int = 0  # bits of `effects`
    traps: tuple[str, ...] = ()  # in which ways: names of rows of `contract.traps`

    @property
    def constant_name(self) -> str:
        """The name backends and validator use: ``I32_ADD`` for ``i32.add``."""
        return self.mnemonic.upper().replace(".", "_")

    @property
    def word(self) -> str:
        """As the text format spells it: several operators that differ in their immediates share one word."""
        return self.mnemonic.partition(" ")[0]

    @property
    def helper(self) -> str:
        """The name of the helper that carries it out (`contract.helpers`); "" if none does."""
        return self.mnemonic.removeprefix("internal.").replace(".", "_") if self.effects & HELPER else ""

    @property
    def may_throw(self) -> bool:
        """Whether an exception of WebAssembly may come out of it, its own or that of a function it calls."""
        return self.effects & (THROWS | CALLS) != 0

    @property
    def may_collect(self) -> bool:
        """Whether objects may be collected while it runs: it makes one, or a function it calls does."""
        return self.effects & (ALLOCATES | CALLS) != 0


OPERATORS: Final[dict[int, Operator]] = {}
BY_MNEMONIC: Final[dict[str, Operator]] = {}


@kept
def operand_types(type_: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters and results. There are ten times as many operators as types."""
    left, _, right = type_.partition("->")
    return tuple(left.split()), tuple(right.split())


def _row(code: int, mnemonic: str, immediate: str = "", type_: str = "", effects: str = "", feature: str = "") -> None:
    access_bytes = 0
    if code >= VECTOR_PAGE and not feature:
        feature = "simd"
    params, results = operand_types(type_)
    if immediate.startswith("memarg"):
        words = immediate.split()
        access_bytes = int(words[-1])
        immediate = " ".join(words[:-1])
        effects = effects or (LOAD if results else STORE)
    elif immediate and not effects:
        effects = OF_IMMEDIATES.get(immediate, "")
    bits, traps = read_effects(effects) if effects else (0, ())
    # By the way of `Operator(…)` a row would cost a call of Python more, and there are 524.
    OPERATORS[code] = BY_MNEMONIC[mnemonic] = tuple.__new__(
        Operator, (code, mnemonic, immediate, params, results, access_bytes, type_ != "", feature, bits, traps)
    )


SIGN_EXTENSION: Final = "sign_extension"
SATURATING: Final = "saturating_float_to_int"
BULK: Final = "bulk_memory"
REFERENCES: Final = "reference_types"
RELAXED: Final = "relaxed_simd"
TAIL_CALL: Final = "tail_call"
TYPED_REFERENCES: Final = "function_references"
EXCEPTIONS: Final = "exceptions"
LEGACY_EXCEPTIONS: Final = "legacy_exceptions"
GC: Final = "gc"
THREADS: Final = "threads"

# fmt: off
# --- control (5.4.1) -------------------------------------------------------------------
_row(0x00, "unreachable",   "",           "", "stops, traps unreachable")
_row(0x01, "nop")
_row(0x02, "block",         "block")
_row(0x03, "loop",          "block")
_row(0x04, "if",            "block")
_row(0x05, "else",          "",           "", "closes")
_row(0x08, "throw",         "tag",        "", "throws, stops", EXCEPTIONS)
_row(0x0A, "throw_ref",     "",           "", "throws, stops, traps null", EXCEPTIONS)
_row(0x0B, "end",           "",           "", "closes")
_row(0x0C, "br",            "label",      "", "branches, stops")
_row(0x0D, "br_if",         "label")
_row(0x0E, "br_table",      "labels",     "", "branches, stops")
_row(0x0F, "return",        "",           "", "returns, stops")
_row(0x10, "call",          "function",   "", "calls")
_row(0x11, "call_indirect", "type table", "", "reads table, calls, traps undefined uninitialized type")
_row(0x12, "return_call",   "function",   "", "calls, stops", TAIL_CALL)
_row(0x13, "return_call_indirect", "type table", "", "reads table, calls, stops, traps undefined uninitialized type",
     TAIL_CALL)
_row(0x14, "call_ref",      "type",       "", "calls, traps null", TYPED_REFERENCES)
_row(0x15, "return_call_ref", "type",     "", "calls, stops, traps null", TAIL_CALL)
_row(0x1F, "try_table",     "block catches", "", "opens", EXCEPTIONS)

# --- exceptions as they were encoded first; all but rethrow are in bodies, whatever the module was written in --
_row(0x06, "try",           "block",      "", "opens", LEGACY_EXCEPTIONS)
_row(0x07, "catch",         "tag",        "", "closes", LEGACY_EXCEPTIONS)
_row(0x09, "rethrow",       "label",      "", "throws, stops", LEGACY_EXCEPTIONS)
_row(0x18, "delegate",      "label",      "", "closes", LEGACY_EXCEPTIONS)
_row(0x19, "catch_all",     "",           "", "closes", LEGACY_EXCEPTIONS)

# --- references (5.4.2) ----------------------------------------------------------------
_row(0xD0, "ref.null",         "heap type", feature=REFERENCES)
_row(0xD1, "ref.is_null",      feature=REFERENCES)
_row(0xD2, "ref.func",         "function",  feature=REFERENCES)
_row(0xD4, "ref.as_non_null",  "",          "", "traps null", TYPED_REFERENCES)
_row(0xD5, "br_on_null",       "label",     "", "branches",   TYPED_REFERENCES)
_row(0xD6, "br_on_non_null",   "label",     "", "branches",   TYPED_REFERENCES)

# --- aggregate (3.0, 5.4.4) ------------------------------------------------------------
_row(0xD3,  "ref.eq",             "",               "", "",                                                  GC)
_row(0x500, "struct.new",         "type",           "", "allocates, traps heap",                             GC)
_row(0x501, "struct.new_default", "type",           "", "allocates, traps heap, helper",                     GC)
_row(0x502, "struct.get",         "type field",     "", "reads object, traps structure",                     GC)
_row(0x503, "struct.get_s",       "type field",     "", "reads object, traps structure",                     GC)
_row(0x504, "struct.get_u",       "type field",     "", "reads object, traps structure",                     GC)
_row(0x505, "struct.set",         "type field",     "", "writes object, traps structure",                    GC)
_row(0x506, "array.new",          "type",           "", "allocates, traps heap",                             GC)
_row(0x507, "array.new_default",  "type",           "", "allocates, traps heap, helper",                     GC)
_row(0x508, "array.new_fixed",    "type count",     "", "allocates, traps heap",                             GC)
_row(0x509, "array.new_data",     "type data",      "", "reads data, allocates, traps memory heap, helper",  GC)
_row(0x50A, "array.new_elem",     "type element",   "", "reads element, allocates, traps table heap, helper", GC)
_row(0x50B, "array.get",          "type",           "", "reads object, traps array bounds",                  GC)
_row(0x50C, "array.get_s",        "type",           "", "reads object, traps array bounds",                  GC)
_row(0x50D, "array.get_u",        "type",           "", "reads object, traps array bounds",                  GC)
_row(0x50E, "array.set",          "type",           "", "writes object, traps array bounds",                 GC)
_row(0x50F, "array.len",          "",               "", "traps array",                                       GC)
_row(0x510, "array.fill",         "type",           "", "writes object, traps array bounds",                 GC)
_row(0x511, "array.copy",         "type type",      "", "reads object, writes object, traps array bounds, helper", GC)
_row(0x512, "array.init_data",    "type data",      "", "reads data, writes object, traps array bounds memory, helper",
     GC)
_row(0x513, "array.init_elem",    "type element",   "",
     "reads element, writes object, traps array bounds table, helper", GC)
_row(0x514, "ref.test",           "reference type", "", "",                                                  GC)
_row(0x515, "ref.test null",      "reference type", "", "",                                                  GC)
_row(0x516, "ref.cast",           "reference type", "", "traps cast",                                        GC)
_row(0x517, "ref.cast null",      "reference type", "", "traps cast",                                        GC)
_row(0x518, "br_on_cast",         "cast",           "", "branches",                                          GC)
_row(0x519, "br_on_cast_fail",    "cast",           "", "branches",                                          GC)
_row(0x51A, "any.convert_extern", "",               "", "",                                                  GC)
_row(0x51B, "extern.convert_any", "",               "", "",                                                  GC)
_row(0x51C, "ref.i31",            "",               "", "",                                                  GC)
_row(0x51D, "i31.get_s",          "",               "", "traps i31",                                         GC)
_row(0x51E, "i31.get_u",          "",               "", "traps i31",                                         GC)

# --- parametric (5.4.3) ----------------------------------------------------------------
_row(0x1A, "drop")
_row(0x1B, "select")
_row(0x1C, "select t",      "types", feature=REFERENCES)

# --- variables (5.4.4) -----------------------------------------------------------------
_row(0x20, "local.get",  "local",  "", "reads local")
_row(0x21, "local.set",  "local",  "", "writes local")
_row(0x22, "local.tee",  "local",  "", "writes local")
_row(0x23, "global.get", "global", "", "reads global")
_row(0x24, "global.set", "global", "", "writes global")

# --- tables (5.4.5) --------------------------------------------------------------------
_row(0x25,  "table.get",  "table",         "",               "reads table, traps table, helper", REFERENCES)
_row(0x26,  "table.set",  "table",         "",               "writes table, traps table, helper", REFERENCES)
_row(0x10C, "table.init", "element table", "",               "reads element, writes table, traps table, helper", BULK)
_row(0x10D, "elem.drop",  "element",       "->",             "writes element, helper", BULK)
_row(0x10E, "table.copy", "table table",   "",               "reads table, writes table, traps table, helper", BULK)
_row(0x10F, "table.grow", "table",         "",               "reads table, writes table, helper", REFERENCES)
_row(0x110, "table.size", "table",         "",               "reads table", REFERENCES)
_row(0x111, "table.fill", "table",         "",               "writes table, traps table, helper", REFERENCES)

# --- memory (5.4.6) --------------------------------------------------------------------
_row(0x28,  "i32.load",     "memarg 4",      "i32 -> i32")
_row(0x29,  "i64.load",     "memarg 8",      "i32 -> i64")
_row(0x2A,  "f32.load",     "memarg 4",      "i32 -> f32")
_row(0x2B,  "f64.load",     "memarg 8",      "i32 -> f64")
_row(0x2C,  "i32.load8_s",  "memarg 1",      "i32 -> i32")
_row(0x2D,  "i32.load8_u",  "memarg 1",      "i32 -> i32")
_row(0x2E,  "i32.load16_s", "memarg 2",      "i32 -> i32")
_row(0x2F,  "i32.load16_u", "memarg 2",      "i32 -> i32")
_row(0x30,  "i64.load8_s",  "memarg 1",      "i32 -> i64")
_row(0x31,  "i64.load8_u",  "memarg 1",      "i32 -> i64")
_row(0x32,  "i64.load16_s", "memarg 2",      "i32 -> i64")
_row(0x33,  "i64.load16_u", "memarg 2",      "i32 -> i64")
_row(0x34,  "i64.load32_s", "memarg 4",      "i32 -> i64")
_row(0x35,  "i64.load32_u", "memarg 4",      "i32 -> i64")
_row(0x36,  "i32.store",    "memarg 4",      "i32 i32 ->")
_row(0x37,  "i64.store",    "memarg 8",      "i32 i64 ->")
_row(0x38,  "f32.store",    "memarg 4",      "i32 f32 ->")
_row(0x39,  "f64.store",    "memarg 8",      "i32 f64 ->")
_row(0x3A,  "i32.store8",   "memarg 1",      "i32 i32 ->")
_row(0x3B,  "i32.store16",  "memarg 2",      "i32 i32 ->")
_row(0x3C,  "i64.store8",   "memarg 1",      "i32 i64 ->")
_row(0x3D,  "i64.store16",  "memarg 2",      "i32 i64 ->")
_row(0x3E,  "i64.store32",  "memarg 4",      "i32 i64 ->")
_row(0x3F,  "memory.size",  "memory",        "",               "reads memory")
_row(0x40,  "memory.grow",  "memory",        "",               "reads memory, writes memory, helper")
_row(0x108, "memory.init", "data memory",   "",               "reads data, writes memory, traps memory, helper", BULK)
_row(0x109, "data.drop",   "data",          "->",             "writes data, helper", BULK)
_row(0x10A, "memory.copy", "memory memory", "",               "reads memory, writes memory, traps memory, helper", BULK)
_row(0x10B, "memory.fill", "memory",        "",               "writes memory, traps memory, helper", BULK)

# --- numeric constants (5.4.7) ---------------------------------------------------------
_row(0x41, "i32.const",     "i32", "-> i32")
_row(0x42, "i64.const",     "i64", "-> i64")
_row(0x43, "f32.const",     "f32", "-> f32")
_row(0x44, "f64.const",     "f64", "-> f64")

# --- integer tests and comparisons -----------------------------------------------------
_row(0x45, "i32.eqz",  "", "i32 -> i32")
_row(0x46, "i32.eq",   "", "i32 i32 -> i32")
_row(0x47, "i32.ne",   "", "i32 i32 -> i32")
_row(0x48, "i32.lt_s", "", "i32 i32 -> i32")
_row(0x49, "i32.lt_u", "", "i32 i32 -> i32")
_row(0x4A, "i32.gt_s", "", "i32 i32 -> i32")
_row(0x4B, "i32.gt_u", "", "i32 i32 -> i32")
_row(0x4C, "i32.le_s", "", "i32 i32 -> i32")
_row(0x4D, "i32.le_u", "", "i32 i32 -> i32")
_row(0x4E, "i32.ge_s", "", "i32 i32 -> i32")
_row(0x4F, "i32.ge_u", "", "i32 i32 -> i32")
_row(0x50, "i64.eqz",  "", "i64 -> i32")
_row(0x51, "i64.eq",   "", "i64 i64 -> i32")
_row(0x52, "i64.ne",   "", "i64 i64 -> i32")
_row(0x53, "i64.lt_s", "", "i64 i64 -> i32")
_row(0x54, "i64.lt_u", "", "i64 i64 -> i32")
_row(0x55, "i64.gt_s", "", "i64 i64 -> i32")
_row(0x56, "i64.gt_u", "", "i64 i64 -> i32")
_row(0x57, "i64.le_s", "", "i64 i64 -> i32")
_row(0x58, "i64.le_u", "", "i64 i64 -> i32")
_row(0x59, "i64.ge_s", "", "i64 i64 -> i32")
_row(0x5A, "i64.ge_u", "", "i64 i64 -> i32")

# --- float comparisons -----------------------------------------------------------------
_row(0x5B, "f32.eq", "", "f32 f32 -> i32")
_row(0x5C, "f32.ne", "", "f32 f32 -> i32")
_row(0x5D, "f32.lt", "", "f32 f32 -> i32")
_row(0x5E, "f32.gt", "", "f32 f32 -> i32")
_row(0x5F, "f32.le", "", "f32 f32 -> i32")
_row(0x60, "f32.ge", "", "f32 f32 -> i32")
_row(0x61, "f64.eq", "", "f64 f64 -> i32")
_row(0x62, "f64.ne", "", "f64 f64 -> i32")
_row(0x63, "f64.lt", "", "f64 f64 -> i32")
_row(0x64, "f64.gt", "", "f64 f64 -> i32")
_row(0x65, "f64.le", "", "f64 f64 -> i32")
_row(0x66, "f64.ge", "", "f64 f64 -> i32")

# --- integer arithmetic ----------------------------------------------------------------
_row(0x67, "i32.clz",    "", "i32 -> i32")
_row(0x68, "i32.ctz",    "", "i32 -> i32")
_row(0x69, "i32.popcnt", "", "i32 -> i32")
_row(0x6A, "i32.add",    "", "i32 i32 -> i32")
_row(0x6B, "i32.sub",    "", "i32 i32 -> i32")
_row(0x6C, "i32.mul",    "", "i32 i32 -> i32")
_row(0x6D, "i32.div_s",  "", "i32 i32 -> i32", "traps zero overflow")
_row(0x6E, "i32.div_u",  "", "i32 i32 -> i32", "traps zero")
_row(0x6F, "i32.rem_s",  "", "i32 i32 -> i32", "traps zero")
_row(0x70, "i32.rem_u",  "", "i32 i32 -> i32", "traps zero")
_row(0x71, "i32.and",    "", "i32 i32 -> i32")
_row(0x72, "i32.or",     "", "i32 i32 -> i32")
_row(0x73, "i32.xor",    "", "i32 i32 -> i32")
_row(0x74, "i32.shl",    "", "i32 i32 -> i32")
_row(0x75, "i32.shr_s",  "", "i32 i32 -> i32")
_row(0x76, "i32.shr_u",  "", "i32 i32 -> i32")
_row(0x77, "i32.rotl",   "", "i32 i32 -> i32")
_row(0x78, "i32.rotr",   "", "i32 i32 -> i32")
_row(0x79, "i64.clz",    "", "i64 -> i64")
_row(0x7A, "i64.ctz",    "", "i64 -> i64")
_row(0x7B, "i64.popcnt", "", "i64 -> i64")
_row(0x7C, "i64.add",    "", "i64 i64 -> i64")
_row(0x7D, "i64.sub",    "", "i64 i64 -> i64")
_row(0x7E, "i64.mul",    "", "i64 i64 -> i64")
_row(0x7F, "i64.div_s",  "", "i64 i64 -> i64", "traps zero overflow")
_row(0x80, "i64.div_u",  "", "i64 i64 -> i64", "traps zero")
_row(0x81, "i64.rem_s",  "", "i64 i64 -> i64", "traps zero")
_row(0x82, "i64.rem_u",  "", "i64 i64 -> i64", "traps zero")
_row(0x83, "i64.and",    "", "i64 i64 -> i64")
_row(0x84, "i64.or",     "", "i64 i64 -> i64")
_row(0x85, "i64.xor",    "", "i64 i64 -> i64")
_row(0x86, "i64.shl",    "", "i64 i64 -> i64")
_row(0x87, "i64.shr_s",  "", "i64 i64 -> i64")
_row(0x88, "i64.shr_u",  "", "i64 i64 -> i64")
_row(0x89, "i64.rotl",   "", "i64 i64 -> i64")
_row(0x8A, "i64.rotr",   "", "i64 i64 -> i64")

# --- float arithmetic ------------------------------------------------------------------
_row(0x8B, "f32.abs",      "", "f32 -> f32")
_row(0x8C, "f32.neg",      "", "f32 -> f32")
_row(0x8D, "f32.ceil",     "", "f32 -> f32")
_row(0x8E, "f32.floor",    "", "f32 -> f32")
_row(0x8F, "f32.trunc",    "", "f32 -> f32")
_row(0x90, "f32.nearest",  "", "f32 -> f32")
_row(0x91, "f32.sqrt",     "", "f32 -> f32")
_row(0x92, "f32.add",      "", "f32 f32 -> f32")
_row(0x93, "f32.sub",      "", "f32 f32 -> f32")
_row(0x94, "f32.mul",      "", "f32 f32 -> f32")
_row(0x95, "f32.div",      "", "f32 f32 -> f32")
_row(0x96, "f32.min",      "", "f32 f32 -> f32")
_row(0x97, "f32.max",      "", "f32 f32 -> f32")
_row(0x98, "f32.copysign", "", "f32 f32 -> f32")
_row(0x99, "f64.abs",      "", "f64 -> f64")
_row(0x9A, "f64.neg",      "", "f64 -> f64")
_row(0x9B, "f64.ceil",     "", "f64 -> f64")
_row(0x9C, "f64.floor",    "", "f64 -> f64")
_row(0x9D, "f64.trunc",    "", "f64 -> f64")
_row(0x9E, "f64.nearest",  "", "f64 -> f64")
_row(0x9F, "f64.sqrt",     "", "f64 -> f64")
_row(0xA0, "f64.add",      "", "f64 f64 -> f64")
_row(0xA1, "f64.sub",      "", "f64 f64 -> f64")
_row(0xA2, "f64.mul",      "", "f64 f64 -> f64")
_row(0xA3, "f64.div",      "", "f64 f64 -> f64")
_row(0xA4, "f64.min",      "", "f64 f64 -> f64")
_row(0xA5, "f64.max",      "", "f64 f64 -> f64")
_row(0xA6, "f64.copysign", "", "f64 f64 -> f64")

# --- conversions -----------------------------------------------------------------------
_row(0xA7, "i32.wrap_i64",        "", "i64 -> i32")
_row(0xA8, "i32.trunc_f32_s",     "", "f32 -> i32", "traps overflow conversion")
_row(0xA9, "i32.trunc_f32_u",     "", "f32 -> i32", "traps overflow conversion")
_row(0xAA, "i32.trunc_f64_s",     "", "f64 -> i32", "traps overflow conversion")
_row(0xAB, "i32.trunc_f64_u",     "", "f64 -> i32", "traps overflow conversion")
_row(0xAC, "i64.extend_i32_s",    "", "i32 -> i64")
_row(0xAD, "i64.extend_i32_u",    "", "i32 -> i64")
_row(0xAE, "i64.trunc_f32_s",     "", "f32 -> i64", "traps overflow conversion")
_row(0xAF, "i64.trunc_f32_u",     "", "f32 -> i64", "traps overflow conversion")
_row(0xB0, "i64.trunc_f64_s",     "", "f64 -> i64", "traps overflow conversion")
_row(0xB1, "i64.trunc_f64_u",     "", "f64 -> i64", "traps overflow conversion")
_row(0xB2, "f32.convert_i32_s",   "", "i32 -> f32")
_row(0xB3, "f32.convert_i32_u",   "", "i32 -> f32")
_row(0xB4, "f32.convert_i64_s",   "", "i64 -> f32")
_row(0xB5, "f32.convert_i64_u",   "", "i64 -> f32")
_row(0xB6, "f32.demote_f64",      "", "f64 -> f32")
_row(0xB7, "f64.convert_i32_s",   "", "i32 -> f64")
_row(0xB8, "f64.convert_i32_u",   "", "i32 -> f64")
_row(0xB9, "f64.convert_i64_s",   "", "i64 -> f64")
_row(0xBA, "f64.convert_i64_u",   "", "i64 -> f64")
_row(0xBB, "f64.promote_f32",     "", "f32 -> f64")
_row(0xBC, "i32.reinterpret_f32", "", "f32 -> i32")
_row(0xBD, "i64.reinterpret_f64", "", "f64 -> i64")
_row(0xBE, "f32.reinterpret_i32", "", "i32 -> f32")
_row(0xBF, "f64.reinterpret_i64", "", "i64 -> f64")
_row(0xC0, "i32.extend8_s",       "", "i32 -> i32", feature=SIGN_EXTENSION)
_row(0xC1, "i32.extend16_s",      "", "i32 -> i32", feature=SIGN_EXTENSION)
_row(0xC2, "i64.extend8_s",       "", "i64 -> i64", feature=SIGN_EXTENSION)
_row(0xC3, "i64.extend16_s",      "", "i64 -> i64", feature=SIGN_EXTENSION)
_row(0xC4, "i64.extend32_s",      "", "i64 -> i64", feature=SIGN_EXTENSION)
_row(0x100, "i32.trunc_sat_f32_s", "", "f32 -> i32", feature=SATURATING)
_row(0x101, "i32.trunc_sat_f32_u", "", "f32 -> i32", feature=SATURATING)
_row(0x102, "i32.trunc_sat_f64_s", "", "f64 -> i32", feature=SATURATING)
_row(0x103, "i32.trunc_sat_f64_u", "", "f64 -> i32", feature=SATURATING)
_row(0x104, "i64.trunc_sat_f32_s", "", "f32 -> i64", feature=SATURATING)
_row(0x105, "i64.trunc_sat_f32_u", "", "f32 -> i64", feature=SATURATING)
_row(0x106, "i64.trunc_sat_f64_s", "", "f64 -> i64", feature=SATURATING)
_row(0x107, "i64.trunc_sat_f64_u", "", "f64 -> i64", feature=SATURATING)

# --- vectors (5.4.8): memory, constants, lanes -----------------------------------------
_row(0x200, "v128.load",          "memarg 16", "i32 -> v128")
_row(0x201, "v128.load8x8_s",     "memarg 8",  "i32 -> v128")
_row(0x202, "v128.load8x8_u",     "memarg 8",  "i32 -> v128")
_row(0x203, "v128.load16x4_s",    "memarg 8",  "i32 -> v128")
_row(0x204, "v128.load16x4_u",    "memarg 8",  "i32 -> v128")
_row(0x205, "v128.load32x2_s",    "memarg 8",  "i32 -> v128")
_row(0x206, "v128.load32x2_u",    "memarg 8",  "i32 -> v128")
_row(0x207, "v128.load8_splat",   "memarg 1",  "i32 -> v128")
_row(0x208, "v128.load16_splat",  "memarg 2",  "i32 -> v128")
_row(0x209, "v128.load32_splat",  "memarg 4",  "i32 -> v128")
_row(0x20A, "v128.load64_splat",  "memarg 8",  "i32 -> v128")
_row(0x20B, "v128.store",         "memarg 16", "i32 v128 ->")
_row(0x20C, "v128.const",         "v128",      "-> v128")
_row(0x20D, "i8x16.shuffle",      "lanes",     "v128 v128 -> v128")
_row(0x20E, "i8x16.swizzle",      "",          "v128 v128 -> v128")
_row(0x20F, "i8x16.splat",        "",          "i32 -> v128")
_row(0x210, "i16x8.splat",        "",          "i32 -> v128")
_row(0x211, "i32x4.splat",        "",          "i32 -> v128")
_row(0x212, "i64x2.splat",        "",          "i64 -> v128")
_row(0x213, "f32x4.splat",        "",          "f32 -> v128")
_row(0x214, "f64x2.splat",        "",          "f64 -> v128")
_row(0x215, "i8x16.extract_lane_s", "lane",    "v128 -> i32")
_row(0x216, "i8x16.extract_lane_u", "lane",    "v128 -> i32")
_row(0x217, "i8x16.replace_lane",   "lane",    "v128 i32 -> v128")
_row(0x218, "i16x8.extract_lane_s", "lane",    "v128 -> i32")
_row(0x219, "i16x8.extract_lane_u", "lane",    "v128 -> i32")
_row(0x21A, "i16x8.replace_lane",   "lane",    "v128 i32 -> v128")
_row(0x21B, "i32x4.extract_lane",   "lane",    "v128 -> i32")
_row(0x21C, "i32x4.replace_lane",   "lane",    "v128 i32 -> v128")
_row(0x21D, "i64x2.extract_lane",   "lane",    "v128 -> i64")
_row(0x21E, "i64x2.replace_lane",   "lane",    "v128 i64 -> v128")
_row(0x21F, "f32x4.extract_lane",   "lane",    "v128 -> f32")
_row(0x220, "f32x4.replace_lane",   "lane",    "v128 f32 -> v128")
_row(0x221, "f64x2.extract_lane",   "lane",    "v128 -> f64")
_row(0x222, "f64x2.replace_lane",   "lane",    "v128 f64 -> v128")
_row(0x254, "v128.load8_lane",    "memarg lane 1", "i32 v128 -> v128")
_row(0x255, "v128.load16_lane",   "memarg lane 2", "i32 v128 -> v128")
_row(0x256, "v128.load32_lane",   "memarg lane 4", "i32 v128 -> v128")
_row(0x257, "v128.load64_lane",   "memarg lane 8", "i32 v128 -> v128")
_row(0x258, "v128.store8_lane",   "memarg lane 1", "i32 v128 ->")
_row(0x259, "v128.store16_lane",  "memarg lane 2", "i32 v128 ->")
_row(0x25A, "v128.store32_lane",  "memarg lane 4", "i32 v128 ->")
_row(0x25B, "v128.store64_lane",  "memarg lane 8", "i32 v128 ->")
_row(0x25C, "v128.load32_zero",   "memarg 4",      "i32 -> v128")
_row(0x25D, "v128.load64_zero",   "memarg 8",      "i32 -> v128")


# --- vectors: lane-wise arithmetic, by the shape of its operands -----------------------
def _vector_rows(type_: str, rows: str, feature: str = "") -> None:
    """Rows of one type, each ``code mnemonic``."""
    for line in rows.split("\n"):
        words = line.split()
        for at in range(0, len(words), 2):
            _row(0x200 + int(words[at], 16), words[at + 1], "", type_, "", feature)


_vector_rows("v128 v128 -> v128", """
    23 i8x16.eq     24 i8x16.ne     25 i8x16.lt_s   26 i8x16.lt_u   27 i8x16.gt_s
    28 i8x16.gt_u   29 i8x16.le_s   2A i8x16.le_u   2B i8x16.ge_s   2C i8x16.ge_u
    2D i16x8.eq     2E i16x8.ne     2F i16x8.lt_s   30 i16x8.lt_u   31 i16x8.gt_s
    32 i16x8.gt_u   33 i16x8.le_s   34 i16x8.le_u   35 i16x8.ge_s   36 i16x8.ge_u
    37 i32x4.eq     38 i32x4.ne     39 i32x4.lt_s   3A i32x4.lt_u   3B i32x4.gt_s
    3C i32x4.gt_u   3D i32x4.le_s   3E i32x4.le_u   3F i32x4.ge_s   40 i32x4.ge_u
    41 f32x4.eq     42 f32x4.ne     43 f32x4.lt     44 f32x4.gt     45 f32x4.le     46 f32x4.ge
    47 f64x2.eq     48 f64x2.ne     49 f64x2.lt     4A f64x2.gt     4B f64x2.le     4C f64x2.ge
    4E v128.and     4F v128.andnot  50 v128.or      51 v128.xor
    65 i8x16.narrow_i16x8_s         66 i8x16.narrow_i16x8_u
    6E i8x16.add    6F i8x16.add_sat_s  70 i8x16.add_sat_u
    71 i8x16.sub    72 i8x16.sub_sat_s  73 i8x16.sub_sat_u
    76 i8x16.min_s  77 i8x16.min_u  78 i8x16.max_s  79 i8x16.max_u  7B i8x16.avgr_u
    82 i16x8.q15mulr_sat_s
    85 i16x8.narrow_i32x4_s         86 i16x8.narrow_i32x4_u
    8E i16x8.add    8F i16x8.add_sat_s  90 i16x8.add_sat_u
    91 i16x8.sub    92 i16x8.sub_sat_s  93 i16x8.sub_sat_u  95 i16x8.mul
    96 i16x8.min_s  97 i16x8.min_u  98 i16x8.max_s  99 i16x8.max_u  9B i16x8.avgr_u
    9C i16x8.extmul_low_i8x16_s     9D i16x8.extmul_high_i8x16_s
    9E i16x8.extmul_low_i8x16_u     9F i16x8.extmul_high_i8x16_u
    AE i32x4.add    B1 i32x4.sub    B5 i32x4.mul
    B6 i32x4.min_s  B7 i32x4.min_u  B8 i32x4.max_s  B9 i32x4.max_u  BA i32x4.dot_i16x8_s
    BC i32x4.extmul_low_i16x8_s     BD i32x4.extmul_high_i16x8_s
    BE i32x4.extmul_low_i16x8_u     BF i32x4.extmul_high_i16x8_u
    CE i64x2.add    D1 i64x2.sub    D5 i64x2.mul
    D6 i64x2.eq     D7 i64x2.ne     D8 i64x2.lt_s   D9 i64x2.gt_s   DA i64x2.le_s   DB i64x2.ge_s
    DC i64x2.extmul_low_i32x4_s     DD i64x2.extmul_high_i32x4_s
    DE i64x2.extmul_low_i32x4_u     DF i64x2.extmul_high_i32x4_u
    E4 f32x4.add    E5 f32x4.sub    E6 f32x4.mul    E7 f32x4.div
    E8 f32x4.min    E9 f32x4.max    EA f32x4.pmin   EB f32x4.pmax
    F0 f64x2.add    F1 f64x2.sub    F2 f64x2.mul    F3 f64x2.div
    F4 f64x2.min    F5 f64x2.max    F6 f64x2.pmin   F7 f64x2.pmax""")
_vector_rows("v128 -> v128", """
    4D v128.not     5E f32x4.demote_f64x2_zero      5F f64x2.promote_low_f32x4
    60 i8x16.abs    61 i8x16.neg    62 i8x16.popcnt
    67 f32x4.ceil   68 f32x4.floor  69 f32x4.trunc  6A f32x4.nearest
    74 f64x2.ceil   75 f64x2.floor  7A f64x2.trunc  94 f64x2.nearest
    7C i16x8.extadd_pairwise_i8x16_s    7D i16x8.extadd_pairwise_i8x16_u
    7E i32x4.extadd_pairwise_i16x8_s    7F i32x4.extadd_pairwise_i16x8_u
    80 i16x8.abs    81 i16x8.neg
    87 i16x8.extend_low_i8x16_s         88 i16x8.extend_high_i8x16_s
    89 i16x8.extend_low_i8x16_u         8A i16x8.extend_high_i8x16_u
    A0 i32x4.abs    A1 i32x4.neg
    A7 i32x4.extend_low_i16x8_s         A8 i32x4.extend_high_i16x8_s
    A9 i32x4.extend_low_i16x8_u         AA i32x4.extend_high_i16x8_u
    C0 i64x2.abs    C1 i64x2.neg
    C7 i64x2.extend_low_i32x4_s         C8 i64x2.extend_high_i32x4_s
    C9 i64x2.extend_low_i32x4_u         CA i64x2.extend_high_i32x4_u
    E0 f32x4.abs    E1 f32x4.neg    E3 f32x4.sqrt
    EC f64x2.abs    ED f64x2.neg    EF f64x2.sqrt
    F8 i32x4.trunc_sat_f32x4_s          F9 i32x4.trunc_sat_f32x4_u
    FA f32x4.convert_i32x4_s            FB f32x4.convert_i32x4_u
    FC i32x4.trunc_sat_f64x2_s_zero     FD i32x4.trunc_sat_f64x2_u_zero
    FE f64x2.convert_low_i32x4_s        FF f64x2.convert_low_i32x4_u""")
_vector_rows("v128 -> i32", """
    53 v128.any_true
    63 i8x16.all_true   83 i16x8.all_true   A3 i32x4.all_true   C3 i64x2.all_true
    64 i8x16.bitmask    84 i16x8.bitmask    A4 i32x4.bitmask    C4 i64x2.bitmask""")
_vector_rows("v128 i32 -> v128", """
    6B i8x16.shl    6C i8x16.shr_s  6D i8x16.shr_u
    8B i16x8.shl    8C i16x8.shr_s  8D i16x8.shr_u
    AB i32x4.shl    AC i32x4.shr_s  AD i32x4.shr_u
    CB i64x2.shl    CC i64x2.shr_s  CD i64x2.shr_u""")
_vector_rows("v128 v128 v128 -> v128", """
    52 v128.bitselect""")

# --- relaxed vectors (3.0): what they compute here, `relaxed` says ----------------------
_vector_rows("v128 v128 -> v128", """
    100 i8x16.relaxed_swizzle
    10D f32x4.relaxed_min   10E f32x4.relaxed_max   10F f64x2.relaxed_min   110 f64x2.relaxed_max
    111 i16x8.relaxed_q15mulr_s         112 i16x8.relaxed_dot_i8x16_i7x16_s""", RELAXED)
_vector_rows("v128 -> v128", """
    101 i32x4.relaxed_trunc_f32x4_s         102 i32x4.relaxed_trunc_f32x4_u
    103 i32x4.relaxed_trunc_f64x2_s_zero    104 i32x4.relaxed_trunc_f64x2_u_zero""", RELAXED)
_vector_rows("v128 v128 v128 -> v128", """
    105 f32x4.relaxed_madd          106 f32x4.relaxed_nmadd
    107 f64x2.relaxed_madd          108 f64x2.relaxed_nmadd
    109 i8x16.relaxed_laneselect    10A i16x8.relaxed_laneselect
    10B i32x4.relaxed_laneselect    10C i64x2.relaxed_laneselect
    113 i32x4.relaxed_dot_i8x16_i7x16_add_s""", RELAXED)

# --- atomics (threads): what other threads see of a memory is in order around each -----
_WAITS = "reads memory, orders, traps memory unaligned unshared, helper"
_row(0x400, "memory.atomic.notify", "memarg 4", "i32 i32 -> i32",     "orders, traps memory unaligned, helper", THREADS)
_row(0x401, "memory.atomic.wait32", "memarg 4", "i32 i32 i64 -> i32", _WAITS,   THREADS)
_row(0x402, "memory.atomic.wait64", "memarg 8", "i32 i64 i64 -> i32", _WAITS,   THREADS)
_row(0x403, "atomic.fence",         "zero",     "->",                 "orders", THREADS)


def _atomic_rows(first: int, name: str, operands: str, effects: str, result: bool = True, suffix: str = "_u") -> None:
    """Seven rows, one a width: of i32 and i64 the whole, then parts of each, whose result is zero-extended."""
    widths = (("i32", 4), ("i64", 8), ("i32", 1), ("i32", 2), ("i64", 1), ("i64", 2), ("i64", 4))
    for place, (value, size) in enumerate(widths):
        part = size < (4 if value == "i32" else 8)
        bits = str(8 * size) if part else ""
        mnemonic = f"{value}.atomic." + name.format(bits) + (suffix if part else "")
        type_ = f"i32 {operands.replace('t', value)} -> {value if result else ''}"
        traps = "traps memory unaligned" if size > 1 else "traps memory"
        _row(first + place, mnemonic, f"memarg {size}", type_, f"{effects}, orders, {traps}", THREADS)


_CHANGES = "reads memory, writes memory"
_atomic_rows(0x410, "load{}", "", "reads memory")
_atomic_rows(0x417, "store{}", "t", "writes memory", False, "")
_atomic_rows(0x41E, "rmw{}.add", "t", _CHANGES)
_atomic_rows(0x425, "rmw{}.sub", "t", _CHANGES)
_atomic_rows(0x42C, "rmw{}.and", "t", _CHANGES)
_atomic_rows(0x433, "rmw{}.or", "t", _CHANGES)
_atomic_rows(0x43A, "rmw{}.xor", "t", _CHANGES)
_atomic_rows(0x441, "rmw{}.xchg", "t", _CHANGES)
_atomic_rows(0x448, "rmw{}.cmpxchg", "t t", _CHANGES)
# fmt: on
