"""What must be true behind the validator, and before the decoder.

A valid module compiles: on singlepass with its registers accounted for after every operator, on cranelift with every
function verified and every allocation proved.
Its text, printed and parsed again, is a module that prints alike. Any text at all is parsed,
or refused with a line and a column.
"""

from __future__ import annotations

import random
from typing import Final

from wasmer_clif_backend import CraneliftCompiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import DecodeError, UnsupportedFeatureError
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module
from wasmer_runtime_core.wasm.validation.validate import validate_module
from wasmer_singlepass_backend import SinglepassCompiler

CONFIGURATIONS: Final = (CompilerConfig(), CompilerConfig(memory_bound_check_mode="enable"))
TOKENS: Final = (
    *("(", ")", '"', "$a", "0x", "nan:0x1", "(func", "(param", "(result i32)", "i32.const", "block", "end", "(;", ";)"),
    *(";;", "offset=", "align=3", "(memory 1)", "(export", "\\u{d800}", "\\80", "9" * 30, "0x1p-2000", "v128.const"),
)


def compiles(data: bytes) -> None:
    """Compile a valid module.

    Raises:
        CompileError: a failing; a valid module has none.
    """
    decoded = decode_module(data)
    bodies = validate_module(decoded)
    compiler = SinglepassCompiler()
    for config in CONFIGURATIONS:
        assert compiler.compile(decoded.info, bodies, config).function_offsets
        for body in bodies:
            compiler.records(decoded.info, body, config, verify=True)
    config = CONFIGURATIONS[len(data) % 2]
    assert CraneliftCompiler(prove=True).compile(decoded.info, bodies, config).function_offsets


def prints(data: bytes) -> None:
    """Print a valid module and parse what was printed: it prints alike.

    Raises:
        AssertionError, DecodeError: it does not.
    """
    text = print_module(data)
    assert print_module(parse_module(text)) == text


def broken_text(text: str, source: random.Random) -> str:
    """A text with a few places cut, doubled or overwritten."""
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(text) + 1)
        length = source.choice((0, 1, 1, 2, 10, 100))
        kind = source.randrange(3)
        if kind == 0:
            text = text[:at] + text[at + length :]
        elif kind == 1:
            text = text[:at] + text[at : at + length] * 2 + text[at + length :]
        else:
            text = text[:at] + source.choice(TOKENS) + text[at + length :]
    return text


def parses_or_refuses(text: str) -> str:
    """Parse a text; ``"parsed"`` or ``"refused"``.

    Raises:
        AssertionError: it was refused without a position.
    """
    try:
        binary = parse_module(text)
    except (DecodeError, UnsupportedFeatureError) as error:
        lines = text.count("\n") + text.count("\r") + 1
        assert error.line is not None and 1 <= error.line <= lines, f"line {error.line} of {lines}"
        assert error.column is not None and error.column >= 1, f"column {error.column}"
        return "refused"
    assert binary.startswith(b"\0asm")
    return "parsed"
