"""Types of functions as text, a letter per value: ``iIi->d``.

``i`` i32, ``I`` i64, ``f`` f32, ``d`` f64. Emscripten's own signatures (``vii``, the result first, ``j`` for i64, ``p``
for a pointer) are read by `of_emscripten`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from wasmer_runtime_core.contract.values import FuncSig
from wasmer_runtime_core.wasm.types import F32, F64, I32, I64, FunctionType

_LETTERS: Final = {I32: "i", I64: "I", F32: "f", F64: "d"}
_TABLE: Final = bytes(ord(_LETTERS.get(code, "?")) for code in range(256))
_CODES: Final = {letter: code for code, letter in _LETTERS.items()}
_EMSCRIPTENS: Final = {"i": "i32", "p": "i32", "j": "i64", "f": "f32", "d": "f64"}


def letters_of(codes: Sequence[int]) -> str:
    """The letters of value types; ``?`` for one that no function of emcc's has."""
    return bytes(codes).translate(_TABLE).decode()


def type_of(text: str) -> FunctionType:
    """The type that a text says."""
    params, _, results = text.partition("->")
    return FunctionType(bytes(_CODES[each] for each in params), bytes(_CODES[each] for each in results))


def of_emscripten(text: str) -> FuncSig:
    """The type that a signature of Emscripten's says: ``vii`` takes two i32 and returns nothing.

    Raises:
        ValueError: a letter means nothing.
    """
    result, params = text[:1], text[1:]
    try:
        returns = [] if result == "v" else [_EMSCRIPTENS[result]]
        return FuncSig([_EMSCRIPTENS[letter] for letter in params], returns)
    except KeyError as missing:
        raise ValueError(
            f"{text!r} is no signature: it is the result, then the parameters, each a letter: "
            f"i, j, f, d, p, or v for no result (not {missing.args[0]!r})"
        ) from None


def is_signature(text: str) -> bool:
    """Whether a text is a signature of Emscripten's."""
    return (text[:1] == "v" or text[:1] in _EMSCRIPTENS) and all(letter in _EMSCRIPTENS for letter in text[1:])


def type_of_signature(text: str) -> FunctionType:
    """The type that a signature of Emscripten's says, which it is (`is_signature`)."""
    result, params = text[:1].replace("v", ""), text[1:]
    return type_of(f"{params}->{result}".replace("j", "I").replace("p", "i"))


def signature_of(type: FunctionType) -> str:
    """Emscripten's signature of a type."""
    return ((letters_of(type.results) or "v") + letters_of(type.params)).replace("I", "j")
