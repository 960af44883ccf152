"""Every row of the table: a module that has as many as there may be, and one that has one more."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from wasmer_runtime_core.codegen.x64.encode import CODE_LIMIT
from wasmer_runtime_core.compiling.pipeline import Compilation, run, validate
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import DecodeError, ImplementationLimitError
from wasmer_runtime_core.implementation_limits import (
    BODY_BYTES,
    CODE_BYTES,
    DEFAULT_LIMITS,
    LIMITS,
    ImplementationLimits,
)
from wasmer_runtime_core.wasm.binary.decode import decode_module
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.validation.validate import validate_module

HEADER: Final = b"\0asm\1\0\0\0"


def leb(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def section(number: int, count: int, content: bytes) -> bytes:
    return bytes((number,)) + leb(len(leb(count)) + len(content)) + leb(count) + content


def padded(value: int) -> bytes:
    """An integer in three bytes."""
    return bytes((value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14))


def text(source: str) -> bytes:
    return parse_module(source)


def sum_of(operators: int) -> str:
    """A global whose initializer has so many, an odd number."""
    return f"(global i32 {'i32.const 0 ' * (operators // 2 + 1)}{'i32.add ' * (operators // 2)})"


MODULES: Final[dict[str, Callable[[int], bytes]]] = {
    "module_bytes": lambda count: HEADER + b"\0" + padded(count - 12) + bytes(count - 12),
    "custom_sections": lambda count: HEADER + b"\0\2\1x" * count,
    "name_bytes": lambda count: text(f'(global (export "{"é" * (count // 2) + "x" * (count % 2)}") i32 (i32.const 0))'),
    "types": lambda count: text("(type (func))" * count),
    "parameters": lambda count: text(f"(type (func (param {'i32 ' * count})))"),
    "results": lambda count: text(f"(type (func (result {'i32 ' * count})))"),
    "fields": lambda count: text(f"(type (struct {'(field i8)' * count}))"),
    "subtyping_depth": lambda count: text(
        "(type (sub (func)))" + "".join(f"(type (sub {above} (func)))" for above in range(count))
    ),
    "imports": lambda count: text('(import "" "" (global i32))' * count),
    "functions": lambda count: text('(import "" "" (func))' + "(func)" * (count - 1)),
    "tables": lambda count: text('(import "" "" (table 1 funcref))' + "(table 1 funcref)" * (count - 1)),
    "memories": lambda count: HEADER + section(5, count, b"\0\1" * count),
    "globals": lambda count: text('(import "" "" (global i32))' + "(global i32 (i32.const 0))" * (count - 1)),
    "exports": lambda count: text("(func" + "".join(f'(export "{number}")' for number in range(count)) + ")"),
    "element_segments": lambda count: text("(elem func)" * count),
    "elements": lambda count: text("(func)(elem func 0)" + f"(elem func {'0 ' * (count - 1)})"),
    "data_segments": lambda count: text('(data "")' * count),
    "tags": lambda count: text('(import "m" "t" (tag))' + "(tag)" * (count - 1)),
    "initializer_operators": lambda count: text(sum_of(3) + sum_of(count - 3) if count % 2 == 0 else sum_of(count)),
    "body_bytes": lambda count: text(f"(func {'nop ' * (count - 2)})"),
    "locals": lambda count: text(f"(func (param i32) (local {'i64 ' * (count - 1)}))"),
    "nesting": lambda count: text(f"(func {'block ' * count}{'end ' * count})"),
    "operands": lambda count: text(f"(func {'i32.const 0 ' * count}{'drop ' * count})"),
    "br_table_targets": lambda count: text(f"(func (br_table {'0 ' * count} 0 (i32.const 0)))"),
}
"""By name of a limit: a module that has as many of these."""


def small_functions(count: int) -> bytes:
    """Functions of seven bytes, each with 50,000 locals."""
    return (
        HEADER
        + section(1, 1, b"\x60\0\0")
        + section(3, count, bytes(count))
        + section(10, count, (b"\6\1" + leb(50_000) + b"\x7f\x0b") * count)
    )


def wide_calls(count: int) -> bytes:
    """Calls, two bytes each, of a function with 1,000 parameters and as many results."""
    wide = f"(param {'i32 ' * 1000}) (result {'i32 ' * 1000})"
    return text(f"(func $wide {wide} unreachable) (func {wide} {'local.get 0 ' * 1000} {'call $wide ' * count})")


def wide_branches(count: int, targets: str) -> bytes:
    """Targets of one byte that are handed 1,000 values."""
    return text(f"(func (result {'i32 ' * 1000}) (block (type 0) unreachable br_table {targets * (count // 2)} 0) )")


def nested_loops(count: int) -> bytes:
    """Each writes a local, and all of them are listed in every loop around."""
    wide = "".join(f"(local.set {local} (i32.const 0)) loop " for local in range(count)) + "end " * count
    return text(f"(func (local {'i32 ' * count}) {wide})")


AMPLIFIED: Final[list[tuple[str, bytes, int]]] = [
    ("module_locals", small_functions(25), 25 * 50_000),
    ("values_passed", wide_calls(100), 100 * 2000 + 3000),
    ("values_passed", wide_branches(300, "0 1 "), 301 * 1000 + 3000),
    ("values_passed", wide_branches(300, "0 0 "), 301 * 1000 + 3000),
    ("loop_writes", nested_loops(1000), 1000 * 1001 // 2),
]
"""Name of a limit that grows with the module, a module that is beyond, how many of these it has at most."""


def check(data: bytes, limits: ImplementationLimits = DEFAULT_LIMITS) -> None:
    validate_module(decode_module(data, limits))


@pytest.mark.parametrize("name", MODULES)
def test_as_many_as_there_may_be_and_one_more(name: str) -> None:
    (limit,) = [row for row in LIMITS if row.name == name]
    for most in (20, min(300, limit.ceiling)):
        limits = ImplementationLimits({name: most})
        if name == "memories":  # the specification has one at most, and counts after us
            decode_module(MODULES[name](most), limits)
        else:
            check(MODULES[name](most), limits)
        beyond = MODULES[name](most + 1)
        with pytest.raises(ImplementationLimitError) as caught:
            check(beyond, limits)
        error = caught.value
        assert (error.limit, error.found, error.most) == (name, most + 1, most)
        assert f"{most + 1} {limit.bounds}" in str(error)
        assert f'implementation_limits={{"{name}": ' in str(error)
        assert error.offset is not None
        assert error.offset <= len(beyond)
        assert (error.function is not None) == (LIMITS.index(limit) >= LIMITS.index(BODY_BYTES))


@pytest.mark.parametrize(("name", "data", "most"), AMPLIFIED)
def test_few_bytes_that_ask_for_much(name: str, data: bytes, most: int) -> None:
    with pytest.raises(ImplementationLimitError) as caught:
        check(data)
    error = caught.value
    assert (error.limit, error.function) == (name, error.function)
    assert error.most < error.found <= most
    check(data, ImplementationLimits({name: most}))


def test_every_row_has_its_test() -> None:
    assert {row.name for row in LIMITS} - {CODE_BYTES.name} == {*MODULES, *(name for name, *_ in AMPLIFIED)}


def test_a_configuration_changes_them_by_name() -> None:
    module = MODULES["locals"](60_000)
    with pytest.raises(ImplementationLimitError):
        validate(module)  # it is neither valid nor not
    raised = CompilerConfig(implementation_limits={"locals": 60_000})
    assert len(run(Compilation(module, config=raised), until="validate").bodies) == 1
    with pytest.raises(ImplementationLimitError):
        run(Compilation("(func)(func)", config=CompilerConfig(implementation_limits={"functions": 1})), until="decode")
    with pytest.raises(ValueError, match=r"called 'local'; there is: .*\blocals\b"):
        Compilation(module, config=CompilerConfig(implementation_limits={"local": 1}))
    for most in (-1, 1_000_001):
        with pytest.raises(ValueError, match="from 0 to 1000000"):
            Compilation(module, config=CompilerConfig(implementation_limits={"locals": most}))


def test_what_is_announced_and_not_there_is_malformed() -> None:
    """A count alone is no reason to say that a module is large."""
    for number in range(1, 12):
        if number in (8, 10):
            continue
        for count in (1, 1000, 2_000_000, 0xFFFF_FFFF):
            with pytest.raises(DecodeError, match="unexpected end"):
                decode_module(HEADER + section(number, count, b""))


@pytest.mark.parametrize("form", ["bytes", "bytearray", "text", "file"])
def test_a_module_that_is_too_large_is_not_even_read(form: str, tmp_path: Path) -> None:
    config = CompilerConfig(implementation_limits={"module_bytes": 100})
    source: bytes | bytearray | str | Path = HEADER + section(0, 0, b"x" * 100)
    if form == "bytearray":
        source = bytearray(HEADER) + bytes(100)
    elif form == "text":
        source = "(module" + " " * 100 + ")"
    elif form == "file":
        source = Path("/dev/zero")
    with pytest.raises(ImplementationLimitError, match="bytes of a module"):
        run(Compilation(source, config=config), until="read")


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"implementation_limits": {"bogus": 1}}, ValueError, "no implementation limit is called 'bogus'; there is: "),
        ({"implementation_limits": {"parameters": 5_000}}, ValueError, "limit parameters is from 0 to 2000, not 5000"),
        ({"features": {"bogus": True}}, ValueError, "no feature is called 'bogus'; there is: sign_extension, "),
        ({"features": {"stack_switching": True}}, ValueError, "the feature stack_switching cannot be switched on"),
        ({"memory_bound_check_mode": "enabled"}, ValueError, "is one of 'default', 'enable', 'disable', not 'enabled'"),
        ({"middlewares": (3,)}, TypeError, "3 cannot be called"),
    ],
)  # fmt: skip
def test_a_configuration_is_refused_when_it_is_made(fields: dict[str, Any], error: type[Exception], words: str) -> None:
    """However it is made: what cannot be done would show when something is compiled, or never."""
    given = tuple({**CompilerConfig()._asdict(), **fields}.values())
    for make in (
        lambda: CompilerConfig(**fields),
        lambda: CompilerConfig(*given),
        lambda: CompilerConfig()._replace(**fields),
    ):
        with pytest.raises(error, match=re.escape(words)):
            make()
    with pytest.raises(error, match=re.escape(words)):
        pickle.loads(pickle.dumps(tuple.__new__(CompilerConfig, given)))


def test_a_configuration_is_a_tuple_of_its_fields() -> None:
    config = CompilerConfig("enable", features={"simd": False})
    assert config._replace(release_gil=True) == ("enable", True, (), None, {}, {"simd": False}, False)
    assert pickle.loads(pickle.dumps(config)) == config and type(pickle.loads(pickle.dumps(config))) is CompilerConfig
    assert str(inspect.signature(CompilerConfig)).startswith("(memory_bound_check_mode: ")
    assert repr(config).startswith("CompilerConfig(memory_bound_check_mode='enable', ")


def test_no_size_of_a_module_raises_a_limit_beyond_its_ceiling() -> None:
    """Code of more bytes than the encoder counts would be a bug of ours to it, not the module's fault."""
    for limit in LIMITS:
        for limits in (DEFAULT_LIMITS, ImplementationLimits({limit.name: limit.ceiling})):
            assert limits.most(limit, 1 << 30) <= limit.ceiling
    assert CODE_BYTES.ceiling < CODE_LIMIT
