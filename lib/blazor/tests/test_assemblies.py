"""What assemblies say of themselves: all forms, and files that lie about their lengths."""

from __future__ import annotations

import made
import pytest

from wasmer_blazor import WrongAssembly, read_assembly

VERSION = (9, 1, 2, 3)
OTHERS = [("System.Runtime", (8, 0, 0, 0)), ("Something.Else", (1, 2, 3, 4))]


def test_a_library() -> None:
    found = read_assembly(made.library("Some.Library", VERSION, OTHERS))
    assert found.name == "Some.Library"
    assert found.version == VERSION
    assert found.references == tuple(OTHERS)
    assert not found.has_main


def test_a_program_has_a_main() -> None:
    assert read_assembly(made.program("hello")).has_main


@pytest.mark.parametrize("wrap", [lambda data: data, made.wrapped], ids=["webcil", "webcil in a module"])
def test_webcil(wrap) -> None:  # type: ignore[no-untyped-def]
    found = read_assembly(wrap(made.webcil("hello", VERSION, main=True)))
    assert (found.name, found.version, found.has_main) == ("hello", VERSION, True)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "neither"),
        (b"MZ", "truncated"),
        (b"\x7fELF" + bytes(100), "neither"),
        (b"MZ" + bytes(0x3A) + b"\x40\0\0\0" + bytes(200), "program of DOS"),
        (b"\0asm\1\0\0\0", "no assembly of .NET in it"),
        (made.wrapped(b"nothing of the kind"), "no assembly of .NET in it"),
        (b"WbIL\1\0" + bytes(40), "version 1"),
        (b"WbIL" + bytes(40), "machine's own code"),
    ],
)
def test_files_that_are_none(data: bytes, says: str) -> None:
    with pytest.raises(WrongAssembly, match=says):
        read_assembly(data)


FORMS = {
    "dll": made.program("hello", OTHERS),
    "webcil": made.webcil("hello", main=True),
    "module": made.wrapped(made.webcil("hello", main=True)),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_truncation_is_an_error_or_says_the_same(form: str) -> None:
    whole = FORMS[form]
    expected = read_assembly(whole)
    for length in range(len(whole)):
        try:
            found = read_assembly(whole[:length])
        except WrongAssembly:
            continue
        assert found == expected  # what is behind its strings is not looked at


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", [0x00, 0x7F, 0x80, 0xFF])
def test_each_wrong_byte_is_an_error_or_another_answer(form: str, value: int) -> None:
    whole = FORMS[form]
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] = value
        try:
            found = read_assembly(bytes(damaged))
        except WrongAssembly as wrong:
            assert str(wrong)
            continue
        assert len(found.name) <= 1024 and len(found.references) <= len(whole)


def test_a_table_that_would_be_larger_than_the_file() -> None:
    data = bytearray(made.program("hello", OTHERS))
    rows = data.index(b"#~\0\0")
    start = data.index(b"BSJB")
    stream = start + int.from_bytes(data[rows - 8 : rows - 4], "little")
    data[stream + 24 + 4 * 4 : stream + 24 + 5 * 4] = b"\xff\xff\xff\xff"  # rows of references
    with pytest.raises(WrongAssembly, match="0x23"):
        read_assembly(bytes(data))
