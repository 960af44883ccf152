"""Exports by attribute: the names are the module's, whatever this project or Python calls its own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable

import pytest

from wasmer_runtime import ImportObject, Instance, Namespace, compile, instantiate
from wasmer_runtime.error import ExportNotFound, ExportWrongType
from wasmer_runtime_core.running.exports import Exports
from wasmer_runtime_core.running.preparing import METHODS_OF_EXPORTS

METHODS = ("keys", "values", "items", "kind")
OURS = ("_core", "_made", "_make", "_named", "_places", "_close", "_check_open", "_state", "core", "module", "exports")
OTHERS = (
    "_malloc",
    "__heap_base",
    "__wasm_call_ctors",
    "_",
    "__",
    "___",
    "____",
    "",
    "a b",
    "a\0b",
    "self",
    "加",
    "def",
)
PYTHONS = (
    "__class__",
    "__dict__",
    "__init__",
    "__getattr__",
    "__wrapped__",
    "__array_interface__",
    "__own__",
    "__doc__",
)


def exporting(names: Iterable[str]) -> Instance:
    """An instance whose function number k is exported by the name number k, and returns k."""
    literals = ["".join(f"\\{byte:02x}" for byte in name.encode()) for name in names]
    functions = (f'(func (export "{each}") (result i32) (i32.const {at}))' for at, each in enumerate(literals))
    return instantiate(f"(module {''.join(functions)})")


def test_every_name_of_a_module_is_an_attribute() -> None:
    names = [name for name in dict.fromkeys((*METHODS, *OURS, *OTHERS, *dir(Exports))) if name not in PYTHONS]
    names = [name for name in names if not (name.startswith("__") and name.endswith("__") and len(name) > 4)]
    exports = exporting(names).exports
    for at, name in enumerate(names):
        assert getattr(exports, name) is exports[name], name
        assert getattr(exports, name)() == at, name
    assert list(exports) == names and len(exports) == len(names) and all(name in exports for name in names)


def test_names_of_python_are_reached_by_item_alone() -> None:
    exports = exporting(PYTHONS).exports
    for at, name in enumerate(PYTHONS):
        function = exports[name]
        assert function() == at and exports[name] is function
        assert getattr(exports, name, None) is not function
    assert exports.__class__ is Exports and type(exports.__doc__) is str
    with pytest.raises(AttributeError, match=r"__wrapped__.*by item"):
        _ = exports.__wrapped__
    assert len(exports) == len(PYTHONS)


def test_methods_where_no_export_has_their_name() -> None:
    exports = exporting(("add", "_close")).exports
    assert list(exports.keys()) == ["add", "_close"]
    assert dict(exports.items()) == dict(exports) == {name: exports[name] for name in exports}
    assert list(exports.values()) == [exports.add, exports["_close"]]
    assert exports.kind("add") == "function"
    with pytest.raises(ExportNotFound):
        exports.kind("sub")
    assert set(METHODS) == METHODS_OF_EXPORTS == {name for name in vars(Exports) if not name.startswith("__")}


@pytest.mark.parametrize("name", METHODS)
def test_a_name_of_a_method_hides_it_in_that_instance_alone(name: str) -> None:
    exports = exporting((name, "add")).exports
    assert getattr(exports, name)() == 0 and exports[name]() == 0
    assert callable(getattr(Exports, name)) and list(exporting(("add",)).exports.keys()) == ["add"]
    other = next(method for method in METHODS if method not in (name, "kind"))
    assert len(getattr(exports, other)()) == 2


def test_a_module_does_not_answer_for_its_instance() -> None:
    """What looks exports up by name asks the instance, not what the module put in its place."""
    instance = instantiate("""(module
      (memory (export "memory") 1)
      (func (export "kind") (param externref) (result externref) (local.get 0))
      (func (export "keys") (result i32) (i32.const 3)))""")
    assert instance.call("keys") == 3 and instance.func("keys")() == 3 and instance.dyn_func("keys")()[0].value == 3
    with pytest.raises(ExportWrongType):
        instance.func("memory")
    user = compile('(module (import "a" "keys" (func (result i32))) (func (export "run") (result i32) (call 0)))')
    assert user.instantiate({"a": instance}).exports.run() == 3
    assert user.instantiate({"a": instance.exports}).exports.run() == 3
    assert user.instantiate({"a": Namespace(instance.exports)}).exports.run() == 3
    assert sorted(name for _, name, _ in ImportObject({"a": instance}).triples()) == ["keys", "kind", "memory"]
    assert Instance.of(instance.core).exports.keys() == 3


def test_dir_has_each_name_once() -> None:
    exports = exporting(("add", "keys", "_close", "a b", "def", "__wrapped__")).exports
    _ = exports.add, exports["keys"], exports["a b"]
    names = dir(exports)
    assert len(names) == len(set(names))
    assert {"add", "keys", "values", "_close", "__class__"} <= set(names)
    assert not {"a b", "__wrapped__", "_core", "_named", "_made"} & set(names)


def test_closing_forgets_them() -> None:
    instance = exporting(("_close", "keys", "add"))
    exports, add = instance.exports, instance.exports.add
    instance.close()
    assert list(exports) == [] and len(exports) == 0 and "add" not in exports and list(exports.keys()) == []
    for name in ("add", "_close", "nothing"):
        with pytest.raises(ValueError, match="closed"):
            _ = exports[name]
        with pytest.raises(ValueError, match="closed"):
            getattr(exports, name)
    with pytest.raises(ValueError, match="closed"):
        add()


def test_copies_and_pickles() -> None:
    exports = exporting(("__copy__", "__reduce__", "_core", "__deepcopy__", "__getstate__")).exports
    assert copy.copy(exports)["_core"]() == 2
    for fail in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be pickled"):
            fail(exports)
