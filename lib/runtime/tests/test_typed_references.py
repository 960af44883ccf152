"""Typed function references as programs and Python meet them, on each backend: calls, links, checks of values."""

from __future__ import annotations

import gc
import pickle

import pytest

from wasmer_runtime import compile, instantiate
from wasmer_runtime_core.contract.values import FuncSig, ReferenceType, TableDescriptor, Type, Value
from wasmer_runtime_core.errors import LinkError, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.functions import Function
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.wasm.text import parse_module
from wasmer_runtime_core.wasm.text.printer import print_module

BACKENDS = ("singlepass", "cranelift", "llvm")

CALLS = """(module
  (type $binary (func (param i32 i32) (result i32)))
  (type $wide (func (param i32 i64 f32 f64 i32 i32 i32 i32 i32 i32 f64) (result i32 f64)))
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
  (func $many (type $wide)
    (i32.add (local.get 4) (i32.mul (local.get 9) (i32.const 100))) (f64.add (local.get 3) (local.get 10)))
  (elem declare func $add $sub $many)
  (func (export "choose") (param i32) (result (ref $binary))
    (if (result (ref $binary)) (local.get 0) (then (ref.func $add)) (else (ref.func $sub))))
  (func (export "call") (param (ref null $binary) i32 i32) (result i32)
    (call_ref $binary (local.get 1) (local.get 2) (local.get 0)))
  (func (export "wide") (result i32 f64)
    (call_ref $wide (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (i32.const 5) (i32.const 6) (i32.const 7)
      (i32.const 8) (i32.const 9) (i32.const 10) (f64.const 0.5) (ref.func $many)))
  (func (export "or_else") (param (ref null $binary) i32) (result i32) (local $f (ref $binary)) (local i32)
    (block $none
      (local.set $f (br_on_null $none (local.get 0)))
      (loop $again
        (local.set 3 (i32.add (local.get 3) (call_ref $binary (local.get 1) (i32.const 1) (local.get $f))))
        (local.set 1 (i32.sub (local.get 1) (i32.const 1)))
        (br_if $again (local.get 1)))
      (return (local.get 3)))
    (i32.const -1))
  (func (export "first") (param (ref null $binary) (ref null $binary)) (result i32)
    (block $found (result i32 i32 (ref $binary))
      (i32.const 30) (i32.const 4)
      (br_on_non_null $found (local.get 0))
      (br_on_non_null $found (local.get 1))
      (drop) (drop) (return (i32.const -1)))
    (call_ref $binary))
  (func (export "must") (param (ref null $binary)) (result (ref $binary)) (ref.as_non_null (local.get 0))))"""


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def made(text: str, backend: str, imports: object = None) -> Instance:
    return compile(text, backend=backend).instantiate(imports)  # type: ignore[arg-type]


def test_calls_and_branches(backend: str) -> None:
    exports = made(CALLS, backend).exports
    add, sub = exports.choose(1), exports.choose(0)
    assert (exports.call(add, 30, 4), exports.call(sub, 30, 4)) == (34, 26)
    assert exports.wide() == (5 + 1000, 4.5)
    assert (exports.or_else(None, 3), exports.or_else(add, 3)) == (-1, 9)
    assert [exports.first(a, b) for a in (None, add) for b in (None, sub)] == [-1, 26, 34, 34]
    assert exports.must(add) == add
    for call in (lambda: exports.call(None, 1, 2), lambda: exports.must(None)):
        with pytest.raises(Trap, match="null reference"):
            call()


def test_a_module_comes_back_from_text_pickles_and_artifacts(backend: str) -> None:
    binary = parse_module(CALLS)
    assert parse_module(print_module(binary)) == binary
    module = compile(CALLS, backend=backend)
    for again in (pickle.loads(pickle.dumps(module)), Module.deserialize(module.serialize())):
        exports = again.instantiate().exports
        assert exports.call(exports.choose(0), 30, 4) == 26
        assert [str(export.type) for export in again.exports] == [str(export.type) for export in module.exports]


# --- types of several modules ---------------------------------------------------------------------------
SUBTYPES = """(module
  (rec (type $top (sub (func (result funcref)))) (type $other (func (param (ref null $top)))))
  (type $below (sub $top (func (result (ref null $top)))))
  (type $lowest (sub final $below (func (result (ref null $below)))))
  {})"""
PROVIDER = SUBTYPES.format("""
  (func $top (export "top") (type $top) (ref.null func))
  (func $below (export "below") (type $below) (ref.null $top))
  (func $lowest (export "lowest") (type $lowest) (ref.null $below))
  (table (export "table") 3 funcref)
  (elem (i32.const 0) $top $below $lowest)
  (global (export "fixed") (ref $below) (ref.func $below))
  (global (export "mutable") (mut (ref null $below)) (ref.func $below))
  (table (export "typed") 2 (ref null $below))""")


@pytest.mark.parametrize("provider", BACKENDS)
def test_equal_types_of_two_modules_are_one_and_subtypes_are_called(backend: str, provider: str) -> None:
    given = made(PROVIDER, provider)
    user = made(
        SUBTYPES.format("""
          (import "p" "table" (table 3 funcref))
          (func (export "as_top") (param i32) (drop (call_indirect (type $top) (local.get 0))))
          (func (export "as_below") (param i32) (drop (call_indirect (type $below) (local.get 0))))
          (func (export "as_lowest") (param i32) (drop (call_indirect (type $lowest) (local.get 0))))"""),
        backend,
        {"p": given},
    )
    fits = {"as_top": (0, 1, 2), "as_below": (1, 2), "as_lowest": (2,)}
    for name, places in fits.items():
        for place in range(3):
            if place in places:
                user.exports[name](place)
            else:
                with pytest.raises(Trap, match="indirect call type mismatch"):
                    user.exports[name](place)


@pytest.mark.parametrize(
    ("fields", "fits"),
    [
        ('(import "p" "below" (func (type $top)))', True),
        ('(import "p" "below" (func (type $below)))', True),
        ('(import "p" "lowest" (func (type $top)))', True),
        ('(import "p" "below" (func (type $lowest)))', False),
        ('(import "p" "top" (func (type $below)))', False),
        ('(import "p" "top" (func (result funcref)))', False),
        ('(import "p" "fixed" (global (ref $below)))', True),
        ('(import "p" "fixed" (global (ref $top)))', True),
        ('(import "p" "fixed" (global funcref))', True),
        ('(import "p" "fixed" (global (ref $lowest)))', False),
        ('(import "p" "fixed" (global (mut (ref $below))))', False),
        ('(import "p" "mutable" (global (mut (ref null $below))))', True),
        ('(import "p" "mutable" (global (mut (ref null $top))))', False),
        ('(import "p" "mutable" (global (mut funcref)))', False),
        ('(import "p" "typed" (table 1 (ref null $below)))', True),
        ('(import "p" "typed" (table 1 (ref null $top)))', False),
        ('(import "p" "typed" (table 1 funcref))', False),
        ('(import "p" "table" (table 1 (ref null $below)))', False),
    ],
)
def test_what_links(fields: str, fits: bool) -> None:
    module = compile(SUBTYPES.format(fields))
    given = made(PROVIDER, "singlepass")
    if fits:
        module.instantiate({"p": given})
    else:
        with pytest.raises(LinkError, match="p"):
            module.instantiate({"p": given})


def test_what_is_imported_keeps_its_own_type() -> None:
    """A function that is passed on as less than it is can still be called as what it is."""
    given = made(PROVIDER, "singlepass")
    between = made(
        SUBTYPES.format(
            '(import "p" "lowest" (func $f (type $top))) (table (export "t") 1 funcref) (elem (i32.const 0) $f)'
        ),
        "singlepass",
        {"p": given},
    )
    text = '(import "b" "t" (table 1 funcref)) (func (export "f") (drop (call_indirect (type $lowest) (i32.const 0))))'
    made(SUBTYPES.format(text), "singlepass", {"b": between}).exports.f()


def test_types_go_with_the_modules_that_have_them() -> None:
    def numbers() -> int:
        gc.collect()
        return sum(machine.numbered_type(number) is not None for number in range(1 << 17))  # more than all tests make

    before = numbers()
    instances = [made(PROVIDER, "singlepass") for _ in range(3)]
    table = instances[0].exports.typed
    held = numbers()
    assert held == before + 4, "three modules of the same types: the group of two, and two more"
    instances.clear()
    assert numbers() > before and "[] -> [(ref null" in repr(table)
    del table
    assert numbers() == before


# --- what Python gives -----------------------------------------------------------------------------------
CHECKED = """(module
  (type $f (func (param i32) (result i32)))
  (import "e" "give" (func $give (param i32) (result (ref null $f))))
  (import "e" "must" (func $must (result (ref $f))))
  (func $right (export "right") (type $f) (local.get 0))
  (func $wrong (export "wrong"))
  (func (export "nullable") (param (ref null $f)))
  (func (export "never") (param i32 (ref $f)))
  (func (export "any_function") (param (ref func)))
  (func (export "nothing") (param nullfuncref nullexternref structref))
  (func (export "anything") (param anyref))
  (func (export "ask") (param i32) (result i32) (ref.is_null (call $give (local.get 0))))
  (func (export "ask_must") (drop (call $must)))
  (global (export "global") (mut (ref null $f)) (ref.null $f))
  (table (export "table") 1 (ref null $f))
  (table (export "full") 2 4 (ref func) (ref.func $right)))"""


def test_values_from_python_are_of_the_type_or_refused_by_it(backend: str) -> None:
    answers: list[object] = []
    imports = {"e": {"give": lambda _: answers[0], "must": lambda: answers[0]}}
    exports = made(CHECKED, backend, imports).exports
    right, wrong, full = exports.right, exports.wrong, exports.full
    expected = r"expected \(ref {}\[i32\] -> \[i32\]\), not {}"
    of_wrong = r"a Function of type \[\] -> \[\]"
    exports.nullable(right)
    exports.nullable(None)
    exports.never(1, right)
    exports.any_function(wrong)
    exports.nothing(None, None, None)
    exports.anything("x")  # any object is of this type, as if any.convert_extern had been asked
    for call, message in (
        (lambda: exports.nullable(wrong), r"nullable\(\) argument 1: " + expected.format("null ", of_wrong)),
        (lambda: exports.never(1, None), r"never\(\) argument 2: " + expected.format("", "None")),
        (lambda: exports.any_function(None), r"argument 1: expected \(ref func\), not None"),
        (
            lambda: exports.nothing(right, None, None),
            r"argument 1: expected nullfuncref, not a Function of type \[i32\]",
        ),
        (lambda: exports.nothing(None, "x", None), r"argument 2: expected nullexternref, not str"),
        (lambda: exports.nothing(None, None, "x"), r"argument 3: expected structref, not str"),
        (lambda: exports.nullable(len), "funcref takes a Function or None"),
        (lambda: exports["global"].set(wrong), "value of a global: " + expected.format("null ", of_wrong)),
        (lambda: exports.table.set(0, wrong), "table element: " + expected.format("null ", of_wrong)),
        (lambda: exports.table.grow(1, wrong), "table element: "),
        (lambda: full.set(0, None), r"table element: expected \(ref func\), not None"),
        (lambda: full.grow(1), r"table element: expected \(ref func\), not None"),
    ):
        with pytest.raises(TypeError, match=message):
            call()
    exports["global"].set(right)
    exports.table[0] = right
    assert exports["global"].get() == exports.table[0] == right and list(full) == [right] * 2
    assert full.grow(1, wrong) == 2 and list(full) == [right, right, wrong]
    for answer, call, message in (
        (wrong, lambda: exports.ask(1), r"e\.give\(\) result 1: " + expected.format("null ", of_wrong)),
        (None, exports.ask_must, r"e\.must\(\) result 1: " + expected.format("", "None")),
    ):
        answers[:] = [answer]
        with pytest.raises(TypeError, match=message):
            call()
    answers[:] = [right]
    assert exports.ask(1) == 0
    exports.ask_must()


def test_how_types_are_shown() -> None:
    exports = made(CHECKED, "singlepass", {"e": {"give": lambda _: None, "must": lambda: None}}).exports
    assert str(exports.nullable.type) == "[(ref null [i32] -> [i32])] -> []"
    assert str(exports.nothing.type) == "[nullfuncref, nullexternref, structref] -> []"
    assert str(exports.anything.type) == "[anyref] -> []"
    assert "[(ref null [i32] -> [i32])] -> []" in repr(exports.nullable)
    (param,) = exports.nullable.type.params
    assert isinstance(param, ReferenceType) and param.kind is Type.FUNCREF and param.nullable
    assert pickle.loads(pickle.dumps(param)) == param and pickle.loads(pickle.dumps(param)).text == param.text
    declared = {export.name: str(export.type) for export in compile(CHECKED).exports}
    assert declared["never"] == "[i32, (ref 0)] -> []"
    assert exports.right.type == FuncSig(["i32"], ["i32"]), "a plain type is what it was"
    never = exports.never.type
    assert never.bind([1, exports.right]) == [Value.I32(1), Value.FUNCREF(exports.right)]


def test_a_host_function_takes_the_type_that_is_wanted() -> None:
    """Python has no types of a module's own; a Function made for itself has a plain type."""
    one = Function(FuncSig(["i32"], ["i32"]), lambda number: number + 1)
    exports = made(CHECKED, "singlepass", {"e": {"give": lambda _: one, "must": lambda: one}}).exports
    exports.nullable(one)
    assert exports.ask(0) == 0
    with pytest.raises(TypeError, match="is made by a module"):
        Table(TableDescriptor(ReferenceType(0x4170), 1))


def test_large_groups_and_long_chains_of_groups() -> None:
    """As many as there are come and go, whatever hangs on what."""
    many = 5_000
    circle = "".join(f"(type (func (param (ref null {(number + 1) % many}))))" for number in range(many))
    chain = "(type (func))" + "".join(f"(type (func (param (ref null {number}))))" for number in range(many - 1))
    for text in (f"(rec {circle})", chain):
        instance = instantiate(f'(module {text} (func (export "f") (type {many - 1})))')
        instance.exports.f(None)
        assert "(ref null" in str(instance.exports.f.type)


def test_an_artifact_has_all_that_a_module_declares() -> None:
    text = CHECKED.replace(
        "(type $f (func", "(rec (type $itself (sub (func (param (ref null $itself)))))) (type $f (func"
    )
    module = compile(text, backend="singlepass")
    again = Module.deserialize(module.serialize())
    for name in ("types", "definitions", "tables", "table_initializers", "globals", "elements"):
        assert getattr(again.info, name) == getattr(module.info, name), name


def test_elements_that_cannot_be_null_are_never_emptied() -> None:
    exports = (
        compile("""(module (type $f (func (result i32)))
        (table (export "table") 3 (ref $f) (ref.func $seven)) (elem declare func $seven)
        (func $seven (type $f) (i32.const 7))
        (func (export "call") (param i32) (result i32) (call_ref $f (table.get (local.get 0)))))""")
        .instantiate()
        .exports
    )
    for change in (
        lambda: exports.table.empty(0, 2),
        lambda: exports.table.set(1, None),
        lambda: exports.table.grow(1),
    ):
        with pytest.raises(TypeError):
            change()
    exports.table.empty(3, 5)
    assert [exports.call(at) for at in range(3)] == [7, 7, 7]
