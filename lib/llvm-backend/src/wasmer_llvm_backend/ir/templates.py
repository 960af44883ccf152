"""The lowering of every operator to LLVM IR, in the order of the specification's chapters.

A row is the text of one or more LLVM instructions, separated by ``;``. ``$a``, ``$b`` and
``$c`` are the operands in the order in which they were pushed, ``$l`` is the lane of the
operator's immediate, ``%name`` a value of the row's own; the last instruction has no name
and leaves the result. A row whose operands have lanes says with which shape it sees them
(`lanes`), since a v128 travels as ``<2 x i64>``.

Operators whose text depends on more than their operands (control, variables, calls, tables)
have functions of their own (`handlers`). So has what can trap: an integer division, a
truncation and a memory access have rows here, but the check around them stands there.

Source: the semantics of WebAssembly 2.0, chapter 4, and LLVM's language reference.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, final

from wasmer_runtime_core.wasm.operators.internal import (
    CANONICAL_F32,
    CANONICAL_F32X4,
    CANONICAL_F64,
    CANONICAL_F64X2,
    CANONICAL_NANS,
)
from wasmer_runtime_core.wasm.operators.relaxed import SAME
from wasmer_runtime_core.wasm.operators.rows import BY_MNEMONIC

V128: Final = "<2 x i64>"
TYPES: Final = {"i32": "i32", "i64": "i64", "f32": "float", "f64": "double", "v128": V128, "": ""}
SHAPES: Final = {
    "i8x16": "<16 x i8>",
    "i16x8": "<8 x i16>",
    "i32x4": "<4 x i32>",
    "i64x2": "<2 x i64>",
    "f32x4": "<4 x float>",
    "f64x2": "<2 x double>",
}
LANE_BITS: Final = {"i8x16": 8, "i16x8": 16, "i32x4": 32, "i64x2": 64, "f32x4": 32, "f64x2": 64}
_SUFFIXES: Final = {
    "i8x16": "v16i8",
    "i16x8": "v8i16",
    "i32x4": "v4i32",
    "i64x2": "v2i64",
    "f32x4": "v4f32",
    "f64x2": "v2f64",
}


@final
class Template:
    """A row made ready: text for `str.format`, the operands first, then the row's own names.

    `names` counts the values that the text defines, the result included. `instruction` is
    what stands before the operands where the row is a single ``instruction $a, $b``, as most are.
    """

    def __init__(self, text: str, operands: int) -> None:
        self.operands = operands
        self.instruction = text.removesuffix("$a, $b") if re.fullmatch(r"[a-z]+ \w+ \$a, \$b", text) else ""
        lines = [line.strip() for line in text.split(" ; ")]
        order = {"$a": 0, "$b": 1, "$c": 2, "$l": 3}
        local: dict[str, int] = {}
        out = []
        for at, line in enumerate(lines):
            name, equals, rest = line.partition(" = ")
            if equals and name.startswith("%"):
                line = rest
            else:
                name = "%result"
            line = line.replace("{", "{{").replace("}", "}}")
            line = re.sub(r"\$[abcl]\b", lambda found: f"{{{order[found[0]]}}}", line)
            line = re.sub(r"%[a-z][a-z0-9_]*", lambda found: f"%{{{local[found[0]]}}}", line)
            local[name] = 4 + at
            out.append(f"%{{{4 + at}}} = {line}")
        self.names = len(lines)
        self.format = "\n".join(out)


class Access(NamedTuple):
    """A load: the type in memory, and the row that makes the operator's result of it.

    A store: the row comes first and makes what goes to memory. For lane accesses ``$b`` is
    the vector. An empty row passes the value on.
    """

    memory: str
    row: Template | None


class Division(NamedTuple):
    """An integer division: its checks, and the instruction."""

    instruction: str
    type: str
    overflows: bool  # the least integer divided by -1 traps
    remainder: bool  # signed: -1 is replaced by 1, the remainder is 0 either way


class Truncation(NamedTuple):
    """A trapping float-to-integer conversion: the open interval of what fits."""

    source: str
    result: str
    signed: bool
    above: float
    below: float


def lanes(shape: str, text: str, operands: str = "a", result: str = "") -> str:
    """`text` over operands seen in `shape` (as ``%a`` …), its result in `result` or the same shape."""
    vector = SHAPES[shape]
    parts = [f"%{name} = bitcast {V128} ${name} to {vector}" for name in operands]
    *before, last = text.replace("S", vector).replace("V", _SUFFIXES[shape]).split(" ; ")
    result_vector = SHAPES[result or shape]
    return " ; ".join([*parts, *before, f"%out = {last}", f"bitcast {result_vector} %out to {V128}"])


FLOAT_CONDITIONS: Final = {"eq": "oeq", "ne": "une", "lt": "olt", "gt": "ogt", "le": "ole", "ge": "oge"}
"""A comparison's name -> LLVM's: false if an operand is a NaN, but for `ne`."""

_rows: Final[dict[str, str]] = {}
ARITHMETIC: Final[dict[str, str]] = {}
"""Float operators that LLVM may drop for a constant operand -> the type of their operands."""
_ARITHMETIC: Final = ("add", "sub", "mul", "div", "min", "max")


def _scalars() -> None:
    for type_, bits in (("i32", 32), ("i64", 64)):
        for name, condition in (
            ("eq", "eq"), ("ne", "ne"), ("lt_s", "slt"), ("lt_u", "ult"), ("gt_s", "sgt"),
            ("gt_u", "ugt"), ("le_s", "sle"), ("le_u", "ule"), ("ge_s", "sge"), ("ge_u", "uge"),
        ):  # fmt: skip
            COMPARISONS[f"{type_}.{name}"] = f"icmp {condition} {type_}"
        for name in ("add", "sub", "mul", "and", "or", "xor"):
            _rows[f"{type_}.{name}"] = f"{name} {type_} $a, $b"
        for name, instruction in (("shl", "shl"), ("shr_s", "ashr"), ("shr_u", "lshr")):
            _rows[f"{type_}.{name}"] = f"%count = and {type_} $b, {bits - 1} ; {instruction} {type_} $a, %count"
        for name, intrinsic in (("rotl", "fshl"), ("rotr", "fshr")):
            _rows[f"{type_}.{name}"] = f"call {type_} @llvm.{intrinsic}.{type_}({type_} $a, {type_} $a, {type_} $b)"
        _rows[f"{type_}.clz"] = f"call {type_} @llvm.ctlz.{type_}({type_} $a, i1 false)"
        _rows[f"{type_}.ctz"] = f"call {type_} @llvm.cttz.{type_}({type_} $a, i1 false)"
        _rows[f"{type_}.popcnt"] = f"call {type_} @llvm.ctpop.{type_}({type_} $a)"
        _rows[f"{type_}.extend8_s"] = f"%low = trunc {type_} $a to i8 ; sext i8 %low to {type_}"
        _rows[f"{type_}.extend16_s"] = f"%low = trunc {type_} $a to i16 ; sext i16 %low to {type_}"
    for type_ in ("f32", "f64"):
        llvm = TYPES[type_]
        for name, condition in FLOAT_CONDITIONS.items():
            COMPARISONS[f"{type_}.{name}"] = f"fcmp {condition} {llvm}"
        for name in ("add", "sub", "mul", "div"):
            _rows[f"{type_}.{name}"] = f"f{name} {llvm} $a, $b"
        ARITHMETIC.update(dict.fromkeys((f"{type_}.{name}" for name in _ARITHMETIC), llvm))
        for name, intrinsic in (
            ("abs", "fabs"), ("ceil", "ceil"), ("floor", "floor"), ("trunc", "trunc"), ("nearest", "roundeven"),
        ):  # fmt: skip
            _rows[f"{type_}.{name}"] = f"call {llvm} @llvm.{intrinsic}.{type_}({llvm} $a)"
        _rows[f"{type_}.sqrt"] = square_root(llvm, type_)
        _rows[f"{type_}.neg"] = f"fneg {llvm} $a"
        _rows[f"{type_}.copysign"] = f"call {llvm} @llvm.copysign.{type_}({llvm} $a, {llvm} $b)"
        integer = "i" + type_[1:]
        _rows[f"{type_}.min"] = extremum(llvm, integer, "$a", "$b", "olt", "or")
        _rows[f"{type_}.max"] = extremum(llvm, integer, "$a", "$b", "ogt", "and")


def square_root(float_: str, suffix: str) -> str:
    """Behind a fence: LLVM knows that the root of a negative number is a NaN and takes one for another."""
    root = f"%root = call {float_} @llvm.sqrt.{suffix}({float_} $a)"
    return f"{root} ; call {float_} @llvm.arithmetic.fence.{suffix}({float_} %root)"


def extremum(float_: str, integer: str, a: str, b: str, condition: str, combine: str) -> str:
    """min or max: two of the processor's, which each answer with the second operand if nothing else is
    known; joined by their bits they give zeros the right sign. A NaN comes from the addition."""
    return (
        f"%c1 = fcmp {condition} {float_} {a}, {b} ; %m1 = select {_i1(float_)} %c1, {float_} {a}, {float_} {b} ; "
        f"%c2 = fcmp {condition} {float_} {b}, {a} ; %m2 = select {_i1(float_)} %c2, {float_} {b}, {float_} {a} ; "
        f"%i1 = bitcast {float_} %m1 to {integer} ; %i2 = bitcast {float_} %m2 to {integer} ; "
        f"%i3 = {combine} {integer} %i1, %i2 ; %m3 = bitcast {integer} %i3 to {float_} ; "
        f"%nan = fadd {float_} {a}, {b} ; %uno = fcmp uno {float_} {a}, {b} ; "
        f"select {_i1(float_)} %uno, {float_} %nan, {float_} %m3"
    )


def _i1(type_: str) -> str:
    return f"{type_.split(' x ')[0]} x i1>" if type_.startswith("<") else "i1"


COMPARISONS: Final[dict[str, str]] = {}
"""Mnemonic -> what stands before the operands; the result is a bit."""

# fmt: off
_scalars()
_rows.update({
    # --- conversions -------------------------------------------------------------------
    "i32.wrap_i64":        "trunc i64 $a to i32",
    "i64.extend_i32_s":    "sext i32 $a to i64",
    "i64.extend_i32_u":    "zext i32 $a to i64",
    "i64.extend32_s":      "%low = trunc i64 $a to i32 ; sext i32 %low to i64",
    "f32.convert_i32_s":   "sitofp i32 $a to float",
    "f32.convert_i32_u":   "uitofp i32 $a to float",
    "f32.convert_i64_s":   "sitofp i64 $a to float",
    "f32.convert_i64_u":   "uitofp i64 $a to float",
    "f64.convert_i32_s":   "sitofp i32 $a to double",
    "f64.convert_i32_u":   "uitofp i32 $a to double",
    "f64.convert_i64_s":   "sitofp i64 $a to double",
    "f64.convert_i64_u":   "uitofp i64 $a to double",
    "f32.demote_f64":      "fptrunc double $a to float",
    "f64.promote_f32":     "fpext float $a to double",
    "i32.reinterpret_f32": "bitcast float $a to i32",
    "i64.reinterpret_f64": "bitcast double $a to i64",
    "f32.reinterpret_i32": "bitcast i32 $a to float",
    "f64.reinterpret_i64": "bitcast i64 $a to double",
    "i32.trunc_sat_f32_s": "call i32 @llvm.fptosi.sat.i32.f32(float $a)",
    "i32.trunc_sat_f32_u": "call i32 @llvm.fptoui.sat.i32.f32(float $a)",
    "i32.trunc_sat_f64_s": "call i32 @llvm.fptosi.sat.i32.f64(double $a)",
    "i32.trunc_sat_f64_u": "call i32 @llvm.fptoui.sat.i32.f64(double $a)",
    "i64.trunc_sat_f32_s": "call i64 @llvm.fptosi.sat.i64.f32(float $a)",
    "i64.trunc_sat_f32_u": "call i64 @llvm.fptoui.sat.i64.f32(float $a)",
    "i64.trunc_sat_f64_s": "call i64 @llvm.fptosi.sat.i64.f64(double $a)",
    "i64.trunc_sat_f64_u": "call i64 @llvm.fptoui.sat.i64.f64(double $a)",
    # --- references --------------------------------------------------------------------
    "ref.is_null":         "%null = icmp eq ptr $a, null ; zext i1 %null to i32",
})

DIVISIONS: Final = {
    f"{type_}.{name}": Division(instruction, type_, name == "div_s", name == "rem_s")
    for type_ in ("i32", "i64")
    for name, instruction in (("div_s", "sdiv"), ("div_u", "udiv"), ("rem_s", "srem"), ("rem_u", "urem"))
}

TRUNCATIONS: Final = {
    "i32.trunc_f32_s": Truncation("float",  "i32", True,  -2147483904.0,          2147483648.0),
    "i32.trunc_f32_u": Truncation("float",  "i32", False, -1.0,                   4294967296.0),
    "i32.trunc_f64_s": Truncation("double", "i32", True,  -2147483649.0,          2147483648.0),
    "i32.trunc_f64_u": Truncation("double", "i32", False, -1.0,                   4294967296.0),
    "i64.trunc_f32_s": Truncation("float",  "i64", True,  -9223373136366403584.0, 9223372036854775808.0),
    "i64.trunc_f32_u": Truncation("float",  "i64", False, -1.0,                   18446744073709551616.0),
    "i64.trunc_f64_s": Truncation("double", "i64", True,  -9223372036854777856.0, 9223372036854775808.0),
    "i64.trunc_f64_u": Truncation("double", "i64", False, -1.0,                   18446744073709551616.0),
}

_loads: Final[dict[str, tuple[str, str]]] = {
    "i32.load":      ("i32", ""),
    "i64.load":      ("i64", ""),
    "f32.load":      ("float", ""),
    "f64.load":      ("double", ""),
    "i32.load8_s":   ("i8",  "sext i8 $a to i32"),
    "i32.load8_u":   ("i8",  "zext i8 $a to i32"),
    "i32.load16_s":  ("i16", "sext i16 $a to i32"),
    "i32.load16_u":  ("i16", "zext i16 $a to i32"),
    "i64.load8_s":   ("i8",  "sext i8 $a to i64"),
    "i64.load8_u":   ("i8",  "zext i8 $a to i64"),
    "i64.load16_s":  ("i16", "sext i16 $a to i64"),
    "i64.load16_u":  ("i16", "zext i16 $a to i64"),
    "i64.load32_s":  ("i32", "sext i32 $a to i64"),
    "i64.load32_u":  ("i32", "zext i32 $a to i64"),
    "v128.load":     (V128, ""),
    "v128.load8x8_s":  ("<8 x i8>",  f"%w = sext <8 x i8> $a to <8 x i16> ; bitcast <8 x i16> %w to {V128}"),
    "v128.load8x8_u":  ("<8 x i8>",  f"%w = zext <8 x i8> $a to <8 x i16> ; bitcast <8 x i16> %w to {V128}"),
    "v128.load16x4_s": ("<4 x i16>", f"%w = sext <4 x i16> $a to <4 x i32> ; bitcast <4 x i32> %w to {V128}"),
    "v128.load16x4_u": ("<4 x i16>", f"%w = zext <4 x i16> $a to <4 x i32> ; bitcast <4 x i32> %w to {V128}"),
    "v128.load32x2_s": ("<2 x i32>", "sext <2 x i32> $a to <2 x i64>"),
    "v128.load32x2_u": ("<2 x i32>", "zext <2 x i32> $a to <2 x i64>"),
    "v128.load32_zero": ("i32", f"%v = insertelement <4 x i32> zeroinitializer, i32 $a, i32 0 ; bitcast <4 x i32> %v to {V128}"),
    "v128.load64_zero": ("i64", "insertelement <2 x i64> zeroinitializer, i64 $a, i32 0"),
}
_stores: Final[dict[str, tuple[str, str]]] = {
    "i32.store":   ("i32", ""),
    "i64.store":   ("i64", ""),
    "f32.store":   ("float", ""),
    "f64.store":   ("double", ""),
    "i32.store8":  ("i8",  "trunc i32 $a to i8"),
    "i32.store16": ("i16", "trunc i32 $a to i16"),
    "i64.store8":  ("i8",  "trunc i64 $a to i8"),
    "i64.store16": ("i16", "trunc i64 $a to i16"),
    "i64.store32": ("i32", "trunc i64 $a to i32"),
    "v128.store":  (V128, ""),
}
# fmt: on

_ELEMENTS: Final = {"i8x16": "i8", "i16x8": "i16", "i32x4": "i32", "i64x2": "i64", "f32x4": "float", "f64x2": "double"}
_INTEGER_SHAPES: Final = ("i8x16", "i16x8", "i32x4", "i64x2")
_NARROWER: Final = {"i16x8": "i8x16", "i32x4": "i16x8", "i64x2": "i32x4"}


def _indices(*at: int) -> str:
    return f"<{len(at)} x i32> <{', '.join(f'i32 {i}' for i in at)}>"


def _splat(shape: str, element: str, value: str) -> str:
    vector, count = SHAPES[shape], 128 // LANE_BITS[shape]
    return (
        f"%one = insertelement {vector} poison, {element} {value}, i32 0 ; "
        f"%all = shufflevector {vector} %one, {vector} poison, <{count} x i32> zeroinitializer"
    )


def _constant(vector: str, value: int) -> str:
    count, _, element = vector.strip("<>").partition(" x ")
    return "<" + ", ".join([f"{element} {value}"] * int(count)) + ">"


def _lane_rows() -> None:
    """Splats, lanes and lane accesses."""
    for shape, element in _ELEMENTS.items():
        vector = SHAPES[shape]
        small = element in ("i8", "i16")
        value = "%small" if small else "$a"
        cut = f"%small = trunc i32 $a to {element} ; " if small else ""
        done = f"bitcast {vector} %all to {V128}"
        _rows[f"{shape}.splat"] = f"{cut}{_splat(shape, element, value)} ; {done}"
        seen = f"%v = bitcast {V128} $a to {vector}"
        if small:
            for sign, extend in (("s", "sext"), ("u", "zext")):
                _rows[f"{shape}.extract_lane_{sign}"] = (
                    f"{seen} ; %e = extractelement {vector} %v, i32 $l ; {extend} {element} %e to i32"
                )
        else:
            _rows[f"{shape}.extract_lane"] = f"{seen} ; extractelement {vector} %v, i32 $l"
        cut = f"%small = trunc i32 $b to {element} ; " if small else ""
        value = "%small" if small else "$b"
        _rows[f"{shape}.replace_lane"] = (
            f"{cut}{seen} ; %w = insertelement {vector} %v, {element} {value}, i32 $l ; bitcast {vector} %w to {V128}"
        )
        if shape in _INTEGER_SHAPES:
            bits = LANE_BITS[shape]
            _loads[f"v128.load{bits}_splat"] = (element, f"{_splat(shape, element, '$a')} ; {done}")
            _loads[f"v128.load{bits}_lane"] = (
                element,
                f"%v = bitcast {V128} $b to {vector} ; %w = insertelement {vector} %v, {element} $a, i32 $l ; "
                f"bitcast {vector} %w to {V128}",
            )
            _stores[f"v128.store{bits}_lane"] = (element, f"{seen} ; extractelement {vector} %v, i32 $l")


def _integer_lane_rows() -> None:
    for shape in _INTEGER_SHAPES:
        vector, bits, element = SHAPES[shape], LANE_BITS[shape], _ELEMENTS[shape]
        count = 128 // bits
        bit_vector = f"<{count} x i1>"
        for name, instruction in (("add", "add"), ("sub", "sub")):
            _rows[f"{shape}.{name}"] = lanes(shape, f"{instruction} S %a, %b", "ab")
        if shape != "i8x16":
            _rows[f"{shape}.mul"] = lanes(shape, "mul S %a, %b", "ab")
        _rows[f"{shape}.neg"] = lanes(shape, "sub S zeroinitializer, %a")
        _rows[f"{shape}.abs"] = lanes(shape, "call S @llvm.abs.V(S %a, i1 false)")
        for name, condition in (
            ("eq", "eq"), ("ne", "ne"), ("lt_s", "slt"), ("lt_u", "ult"), ("gt_s", "sgt"),
            ("gt_u", "ugt"), ("le_s", "sle"), ("le_u", "ule"), ("ge_s", "sge"), ("ge_u", "uge"),
        ):  # fmt: skip
            if shape != "i64x2" or not name.endswith("_u"):
                _rows[f"{shape}.{name}"] = lanes(
                    shape, f"%bits = icmp {condition} S %a, %b ; sext {bit_vector} %bits to S", "ab"
                )
        if shape != "i64x2":
            for name in ("min", "max"):
                for sign in ("s", "u"):
                    _rows[f"{shape}.{name}_{sign}"] = lanes(shape, f"call S @llvm.{sign}{name}.V(S %a, S %b)", "ab")
        if shape in ("i8x16", "i16x8"):
            wide = f"<{count} x i{2 * bits}>"
            for name in ("add", "sub"):
                for sign in ("s", "u"):
                    _rows[f"{shape}.{name}_sat_{sign}"] = lanes(
                        shape, f"call S @llvm.{sign}{name}.sat.V(S %a, S %b)", "ab"
                    )
            _rows[f"{shape}.avgr_u"] = lanes(
                shape,
                f"%wa = zext S %a to {wide} ; %wb = zext S %b to {wide} ; %sum = add nuw {wide} %wa, %wb ; "
                f"%more = add nuw {wide} %sum, {_constant(wide, 1)} ; %half = lshr {wide} %more, {_constant(wide, 1)} ; "
                f"trunc {wide} %half to S",
                "ab",
            )
        for name, instruction in (("shl", "shl"), ("shr_s", "ashr"), ("shr_u", "lshr")):
            cut = {
                8: "%n = trunc i32 %m to i8",
                16: "%n = trunc i32 %m to i16",
                32: "%n = or i32 %m, 0",
                64: "%n = zext i32 %m to i64",
            }
            _rows[f"{shape}.{name}"] = lanes(
                shape,
                f"%m = and i32 $b, {bits - 1} ; {cut[bits]} ; {_splat(shape, element, '%n')} ; {instruction} S %a, %all",
            )
        seen = f"%v = bitcast {V128} $a to {vector}"
        _rows[f"{shape}.all_true"] = (
            f"{seen} ; %bits = icmp ne {vector} %v, zeroinitializer ; %all = bitcast {bit_vector} %bits to i{count} ; "
            f"%yes = icmp eq i{count} %all, -1 ; zext i1 %yes to i32"
        )
        _rows[f"{shape}.bitmask"] = (
            f"{seen} ; %bits = icmp slt {vector} %v, zeroinitializer ; %all = bitcast {bit_vector} %bits to i{count} ; "
            f"zext i{count} %all to i32"
        )
    for shape, narrow in _NARROWER.items():
        count = 128 // LANE_BITS[shape]
        half = f"<{count} x i{LANE_BITS[narrow]}>"
        vector, narrow_vector = SHAPES[shape], SHAPES[narrow]
        places = {"low": _indices(*range(count)), "high": _indices(*range(count, 2 * count))}
        for sign, extend in (("s", "sext"), ("u", "zext")):
            for end, place in places.items():
                take = f"shufflevector {narrow_vector} %{{0}}, {narrow_vector} poison, {place}"
                _rows[f"{shape}.extend_{end}_{narrow}_{sign}"] = lanes(
                    narrow, f"%h = {take.format('a')} ; {extend} {half} %h to {vector}", "a", shape
                )
                _rows[f"{shape}.extmul_{end}_{narrow}_{sign}"] = lanes(
                    narrow,
                    f"%h = {take.format('a')} ; %g = {take.format('b')} ; %x = {extend} {half} %h to {vector} ; "
                    f"%y = {extend} {half} %g to {vector} ; mul {vector} %x, %y",
                    "ab",
                    shape,
                )
            if shape != "i64x2":
                even, odd = _indices(*range(0, 2 * count, 2)), _indices(*range(1, 2 * count, 2))
                _rows[f"{shape}.extadd_pairwise_{narrow}_{sign}"] = lanes(
                    narrow,
                    f"%h = shufflevector {narrow_vector} %a, {narrow_vector} poison, {even} ; "
                    f"%g = shufflevector {narrow_vector} %a, {narrow_vector} poison, {odd} ; "
                    f"%x = {extend} {half} %h to {vector} ; %y = {extend} {half} %g to {vector} ; add {vector} %x, %y",
                    "a",
                    shape,
                )
                bits = LANE_BITS[narrow]
                both = f"<{2 * count} x i{2 * bits}>"
                low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if sign == "s" else (0, (1 << bits) - 1)
                suffix = f"v{2 * count}i{2 * bits}"
                _rows[f"{narrow}.narrow_{shape}_{sign}"] = lanes(
                    shape,
                    f"%both = shufflevector S %a, S %b, {_indices(*range(2 * count))} ; "
                    f"%low = call {both} @llvm.smax.{suffix}({both} %both, {both} {_constant(both, low)}) ; "
                    f"%cut = call {both} @llvm.smin.{suffix}({both} %low, {both} {_constant(both, high)}) ; "
                    f"trunc {both} %cut to {narrow_vector}",
                    "ab",
                    narrow,
                )


def _float_lane_rows() -> None:
    for shape in ("f32x4", "f64x2"):
        vector, bits = SHAPES[shape], LANE_BITS[shape]
        count = 128 // bits
        integer = "i32x4" if bits == 32 else "i64x2"
        for name in ("add", "sub", "mul", "div"):
            _rows[f"{shape}.{name}"] = lanes(shape, f"f{name} S %a, %b", "ab")
        ARITHMETIC.update(dict.fromkeys((f"{shape}.{name}" for name in _ARITHMETIC), V128))
        for name, intrinsic in (
            ("abs", "fabs"), ("ceil", "ceil"), ("floor", "floor"), ("trunc", "trunc"), ("nearest", "roundeven"),
        ):  # fmt: skip
            _rows[f"{shape}.{name}"] = lanes(shape, f"call S @llvm.{intrinsic}.V(S %a)")
        _rows[f"{shape}.relaxed_madd"] = lanes(shape, "%p = fmul S %a, %b ; fadd S %p, %c", "abc")
        _rows[f"{shape}.relaxed_nmadd"] = lanes(shape, "%n = fneg S %a ; %p = fmul S %n, %b ; fadd S %p, %c", "abc")
        _rows[f"{shape}.sqrt"] = lanes(shape, square_root("S", "V").replace("$a", "%a"))
        _rows[f"{shape}.neg"] = lanes(shape, "fneg S %a")
        _rows[f"{shape}.min"] = lanes(shape, extremum(vector, SHAPES[integer], "%a", "%b", "olt", "or"), "ab")
        _rows[f"{shape}.max"] = lanes(shape, extremum(vector, SHAPES[integer], "%a", "%b", "ogt", "and"), "ab")
        _rows[f"{shape}.pmin"] = lanes(shape, f"%c = fcmp olt S %b, %a ; select <{count} x i1> %c, S %b, S %a", "ab")
        _rows[f"{shape}.pmax"] = lanes(shape, f"%c = fcmp olt S %a, %b ; select <{count} x i1> %c, S %b, S %a", "ab")
        for name, condition in FLOAT_CONDITIONS.items():
            _rows[f"{shape}.{name}"] = lanes(
                shape,
                f"%bits = fcmp {condition} S %a, %b ; sext <{count} x i1> %bits to {SHAPES[integer]}",
                "ab",
                integer,
            )


_lane_rows()
_integer_lane_rows()
_float_lane_rows()


def _dot_of_bytes(given: str = "") -> str:
    """Products of bytes as signed ones, those of a pair added and saturated: eight words, as the value or ``given = ``."""
    steps = []
    for name, at in (("even", 0), ("odd", 1)):
        for operand in "ab":
            steps.append(f"%{name}_{operand} = shufflevector S %{operand}, S poison, {_indices(*range(at, 16, 2))}")
            steps.append(f"%{name}_{operand}_w = sext <8 x i8> %{name}_{operand} to <8 x i16>")
        steps.append(f"%{name} = mul nsw <8 x i16> %{name}_a_w, %{name}_b_w")
    return " ; ".join([*steps, f"{given}call <8 x i16> @llvm.sadd.sat.v8i16(<8 x i16> %even, <8 x i16> %odd)"])


_LOW_2: Final = _indices(0, 1)
_PADDED: Final = _indices(0, 1, 2, 3)
# fmt: off
_rows.update({
    # --- whole vectors -----------------------------------------------------------------
    "v128.not":       f"xor {V128} $a, <i64 -1, i64 -1>",
    "v128.and":       f"and {V128} $a, $b",
    "v128.andnot":    f"%n = xor {V128} $b, <i64 -1, i64 -1> ; and {V128} $a, %n",
    "v128.or":        f"or {V128} $a, $b",
    "v128.xor":       f"xor {V128} $a, $b",
    "v128.bitselect": f"%n = xor {V128} $c, <i64 -1, i64 -1> ; %x = and {V128} $a, $c ; %y = and {V128} $b, %n ; or {V128} %x, %y",
    "v128.any_true":  f"%v = bitcast {V128} $a to i128 ; %yes = icmp ne i128 %v, 0 ; zext i1 %yes to i32",
    # --- those with a form of their own ------------------------------------------------
    "i8x16.swizzle":  lanes("i8x16", f"%at = call S @llvm.uadd.sat.V(S %b, S {_constant('<16 x i8>', 0x70)}) ; "
                                     "call S @llvm.x86.ssse3.pshuf.b.128(S %a, S %at)", "ab"),
    "i8x16.popcnt":   lanes("i8x16", "call S @llvm.ctpop.V(S %a)"),
    "i16x8.q15mulr_sat_s": lanes("i16x8",
        "%x = sext S %a to <8 x i32> ; %y = sext S %b to <8 x i32> ; %p = mul <8 x i32> %x, %y ; "
        f"%r = add <8 x i32> %p, {_constant('<8 x i32>', 0x4000)} ; %s = ashr <8 x i32> %r, {_constant('<8 x i32>', 15)} ; "
        f"%m = call <8 x i32> @llvm.smin.v8i32(<8 x i32> %s, <8 x i32> {_constant('<8 x i32>', 0x7FFF)}) ; "
        "trunc <8 x i32> %m to S", "ab"),
    "i32x4.dot_i16x8_s": lanes("i16x8",
        "%x = sext S %a to <8 x i32> ; %y = sext S %b to <8 x i32> ; %p = mul nsw <8 x i32> %x, %y ; "
        f"%e = shufflevector <8 x i32> %p, <8 x i32> poison, {_indices(0, 2, 4, 6)} ; "
        f"%o = shufflevector <8 x i32> %p, <8 x i32> poison, {_indices(1, 3, 5, 7)} ; add <4 x i32> %e, %o", "ab", "i32x4"),
    # --- relaxed, those that are no operator of 2.0 ------------------------------------
    "i16x8.relaxed_dot_i8x16_i7x16_s": lanes("i8x16", _dot_of_bytes(), "ab", "i16x8"),
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": lanes("i8x16",
        _dot_of_bytes("%sum = ") + " ; "
        f"%e = shufflevector <8 x i16> %sum, <8 x i16> poison, {_indices(0, 2, 4, 6)} ; "
        f"%o = shufflevector <8 x i16> %sum, <8 x i16> poison, {_indices(1, 3, 5, 7)} ; "
        "%x = sext <4 x i16> %e to <4 x i32> ; %y = sext <4 x i16> %o to <4 x i32> ; %both = add <4 x i32> %x, %y ; "
        "%z = bitcast S %c to <4 x i32> ; add <4 x i32> %both, %z", "abc", "i32x4"),
    # --- conversions -------------------------------------------------------------------
    "f32x4.demote_f64x2_zero":   lanes("f64x2", "%n = fptrunc S %a to <2 x float> ; "
                                       f"shufflevector <2 x float> %n, <2 x float> zeroinitializer, {_PADDED}", "a", "f32x4"),
    "f64x2.promote_low_f32x4":   lanes("f32x4", f"%n = shufflevector S %a, S poison, {_LOW_2} ; "
                                       "fpext <2 x float> %n to <2 x double>", "a", "f64x2"),
    "f32x4.convert_i32x4_s":     lanes("i32x4", "sitofp S %a to <4 x float>", "a", "f32x4"),
    "f32x4.convert_i32x4_u":     lanes("i32x4", "uitofp S %a to <4 x float>", "a", "f32x4"),
    "f64x2.convert_low_i32x4_s": lanes("i32x4", f"%n = shufflevector S %a, S poison, {_LOW_2} ; "
                                       "sitofp <2 x i32> %n to <2 x double>", "a", "f64x2"),
    "f64x2.convert_low_i32x4_u": lanes("i32x4", f"%n = shufflevector S %a, S poison, {_LOW_2} ; "
                                       "uitofp <2 x i32> %n to <2 x double>", "a", "f64x2"),
    "i32x4.trunc_sat_f32x4_s":   lanes("f32x4", "call <4 x i32> @llvm.fptosi.sat.v4i32.v4f32(S %a)", "a", "i32x4"),
    "i32x4.trunc_sat_f32x4_u":   lanes("f32x4", "call <4 x i32> @llvm.fptoui.sat.v4i32.v4f32(S %a)", "a", "i32x4"),
    "i32x4.trunc_sat_f64x2_s_zero": lanes("f64x2", "%n = call <2 x i32> @llvm.fptosi.sat.v2i32.v2f64(S %a) ; "
                                          f"shufflevector <2 x i32> %n, <2 x i32> zeroinitializer, {_PADDED}", "a", "i32x4"),
    "i32x4.trunc_sat_f64x2_u_zero": lanes("f64x2", "%n = call <2 x i32> @llvm.fptoui.sat.v2i32.v2f64(S %a) ; "
                                          f"shufflevector <2 x i32> %n, <2 x i32> zeroinitializer, {_PADDED}", "a", "i32x4"),
})
# fmt: on

_rows.update({relaxed: _rows[mnemonic] for relaxed, mnemonic in SAME.items()})
MULTIPLY_ADDS: Final = {f"{shape}.relaxed_{name}": V128 for shape in ("f32x4", "f64x2") for name in ("madd", "nmadd")}
"""The same as `ARITHMETIC`, of three operands."""


def _canonical(float_: str, integer: str, nan: str, operand: str = "$a") -> str:
    """The operand, or the canonical NaN where it is any NaN; chosen as bits, which LLVM takes none for another of."""
    return (
        f"%uno = fcmp uno {float_} {operand}, {operand} ; %bits = bitcast {float_} {operand} to {integer} ; "
        f"%fixed = select {_i1(float_)} %uno, {integer} {nan}, {integer} %bits ; bitcast {integer} %fixed to {float_}"
    )


_INTERNAL: Final = {
    CANONICAL_F32: _canonical("float", "i32", str(CANONICAL_NANS["f32"])),
    CANONICAL_F64: _canonical("double", "i64", str(CANONICAL_NANS["f64"])),
    CANONICAL_F32X4: lanes(
        "f32x4", _canonical(SHAPES["f32x4"], "<4 x i32>", _constant("<4 x i32>", CANONICAL_NANS["f32"]), "%a")
    ),
    CANONICAL_F64X2: lanes(
        "f64x2", _canonical(SHAPES["f64x2"], "<2 x i64>", _constant("<2 x i64>", CANONICAL_NANS["f64"]), "%a")
    ),
}

TEMPLATES: Final = {
    **{BY_MNEMONIC[name].code: Template(text, len(BY_MNEMONIC[name].params) or 1) for name, text in _rows.items()},
    **{code: Template(text, 1) for code, text in _INTERNAL.items()},
}
LOADS: Final = {
    BY_MNEMONIC[name].code: Access(memory, Template(row, 1) if row else None) for name, (memory, row) in _loads.items()
}
STORES: Final = {
    BY_MNEMONIC[name].code: Access(memory, Template(row, 1) if row else None) for name, (memory, row) in _stores.items()
}
