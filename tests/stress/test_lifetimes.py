"""Things used after their time: views, functions and finalizers; cycles; copies."""

from __future__ import annotations

import copy
import gc
import pickle
import resource
import sys
import weakref
from typing import Any

from tests.stress.isolated import isolated, raises, random_numbers, scaled
from wasmer_runtime import (
    ElementType,
    Global,
    Memory,
    MemoryDescriptor,
    Table,
    TableDescriptor,
    Value,
    compile,
    error,
    instantiate,
)

MODULE = """(module
  (import "h" "f" (func $f (result i32)))
  (memory (export "memory") 1 100)
  (table (export "table") 4 100 funcref)
  (table (export "objects") 4 externref)
  (global (export "object") (mut externref) (ref.null extern))
  (global (export "number") (mut i64) (i64.const 5))
  (elem (i32.const 0) $one)
  (func $one (export "one") (result i32) i32.const 1)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "host") (result i32) call $f)
  (func (export "keep") (param externref) (result externref)
    (table.set 1 (i32.const 0) (local.get 0)) (global.get 0) (global.set 0 (local.get 0))))"""


def make(function: Any = lambda: 1) -> Any:
    return instantiate(MODULE, {"h": {"f": function}})


@isolated()
def test_views_outlive_everything() -> None:
    instance = make()
    memory = instance.exports.memory
    views = [memoryview(memory), memory.view("u32"), memory.view("f64", 8), memoryview(memory)[5:10]]
    try:
        import numpy

        views.append(memoryview(numpy.frombuffer(memory, "u4")))
    except ImportError:
        pass
    views[0][0] = 7
    instance.exports.grow(50)
    assert [len(views[0]), views[1][0], len(memory)] == [65536, 7, 51 * 65536]
    raises(IndexError, lambda: views[0][65536])
    raises(BaseException, instance.exports.load, 51 * 65536)
    del memory, instance
    gc.collect()
    others = [make() for _ in range(200)]
    for other in others:
        memoryview(other.exports.memory)[0] = 9
    assert views[0][0] == 7 and views[1][0] == 7
    for view in views:
        view.release()
        raises(ValueError, lambda view=view: view[0])


@isolated()
def test_parts_outlive_the_instance() -> None:
    instance = make()
    exports = instance.exports
    parts = {name: exports[name] for name in exports}
    del instance, exports
    gc.collect()
    assert parts["one"]() == 1 and parts["table"][0]() == 1 and parts["host"]() == 1
    parts["number"].value = 6
    parts["objects"][1] = parts
    assert parts["keep"]("x") is None and parts["object"].value == "x"
    found = weakref.ref(parts["one"])
    parts.clear()
    del parts
    gc.collect()
    assert found() is None


HOLDER = """(module
  (import "h" "between" (func $between)) (import "h" "see" (func $see (param externref)))
  (type $number (func (result i32)))
  (table (export "functions") 1 funcref)
  (global $object (export "object") (mut externref) (ref.null extern))
  (global $function (export "function") (mut funcref) (ref.null func))
  (func (export "keep_object") (param externref) (global.set $object (local.get 0)))
  (func (export "keep_function") (param funcref) (global.set $function (local.get 0)))
  (func (export "object_afterwards") (call $between) (call $see (global.get $object)))
  (func (export "function_afterwards") (result i32) (call $between)
    (table.set 0 (i32.const 0) (global.get $function))
    (call_indirect (type $number) (i32.const 0))))"""

GIVER = """(module
  (import "b" "keep_object" (func $keep_object (param externref)))
  (import "b" "keep_function" (func $keep_function (param funcref)))
  (import "b" "object" (global $object (mut externref))) (import "b" "function" (global $function (mut funcref)))
  (table $objects (export "objects") 1 externref)
  (elem declare func $number)
  (func $number (result i32) (i32.const 42))
  (func (export "by_call")
    (call $keep_object (table.get $objects (i32.const 0))) (call $keep_function (ref.func $number)))
  (func (export "itself")
    (global.set $object (table.get $objects (i32.const 0))) (global.set $function (ref.func $number)))
  (func (export "and_traps")
    (global.set $object (table.get $objects (i32.const 0))) (global.set $function (ref.func $number)) unreachable))"""


@isolated()
def test_what_a_cell_got_amid_a_call_outlives_who_gave_it() -> None:
    giver = compile(GIVER)
    ways = ["by_call", "itself", "and_traps"]
    others: list[Any] = []
    seen: list[bool] = []
    given: list[Any] = []

    class Thing:
        pass

    def between() -> None:
        instance = giver.instantiate({"b": dict(holder.exports.items())})
        thing = Thing()
        given[:] = [weakref.ref(thing), weakref.ref(instance.core)]
        instance.exports.objects[0] = thing
        try:
            instance.exports[ways[0]]()
        except error.Trap:
            assert ways[0] == "and_traps"
        del instance, thing
        gc.collect()
        others.extend(giver.instantiate({"b": dict(holder.exports.items())}) for _ in range(20))

    imports = {"h": {"between": between, "see": lambda thing: seen.append(thing is given[0]())}}
    holder = instantiate(HOLDER, imports)
    while ways:
        holder.exports.object_afterwards()
        assert seen.pop() and given[0]() is not None
        assert holder.exports.function_afterwards() == 42
        assert given[1]() is not None
        del ways[0]
        holder.exports.function.value = holder.exports.object.value = holder.exports.functions[0] = None
        others.clear()
        gc.collect()
        assert given[0]() is given[1]() is None


@isolated()
def test_tables_that_the_collector_showed_outlive_their_instance() -> None:
    text = """(module (table 3 funcref) (table 2 externref) (elem (i32.const 0) $f $f) (func $f) (func (export "g")))"""
    module = compile(text)
    instance = module.instantiate()
    tables = [found for found in gc.get_referents(instance.core) if isinstance(found, Table)]
    found = [found for found in gc.get_objects() if isinstance(found, Table)]
    assert len(tables) == 2 and len(found) == 2
    tables[1][0] = tables
    instance.exports.g()
    del instance, found
    gc.collect()
    others = [module.instantiate() for _ in range(20)]
    assert [list(table) for table in tables] == [[None, None, None], [tables, None]]
    tables[0][2] = others[0].exports.g
    assert tables[0][2] is others[0].exports.g
    tables.clear()
    gc.collect()


@isolated()
def test_the_collector_shows_tables_while_their_instance_is_freed() -> None:
    text = """(module (table $objects 1 externref) (table $functions 2 funcref)
      (elem (table $functions) (i32.const 0) func $f $f) (func $f (result i32) (i32.const 42))
      (func (export "keep") (param externref) (table.set $objects (i32.const 0) (local.get 0))))"""
    calls = compile(
        """(module (import "m" "functions" (table 2 funcref)) (type $f (func (result i32)))
        (func (export "call") (result i32) (call_indirect (type $f) (i32.const 0))))"""
    )
    shown: list[Any] = []
    raised: list[Any] = []

    class Looks:
        def __del__(self) -> None:
            for found in gc.get_objects():
                if isinstance(found, Table) and found.element == ElementType.FUNCREF:
                    shown.append(found)
                    raised.append(raises(error.RuntimeError, found.get, 0))
                    raised.append(raises(TypeError, calls.instantiate, {"m": {"functions": found}}))

    module = compile(text)
    instance = module.instantiate()
    instance.exports.keep(Looks())
    del instance
    gc.collect()
    assert len(shown) == 1 and len(raised) == 2
    others = [module.instantiate() for _ in range(20)]
    assert list(shown[0]) == [None, None] and len(others) == 20
    trap = raises(error.Trap, calls.instantiate({"m": {"functions": shown[0]}}).exports.call)
    assert trap.kind == "UNINITIALIZED_ELEMENT"
    shown.clear()
    gc.collect()


@isolated()
def test_the_collector_shows_only_whole_instances() -> None:
    module = compile(
        """(module (import "h" "f" (func)) (memory 1) (table 2 funcref) (global (mut i32) (i32.const 1))
        (elem (i32.const 0) 1 1) (func))"""
    )
    module.instantiate({"h": {"f": print}})
    kind = type(instantiate("(module)").core)
    met = 0

    def use_everything(phase: str, info: dict[str, int]) -> None:
        nonlocal met
        for found in gc.get_objects():
            if type(found) is kind and found.module is module:
                met += 1
                assert [found.memory(0).pages, len(found.table(0)), found.global_(0).value] == [1, 2, 1]
                found.table(0)[0] = found.function(1)

    gc.callbacks.append(use_everything)
    gc.set_threshold(1)
    for _ in range(20):
        module.instantiate({"h": {"f": print}})
    gc.callbacks.clear()
    assert met


@isolated()
def test_references_are_kept_without_memory() -> None:
    text = """(module (table (export "t") 1000000 externref)
      (func (export "forget") (table.fill (i32.const 0) (ref.null extern) (i32.const 1000000))))"""
    instance = instantiate(text)
    table = instance.exports.t
    for at in range(len(table)):
        table[at] = at
    forget = instance.exports.forget
    with open("/proc/self/statm") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + (1 << 20), before[1]))
    forget()
    resource.setrlimit(resource.RLIMIT_AS, before)
    assert table[0] is None and table[len(table) - 1] is None
    forget()


@isolated()
def test_weak_references_whose_callbacks_ask_for_the_same_object_again() -> None:
    instance = make()
    core = instance.core
    again: list[Any] = []
    for find, index in ((core.function, 1), (core.global_, 0), (core.memory, 0), (core.table, 0)):
        for _ in range(10):
            thing = find(index)
            reference = weakref.ref(thing, lambda _, find=find, index=index: again.append(find(index)))
            del thing
            gc.collect()
            del reference
    for thing in again:
        assert sys.getrefcount(thing) < 100 and repr(thing)
    functions = [thing for thing in again if callable(thing)]
    assert functions and all(function() == 1 for function in functions)
    again.clear()
    gc.collect()
    assert core.function(1)() == 1


@isolated()
def test_cycles_of_instances_and_closures_are_collected() -> None:
    alive = weakref.WeakSet[Any]()
    module = compile(MODULE)
    for kind in range(8):
        for _ in range(10):
            box: list[Any] = []

            def host(box: list[Any] = box) -> int:
                return len(box)

            instance = module.instantiate({"h": {"f": host}})
            exports = instance.exports
            box.append(
                [instance, exports, exports.one, exports.table, exports.objects, exports.object, exports, host][kind]
            )
            exports.objects[0] = instance
            exports.object.value = exports
            exports.keep(exports.host)
            exports.table[2] = exports.host
            alive.add(instance)
            alive.add(exports.memory)
            exports.host()
    del instance, exports, box, host
    gc.collect()
    assert not alive


@isolated()
def test_finalizers_that_call_exports() -> None:
    """In cycles, at the end of calls, and while others run."""
    numbers = random_numbers()
    outcomes: list[Any] = []
    module = compile(MODULE)

    class Farewell:
        def __init__(self, exports: Any) -> None:
            self.exports = exports

        def __del__(self) -> None:
            try:
                outcomes.append(self.exports.one() + self.exports.host())
                self.exports.keep(Farewell(self.exports) if numbers.random() < 0.3 else None)
                self.exports.objects[1] = None
                self.exports.table.grow(1)
            except BaseException as failed:
                outcomes.append(failed)

    gc.set_threshold(5, 2, 2)
    instances = [module.instantiate({"h": {"f": lambda: gc.collect() and 1}}) for _ in range(3)]
    for _ in range(scaled(30_000)):
        exports = numbers.choice(instances).exports
        exports.keep(Farewell(numbers.choice(instances).exports))
        exports.objects[numbers.randrange(4)] = Farewell(exports)
        exports.object.value = Farewell(exports)
        if numbers.random() < 0.1:
            instances[numbers.randrange(3)] = module.instantiate({"h": {"f": lambda: 1}})
    instances.clear()
    del exports
    gc.collect()
    assert outcomes and any(outcome == 2 for outcome in outcomes)
    assert not [
        outcome for outcome in outcomes if isinstance(outcome, BaseException) and not isinstance(outcome, error.Error)
    ]


@isolated()
def test_long_chains_are_let_go_without_recursion() -> None:
    """Each instance holds the one before it: by import, by table, by global, by a host function."""
    module = compile(
        '(module (import "h" "f" (func)) (import "h" "g" (global externref)) (export "f" (func 0))'
        ' (func (export "own")) (global (export "g") externref (global.get 0)) (table (export "t") 1 externref)'
        ' (table (export "u") 1 funcref))'
    )
    for by in ("function", "callable", "reference", "table", "functions"):
        held: Any = lambda: None  # noqa: E731
        for _ in range(120_000 if by == "function" else 20_000):
            imports = {"f": held if by in ("function", "callable") else print, "g": Value.EXTERNREF(None)}
            if by == "callable" and not hasattr(held, "__code__"):
                imports["f"] = _Calls(held)
            if by == "reference":
                imports["g"] = Global(Value.EXTERNREF(held))
            instance = module.instantiate({"h": imports})
            if by == "table":
                instance.exports.t[0] = held
                held = instance.exports.t
            elif by == "functions":
                instance.exports.u[0] = held if hasattr(held, "call_bits") else None
                held = instance.exports.own
            elif by == "reference":
                held = instance.exports.g
            else:
                held = instance.exports.own
        del instance, held, imports
        print(by, "let go", flush=True)
    table: Any = None
    for _ in range(200_000):
        next_table = Table(TableDescriptor(ElementType.EXTERNREF, 1))
        next_table[0] = table
        table = next_table
    del table, next_table
    number: Any = None
    for _ in range(200_000):
        number = Global(Value.EXTERNREF(number))
    del number
    gc.collect()


class _Calls:
    def __init__(self, target: Any) -> None:
        self.target = target

    def __call__(self) -> None:
        self.target()


@isolated()
def test_copies_and_pickles() -> None:
    instance = make()
    exports = instance.exports
    machine = [exports.one, exports.memory, exports.table, exports.object, instance.core]
    for thing in machine:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                data = pickle.dumps(thing, protocol)
            except (TypeError, pickle.PicklingError):
                continue
            raises((TypeError, pickle.UnpicklingError), pickle.loads, data)
        raises(TypeError, copy.copy, thing)
        raises(TypeError, copy.deepcopy, thing)
    for thing in (instance, exports):
        raises((TypeError, pickle.PicklingError), pickle.dumps, thing)
        raises(TypeError, copy.deepcopy, thing)
        assert copy.copy(thing) is not None
    module = instance.module
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(module, protocol))
        assert again.instantiate({"h": {"f": lambda: 3}}).exports.host() == 3
    for twin in (copy.copy(module), copy.deepcopy(module)):
        assert twin.instantiate({"h": {"f": lambda: 3}}).exports.host() == 3
    for value in (
        Value.I32(1),
        Value.F64(float("nan")),
        MemoryDescriptor(1, 2),
        TableDescriptor(ElementType.FUNCREF, 1),
    ):
        assert pickle.loads(pickle.dumps(value)) == value == copy.deepcopy(value)
    memory = bytes(Memory(1))
    assert len(memory) == 65536


@isolated()
def test_errors_pickle() -> None:
    """Whatever the project raises can come from another process."""

    def failures() -> Any:
        yield lambda: compile("(module")
        yield lambda: compile(b"\0asm\1\0\0\0\xff")
        yield lambda: compile("(module (func (result i32)))")
        yield lambda: compile("(module)", backend="nothing")
        yield lambda: compile(MODULE).instantiate({})
        yield lambda: instance.exports.load(-1)
        yield lambda: instance.exports.nothing
        yield lambda: instance.func("memory")
        yield lambda: instance.func("one", ["i32"], [])
        yield lambda: instance.exports.memory.grow(1000)
        yield lambda: instance.exports.table.grow(1000)
        yield lambda: Memory(70000)
        yield lambda: MemoryDescriptor(2, 1)
        yield lambda: instance.dyn_func("one").call([1])

    instance = make()
    for failure in failures():
        found = raises(error.Error, failure)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            twin = pickle.loads(pickle.dumps(found, protocol))
            assert type(twin) is type(found) and str(twin) == str(found), found
        twin = copy.deepcopy(found)
        assert str(twin) == str(found)


@isolated()
def test_equality_hashes_and_weak_references() -> None:
    instance, other = make(), make()
    one = instance.exports.one
    assert one == instance.exports.table[0] and hash(one) == hash(instance.exports.table[0])
    assert one != other.exports.one and one != 1 and not one == None  # noqa: E711
    raises(TypeError, lambda: one < one)
    for thing in (
        one,
        instance,
        instance.exports.memory,
        instance.exports.table,
        instance.exports.object,
        instance.module,
    ):
        assert weakref.ref(thing)() is thing and hash(thing) == hash(thing) and {thing: 1}[thing] == 1
        assert thing == thing and repr(thing)


@isolated()
def test_traffic_of_references() -> None:
    """Traffic of references with an eager collector, checked by counting."""
    numbers = random_numbers()
    gc.set_threshold(20, 2, 2)
    instances = [make() for _ in range(4)]

    class Token:
        pass

    live = weakref.WeakSet[Token]()
    for _ in range(scaled(200_000)):
        exports = numbers.choice(instances).exports
        token = Token()
        live.add(token)
        action = numbers.randrange(5)
        if action == 0:
            exports.keep(token)
        elif action == 1:
            exports.objects[numbers.randrange(4)] = token
        elif action == 2:
            exports.object.value = token
        elif action == 3:
            exports.table[numbers.randrange(4)] = numbers.choice(instances).exports.one
        else:
            exports.keep(numbers.choice(instances).exports)
        del token
    assert len(live) <= 4 * 6
    del exports
    instances.clear()
    gc.collect()
    assert not live
