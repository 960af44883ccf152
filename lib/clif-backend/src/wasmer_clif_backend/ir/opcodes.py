"""Every instruction of CLIF, one row each. Parser, printer, verifier and constructor derive from the rows.

A row is read like a line of a manual::

    row("icmp",  "cond:intcc x:T y:T",  "truth(T)",  "ints",  PURE,  "…")

It says what the text shows, in the order of the text; what comes out; which types T, the
*controlling type*, may be; what executing it does. Operands are ``name:kind``.

Kinds that are values name their type: ``T``, a type by name, a set of types (any member
will do), or a function of T from `DERIVED` (``lane(T)``, ``wide(T)`` …). Kinds that are not:

``number`` ``float32`` ``float64``   a number; floats as their bits
``lane``                            which lane
``intcc`` ``floatcc`` ``atomic``    a condition, what an atomic read-modify-write does: see below
``flags`` ``offset``                how memory is accessed (`MEMORY_FLAGS`); bytes added to an address
``slot`` ``function`` ``signature`` what the function's head declares
``constant`` ``mask``               16 bytes of the function's constants; a mask shows them one by one
``code``                            which trap
``block`` ``table``                 where control goes, with arguments; a default and a list of these
``arguments``                       any number of values

The controlling type is written behind the name (``iconst.i32 1``) unless the first operand of
kind ``T`` shows it.

Where an operand lies in an instruction follows from its kind (`Operand.place`): values in the
columns a, b, c, in order; numbers in `immediate`; what refers to the function's tables, and flags,
in `extra`; lists of values in the pool, their place in b.
"""

from __future__ import annotations

from wasmer_clif_backend.ir.types import (
    F32,
    F32X4,
    F64,
    F64X2,
    I8,
    I8X16,
    I16,
    I16X8,
    I32,
    I32X4,
    I64,
    I64X2,
    LANE,
    TYPES_BY_NAME,
    VECTOR,
    truth_of,
)
from wasmer_runtime_core.support.annotations import Final, i64

# --- effects ------------------------------------------------------------------------------------
PURE: Final = 0
"""The result depends on the operands alone: may be moved, shared or dropped."""
TRAPS: Final = 1
"""May end the function's execution; keeps its place among what traps or writes."""
LOADS: Final = 2
"""Reads memory, or something else that a store or a call may change."""
STORES: Final = 4
"""Writes memory, or is seen from outside in another way."""
ENDS: Final = 8
"""Ends its block."""
CALLS: Final = 16
"""Leaves the function and comes back: everything that is not kept is lost."""
COMMUTATIVE: Final = 32
"""The first two values may change places."""

# --- where an operand lies ------------------------------------------------------------------------
IN_A: Final = 0
IN_B: Final = 1
IN_C: Final = 2
IN_IMMEDIATE: Final = 3
IN_EXTRA: Final = 4

_NUMBERS: Final = ("number", "float32", "float64", "lane", "intcc", "floatcc", "atomic", "offset", "constant", "mask")
_REFERENCES: Final = ("flags", "slot", "function", "signature", "code")
_OTHERS: Final = ("block", "table", "arguments")
VALUE: Final = "value"

# --- words ------------------------------------------------------------------------------------------
INTEGER_CONDITIONS: Final = ("eq", "ne", "slt", "ult", "sgt", "ugt", "sle", "ule", "sge", "uge")
"""`icmp` by number: in WebAssembly's order, so that one is its opcode less that of ``eq``."""
FLOAT_CONDITIONS: Final = (
    *("ord", "uno", "eq", "ne", "one", "ueq"),
    *("lt", "le", "gt", "ge", "ult", "ule", "ugt", "uge"),
)
"""`fcmp` by number. Those with a u, and ne, hold too when an operand is NaN."""
ATOMIC_OPERATIONS: Final = ("add", "sub", "and", "nand", "or", "xor", "xchg", "umin", "umax", "smin", "smax")

NOTRAP: Final = 1
ALIGNED: Final = 2
READONLY: Final = 4
CAN_MOVE: Final = 8
LITTLE: Final = 16
BIG: Final = 32
HEAP: Final = 64
TABLE: Final = 128
VMCTX: Final = 256
MEMORY_FLAGS: Final = {
    "notrap": NOTRAP,
    "aligned": ALIGNED,
    "readonly": READONLY,
    "can_move": CAN_MOVE,
    "little": LITTLE,
    "big": BIG,
    "heap": HEAP,
    "table": TABLE,
    "vmctx": VMCTX,
}
TRAP_CODE_SHIFT: Final = 16
"""Flags of an access hold, from this bit up, the trap it makes where it is not ``heap_oob``."""

TRAP_CODES: Final = {
    "stk_ovf": 251,
    "heap_oob": 252,
    "int_ovf": 253,
    "int_divz": 254,
    "bad_toint": 255,
}
"""And ``user1`` to ``user250`` are 1 to 250."""

# --- sets of types ----------------------------------------------------------------------------------
_SETS: Final = {
    "int": (I8, I16, I32, I64),
    "word": (I32, I64),
    "float": (F32, F64),
    "scalar": (I8, I16, I32, I64, F32, F64),
    "intvector": (I8X16, I16X8, I32X4, I64X2),
    "vector": (I8X16, I16X8, I32X4, I64X2, F32X4, F64X2),
}
_SETS["ints"] = _SETS["int"] + _SETS["intvector"]
_SETS["floats"] = (*_SETS["float"], F32X4, F64X2)
_SETS["any"] = _SETS["scalar"] + _SETS["vector"]


def types_of(text: str) -> frozenset[int]:
    """The types that words of sets and of types name."""
    types: set[int] = set()
    for word in text.split("|"):
        types.update(_SETS[word] if word in _SETS else (TYPES_BY_NAME[word],))
    return frozenset(types)


# --- types derived from the controlling one -----------------------------------------------------------
# For every T the set of types that the text admits.


def _lane(type: int) -> frozenset[int]:
    return frozenset((type & LANE,))


def _truth(type: int) -> frozenset[int]:
    return frozenset((int(truth_of(type)),))


def _wide(type: int) -> frozenset[int]:
    return frozenset((type + 1,))


def _narrow(type: int) -> frozenset[int]:
    return frozenset((type - 1,))


def _narrower(type: int) -> frozenset[int]:
    return frozenset(range(F32 if type >= F32 else I8, type))


def _wider(type: int) -> frozenset[int]:
    return frozenset(range(type + 1, F64 + 1 if type >= F32 else I64 + 1))


def _same_lanes(type: int) -> frozenset[int]:
    """Integers beside floats: any scalar beside a scalar, lanes of as many bits beside a vector."""
    if type < VECTOR:
        return frozenset((F32, F64)) if type <= I64 else frozenset((I8, I16, I32, I64))
    lane = type & LANE
    return frozenset((VECTOR | (lane + 2 if lane <= I64 else lane - 2),))


def _same_bits(type: int) -> frozenset[int]:
    """Whatever has as many bits."""
    if type >= VECTOR:
        return frozenset(_SETS["vector"])
    return {I32: frozenset((I32, F32)), F32: frozenset((I32, F32))}.get(
        type, frozenset((I64, F64)) if type in (I64, F64) else frozenset((type,))
    )


DERIVED: Final = {
    "lane": _lane,
    "truth": _truth,
    "wide": _wide,
    "narrow": _narrow,
    "narrower": _narrower,
    "wider": _wider,
    "same_lanes": _same_lanes,
    "same_bits": _same_bits,
}


class Operand:
    """One operand of a row: its name, its kind (`VALUE` for all values), where it lies, its type's rule."""

    __slots__ = ("kind", "name", "place", "rule")

    def __init__(self, name: str, kind: str, place: int, rule: str) -> None:
        self.name = name
        self.kind = kind
        self.place = place
        self.rule = rule


class Row:
    """One instruction of CLIF.

    Attributes:
        number: what the column of opcodes holds.
        name: as it is written.
        operands: in the order of the text.
        results: rules of the results' types; ``"call"`` alone: as the signature says.
        types: what the controlling type may be; empty: the instruction has none.
        shown: the place of the value that shows the controlling type, or -1: it must be written.
        effects: what executing it does.
        meaning: one line for people.
    """

    __slots__ = ("effects", "meaning", "name", "number", "operands", "results", "shown", "types")

    def __init__(
        self, number: int, name: str, operands: str, results: str, types: str, effects: int, meaning: str
    ) -> None:
        self.number = number
        self.name = name
        self.operands = tuple(_operands(operands))
        self.results = tuple(results.split())
        self.types = types_of(types) if types else frozenset[int]()
        self.shown = next((one.place for one in self.operands if one.rule == "T"), -1)
        self.effects = effects
        self.meaning = meaning

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _operands(text: str) -> list[Operand]:
    found = []
    values = 0
    for word in text.split():
        name, kind = word.split(":")
        if kind in _NUMBERS:
            found.append(Operand(name, kind, IN_IMMEDIATE, ""))
        elif kind in _REFERENCES:
            found.append(Operand(name, kind, IN_EXTRA, ""))
        elif kind == "block":
            found.append(Operand(name, kind, values, ""))
            values += 1
        elif kind in _OTHERS:
            found.append(Operand(name, kind, IN_B, ""))
        else:
            found.append(Operand(name, VALUE, values, kind))
            values += 1
    return found


ROWS: Final[list[Row]] = [Row(0, "none", "", "", "", PURE, "No instruction: number 0 means that there is none.")]
BY_NAME: Final[dict[str, Row]] = {}


def row(name: str, operands: str, results: str = "", types: str = "", effects: int = PURE, meaning: str = "") -> i64:
    """Enter a row; its number is returned."""
    number = len(ROWS)
    ROWS.append(Row(number, name, operands, results, types, effects, meaning))
    BY_NAME[name] = ROWS[number]
    return number


def derived(rule: str, type: int) -> frozenset[int]:
    """The types that a rule admits where the controlling type is `type`."""
    if rule == "T":
        return frozenset((type,))
    if rule.endswith("(T)"):
        return DERIVED[rule[:-3]](type)
    return types_of(rule)


# fmt: off

# --- what begins a value without being written as an instruction ----------------------------------------
PARAMETER: Final = row("parameter", "index:number", "T", "any", PURE, "A parameter of its block; stands at the block's start.")
RESULT: Final    = row("result", "of:any number:number", "T", "any", PURE, "A further result of the instruction a; stands behind it.")
UNDEFINED: Final = row("undefined", "", "T", "any", PURE, "A value of no meaning: of code that is not reached.")

# --- control --------------------------------------------------------------------------------------------
JUMP: Final     = row("jump",     "to:block", "", "", ENDS, "Go on at a block.")
BRIF: Final     = row("brif",     "x:int then:block else:block", "", "", ENDS, "Go on at the first block if x is not 0, else at the second.")
BR_TABLE: Final = row("br_table", "x:i32 targets:table", "", "", ENDS, "Go on at target number x, at the default one if there are not that many.")
BR_CATCH: Final = row("br_catch", "behind:block caught:block", "", "", ENDS, "Go on at the first block; at the second one if an exception left the call right before.")
RETURN: Final   = row("return",   "results:arguments", "", "", ENDS, "Leave the function.")
TRAP: Final     = row("trap",     "why:code", "", "", ENDS | TRAPS, "Trap.")
TRAPZ: Final    = row("trapz",    "x:int why:code", "", "", TRAPS, "Trap if x is 0.")
TRAPNZ: Final   = row("trapnz",   "x:int why:code", "", "", TRAPS, "Trap if x is not 0.")

CALL: Final                 = row("call", "callee:function given:arguments", "call", "", CALLS | LOADS | STORES | TRAPS, "Call a function.")
CALL_INDIRECT: Final        = row("call_indirect", "kind:signature callee:T given:arguments", "call", "i64", CALLS | LOADS | STORES | TRAPS, "Call the function at an address.")
RETURN_CALL: Final          = row("return_call", "callee:function given:arguments", "", "", ENDS | CALLS | LOADS | STORES | TRAPS, "Call a function in place of this one.")
RETURN_CALL_INDIRECT: Final = row("return_call_indirect", "kind:signature callee:T given:arguments", "", "i64", ENDS | CALLS | LOADS | STORES | TRAPS, "Call the function at an address in place of this one.")
FUNC_ADDR: Final            = row("func_addr", "of:function", "T", "i64", PURE, "The address of a function.")

# --- constants ------------------------------------------------------------------------------------------
ICONST: Final   = row("iconst",   "n:number", "T", "int", PURE, "An integer; kept sign-extended.")
F32CONST: Final = row("f32const", "n:float32", "f32", "", PURE, "A float.")
F64CONST: Final = row("f64const", "n:float64", "f64", "", PURE, "A double.")
VCONST: Final   = row("vconst",   "n:constant", "T", "vector", PURE, "A vector.")

# --- integers -------------------------------------------------------------------------------------------
IADD: Final      = row("iadd", "x:T y:T", "T", "ints", COMMUTATIVE, "x + y, wrapping.")
ISUB: Final      = row("isub", "x:T y:T", "T", "ints", PURE, "x - y, wrapping.")
INEG: Final      = row("ineg", "x:T", "T", "ints", PURE, "-x, wrapping.")
IABS: Final      = row("iabs", "x:T", "T", "ints", PURE, "x without its sign, wrapping.")
IMUL: Final      = row("imul", "x:T y:T", "T", "ints", COMMUTATIVE, "x * y, wrapping.")
UMULHI: Final    = row("umulhi", "x:T y:T", "T", "int", COMMUTATIVE, "The upper half of x * y, unsigned.")
SMULHI: Final    = row("smulhi", "x:T y:T", "T", "int", COMMUTATIVE, "The upper half of x * y, signed.")
UDIV: Final      = row("udiv", "x:T y:T", "T", "int", TRAPS, "x / y, unsigned; int_divz.")
SDIV: Final      = row("sdiv", "x:T y:T", "T", "int", TRAPS, "x / y towards zero; int_divz, int_ovf.")
UREM: Final      = row("urem", "x:T y:T", "T", "int", TRAPS, "x modulo y, unsigned; int_divz.")
SREM: Final      = row("srem", "x:T y:T", "T", "int", TRAPS, "What sdiv leaves, with the sign of x; int_divz.")
SMIN: Final      = row("smin", "x:T y:T", "T", "ints", COMMUTATIVE, "The lesser one, signed.")
UMIN: Final      = row("umin", "x:T y:T", "T", "ints", COMMUTATIVE, "The lesser one, unsigned.")
SMAX: Final      = row("smax", "x:T y:T", "T", "ints", COMMUTATIVE, "The greater one, signed.")
UMAX: Final      = row("umax", "x:T y:T", "T", "ints", COMMUTATIVE, "The greater one, unsigned.")
AVG_ROUND: Final = row("avg_round", "x:T y:T", "T", "intvector", COMMUTATIVE, "(x + y + 1) / 2, unsigned, without overflow.")
UADD_SAT: Final  = row("uadd_sat", "x:T y:T", "T", "intvector", COMMUTATIVE, "x + y, the greatest number where it is too great.")
SADD_SAT: Final  = row("sadd_sat", "x:T y:T", "T", "intvector", COMMUTATIVE, "x + y, signed, the nearest number where it does not fit.")
USUB_SAT: Final  = row("usub_sat", "x:T y:T", "T", "intvector", PURE, "x - y, 0 where it is negative.")
SSUB_SAT: Final  = row("ssub_sat", "x:T y:T", "T", "intvector", PURE, "x - y, signed, the nearest number where it does not fit.")
SQMUL_ROUND_SAT: Final = row("sqmul_round_sat", "x:T y:T", "T", "i16x8|i32x4", COMMUTATIVE, "x * y as fixed-point fractions, rounded, saturated.")
X86_PMULHRSW: Final  = row("x86_pmulhrsw", "x:T y:T", "T", "i16x8", COMMUTATIVE, "pmulhrsw: sqmul_round_sat but for -1 * -1.")
X86_PMADDUBSW: Final = row("x86_pmaddubsw", "x:i8x16 y:i8x16", "i16x8", "", PURE, "pmaddubsw: products of bytes of x, signed, and y, unsigned, added in pairs, saturated.")

UADD_OVERFLOW: Final = row("uadd_overflow", "x:T y:T", "T i8", "int", COMMUTATIVE, "x + y, and whether it was too great.")
SADD_OVERFLOW: Final = row("sadd_overflow", "x:T y:T", "T i8", "int", COMMUTATIVE, "x + y, and whether it did not fit.")
USUB_OVERFLOW: Final = row("usub_overflow", "x:T y:T", "T i8", "int", PURE, "x - y, and whether it was negative.")
SSUB_OVERFLOW: Final = row("ssub_overflow", "x:T y:T", "T i8", "int", PURE, "x - y, and whether it did not fit.")
UMUL_OVERFLOW: Final = row("umul_overflow", "x:T y:T", "T i8", "int", COMMUTATIVE, "x * y, and whether it was too great.")
SMUL_OVERFLOW: Final = row("smul_overflow", "x:T y:T", "T i8", "int", COMMUTATIVE, "x * y, and whether it did not fit.")
UADD_OVERFLOW_CIN: Final = row("uadd_overflow_cin", "x:T y:T carry:i8", "T i8", "int", COMMUTATIVE, "x + y + 1 if carry is set, and whether it was too great.")
SADD_OVERFLOW_CIN: Final = row("sadd_overflow_cin", "x:T y:T carry:i8", "T i8", "int", COMMUTATIVE, "x + y + 1 if carry is set, and whether it did not fit.")
USUB_OVERFLOW_BIN: Final = row("usub_overflow_bin", "x:T y:T borrow:i8", "T i8", "int", PURE, "x - y - 1 if borrow is set, and whether it was negative.")
SSUB_OVERFLOW_BIN: Final = row("ssub_overflow_bin", "x:T y:T borrow:i8", "T i8", "int", PURE, "x - y - 1 if borrow is set, and whether it did not fit.")
UADD_OVERFLOW_TRAP: Final = row("uadd_overflow_trap", "x:T y:T why:code", "T", "word", TRAPS | COMMUTATIVE, "x + y; traps if it is too great.")

# --- bits -----------------------------------------------------------------------------------------------
BAND: Final      = row("band", "x:T y:T", "T", "any", COMMUTATIVE, "x and y, bit by bit.")
BOR: Final       = row("bor", "x:T y:T", "T", "any", COMMUTATIVE, "x or y, bit by bit.")
BXOR: Final      = row("bxor", "x:T y:T", "T", "any", COMMUTATIVE, "Either x or y, bit by bit.")
BNOT: Final      = row("bnot", "x:T", "T", "any", PURE, "Not x, bit by bit.")
BAND_NOT: Final  = row("band_not", "x:T y:T", "T", "any", PURE, "x and not y.")
BOR_NOT: Final   = row("bor_not", "x:T y:T", "T", "any", PURE, "x or not y.")
BXOR_NOT: Final  = row("bxor_not", "x:T y:T", "T", "any", PURE, "Both x and y or neither.")
BITSELECT: Final = row("bitselect", "c:T x:T y:T", "T", "any", PURE, "Bits of x where c is 1, of y where it is 0.")
ROTL: Final      = row("rotl", "x:T by:int", "T", "int", PURE, "x turned left, by a number modulo its bits.")
ROTR: Final      = row("rotr", "x:T by:int", "T", "int", PURE, "x turned right.")
ISHL: Final      = row("ishl", "x:T by:int", "T", "ints", PURE, "x shifted left, by a number modulo the bits of a lane.")
USHR: Final      = row("ushr", "x:T by:int", "T", "ints", PURE, "x shifted right, zeros coming in.")
SSHR: Final      = row("sshr", "x:T by:int", "T", "ints", PURE, "x shifted right, copies of the sign coming in.")
BITREV: Final    = row("bitrev", "x:T", "T", "int", PURE, "The bits in the other order.")
BSWAP: Final     = row("bswap", "x:T", "T", "i16|i32|i64", PURE, "The bytes in the other order.")
CLZ: Final       = row("clz", "x:T", "T", "int", PURE, "How many zeros there are above the first one.")
CLS: Final       = row("cls", "x:T", "T", "int", PURE, "How many copies of the sign there are below it.")
CTZ: Final       = row("ctz", "x:T", "T", "int", PURE, "How many zeros there are below the last one.")
POPCNT: Final    = row("popcnt", "x:T", "T", "int|i8x16", PURE, "How many ones there are.")
BMASK: Final     = row("bmask", "x:int", "T", "int", PURE, "-1 if x is not 0, else 0.")

# --- comparison and choice --------------------------------------------------------------------------------
ICMP: Final   = row("icmp", "cond:intcc x:T y:T", "truth(T)", "ints", PURE, "Whether x and y are in a relation.")
FCMP: Final   = row("fcmp", "cond:floatcc x:T y:T", "truth(T)", "floats", PURE, "Whether x and y are in a relation.")
SELECT: Final = row("select", "c:int x:T y:T", "T", "any", PURE, "x if c is not 0, else y.")
SELECT_SPECTRE_GUARD: Final = row("select_spectre_guard", "c:int x:T y:T", "T", "int", PURE, "select, never by a branch.")

# --- floating point -----------------------------------------------------------------------------------------
FADD: Final      = row("fadd", "x:T y:T", "T", "floats", COMMUTATIVE, "x + y.")
FSUB: Final      = row("fsub", "x:T y:T", "T", "floats", PURE, "x - y.")
FMUL: Final      = row("fmul", "x:T y:T", "T", "floats", COMMUTATIVE, "x * y.")
FDIV: Final      = row("fdiv", "x:T y:T", "T", "floats", PURE, "x / y.")
SQRT: Final      = row("sqrt", "x:T", "T", "floats", PURE, "The square root.")
FMA: Final       = row("fma", "x:T y:T z:T", "T", "floats", PURE, "x * y + z, rounded once.")
FNEG: Final      = row("fneg", "x:T", "T", "floats", PURE, "x with the other sign.")
FABS: Final      = row("fabs", "x:T", "T", "floats", PURE, "x without its sign.")
FCOPYSIGN: Final = row("fcopysign", "x:T y:T", "T", "floats", PURE, "x with the sign of y.")
FMIN: Final      = row("fmin", "x:T y:T", "T", "floats", PURE, "The lesser one; NaN if one is; -0 is less than 0.")
FMAX: Final      = row("fmax", "x:T y:T", "T", "floats", PURE, "The greater one; NaN if one is; 0 is greater than -0.")
CEIL: Final      = row("ceil", "x:T", "T", "floats", PURE, "Rounded up.")
FLOOR: Final     = row("floor", "x:T", "T", "floats", PURE, "Rounded down.")
TRUNC: Final     = row("trunc", "x:T", "T", "floats", PURE, "Rounded towards zero.")
NEAREST: Final   = row("nearest", "x:T", "T", "floats", PURE, "Rounded to the nearest integer, the even one of two.")

# --- conversion -----------------------------------------------------------------------------------------------
BITCAST: Final = row("bitcast", "how:flags x:same_bits(T)", "T", "any", PURE, "The same bits as another type.")
IREDUCE: Final = row("ireduce", "x:wider(T)", "T", "i8|i16|i32", PURE, "The lower bits.")
UEXTEND: Final = row("uextend", "x:narrower(T)", "T", "i16|i32|i64", PURE, "Zeros above.")
SEXTEND: Final = row("sextend", "x:narrower(T)", "T", "i16|i32|i64", PURE, "Copies of the sign above.")
FPROMOTE: Final = row("fpromote", "x:f32", "T", "f64", PURE, "The same number, wider.")
FDEMOTE: Final  = row("fdemote", "x:f64", "T", "f32", PURE, "The nearest number, narrower.")
FVDEMOTE: Final = row("fvdemote", "x:f64x2", "f32x4", "", PURE, "Both lanes narrowed into the lower half; zeros above.")
FVPROMOTE_LOW: Final = row("fvpromote_low", "x:f32x4", "f64x2", "", PURE, "The lower two lanes widened.")
FCVT_TO_UINT: Final = row("fcvt_to_uint", "x:float", "T", "int", TRAPS, "Towards zero, unsigned; bad_toint, int_ovf.")
FCVT_TO_SINT: Final = row("fcvt_to_sint", "x:float", "T", "int", TRAPS, "Towards zero; bad_toint, int_ovf.")
FCVT_TO_UINT_SAT: Final = row("fcvt_to_uint_sat", "x:same_lanes(T)", "T", "int|i32x4|i64x2", PURE, "Towards zero, unsigned, the nearest number where it does not fit; NaN is 0.")
FCVT_TO_SINT_SAT: Final = row("fcvt_to_sint_sat", "x:same_lanes(T)", "T", "int|i32x4|i64x2", PURE, "Towards zero, the nearest number where it does not fit; NaN is 0.")
FCVT_FROM_UINT: Final = row("fcvt_from_uint", "x:same_lanes(T)", "T", "floats", PURE, "The nearest number to an unsigned integer.")
FCVT_FROM_SINT: Final = row("fcvt_from_sint", "x:same_lanes(T)", "T", "floats", PURE, "The nearest number to an integer.")
X86_CVTT2DQ: Final = row("x86_cvtt2dq", "x:same_lanes(T)", "T", "i32x4", PURE, "cvttps2dq: towards zero, 0x80000000 where it does not fit.")

# --- lanes ------------------------------------------------------------------------------------------------------
SPLAT: Final       = row("splat", "x:lane(T)", "T", "vector", PURE, "x in every lane.")
SCALAR_TO_VECTOR: Final = row("scalar_to_vector", "x:lane(T)", "T", "vector", PURE, "x in lane 0, zeros in the others.")
INSERTLANE: Final  = row("insertlane", "x:T y:lane(T) at:lane", "T", "vector", PURE, "x with y in one lane.")
EXTRACTLANE: Final = row("extractlane", "x:T at:lane", "lane(T)", "vector", PURE, "One lane.")
SHUFFLE: Final     = row("shuffle", "x:i8x16 y:i8x16 which:mask", "i8x16", "", PURE, "Bytes of x (0 to 15) and y (16 to 31) by number; others are 0.")
SWIZZLE: Final     = row("swizzle", "x:i8x16 y:i8x16", "i8x16", "", PURE, "Bytes of x by the numbers in y; 0 where these are above 15.")
X86_PSHUFB: Final  = row("x86_pshufb", "x:i8x16 y:i8x16", "i8x16", "", PURE, "pshufb: swizzle by the lower four bits; 0 where the upper one is set.")
X86_BLENDV: Final  = row("x86_blendv", "c:T x:T y:T", "T", "any", PURE, "Lanes of x where the uppermost bit of c is 1, of y where it is 0.")
VANY_TRUE: Final   = row("vany_true", "x:T", "i8", "vector", PURE, "Whether a bit is set.")
VALL_TRUE: Final   = row("vall_true", "x:T", "i8", "vector", PURE, "Whether every lane has a bit set.")
VHIGH_BITS: Final  = row("vhigh_bits", "x:intvector", "T", "int", PURE, "The uppermost bit of each lane.")
SNARROW: Final     = row("snarrow", "x:T y:T", "narrow(T)", "i16x8|i32x4|i64x2", PURE, "Lanes of x, then of y, saturated to half their bits, signed.")
UNARROW: Final     = row("unarrow", "x:T y:T", "narrow(T)", "i16x8|i32x4|i64x2", PURE, "The same, signed to unsigned.")
UUNARROW: Final    = row("uunarrow", "x:T y:T", "narrow(T)", "i16x8|i32x4|i64x2", PURE, "The same, unsigned to unsigned.")
SWIDEN_LOW: Final  = row("swiden_low", "x:T", "wide(T)", "i8x16|i16x8|i32x4", PURE, "The lower lanes, sign-extended.")
SWIDEN_HIGH: Final = row("swiden_high", "x:T", "wide(T)", "i8x16|i16x8|i32x4", PURE, "The upper lanes, sign-extended.")
UWIDEN_LOW: Final  = row("uwiden_low", "x:T", "wide(T)", "i8x16|i16x8|i32x4", PURE, "The lower lanes, zero-extended.")
UWIDEN_HIGH: Final = row("uwiden_high", "x:T", "wide(T)", "i8x16|i16x8|i32x4", PURE, "The upper lanes, zero-extended.")
IADD_PAIRWISE: Final = row("iadd_pairwise", "x:T y:T", "T", "i8x16|i16x8|i32x4", PURE, "Sums of neighbouring lanes of x, then of y.")

# --- memory -------------------------------------------------------------------------------------------------------
LOAD: Final   = row("load",   "how:flags at:i64 plus:offset", "T", "any", LOADS | TRAPS, "What lies at an address.")
STORE: Final  = row("store",  "how:flags x:T at:i64 plus:offset", "", "any", STORES | TRAPS, "Put x at an address.")
ULOAD8: Final  = row("uload8",  "how:flags at:i64 plus:offset", "T", "i16|i32|i64", LOADS | TRAPS, "A byte, zero-extended.")
SLOAD8: Final  = row("sload8",  "how:flags at:i64 plus:offset", "T", "i16|i32|i64", LOADS | TRAPS, "A byte, sign-extended.")
ISTORE8: Final = row("istore8", "how:flags x:T at:i64 plus:offset", "", "i16|i32|i64", STORES | TRAPS, "The lower byte.")
ULOAD16: Final  = row("uload16",  "how:flags at:i64 plus:offset", "T", "word", LOADS | TRAPS, "Two bytes, zero-extended.")
SLOAD16: Final  = row("sload16",  "how:flags at:i64 plus:offset", "T", "word", LOADS | TRAPS, "Two bytes, sign-extended.")
ISTORE16: Final = row("istore16", "how:flags x:T at:i64 plus:offset", "", "word", STORES | TRAPS, "The lower two bytes.")
ULOAD32: Final  = row("uload32",  "how:flags at:i64 plus:offset", "i64", "", LOADS | TRAPS, "Four bytes, zero-extended.")
SLOAD32: Final  = row("sload32",  "how:flags at:i64 plus:offset", "i64", "", LOADS | TRAPS, "Four bytes, sign-extended.")
ISTORE32: Final = row("istore32", "how:flags x:i64 at:i64 plus:offset", "", "", STORES | TRAPS, "The lower four bytes.")
ULOAD8X8: Final  = row("uload8x8",  "how:flags at:i64 plus:offset", "i16x8", "", LOADS | TRAPS, "Eight bytes, each zero-extended.")
SLOAD8X8: Final  = row("sload8x8",  "how:flags at:i64 plus:offset", "i16x8", "", LOADS | TRAPS, "Eight bytes, each sign-extended.")
ULOAD16X4: Final = row("uload16x4", "how:flags at:i64 plus:offset", "i32x4", "", LOADS | TRAPS, "Four times two bytes, zero-extended.")
SLOAD16X4: Final = row("sload16x4", "how:flags at:i64 plus:offset", "i32x4", "", LOADS | TRAPS, "Four times two bytes, sign-extended.")
ULOAD32X2: Final = row("uload32x2", "how:flags at:i64 plus:offset", "i64x2", "", LOADS | TRAPS, "Twice four bytes, zero-extended.")
SLOAD32X2: Final = row("sload32x2", "how:flags at:i64 plus:offset", "i64x2", "", LOADS | TRAPS, "Twice four bytes, sign-extended.")

STACK_ADDR: Final  = row("stack_addr",  "of:slot plus:offset", "T", "i64", PURE, "The address of a stack slot.")
STACK_LOAD: Final  = row("stack_load",  "of:slot plus:offset", "T", "any", LOADS, "What lies in a stack slot.")
STACK_STORE: Final = row("stack_store", "x:T of:slot plus:offset", "", "any", STORES, "Put x into a stack slot.")

ATOMIC_RMW: Final   = row("atomic_rmw",   "how:flags what:atomic at:i64 x:T", "T", "int", LOADS | STORES | TRAPS, "Read, compute, write as one step; what was read.")
ATOMIC_CAS: Final   = row("atomic_cas",   "how:flags at:i64 expected:T x:T", "T", "int", LOADS | STORES | TRAPS, "Put x there if what is there was expected, as one step; what was there.")
ATOMIC_LOAD: Final  = row("atomic_load",  "how:flags at:i64", "T", "int", LOADS | STORES | TRAPS, "load, in an order that all threads see.")
ATOMIC_STORE: Final = row("atomic_store", "how:flags x:T at:i64", "", "int", STORES | TRAPS, "store, in an order that all threads see.")
FENCE: Final        = row("fence", "", "", "", LOADS | STORES, "All accesses before are seen before those behind.")

# --- the machine ----------------------------------------------------------------------------------------------------
GET_PINNED_REG: Final    = row("get_pinned_reg", "", "T", "i64", LOADS, "The register that calls preserve for the embedder (r15).")
SET_PINNED_REG: Final    = row("set_pinned_reg", "x:T", "", "i64", STORES, "Set that register.")
GET_FRAME_POINTER: Final = row("get_frame_pointer", "", "T", "i64", PURE, "rbp.")
GET_STACK_POINTER: Final = row("get_stack_pointer", "", "T", "i64", LOADS, "rsp.")
GET_RETURN_ADDRESS: Final = row("get_return_address", "", "T", "i64", PURE, "Where this function returns to.")
NOP: Final               = row("nop", "", "", "", PURE, "Nothing.")
# fmt: on

EFFECTS: Final = bytes(each.effects for each in ROWS)
"""By opcode."""
