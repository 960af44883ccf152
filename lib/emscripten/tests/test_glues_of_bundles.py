"""Glues that bundlers wrote: several in one file, names that mean several things, modules that lie elsewhere."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from worlds import world

from wasmer_emscripten import load
from wasmer_emscripten.glue.compressed import compressed, unpacked
from wasmer_emscripten.glue.constant import constant
from wasmer_emscripten.glue.embedded import module_of
from wasmer_emscripten.glue.internal import internal_exports
from wasmer_emscripten.glue.names import exports_in, imports_in
from wasmer_emscripten.glue.objects import Glue
from wasmer_emscripten.library.javascript import asm_constants
from wasmer_emscripten.signatures import type_of
from wasmer_emscripten.uniform import call_uniformly, is_uniform
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.errors import CompileError
from wasmer_runtime_core.running.module import Module

MODULE = b"\0asm\x01\0\0\0"


# --- several in one file


def test_of_several_glues_the_one_is_meant_whose_imports_are_the_modules() -> None:
    threaded = "var w={b:_first,c:_second,a:_third,d:_of_threads,e:_of_locks};_run=x.f;"
    plain = "_run=x.g;var w={c:_first,a:_second,b:_third};_stop=x.h;"
    exported = {"f", "g", "h"}
    for text in (threaded + plain, plain + threaded):
        assert imports_in(text, {"a", "b", "c"}) == {"c": "first", "a": "second", "b": "third"}
        assert exports_in(text, exported, text.index("third};_stop"))["run"] == "g"
    assert exports_in(threaded + plain, exported)["run"] == "f"  # the first, where nobody knows


def test_a_name_means_what_it_means_where_the_object_is() -> None:
    inner = "function make(){var f=function(){return 1};run({a:f,b:g});var x=function(){var f=function(){return 2}}}"
    outer = "function f(){return 3}function g(){return 4}"
    for script in (inner + outer, outer + inner):
        assert Glue(script, {"a", "b"}, 0.9).functions == {"a": "function(){return 1}", "b": "(){return 4}"}


def test_a_property_is_no_name() -> None:
    for script in ("x.f=other;function f(){return 1}({a:f})", "function f(){return 1}x.f=other;({a:f})"):
        assert Glue(script, {"a"}, 0.9).functions == {"a": "(){return 1}"}
    assert Glue("x.f=()=>1;({a:f})", {"a"}, 0.9).functions == {"a": "()=>1"}


def test_an_object_is_none_that_has_statements() -> None:
    assert Glue("function f(){a(1);b(2)}", {"a", "b"}, 0.9).functions == {}
    assert Glue("(()=>{a(1);return{a:()=>1,b:()=>2}})()", {"a", "b"}, 0.9).functions == {"a": "()=>1", "b": "()=>2"}


@pytest.mark.parametrize("before", ["(", "return ", "x=", "/* c */", "a,/*!*/ "])
def test_braces_in_patterns_are_none(before: str) -> None:
    script = f"function f(){{{before}/[{{(]'\"/.test(y)}}({{a:()=>1,b:f}})"
    assert Glue(script, {"a", "b"}, 0.9).functions["a"] == "()=>1"


@pytest.mark.parametrize("divided", ["x/2/{a:1}.a", "x++/2", "(1)/y/'/'"])
def test_what_divides_is_no_pattern(divided: str) -> None:
    assert Glue(f"z={divided};({{a:()=>1,b:()=>2}})", {"a", "b"}, 0.9).functions == {"a": "()=>1", "b": "()=>2"}


# --- functions that need no name


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("function(_,a,e){return O.varargs=e,0}", 0),
        ("function(a,b){b=Y(b)}", 0),
        ("(a,b,c) {\n\treturn 52;\n}", 52),
        ("function(a,b){return b=Y(b),70}", 70),
        ("function(a,b,c){O.varargs=c}", 0),
        ("()=>!0", 1),
        ("function(){return false}", 0),
        ("()=>-1", 0xFFFF_FFFF),
        ("function(a){return a=Y(a)}", None),
        ("function(a){return O.varargs=a}", None),
        ("function(a,b){a=Y(b)}", None),
        ("a=>b(a)", None),
        ("function(a){b()}", None),
    ],
)
def test_functions_that_do_nothing(text: str, value: int | None) -> None:
    found = constant(text, "i")
    assert (None if found is None else found()) == value


def test_pieces_whose_list_has_no_name() -> None:
    assert asm_constants("i={1024:(a,b)=>{f(a)},1030:(a,b)=>h(a,[b,1]),6170314:_=>{g()}},x={7:()=>{}}") == {
        1024: "f(a)", 1030: "h(a,[b,1])", 6170314: "g()", 7: "",
    }  # fmt: skip
    assert asm_constants("{12:()=>{}}") == {}


# --- exports that only the glue calls

INVOKING = "function v(i,a){var s=S();try{return T(i)(a)}catch(e){R(s);if(e!==e+0)throw e;W(1,0)}}"
WAYS = {
    "assigned": "function assign(e){S=e.p;R=e.q;W=e.r;T=e.z}",
    "closure": "S=()=>(S=P.p)();R=a=>(R=P.q)(a);W=(a,b)=>(W=P.r)(a,b);",
    "old": 'var S=function(){return(S=M["asm"]["p"]).apply(null,arguments)},R=function(){return(R=M["asm"]["q"])'
    '.apply(null,arguments)},W=function(){return(W=M["asm"]["r"]).apply(null,arguments)};',
    "wrapped": "S=()=>s1();R=a=>{return r1(a)};W=(a,b)=>w1(a,b);s1=e.p;r1=e.q;w1=e.r;function g(){var S=1,R,W=b.p()}",
}
TYPES = {"p": type_of("->i"), "q": type_of("i->"), "r": type_of("ii->"), "z": type_of("i->i")}


@pytest.mark.parametrize("way", WAYS)
def test_what_every_invoke_calls(way: str) -> None:
    glue = Glue(f"{WAYS[way]}{INVOKING}w={{a:v}}", {"a"}, 0.9)
    names = {"a": "invoke_127_127"}
    assert internal_exports(glue, names, TYPES, {}) == {"stackSave": "p", "stackRestore": "q", "setThrew": "r"}
    assert "stackSave" not in internal_exports(glue, names, TYPES, {"other": "p"})
    assert internal_exports(glue, names, dict.fromkeys("pqr", type_of("iii->i")), {}) == {}
    assert internal_exports(glue, {"a": "fd_write"}, TYPES, {}) == {}


def test_a_name_that_wraps_itself() -> None:
    glue = Glue(f"S=()=>S();R=a=>W(a);W=(a,b)=>R(a,b);{INVOKING}w={{a:v}}", {"a"}, 0.9)
    assert internal_exports(glue, {"a": "invoke_127_127"}, TYPES, {}) == {}


# --- where a module is


def test_a_module_that_the_glue_names(tmp_path: Path) -> None:
    glue = tmp_path / "library_node.js"
    glue.write_text('f=locate("library.wasm");load("none.wasm")')
    with pytest.raises(CompileError, match="has no module"):
        module_of(glue)
    (tmp_path / "library.wasm").write_bytes(MODULE)
    assert module_of(glue) == tmp_path / "library.wasm"
    (tmp_path / "none.wasm").write_bytes(MODULE)
    with pytest.raises(CompileError, match=r"it names .*library\.wasm, .*none\.wasm; give"):
        module_of(glue)


def test_a_module_in_a_directory_of_its_version(tmp_path: Path) -> None:
    (tmp_path / "8_3").mkdir()
    (tmp_path / "8_3/it.wasm").write_bytes(MODULE)
    (tmp_path / "it_node.js").write_text("join(here, '8_3', 'it.wasm'); other('../../etc/it.wasm.js')")
    assert module_of(tmp_path / "it_node.js") == tmp_path / "8_3/it.wasm"


def packed(data: bytes) -> bytes:
    """A block of what lies as it is, one whose repeats reach into themselves, one that is not compressed."""
    first = bytes((0xF0, len(data) - 15)) + data
    second = bytes((0x1F,)) + b"x" + (1).to_bytes(2, "little") + bytes((255, 3)) + bytes((0x10,)) + b"y"
    blocks = [len(each).to_bytes(4, "little") + each for each in (first, second)]
    return b"".join(blocks) + (0x8000_0002).to_bytes(4, "little") + b"zz" + bytes(4)


def test_a_module_that_is_compressed(tmp_path: Path) -> None:
    body = MODULE + bytes(range(100))
    whole = body + b"x" * 278 + b"yzz"
    assert unpacked(packed(body), len(whole)) == whole
    text = base64.b64encode(packed(body)).decode().rstrip("=")
    (tmp_path / "it.js").write_text(f'wasmBinary = (function (s, n) {{}})("{text}", {len(whole)});')
    assert module_of(tmp_path / "it.js") == whole
    assert unpacked(packed(body), len(whole) - 1) is None
    assert unpacked(packed(body), len(whole) + 1) is None


def test_what_says_that_it_is_compressed_and_lies() -> None:
    """Whatever bytes: they are unpacked within what they may be, or refused."""
    random.seed(1)
    good = packed(MODULE + bytes(range(100)))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(random.randrange(1, 4)):
            data[random.randrange(len(data))] = random.randrange(256)
        found = unpacked(bytes(data[: random.randrange(len(data) + 1)]), 389)
        assert found is None or len(found) == 389
    assert list(compressed('("' + "A" * 4000 + '", 4000000000)')) == []


# --- programs in which all pointers have one type


def test_functions_of_one_type_for_all() -> None:
    module = compile_with(
        b"""(module (func (export "f") (param i64 i64 i64 i64) (result i64)
          (i64.add (local.get 0) (i64.add (local.get 1) (local.get 3)))) (func (export "g") (param i64 i64) (result i64)
          (local.get 1)))""",
        find_compiler("singlepass"),
    )
    f, g = (module.instantiate({}).exports[name] for name in "fg")
    wanted = type_of("iI->i")
    assert is_uniform(f.core_type, wanted)
    assert call_uniformly(f, f.core_type, wanted, (-1, 2)) == 1
    assert call_uniformly(f, f.core_type, type_of("i->"), (5,)) is None
    assert call_uniformly(g, g.core_type, type_of("id->d"), (1, -2.5)) == -2.5
    assert call_uniformly(g, g.core_type, type_of("if->f"), (1, 0.5)) == 0.5
    assert not is_uniform(g.core_type, type_of("iii->i"))
    assert not is_uniform(type_of("i->i"), type_of("i->"))
    assert not is_uniform(type_of("I->I"), type_of("i->"))


# --- the heap of 2019


def of_2019() -> Module:
    return compile_with(
        b"""(module (import "env" "memory" (memory 2 4)) (import "env" "sbrk" (func $sbrk (param i32) (result i32)))
          (import "env" "emscripten_resize_heap" (func (param i32) (result i32)))
          (func (export "more") (param i32) (result i32) (call $sbrk (local.get 0))))""",
        find_compiler("singlepass"),
    )


def test_the_end_of_the_heap_is_where_the_glue_says(tmp_path: Path) -> None:
    (tmp_path / "x.js").write_text("DYNAMIC_BASE=70000,DYNAMICTOP_PTR=1024;")
    with load(of_2019(), glue=tmp_path / "x.js") as program:
        assert program.more(16) == 70000
        assert program.more(100_000) == 70016
        assert len(program.memory) > 131072
        assert program.more(-100_016) == 170_016
        assert program.more(-1) == -1  # before its beginning
        assert program.more(1 << 20) == -1


def test_nothing_says_where_the_heap_ends() -> None:
    from wasmer_emscripten import WrongArgument

    with load(of_2019()) as program, pytest.raises(WrongArgument, match="give its glue"):
        program.more(16)


# --- arrays over the heap


def test_arrays_over_the_programs_memory() -> None:
    from wasmer_emscripten.embind import world as values
    from wasmer_emscripten.embind.heaps import Heap
    from wasmer_emscripten.embind.registry import registry_of
    from wasmer_emscripten.errors import WrongArgument

    program = world()
    heap = Heap(registry_of(program.process).memory, "H")
    program.memory.write(4096, bytes(range(16)))
    made = values.GLOBALS["Uint8Array"](values.get(heap, "buffer"), 4096.0, 4)
    assert bytes(made) == bytes(range(4))
    values.call(values.get(made, "set"), [[9, 8]])
    assert program.memory.read(4096, 3) == b"\x09\x08\x02"
    again = values.get(made.cast("H"), "constructor")(values.get(heap, "buffer"), 4096, 2)
    assert again.tolist() == [0x0809, 0x0302]
    assert values.get(heap, "subarray")(2049, 2051).tolist() == [0x0302, 0x0504]
    assert bytes(values.get(bytearray(b"ab"), "constructor")(bytearray(b"cd"))) == b"cd"
    assert bytes(values.get(heap, "constructor")(heap, 4096, 1)) == b"\x09\x08"
    for start, length in ((-1, 4), (0, 1 << 33), (4096, -1)):
        with pytest.raises(WrongArgument):
            values.GLOBALS["Uint8Array"](heap, start, length)
