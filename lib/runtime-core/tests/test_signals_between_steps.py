"""What a signal's handler raises between any two steps comes out: of who reads text or a file, looks for imports, or
wants a value that may not fit."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

from tests.between_steps import EveryMistake, check_every_step
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_runtime_core.contract.values import FuncSig, Type
from wasmer_runtime_core.errors import DecodeError, LinkError, SignatureError
from wasmer_runtime_core.running.imports import resolve_imports
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.pointers import Array, WasmPtr
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.wasm.module import FUNCTION, GLOBAL, Import, ModuleInfo
from wasmer_runtime_core.wasm.text import lexer, parse_module
from wasmer_runtime_core.wasm.types import I32, FunctionType, GlobalType

IS_INTERPRETED = str(lexer.__file__).endswith(".py")


class Place:
    """Python's own paths have such windows themselves."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __fspath__(self) -> str:
        return self.name


class Names(Mapping[str, Any]):
    """A namespace that is no dictionary."""

    def __getitem__(self, name: str) -> Any:
        if name == "there":
            return lambda: None
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(["there"])

    def __len__(self) -> int:
        return 1


def text(source: str) -> Callable[[str], object]:
    """Read it; it may be refused."""

    def read(_: str) -> None:
        try:
            parse_module(source)
        except DecodeError:
            pass

    return read


def file(name: str) -> object:
    return read_module(Place(name))


def imports(_: str) -> None:
    info = ModuleInfo()
    info.types.append(FunctionType(b"", b""))
    info.imports += [Import("env", name, FUNCTION, 0) for name in ("there", "missing")]
    with pytest.raises(LinkError):
        resolve_imports(info, {"env": Names()})


def constant(number: float) -> Callable[[str], object]:
    """Give it for a global; it may be refused."""
    info = ModuleInfo()
    info.imports.append(Import("env", "number", GLOBAL, GlobalType(I32, False)))

    def give(_: str) -> None:
        try:
            resolve_imports(info, {"env": {"number": number}})
        except LinkError:
            pass

    return give


def values(*given: object) -> Callable[[str], object]:
    """Take them for a function's arguments; they may be refused."""
    signature = FuncSig([Type.I32, Type.I32], [])

    def bind(_: str) -> None:
        try:
            signature.bind(given)
        except SignatureError:
            pass

    return bind


def string(offset: int) -> Callable[[str], object]:
    """Read it from a memory; there may be none."""
    memory = Memory(1, 1)
    memory.write(8, b"text\0\xff")

    def read(_: str) -> None:
        for _ in range(2):
            memory.get_utf8_string(offset, 4)
            WasmPtr("B", offset, Array).get_utf8_string_with_nul(memory)

    return read


CALLS: dict[str, Callable[[str], object]] = {
    "escapes": text(r'(data "\t\u{41}\41")'),
    "pairs": text(r'(data "\41\42")'),
    "no pairs": text(r'(data "\4g\42")'),
    "no escape": text(r'(data "\q")'),
    "a name": text(r'(export "\ff" (func 0))'),
    "an identifier": text(r'(func $"\41")'),
    "no identifier": text(r'(func $"\ff")'),
    "an annotation": text(r'(@"\ff" )'),
    "a file": file,
    "imports": imports,
    "a constant": constant(7),
    "no constant": constant(1.5),
    "values": values(1, 2),
    "no values": values(1, "2"),
    "a string": string(8),
    "no string": string(13),
    "no string in memory": string(1 << 16),
}


@pytest.mark.skipif(not IS_INTERPRETED, reason="compiled code has no steps that can be traced")
@pytest.mark.parametrize("name", CALLS)
def test_what_a_handler_raises_comes_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "module.wasm"
    path.write_bytes(b"\0asm\1\0\0\0")
    given = str(path)
    CALLS[name](given)
    check_every_step(lambda: CALLS[name](given), EveryMistake, monkeypatch)


@pytest.mark.skipif(not IS_INTERPRETED, reason="compiled code has no steps that can be traced")
def test_what_was_checked_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython may keep an exception that was caught, but not what its traceback leads to."""
    kept: list[ref[Names]] = []

    def call() -> None:
        made = Names()
        kept.append(ref(made))
        try:
            made["missing"]
        except KeyError as failure:
            if raised_by_a_handler(failure):
                raise

    check_every_step(call, EveryMistake, monkeypatch)
    gc.collect()
    assert kept and not any(each() for each in kept)
