"""JavaScript beside a module is no more trusted than the module: reading it costs what its length costs, and ends."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from worlds import counted

from wasmer_emscripten import NotSupported, load
from wasmer_emscripten.glue.canonical import canonical
from wasmer_emscripten.glue.constant import constant
from wasmer_emscripten.glue.embedded import _in_base64, _raw, module_of
from wasmer_emscripten.glue.fingerprints import names_by_marks
from wasmer_emscripten.glue.names import exports_in, imports_in, symbols_of
from wasmer_emscripten.glue.objects import MOST_FUNCTIONS, MOST_OF_ALL, MOST_OF_ONE, Glue
from wasmer_emscripten.library.javascript import MOST_PIECES, asm_constants
from wasmer_emscripten.library.refused import REMEDIES, remedy_for
from wasmer_emscripten.state import plain
from wasmer_runtime_core.errors import CompileError, Timeout
from wasmer_runtime_core.running.interrupts import timeout
from wasmer_runtime_core.wasm.types import FunctionType

WANTED = {f"{first}{second}" for first in "abcdefgh" for second in "abcdefgh"}
TOKENS = [
    *(
        " ",
        "\n",
        "{",
        "}",
        "(",
        "[",
        "]",
        "=",
        ":",
        ",",
        ".",
        '"',
        "_",
        "1",
        "a",
        "é",
        "=>",
        '["asm"]',
        '["a"]',
        '"a":b,',
    ),
    *("/*", "//", "/", "\\", "'", "`", '"\0asm', "f=", "function f(){", "0x1", "9e9"),
    *("{a:b", "{a:b,", ".aaaa=", "_aaaa=", '["aaaa"]=', "x.a", "function(){return(", "1:()=>{", "1:function(", "12:{"),
]
LENGTH = 3_000
CPU_SECONDS = 20
TYPE = FunctionType(b"", b"")


def named_by_marks(text: str) -> Any:
    handed = Glue(text + "({" + ",".join(f"{each}:f" for each in sorted(WANTED)) + "})", WANTED, 0.9)
    return names_by_marks(handed.functions, dict.fromkeys(WANTED, TYPE), lambda name, wanted: True)


READERS: dict[str, Callable[[str], Any]] = {
    "imports": lambda text: imports_in(text, WANTED),
    "exports": lambda text: exports_in(text, WANTED),
    "pieces": lambda text: asm_constants("ASM_CONSTS" + text),
    "a piece": plain,
    "marks": named_by_marks,
    "a module": lambda text: [*_in_base64(text), *_raw(text)],
    "a remedy": remedy_for,
}


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """A block that costs no more than that: what is a square of the length here costs hours."""

    def over(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"more than {seconds} seconds of the processor's time")

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@pytest.mark.parametrize("reader", [each for each in READERS if each != "marks"])  # which is long for its size
def test_any_two_things_that_repeat(reader: str) -> None:
    with processor_time(CPU_SECONDS):
        for first, second in itertools.product(TOKENS, repeat=2):
            READERS[reader](first * (LENGTH // len(first)) + second * (LENGTH // len(second)) + "!")


@pytest.mark.parametrize("reader", READERS)
def test_much_of_one_thing(reader: str) -> None:
    length = 6_000 if reader == "marks" else 150_000
    with processor_time(3 * CPU_SECONDS):
        for token in TOKENS:
            for rest in ("!", "}", " " * length):
                READERS[reader](token * (length // len(token)) + rest)


def test_spaces_where_they_may_stand() -> None:
    spaces = " " * 30_000
    with processor_time(CPU_SECONDS):
        for text in (
            "1:{}",
            "1:()=>{}",
            "1:function(a)=>{}",
            '["aaaa"]=x["a"]',
            "{a:b,}",
            ".aaaa=function(){return x.a}",
        ):
            for at in range(len(text) + 1):
                for name, reader in READERS.items():
                    if name != "marks" or at % 4 == 0:
                        reader(text[:at] + spaces + text[at:])


def letters(count: int) -> list[str]:
    return [
        "".join(each) for each in itertools.islice(itertools.product("abcdefghijklmnopqrstuvwxyz", repeat=3), count)
    ]


def test_functions_that_many_letters_stand_for() -> None:
    """However many imports have one function, or functions that lie in one another: each is looked at once."""
    every = letters(1200)
    for body in (
        "function f(){" + "x+=1;" * 3500 + "}({" + ",".join(f"{each}:f" for each in every),
        "=".join(f"v{each}" for each in every)
        + "=function(){"
        + "y" * 20_000
        + "};({"
        + ",".join(f"{x}:v{x}" for x in every),
        "({" + ",".join(f"{each}(){{" + "x" * 500 + "}" for each in every),
    ):
        with processor_time(CPU_SECONDS):
            found = Glue(body + "})", set(every), 0.9)
            names_by_marks(found.functions, dict.fromkeys(every, TYPE), lambda name, wanted: True)
        assert 0 < len(found.functions) <= MOST_FUNCTIONS
        assert sum(map(len, set(found.functions.values()))) <= MOST_OF_ALL + 4 * MOST_OF_ONE


@pytest.mark.parametrize(
    "number", ["0x" + "f" * 5000, "0X", "0xg", "1e999", "9" * 5000, "1_0n", "٣", "0b1", ".5.", "1.e+"]
)
def test_numbers_of_any_form(number: str) -> None:
    assert isinstance(canonical(f"(a)=>{{{number}}}"), str)


def test_brackets_within_each_other() -> None:
    _, allocated = counted(lambda: Glue("{" * 5_000, WANTED, 0.9))
    assert allocated < 5_000 * 40


def test_names_that_are_nearly_known() -> None:
    parts = {part for pattern, _ in REMEDIES for part in pattern.replace("(", "|").replace(")", "|").split("|")}
    with processor_time(CPU_SECONDS):
        for part in parts:
            name = "".join(each for each in part if each.isalnum() or each == "_")
            for start in ("emscripten_set_", "_emscripten_", "emscripten_", ""):
                if name:
                    assert remedy_for(start + name * (100_000 // len(name)) + "!") is None


def test_pieces_have_a_limit() -> None:
    found = asm_constants("ASM_CONSTS" + "".join(f"{at}:()=>{{}}," for at in range(2 * MOST_PIECES)))
    assert len(found) == MOST_PIECES
    assert asm_constants("ASM_CONSTS={" + "9" * 5000 + ":()=>{}, 7: ($0) => { f({}); }, 8:function(){ g }\n};") == {
        7: "f({});",
        8: "g",
    }


def test_a_constant_is_a_number_of_its_type() -> None:
    for text, bits in (("()=>9999999999", 32), ("()=>-9999999999", 32), ("()=>-1", 64)):
        function = constant(text, "i" if bits == 32 else "I")
        assert function is not None
        answer = function()
        assert isinstance(answer, int) and 0 <= answer < 1 << bits and (answer - int(text[4:])) % (1 << bits) == 0


def test_reading_ends_with_the_deadline() -> None:
    for reader in ("imports", "exports", "pieces", "marks"):
        text = "{.aaaa=1:()=>{}" * 100_000
        with timeout(0), pytest.raises(Timeout):
            READERS[reader](text)


def test_symbols_within_each_other(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text('{"a":' * 200_000)
    with pytest.raises(ValueError, match="symbols"):
        symbols_of(tmp_path / "deep.json")


def test_many_modules_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.js").write_text("AGFzbQ" + "A" * 19 + "!" + ("AGFzbQ" + "A" * 19 + "=") * 20_000)
    with processor_time(CPU_SECONDS), pytest.raises(CompileError, match="has no module"):
        module_of(tmp_path / "x.js")


def test_a_piece_of_many_braces(tmp_path: Path) -> None:
    """What a program calls, and the glue calls it: compared with what the user gave."""
    (tmp_path / "x.js").write_text("var ASM_CONSTS={ 64: () => {" + "{" * 200_000 + "}" * 200_000 + "}\n};")
    program = load(
        b"""(module (import "env" "emscripten_asm_const_int" (func $asm (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "go") (drop (call $asm (i32.const 64) (i32.const 0) (i32.const 0)))))""",
        glue=tmp_path / "x.js",
        asm={"f()": print},
    )
    with processor_time(CPU_SECONDS), pytest.raises(NotSupported):
        program.go()
