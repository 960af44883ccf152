"""Names of what emcc has minified: from the glue, from the user, or an error that says what to give."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path

import pytest

from wasmer_emscripten import NotSupported, load
from wasmer_emscripten.glue.names import exports_in, imports_in, symbols_of
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.module import Module

MODULE = """
(module
  (import "a" "a" (func $resize (param i32) (result i32)))
  (import "a" "b" (func $size (result i32)))
  (import "a" "c" (func $page (result i32)))
  (import "a" "d" (func $mine (param i32) (result i32)))
  (memory (export "e") 1)
  (global $made (mut i32) (i32.const 0))
  (func (export "f") (global.set $made (i32.const 1)))
  (func (export "g") (param i32 i32) (result i32) (i32.add (call $page) (global.get $made)))
  (func (export "h") (param i32) (result i32) (call $mine (local.get 0))))
"""
LITERAL = (
    'var x={"z":_one};var asmLibraryArg={"d":_mine,"b":_emscripten_get_heap_size,'
    '"c":_getpagesize,"a":_emscripten_resize_heap};'
)
EXPORTS = {
    "old": 'var _main=Module["_main"]=function(){return(_main=Module["_main"]=Module["asm"]["g"]).apply(null,arguments)'
    '};var _half=Module["_half"]=function(){return(_half=Module["_half"]=Module["asm"]["h"]).apply(null,arguments)};',
    "newer": '_main=Module["_main"]=wasmExports["g"];_half=Module["_half"]=wasmExports["h"];',
    "closure": "k._main=c.g;k._half=c.h;k.other=c.length;",
    "property": 'Module["_main"]=Module["asm"].g;Module["_half"]=Module["asm"].h;',
}


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "small.wasm"
    path.write_bytes(read_module(MODULE))
    return path


@pytest.mark.parametrize("form", EXPORTS)
def test_names_from_the_glue_beside_it(form: str, module: Path) -> None:
    module.with_suffix(".js").write_text(LITERAL + EXPORTS[form])
    program = load(module, functions={"mine": lambda value: value * 2})
    assert program.main() == (16_384 + 1) & 0xFF  # its constructors have run: the first function that is exported
    assert program.half(21) == 42 and program.cwrap("half", int, [int])(1) == 2
    assert program.exports["h"](3) == 6


def test_the_glue_may_lie_elsewhere_or_be_what_is_loaded(module: Path, tmp_path: Path) -> None:
    (tmp_path / "glue").mkdir()
    glue = tmp_path / "glue/other.js"
    glue.write_text(LITERAL + EXPORTS["newer"])
    assert load(module, glue=glue).main() == 1
    compiled = compile_with(module, find_compiler("singlepass"))
    assert load(compiled, glue=glue).main() == 1
    around = tmp_path / "around.js"
    around.write_text(f"{glue.read_text()} var binary='data:;base64,{base64.b64encode(module.read_bytes()).decode()}';")
    assert load(around).main() == 1
    module.with_suffix(".mjs").write_text(glue.read_text())
    assert load(module.with_suffix(".mjs")).main() == 1


def test_names_from_the_user(module: Path, tmp_path: Path) -> None:
    symbols = {"a": "_emscripten_resize_heap", "b": "emscripten_get_heap_size", "c": "getpagesize", "g": "main"}
    lines = "\n".join(f"{letters}:{name}" for letters, name in symbols.items())
    (tmp_path / "map").write_text(lines + "\n")
    (tmp_path / "map.json").write_text(json.dumps(symbols))
    for given in (symbols, tmp_path / "map", tmp_path / "map.json"):
        program = load(module, symbols=given)
        assert program.main() == 1
        with pytest.raises(NotSupported, match=r"a\.d"):
            program.exports["h"](1)
    (tmp_path / "map").write_text("no colon here\n")
    with pytest.raises(ValueError, match="expected a line letters:name"):
        symbols_of(tmp_path / "map")


@pytest.mark.parametrize(
    "glue",
    [
        "",
        'var other={"a":_one,"b":_two};',  # of another module
        'var x={"a":b,"b":c,"c":d,"d":e};',  # a bundler's letters
        "var x={a:(b)=>{},b:()=>{},c:()=>{},d:b=>b};",  # Closure's functions
        "{" * 100_000 + '"a":' * 10_000,
        '{"a":x,' * 20_000,
        '["g"]=' * 20_000,
    ],
)
def test_a_glue_that_says_nothing(glue: str, module: Path) -> None:
    module.with_suffix(".js").write_text(glue)
    with pytest.raises(CompileError, match="emcc has minified the names"):
        load(module)


NOT_PRINTABLE = {0: "\u0100", 10: "\\n", 13: "\\r", 34: '\\"', 39: "\\'", 92: "\\\\", 96: "\\`", 36: "\\$"}


@pytest.mark.parametrize("quote", "\"'`")
@pytest.mark.parametrize("nul", ["\0", "\u0100", "\\0", "\\x00", "\\u0100"])
def test_a_module_that_is_in_it_character_by_byte(module: Path, tmp_path: Path, quote: str, nul: str) -> None:
    written = "".join(
        nul if byte == 0 else NOT_PRINTABLE.get(byte, f"\\x{byte:02x}" if byte % 3 == 0 else chr(byte))
        for byte in module.read_bytes()
    )
    around = tmp_path / "raw.js"
    around.write_bytes(f"{LITERAL}{EXPORTS['newer']};var b=f({quote}{written}{quote});".encode())
    assert load(around).main() == 1
    for spoiled in (written[:-1] + "\u2030", written.replace("m\x01", "m\x02")):
        around.write_bytes(f"{LITERAL};var b=f({quote}{spoiled}{quote});".encode())
        with pytest.raises(CompileError, match="has no module"):
            load(around)


def test_a_script_without_a_module(tmp_path: Path) -> None:
    (tmp_path / "bare.js").write_text("AGFzbQ" + "A" * 40)
    with pytest.raises(CompileError):
        load(tmp_path / "bare.js")
    (tmp_path / "none.js").write_text("nothing")
    with pytest.raises(CompileError, match="has no module"):
        load(tmp_path / "none.js")


def test_the_object_with_most_keys_in_common() -> None:
    wanted = {"a", "b", "c"}
    assert imports_in("{a:_abcd,b:_efgh,c:_ijkl}{a:_other,b:_others}", wanted) == {
        "a": "abcd",
        "b": "efgh",
        "c": "ijkl",
    }
    assert imports_in("{ a : _abcd , 'b':_efgh,\n c:_ijkl, d:_more }", wanted)["d"] == "more"
    assert imports_in("{a:_abcd,b:_efgh}", wanted) == {}
    assert exports_in('x["_long"]=y["a"];x["_long"]=y["b"];z._other=q.c', {"a", "b", "c"}) == {
        "long": "a",
        "other": "c",
    }


def test_a_memory_and_a_table_among_the_functions() -> None:
    """Modules of 2020 import them by these names, minified or not."""
    given = '{"d":_mine,"memory":wasmMemory,"b":_emscripten_get_heap_size,"table":wasmTable,"c":_pagesize,"mem":_half}'
    names = {"d": "mine", "b": "emscripten_get_heap_size", "c": "pagesize", "mem": "half"}
    assert imports_in(f"var y={{a:_z}},asmLibraryArg={given};", {"b", "c", "d", "mem"}) == names


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("var DYNAMIC_BASE=5976160,DYNAMICTOP_PTR=1024;", 5976160),
        ("var DYNAMIC_BASE = 70000, DYNAMICTOP_PTR = 1024;", 70000),
        ("var DYNAMICTOP_PTR=1024;", 0),
        ("var DYNAMIC_BASE=5976160,DYNAMICTOP_PTR=65534;", 0),
        ("var DYNAMIC_BASE=99999999999,DYNAMICTOP_PTR=1024;", 0),
        ("var DYNAMIC_BASE=5976160,DYNAMICTOP_PTR=4294967295;", 0),
    ],
)
def test_where_the_heap_begins_is_written_into_a_memory_that_the_host_makes(
    said: str, expected: int, tmp_path: Path
) -> None:
    path = tmp_path / "early.wasm"
    path.write_bytes(
        read_module("""(module (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
        (import "env" "memory" (memory 1 4)) (func (export "top") (result i32) (i32.load (i32.const 1024))))""")
    )
    path.with_suffix(".js").write_text(said)
    assert load(path).top() == expected


def test_names_that_were_found_are_kept(module: Path) -> None:
    module.with_suffix(".js").write_text(LITERAL + EXPORTS["newer"])
    first = load(module)
    names = pickle.loads(pickle.dumps(first.names))
    kept = first.instance.module.serialize()
    module.with_suffix(".js").unlink()
    again = load(Module.deserialize(kept), symbols=names)
    assert again.main() == first.main() == 1
    assert again.names == first.names
