"""Matching of imports: what fits, what does not, and that every failure is listed at once."""

from __future__ import annotations

from typing import Any

import pytest

from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.values import ElementType, MemoryDescriptor, TableDescriptor, Value
from wasmer_runtime_core.errors import (
    ImportNotFound,
    IncorrectGlobalDescriptor,
    IncorrectImportSignature,
    IncorrectImportType,
    IncorrectMemoryDescriptor,
    IncorrectTableDescriptor,
    LinkError,
)
from wasmer_runtime_core.running.host import func
from wasmer_runtime_core.running.imports import ImportObject, Namespace, imports, resolve_imports
from wasmer_runtime_core.running.objects.globals import Global
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.wasm.module import ModuleInfo


def info_of(text: str) -> ModuleInfo:
    return run(Compilation(f"(module {text})"), until="validate").info


def resolve(text: str, given: Any) -> list[Any]:
    return resolve_imports(info_of(text), given)


def errors_of(text: str, given: Any) -> tuple[Any, ...]:
    with pytest.raises(LinkError) as caught:
        resolve(text, given)
    return caught.value.errors


FUNCTION = '(import "env" "f" (func (param i32) (result i64)))'
MEMORY = '(import "env" "m" (memory 2 4))'
TABLE = '(import "env" "t" (table 2 4 funcref))'
GLOBAL = '(import "env" "g" (global i32))'


def test_no_imports_need_nothing() -> None:
    assert resolve("", None) == []
    assert resolve("", {"env": {"whatever": 3}}) == []


def test_every_missing_import_is_listed() -> None:
    found = errors_of(FUNCTION + MEMORY + TABLE + GLOBAL, None)
    assert [type(error) for error in found] == [ImportNotFound] * 4
    assert [error.expected for error in found] == [
        "function [i32] -> [i64]",
        "memory {min: 2, max: 4}",
        "table {funcref, min: 2, max: 4}",
        "global {i32}",
    ]
    assert errors_of(FUNCTION, {"env": {}}) == (ImportNotFound("env", "f", "function [i32] -> [i64]"),)
    assert errors_of(FUNCTION, {"env": None}) == errors_of(FUNCTION, {})


def test_mismatches_and_missing_ones_come_together() -> None:
    given = {"env": {"f": 1, "m": Memory(MemoryDescriptor(1)), "t": print}}
    found = errors_of(FUNCTION + MEMORY + TABLE + GLOBAL, given)
    assert [type(error) for error in found] == [
        IncorrectImportType,
        IncorrectMemoryDescriptor,
        IncorrectImportType,
        ImportNotFound,
    ]


def test_wasi_is_named_as_what_is_missing() -> None:
    with pytest.raises(LinkError, match=r"this module needs WASI: pass wasmer_wasi.generate_import_object\(...\)"):
        resolve('(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))', None)


def test_callables_become_functions_of_the_wanted_type() -> None:
    for given in (print, lambda a: a, func(print), func(lambda a: a, ["i32"], ["i64"]), len):
        assert len(resolve(FUNCTION, {"env": {"f": given}})) == 1


def test_callables_that_cannot_be_called_so_are_refused_now() -> None:
    (error,) = errors_of(FUNCTION, {"env": {"f": lambda a, b: a}})
    assert isinstance(error, IncorrectImportSignature)
    assert "which takes 2 arguments" in error.found
    (error,) = errors_of(FUNCTION, {"env": {"f": lambda: 1}})
    assert "which takes 0 arguments" in error.found
    (error,) = errors_of(FUNCTION, {"env": {"f": func(print, ["i64"], ["i64"])}})
    assert error == IncorrectImportSignature("env", "f", "[i32] -> [i64]", "[i64] -> [i64]")


@pytest.mark.parametrize(
    ("descriptor", "fits"),
    [
        (MemoryDescriptor(2, 4), True),
        (MemoryDescriptor(3, 3), True),
        (MemoryDescriptor(4, 4), True),
        (MemoryDescriptor(1, 4), False),
        (MemoryDescriptor(2, 5), False),
        (MemoryDescriptor(2), False),
    ],
)
def test_memories_match_by_size_and_maximum(descriptor: MemoryDescriptor, fits: bool) -> None:
    memory = Memory(descriptor)
    if fits:
        assert resolve(MEMORY, {"env": {"m": memory}}) == [memory]
    else:
        (error,) = errors_of(MEMORY, {"env": {"m": memory}})
        assert isinstance(error, IncorrectMemoryDescriptor)
        assert error.expected == "{min: 2, max: 4}"


def test_a_grown_memory_counts_as_it_is_now() -> None:
    memory = Memory(MemoryDescriptor(1, 4))
    (error,) = errors_of(MEMORY, {"env": {"m": memory}})
    assert error.found == "{min: 1, max: 4}"
    memory.grow(1)
    assert resolve(MEMORY, {"env": {"m": memory}}) == [memory]


def test_no_wanted_maximum_takes_any() -> None:
    for descriptor in (MemoryDescriptor(1), MemoryDescriptor(1, 9)):
        assert resolve('(import "env" "m" (memory 1))', {"env": {"m": Memory(descriptor)}})


def test_tables_match_by_element_size_and_maximum() -> None:
    good = Table(TableDescriptor(ElementType.ANYFUNC, 2, 4))
    assert resolve(TABLE, {"env": {"t": good}}) == [good]
    for bad in (
        Table(TableDescriptor(ElementType.ANYFUNC, 1, 4)),
        Table(TableDescriptor(ElementType.ANYFUNC, 2)),
        Table(TableDescriptor(ElementType.EXTERNREF, 2, 4)),
    ):
        (error,) = errors_of(TABLE, {"env": {"t": bad}})
        assert isinstance(error, IncorrectTableDescriptor)
    (error,) = errors_of(TABLE, {"env": {"t": Memory(MemoryDescriptor(1))}})
    assert error == IncorrectImportType("env", "t", "table", "memory")


def test_globals_match_exactly() -> None:
    good = Global(Value.I32(7))
    assert resolve(GLOBAL, {"env": {"g": good}}) == [good]
    for bad in (Global(Value.I64(7)), Global.new_mutable(Value.I32(7))):
        (error,) = errors_of(GLOBAL, {"env": {"g": bad}})
        assert isinstance(error, IncorrectGlobalDescriptor)
    (error,) = errors_of('(import "env" "g" (global (mut i32)))', {"env": {"g": good}})
    assert (error.expected, error.found) == ("{mut i32}", "{i32}")


def test_an_immutable_global_may_be_a_plain_value() -> None:
    (made,) = resolve(GLOBAL, {"env": {"g": -5}})
    assert made.get() == -5
    (made,) = resolve('(import "env" "g" (global f32))', {"env": {"g": Value.from_bits("f32", 0x7FA00000)}})
    assert made.get_bits() == 0x7FA00000
    for bad in (Value.I64(1), 2**40, 1.5, 10**5000, -(10**5000)):
        (error,) = errors_of(GLOBAL, {"env": {"g": bad}})
        assert isinstance(error, IncorrectGlobalDescriptor)
    (error,) = errors_of('(import "env" "g" (global (mut i32)))', {"env": {"g": 1}})
    assert "the constant 1" in error.found
    (error,) = errors_of('(import "env" "g" (global (mut i32)))', {"env": {"g": 10**5000}})
    assert "an int of 16,610 bits" in error.found
    (error,) = errors_of(GLOBAL, {"env": {"g": "text"}})
    assert error == IncorrectImportType("env", "g", "global", "str")


def test_kinds_are_named() -> None:
    (error,) = errors_of(FUNCTION, {"env": {"f": Global(Value.I32(1))}})
    assert error == IncorrectImportType("env", "f", "function", "global")
    (error,) = errors_of(MEMORY, {"env": {"m": print}})
    assert error == IncorrectImportType("env", "m", "memory", "function")
    (error,) = errors_of(GLOBAL, {"env": {"g": Table(TableDescriptor(ElementType.ANYFUNC, 1))}})
    assert error == IncorrectImportType("env", "g", "global", "table")


def test_forms_that_are_no_imports() -> None:
    with pytest.raises(TypeError, match="imports must be a mapping of namespaces, not a list"):
        resolve(FUNCTION, [])
    with pytest.raises(TypeError, match=r"imports\['env'\] is an int; expected a mapping of names"):
        resolve(FUNCTION, {"env": 3})


def test_missing_functions_may_be_allowed() -> None:
    given = ImportObject()
    given.allow_missing_functions = True
    assert len(resolve(FUNCTION, given)) == 1
    assert len(errors_of(FUNCTION + MEMORY, given)) == 1


def test_namespaces_of_every_form() -> None:
    class Like:
        def get_export(self, name: str) -> Any:
            return print if name == "f" else None

    class Exporter:
        exports: dict[str, Any] = {"f": print}  # noqa: RUF012

    for namespace in ({"f": print}, Namespace({"f": print}), Like(), Exporter()):
        assert len(resolve(FUNCTION, {"env": namespace})) == 1
    assert isinstance(errors_of('(import "env" "x" (func))', {"env": Like()})[0], ImportNotFound)
    assert isinstance(errors_of('(import "env" "x" (func))', {"env": Exporter()})[0], ImportNotFound)


def test_import_objects_are_mappings() -> None:
    given = imports({"env": {"f": print}})
    assert list(given) == ["env"] and len(given) == 1
    assert given.register("other", Namespace()) is None
    assert isinstance(given.register("other", {}), Namespace)
    assert given.get_export("env", "f") is print
    assert given.get_export("env", "x") is None and given.get_export("no", "f") is None
    assert given.with_namespace("env", len) == 1
    assert given.maybe_with_namespace("no", len) is None
    with pytest.raises(KeyError):
        given.with_namespace("no", len)
    del given["other"]
    given["again"] = {}
    assert sorted(given) == ["again", "env"]


def test_extending_lets_the_later_one_win() -> None:
    given = imports({"env": {"f": 1, "g": 2}})
    given.extend([("env", "f", 3), ("new", "h", 4)])
    given.extend({"env": {"i": 5}})
    given.extend(imports({"env": {"g": 6}}))
    assert sorted(given.triples()) == [("env", "f", 3), ("env", "g", 6), ("env", "i", 5), ("new", "h", 4)]


def test_merging_keeps_the_state_and_both_sides() -> None:
    env = {"f": 1, "g": 2}
    given = imports({"env": env}, state=list)
    merged = given | {"env": {"g": 3}, "more": {"h": 4}}
    assert sorted(merged.triples()) == [("env", "f", 1), ("env", "g", 3), ("more", "h", 4)]
    assert merged.state_creator is list
    assert list(given) == ["env"] and env == {"f": 1, "g": 2}
    given.extend({"env": {"f": 5}})
    assert env == {"f": 1, "g": 2}
    with pytest.raises(TypeError, match=r"imports\['env'\] is a str"):
        imports({"env": "text"}).extend({"env": {"f": 5}})


def test_extending_does_not_change_what_was_given() -> None:
    class Frozen:
        exports: dict[str, Any] = {"f": 1}  # noqa: RUF012

    given = imports({"env": Frozen()})
    given.extend([("env", "g", 2)])
    assert Frozen.exports == {"f": 1}
    assert sorted(given.triples()) == [("env", "f", 1), ("env", "g", 2)]


def test_clones_share_namespaces_and_keep_the_flag() -> None:
    given = imports({"env": {}})
    given.allow_missing_functions = True
    clone = given.clone_ref()
    clone.register("more", {})
    assert "more" in given
    assert clone.allow_missing_functions


def test_namespaces() -> None:
    namespace = Namespace()
    assert namespace.insert("a", 1) is None
    assert namespace.insert("a", 2) == 1
    assert namespace.maybe_insert("b", 3)
    assert namespace.contains_key("b") and not namespace.contains_key("c")
    assert namespace.get_export("c") is None
    assert namespace.get_exports() == [("a", 2), ("b", 3)]
    del namespace["a"]
    assert dict(namespace) == {"b": 3}


def test_functions_bring_their_state_in_any_mapping() -> None:
    """Each creator is asked once for each instance, whatever functions of its are imported; without one, nothing is."""
    made: list[str] = []

    def creator(name: str) -> Any:
        return lambda: made.append(name) or name

    one, other = creator("one"), creator("other")
    f, g, h = func(lambda: 1).with_state(one), func(lambda: 2).with_state(one), func(lambda: 3).with_state(other)
    text = '(import "a" "f" (func)) (import "a" "g" (func)) (import "b" "h" (func)) (import "b" "plain" (func))'
    creators: list[Any] = []
    given = {"a": {"f": f, "g": g}, "b": {"h": h, "plain": lambda: None}}
    assert len(resolve_imports(info_of(text), given, creators)) == 4
    assert creators == [one, other] and not made
    assert f.signature() == func(lambda: 1).signature() and f() == 1
    creators = []
    resolve_imports(info_of('(import "b" "plain" (func))'), given, creators)
    assert creators == []
