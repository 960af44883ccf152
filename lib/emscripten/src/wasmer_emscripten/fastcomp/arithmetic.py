"""Arithmetic that programs leave to the host: what JavaScript and IEEE 754 answer, never an error.

The first backend left much of it; what it makes today does with ``-sJS_MATH`` (``emscripten_math_…``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from wasmer_emscripten.errors import WrongArgument
from wasmer_emscripten.functions import provides
from wasmer_emscripten.guest import U32, U64
from wasmer_emscripten.numbers import must_be_answer
from wasmer_emscripten.process import Process


def _ieee(function: Callable[..., float]) -> Callable[..., float]:
    """A function of `math` that answers as JavaScript's: no error, but a number that is none, or infinite."""

    def calling(_: Process, *args: float) -> float:
        try:
            return function(*args)
        except (OverflowError, ValueError) as failure:
            must_be_answer(failure)
            return math.inf if isinstance(failure, OverflowError) else math.nan

    return calling


def _power(base: float, exponent: float) -> float:
    if exponent == 0:
        return 1.0
    if math.isnan(exponent) or (abs(base) == 1 and math.isinf(exponent)):
        return math.nan
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError) as failure:
        must_be_answer(failure)
        if isinstance(failure, OverflowError):
            return -math.inf if base < 0 and exponent % 2 == 1 else math.inf
        if base == 0:
            return math.copysign(math.inf, base) if exponent % 2 == 1 else math.inf
        return math.nan


def _logarithm(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else function(value)


def _cube_root(value: float) -> float:
    """The C library's is a digit off where JavaScript's is not: one step of Newton's mends that."""
    root = math.cbrt(value)
    return root - (root * root * root - value) / (3 * root * root) if 1e-90 < abs(value) < 1e90 else root


def _odd(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function whose value changes its sign with its argument's; too large is infinite."""

    def calling(value: float) -> float:
        try:
            found = function(abs(value))
        except OverflowError as failure:
            must_be_answer(failure)
            found = math.inf
        return math.copysign(found, value)

    return calling


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: math.copysign(function(value), value) if math.isfinite(value) else value


def _round(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value) if abs(value) < 2.0**52 else value


_ONE: Final[dict[str, Callable[[float], float]]] = {
    "sin llvm_sin_f64 llvm_sin_f32 emscripten_math_sin": math.sin,
    "cos llvm_cos_f64 llvm_cos_f32 emscripten_math_cos": math.cos,
    "tan emscripten_math_tan": math.tan,
    "asin emscripten_math_asin": math.asin,
    "acos emscripten_math_acos": math.acos,
    "atan emscripten_math_atan": math.atan,
    "exp emscripten_math_exp": math.exp,
    "log emscripten_math_log": _logarithm(math.log),
    "llvm_log2_f64 llvm_log2_f32 emscripten_math_log2": _logarithm(math.log2),
    "llvm_log10_f64 llvm_log10_f32 emscripten_math_log10": _logarithm(math.log10),
    "llvm_exp2_f64 llvm_exp2_f32": lambda value: _power(2.0, value),
    "sqrt llvm_sqrt_f64 llvm_sqrt_f32 emscripten_math_sqrt": math.sqrt,
    "abs fabs llvm_fabs_f64 llvm_fabs_f32": abs,
    "floor llvm_floor_f64 llvm_floor_f32": _whole(math.floor),
    "ceil llvm_ceil_f64 llvm_ceil_f32": _whole(math.ceil),
    "llvm_trunc_f64 llvm_trunc_f32": _whole(math.trunc),
    "round roundf llvm_round_f64 llvm_round_f32": _round,
    "rint rintf llvm_rint_f64 llvm_rint_f32 llvm_nearbyint_f64 llvm_nearbyint_f32": _whole(round),
    "emscripten_math_round": lambda value: (
        math.copysign(math.floor(value + 0.5), value) if abs(value) < 2.0**52 else value
    ),
    "emscripten_math_sign": lambda value: math.copysign(1.0, value) if value and value == value else value,
    "emscripten_math_cbrt": _cube_root,
    "emscripten_math_expm1": math.expm1,
    "emscripten_math_log1p": lambda value: -math.inf if value == -1 else math.log1p(value),
    "emscripten_math_sinh": _odd(math.sinh),
    "emscripten_math_cosh": math.cosh,
    "emscripten_math_tanh": math.tanh,
    "emscripten_math_asinh": math.asinh,
    "emscripten_math_acosh": math.acosh,
    "emscripten_math_atanh": _odd(lambda value: math.inf if value == 1 else math.atanh(value)),
}
_TWO: Final[dict[str, Callable[[float, float], float]]] = {
    "pow llvm_pow_f64 llvm_pow_f32 emscripten_math_pow": _power,
    "atan2 emscripten_math_atan2": math.atan2,
    "f64-rem fmod emscripten_math_fmod": math.fmod,
    "llvm_copysign_f64 llvm_copysign_f32": math.copysign,
}


def _register(names: str, type: str, function: Callable[..., float]) -> None:
    made = _ieee(function)
    made.__name__ = made.__qualname__ = names.partition(" ")[0].replace("-", "_")
    made.__doc__ = "As JavaScript and IEEE 754 have it."
    made.__module__ = __name__
    provides(type, *names.split())(made)


for _names, _function in _ONE.items():
    _register(_names, "d->d", _function)
for _names, _function_of_two in _TWO.items():
    _register(_names, "dd->d", _function_of_two)


MOST_SIDES: Final = 4096
"""Numbers of which the root of the sum of their squares is asked for at once."""


@provides("ii->d", "emscripten_math_hypot")
def hypotenuse(process: Process, count: int, numbers: int) -> float:
    """The root of the sum of squares."""
    if not 0 <= count <= MOST_SIDES:
        raise WrongArgument(f"the program asked for the root of the sum of {count} squares; the most is {MOST_SIDES}")
    return math.hypot(*(process.guest.f64(numbers + 8 * at) for at in range(count)))


@provides("d->i", "f64-to-int")
def to_int(process: Process, value: float) -> int:
    """A number without its fraction, modulo 2^32."""
    return int(value) & U32 if math.isfinite(value) else 0


def _signed(value: int, bits: int) -> int:
    return (value & (1 << bits) - 1 ^ 1 << bits - 1) - (1 << bits - 1)


def _quotient(left: int, right: int) -> int:
    """Towards zero; 0 for a divisor of 0, as asm.js has it."""
    if not right:
        return 0
    found = abs(left) // abs(right)
    return -found if (left < 0) != (right < 0) else found


for _bits, _letter in ((32, "i"), (64, "I")):
    _mask = (1 << _bits) - 1

    def _divide(_: Process, left: int, right: int, bits: int = _bits, mask: int = _mask) -> int:
        """A quotient of signed numbers; 0 for a divisor of 0."""
        return _quotient(_signed(left, bits), _signed(right, bits)) & mask

    def _remainder(_: Process, left: int, right: int, bits: int = _bits, mask: int = _mask) -> int:
        """A remainder of signed numbers; 0 for a divisor of 0."""
        left, right = _signed(left, bits), _signed(right, bits)
        return (left - right * _quotient(left, right)) & mask if right else 0

    def _divide_unsigned(_: Process, left: int, right: int, mask: int = _mask) -> int:
        """A quotient of unsigned numbers; 0 for a divisor of 0."""
        return (left & mask) // (right & mask) if right & mask else 0

    def _remainder_unsigned(_: Process, left: int, right: int, mask: int = _mask) -> int:
        """A remainder of unsigned numbers; 0 for a divisor of 0."""
        return (left & mask) % (right & mask) if right & mask else 0

    _type = f"{_letter}{_letter}->{_letter}"
    provides(_type, f"i{_bits}s-div")(_divide)
    provides(_type, f"i{_bits}s-rem")(_remainder)
    provides(_type, f"i{_bits}u-div")(_divide_unsigned)
    provides(_type, f"i{_bits}u-rem")(_remainder_unsigned)


@provides("I->I", "llvm_bswap_i64")
def bswap_i64(process: Process, value: int) -> int:
    """A number with its bytes in the other order."""
    return int.from_bytes((value & U64).to_bytes(8, "little"), "big")


@provides("i->i", "llvm_bswap_i32")
def bswap_i32(process: Process, value: int) -> int:
    """The same of 32 bits."""
    return int.from_bytes((value & U32).to_bytes(4, "little"), "big")
