"""Names by what is in the JavaScript of each import, where a minifier took them; and texts that only look like it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wasmer_emscripten import NotSupported, load
from wasmer_emscripten.functions import fits
from wasmer_emscripten.glue.canonical import canonical
from wasmer_emscripten.glue.fingerprints import names_by_marks
from wasmer_emscripten.glue.marks import MARKS
from wasmer_emscripten.glue.objects import Glue
from wasmer_emscripten.signatures import type_of
from wasmer_runtime_core.compiling.pipeline import read_module
from wasmer_runtime_core.errors import CompileError

MODULE = """
(module
  (import "a" "a" (func $resize (param i32) (result i32)))
  (import "a" "b" (func $now (result f64)))
  (import "a" "c" (func $close (param i32) (result i32)))
  (import "a" "d" (func $mine (param i32) (result i32)))
  (import "a" "e" (func $set (param i32)))
  (import "a" "f" (func $get (result i32)))
  (memory (export "g") 1)
  (func (export "h"))
  (func (export "i") (param i32 i32) (result i32) (call $close (i32.const 99)))
  (func (export "j") (param i32) (result i32) (call $mine (local.get 0)))
  (func (export "k") (result i32) (call $set (i32.const 5)) (call $get)))
"""
TEXTS = {
    "a": "function(q){q>>>=0;for(var r=1;4>=r;r*=2){var s=Math.min(z,q+100663296);if(w(s))return!0}return!1}",
    "b": "()=>Date.now()",
    "c": "function(q){try{var z=R(q);W(z);return 0}catch(v){if(!(v instanceof E))throw v;return v.F}}",
    "d": "q=>{alert('mine');return q*2}",
    "e": "function(q){U=q}",
    "f": "function(){return U}",
}
EXPORTS = 'x._main=o.i;x._twice=o["j"];x._half=o.k;'


def glue(texts: dict[str, str], named: bool = False) -> str:
    if named:  # the functions stand elsewhere, one of them in a variable
        functions = [
            f"function A{key}{text.removeprefix('function')}" for key, text in texts.items() if "function" in text
        ]
        functions += [f"var A{key}={text};" for key, text in texts.items() if "function" not in text]
        pairs = ",".join(f"{key}:A{key}" for key in texts)
        return f"var z={{b:1}};{''.join(functions)}\nvar imports={{{pairs}}};{EXPORTS}"
    pairs = ",".join(f"{key}:{text}" for key, text in texts.items())
    return f"var z={{b:1,c:2}},imports={{{pairs}}};{EXPORTS}"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "small.wasm"
    path.write_bytes(read_module(MODULE))
    return path


@pytest.mark.parametrize("named", [False, True])
def test_what_a_function_does_tells_its_name(named: bool, module: Path) -> None:
    module.with_suffix(".js").write_text(glue(TEXTS, named))
    program = load(module)
    assert program.process.names.imports == {
        "a": "emscripten_resize_heap",
        "b": "emscripten_date_now",
        "c": "fd_close",
        "e": "setTempRet0",
        "f": "getTempRet0",
    }
    assert program.main() == 8  # EBADF
    with pytest.raises(NotSupported, match=r"symbols=.*functions=(.|\n)*alert\('mine'\)"):
        program.twice(4)
    assert load(module, functions={"d": lambda value: value * 2}).twice(4) == 8
    assert load(module, symbols={"d": "getpgid", "c": "fd_sync"}).process.names.of_import("c") == "fd_sync"


@pytest.mark.parametrize("more", ["", 'class E extends Error{constructor(){this.name="BindingError"}}'])
def test_embind_is_read_only_for_who_has_it(more: str, module: Path) -> None:
    """Its rows are half of all; a process that begins reads them where a letter may stand for one."""
    module.with_suffix(".js").write_text(more + glue(TEXTS))
    script = f"import sys, pathlib, wasmer_emscripten as e; p = e.load(pathlib.Path({str(module)!r})); " + (
        "print(p.names.imports['a'], 'wasmer_emscripten.embind.provided' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["emscripten_resize_heap", str(bool(more))]


def test_too_little_is_listed(module: Path) -> None:
    texts = TEXTS | {"a": "q=>q", "b": "()=>2", "c": "q=>w(q)"}
    module.with_suffix(".js").write_text(glue(texts))
    with pytest.raises(CompileError, match=r"left over:(.|\n)*a .*: q=>q\n(.|\n)*d .*alert"):
        load(module)
    assert load(module, symbols={"a": "emscripten_resize_heap", "b": "emscripten_date_now"})


TYPES = {"a": type_of("i->i"), "b": type_of("i->i"), "c": type_of("i->"), "d": type_of("->i")}


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        ({"a": TEXTS["c"], "b": TEXTS["c"]}, {}),  # two that are alike
        ({"d": TEXTS["c"]}, {}),  # of another type
        ({"a": TEXTS["c"], "b": TEXTS["a"]}, {"a": "fd_close", "b": "emscripten_resize_heap"}),
        ({"a": TEXTS["c"].replace("return 0", "return 1")}, {}),
        ({"a": TEXTS["c"].replace("{try", "{w();try")}, {}),
        ({"c": TEXTS["e"], "d": "function(){return V}"}, {"c": "setTempRet0"}),  # of another variable
        ({"d": TEXTS["f"]}, {}),
        ({"z": TEXTS["a"]}, {}),
        ({"a": ""}, {}),
    ],
)
def test_only_what_is_clear(texts: dict[str, str], names: dict[str, str]) -> None:
    assert names_by_marks(texts, TYPES, fits) == names


READING = "(a,b,c,d)=>{var s=F.getStreamFromFD(a),n=%s(s,b,c);return E[d>>2]=n,0}"


def test_functions_that_only_call_another_are_told_by_that() -> None:
    types = {"a": type_of("iiii->i"), "b": type_of("iiii->i"), "c": type_of("iiii->i")}
    texts = {"a": READING % "f", "b": READING % "g", "c": READING % "none"}
    helpers = {"f": "(a,b)=>n.write(a,b)", "g": "function(a,b){return n.read(a,b)}"}
    assert names_by_marks(texts, types, fits, lambda name: helpers.get(name, "")) == {"a": "fd_write", "b": "fd_read"}
    assert names_by_marks(texts, types, fits) == {}
    script = "".join(f"var {name}={text};" for name, text in helpers.items())
    glue = Glue(f"{script}x={{a:{texts['a']},b:{texts['b']}}}", {"a", "b"}, 0.9)
    assert names_by_marks(glue.functions, types, fits, glue.defined) == {"a": "fd_write", "b": "fd_read"}


def test_every_mark_can_be_found() -> None:
    """A text that has a row's marks is given that name, or shares them with another's; none is misspelt."""
    for name, *marks in MARKS:
        assert marks and all(mark and mark.strip("!=@~^") for mark in marks), name
        assert not all(mark[0] == "!" for mark in marks), name
        for mark in marks:
            if mark[0] in "@^":
                assert mark[1:] in {row[0] for row in MARKS}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("function(a,b){var c=a+b;return c}", "{_=p0+p1;return _}"),
        ("(x,y)=>{let z = x + y; return z;}", "{_=p0+p1;return _}".replace("{", "=>{", 1)),
        ("x=>x.abc+x.length", "=>p0.$+p0.length"),
        ("()=>Math.max(1E3,0x10,.5)", "=>Math.max(1000,16,0.5)"),
        ("function f(a){return 'x'+`y`+true+!0}", '{return"x"+"y"+!0+!0}'),
        ("a=>`x ${a} y`", '=>"x "+p0+" y"'),
        ("a=>`${a}${{b:a}}`", '=>""+p0+{$:p0}'),
        ("function(a){/* a */return/b\\/c/.test(a)//d\n}", "{return/b\\/c/.test(p0)}"),
        ("a(b){return{key:b,keyed:b}}", "{return{$:p0,keyed:p0}}"),
        ("", ""),
    ],
)
def test_canonical_forms(text: str, form: str) -> None:
    assert canonical(text) == form


@pytest.mark.parametrize(
    "script",
    [
        "{" * 50_000,
        "{a:" * 50_000,
        "{a:b,b:c,c:d}" * 10_000,
        "}" * 50_000 + "{a:a,b:a,c:a}",
        '"' + "\\" * 99_999,
        "`" + "a" * 100_000,
        "/*" * 50_000,
        "/[" * 50_000,
        "function a(" * 10_000,
        "a=b;b=a;x={a:a,b:b,c:a}",
        "x={a:" + "(" * 50_000 + ",b:1,c:2}",
        "{a(b){},b(){},c(){}}",
        "{...x,a:1,b:2,c:3}",
        "é={é:1}\0\x80\ud800",
    ],
)
def test_any_text_is_read_to_its_end(script: str) -> None:
    found = Glue(script, {"a", "b", "c"}, 0.9)
    assert set(found.functions) <= {"a", "b", "c"}
    assert sum(map(len, found.functions.values())) <= 3 * 20_000
    for text in found.functions.values():
        canonical(text)
