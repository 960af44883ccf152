"""References that exceptions carry: of which types they are, and who owns them, whatever becomes of the exception."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.registry import find_compiler
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.errors import Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.objects.tags import WasmException

BACKENDS = ("singlepass", "cranelift", "llvm")
"""Those that compile them."""


@pytest.fixture(params=BACKENDS)
def compile(request: pytest.FixtureRequest) -> Any:
    compiler = find_compiler(request.param)
    return lambda fields: compile_with(f"(module {fields})", compiler, CompilerConfig())


class Thing:
    """What can be watched."""


def things() -> tuple[list[Any], list[weakref.ref[Any]]]:
    made: list[Any] = [Thing() for _ in range(3)]
    return made, [weakref.ref(each) for each in made]


# --- who owns what an exception carried ----------------------------------------------------------
# An exception lies in a global since an earlier call, and is the only owner of what it carries. Code opens it, forgets
# it, and makes so many others that those which nobody has go. No frame that is still there had the exception.
MANY = 4000
OWNERS = f"""
  (import "e" "look" (func $look (result i32)))
  (import "e" "give" (func $give (result exnref)))
  (tag $none) (tag $carries (param i32 externref)) (tag $other (param exnref))
  (global $saved (mut exnref) (ref.null exn))
  (table $table 1 exnref)
  (func $as_exnref (param externref) (result exnref) (local $e exnref)
    (block $h (result i32 externref exnref)
      (try_table (catch_ref $carries $h) (throw $carries (i32.const 1) (local.get 0))) unreachable)
    (local.set $e) drop drop (local.get $e))
  (func $within (param exnref) (result exnref) (local $e exnref)
    (block $h (result exnref exnref)
      (try_table (catch_ref $other $h) (throw $other (local.get 0))) unreachable)
    (local.set $e) drop (local.get $e))
  (func $churn (local $n i32)
    (local.set $n (i32.const {MANY}))
    (loop $l
      (block $h (result exnref) (try_table (catch_ref $none $h) (throw $none)) unreachable)
      drop
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "save") (param externref) (global.set $saved (call $as_exnref (local.get 0))))
  (func (export "save_in_table") (param externref) (table.set $table (i32.const 0) (call $as_exnref (local.get 0))))
  (func (export "save_within") (param externref) (global.set $saved (call $within (call $as_exnref (local.get 0)))))
  (func (export "saved") (result exnref) (global.get $saved) (global.set $saved (ref.null exn)))

  (func $open (param exnref) (result externref) (local $x externref)
    (block $h (result i32 externref) (try_table (catch $carries $h) (throw_ref (local.get 0))) unreachable)
    (local.set $x) drop (local.get $x))
  (func $open_other (param exnref) (result exnref)
    (block $h (result exnref) (try_table (catch $other $h) (throw_ref (local.get 0))) unreachable))
  (func $open_other_and_keep (param exnref) (result exnref)
    (block $h (result exnref exnref) (try_table (catch_ref $other $h) (throw_ref (local.get 0))) unreachable)
    drop)

  (func $end (param externref))
  (func $open_global (result externref) (call $open (global.get $saved)) (global.set $saved (ref.null exn)))
  (func $open_table (result externref)
    (call $open (table.get $table (i32.const 0))) (table.set $table (i32.const 0) (ref.null exn)))
  (func $open_given (result externref) (call $open (call $give)))
  (func $open_saved (result exnref) (call $open_other (global.get $saved)) (global.set $saved (ref.null exn)))
  (func $open_saved_and_keep (result exnref)
    (call $open_other_and_keep (global.get $saved)) (global.set $saved (ref.null exn)))

  (func (export "from_global") (result i32) (local $x externref)
    (local.set $x (call $open_global)) (call $churn)
    (call $look) (call $end (local.get $x)))
  (func (export "from_table") (result i32) (local $x externref)
    (local.set $x (call $open_table)) (call $churn)
    (call $look) (call $end (local.get $x)))
  (func (export "from_host") (result i32) (local $x externref)
    (local.set $x (call $open_given)) (call $churn)
    (call $look) (call $end (local.get $x)))
  (func (export "from_within") (result i32) (local $e exnref) (local $x externref)
    (local.set $e (call $open_saved)) (call $churn)
    (local.set $x (call $open (local.get $e)))
    (call $look) (call $end (local.get $x)))
  (func (export "from_kept") (result i32) (local $e exnref) (local $x externref)
    (local.set $e (call $open_saved_and_keep)) (call $churn)
    (local.set $x (call $open (local.get $e)))
    (local.set $e (ref.null exn)) (call $churn)
    (call $look) (call $end (local.get $x)))"""


@pytest.mark.parametrize(
    ("save", "use"),
    [
        ("save", "from_global"),
        ("save_in_table", "from_table"),
        ("save", "from_host"),
        ("save_within", "from_within"),
        ("save_within", "from_kept"),
    ],
)
def test_what_was_carried_outlives_the_exception(compile: Any, save: str, use: str) -> None:
    made, watched = things()
    seen: list[bool] = []
    held: list[Any] = []

    def look() -> int:
        seen.append(watched[0]() is not None)
        return 1

    instance = compile(OWNERS).instantiate({"e": {"look": look, "give": held.pop}})
    getattr(instance.exports, save)(made.pop(0))
    gc.collect()
    assert watched[0]() is not None
    if use == "from_host":
        held.append(instance.exports.saved())
    assert getattr(instance.exports, use)() == 1
    assert seen == [True]
    gc.collect()
    assert watched[0]() is None  # and nothing of it is left behind


# --- of which types they are ---------------------------------------------------------------------
# The host function has a type that names a type, and other results than the tags have values.
TYPED = """
  (type $nothing (func)) (type $sum (func (param i64 i64 i64) (result i64)))
  (type $host (func (param (ref null $nothing)) (result i32)))
  (import "e" "host" (func $host (type $host)))
  (tag $typed (export "typed") (param (ref $sum)))
  (tag $nullable (export "nullable") (param i32 (ref null $sum)))
  (tag $many (export "many") (param externref funcref externref externref funcref externref externref externref))
  (func $plain (export "plain"))
  (func $three (export "three") (type $sum) (i64.add (local.get 0) (i64.add (local.get 1) (local.get 2))))
  (func (export "typed_call") (result i64) (local $f (ref null $sum))
    (block $b (result (ref $sum))
      (try_table (catch $typed $b) (drop (call $host (ref.null $nothing)))) (return (i64.const -1)))
    (local.set $f)
    (call_ref $sum (i64.const 1) (i64.const 2) (i64.const 3) (local.get $f)))
  (func (export "nullable_call") (result i64) (local $f (ref null $sum))
    (block $b (result i32 (ref null $sum))
      (try_table (catch $nullable $b) (drop (call $host (ref.null $nothing)))) (return (i64.const -1)))
    (local.set $f) (drop)
    (call_ref $sum (i64.const 1) (i64.const 2) (i64.const 3) (local.get $f)))
  (func (export "many_call") (result externref)
    (block $b (result externref funcref externref externref funcref externref externref externref)
      (try_table (catch $many $b) (drop (call $host (ref.null $nothing)))) (return (ref.null extern)))
    (drop) (drop) (drop) (drop) (drop) (drop) (drop))"""


class Raiser:
    """A host function that raises what it is told to."""

    def __init__(self, module: Any) -> None:
        self.exception: Any = None
        self.instance: Instance = module.instantiate({"e": {"host": self}})

    def __call__(self, *_: object) -> int:
        raise self.exception

    def call(self, name: str, exception: BaseException) -> Any:
        self.exception = exception
        return getattr(self.instance.exports, name)()


def test_values_are_of_the_types_of_the_tag(compile: Any) -> None:
    host = Raiser(compile(TYPED))
    exports = host.instance.exports
    for wrong in (exports.plain, None, 1, object()):
        with pytest.raises(TypeError, match="value 1 of an exception"):
            WasmException(exports.typed, (wrong,))
    for wrong in (exports.plain, 1):
        with pytest.raises(TypeError, match="value 2 of an exception"):
            WasmException(exports.nullable, (0, wrong))
    assert host.call("typed_call", WasmException(exports.typed, (exports.three,))) == 6
    assert host.call("nullable_call", WasmException(exports.nullable, (0, exports.three))) == 6
    with pytest.raises(Trap, match="null"):
        host.call("nullable_call", WasmException(exports.nullable, (0, None)))
    here = object()
    carried = (here, None, 1, 2, exports.plain, *"abc")
    assert host.call("many_call", WasmException(exports.many, carried)) is here


def test_an_exception_that_was_changed_is_not_caught(compile: Any) -> None:
    """Its attributes are Python's: what does not fit the tag any more, or is none, passes as it is."""
    host = Raiser(compile(TYPED))
    exports = host.instance.exports

    class Unmade(WasmException):
        def __init__(self) -> None:
            pass

    good = (exports.typed, (exports.three,))
    changed: list[BaseException] = [Unmade()]
    for name, value in (
        ("values", (exports.plain,)),
        ("values", (None,)),
        ("values", ()),
        ("values", (exports.three, 1)),
        ("values", [exports.three]),
        ("values", 5),
        ("tag", "typed"),
        ("tag", None),
        ("tag", exports.many),
        ("tag", machine.Tag),
    ):
        made = WasmException(*good)
        setattr(made, name, value)
        changed.append(made)
    for exception in changed:
        with pytest.raises(WasmException) as caught:
            host.call("typed_call", exception)
        assert caught.value is exception


def test_a_signal_handler_may_raise_where_values_are_converted(compile: Any) -> None:
    """What it raises goes ahead of what the host function raised."""
    host = Raiser(
        compile("""
          (import "e" "host" (func $host)) (tag $t (export "tag") (param i32))
          (func (export "run") (block $b (result i32) (try_table (catch $t $b) (call $host)) (return)) drop)""")
    )

    class Interrupted:
        def __index__(self) -> int:
            raise KeyboardInterrupt

    raised = WasmException(host.instance.exports.tag, (1,))
    raised.values = (Interrupted(),)
    with pytest.raises(KeyboardInterrupt) as caught:
        host.call("run", raised)
    assert caught.value.__context__ is raised


# --- what Python runs meanwhile ------------------------------------------------------------------
def test_the_cycle_collector_runs_code_that_throws_and_traps(compile: Any) -> None:
    """Wherever an object is made on the way of an exception out of code, finalizers may run more of the same store."""
    instance = compile("""
      (tag $t (param i32 externref)) (tag $n)
      (func (export "throws") (param i32 externref) (throw $t (local.get 0) (local.get 1)))
      (func (export "traps") (local i32) (block $h (try_table (catch $n $h) (throw $n)) unreachable) unreachable)
      (func (export "catches") (result i32) (block $h (try_table (catch $n $h) (throw $n)) unreachable) (i32.const 5))
    """).instantiate({})
    exports = instance.exports
    ran: list[str] = []

    def meanwhile(phase: str, _: object) -> None:
        if phase != "start":
            return
        for name in ("traps", "throws", "catches"):
            try:
                exports[name](*((7, None) if name == "throws" else ()))
            except (Trap, WasmException) as failure:
                ran.append(type(failure).__name__)

    before = gc.get_threshold()
    gc.callbacks.append(meanwhile)
    try:
        for allocations in range(40):
            gc.collect()  # nothing is made of what was given back, and the next collection is so many objects away
            gc.set_threshold(allocations + 1, 1000, 1000)
            try:
                exports.throws(allocations, instance)
            except WasmException as failure:
                gc.set_threshold(*before)
                assert failure.values == (allocations, instance)
            gc.set_threshold(*before)
    finally:
        gc.callbacks.remove(meanwhile)
        gc.set_threshold(*before)
    assert {"Trap", "WasmException"} == set(ran)
    assert exports.catches() == 5


# --- what they make reachable --------------------------------------------------------------------
THROWER = """
  (import "e" "host" (func $host)) (tag $f (export "f") (param funcref)) (tag $e (export "e") (param exnref))
  (func $mine (result i32) (i32.const 7)) (elem declare func $mine)
  (func $make (export "make") (result exnref) (local $x exnref)
    (block $h (result funcref exnref) (try_table (catch_ref $f $h) (throw $f (ref.func $mine))) unreachable)
    (local.set $x) (drop) (local.get $x))
  (func (export "make_within") (result exnref) (local $x exnref)
    (block $h (result exnref exnref) (try_table (catch_ref $e $h) (throw $e (call $make))) unreachable)
    (local.set $x) (drop) (local.get $x))
  (func (export "runs") (call $host))"""
TAKER = """
  (import "e" "f" (tag $f (param funcref))) (import "e" "e" (tag $e (param exnref)))
  (import "e" "give" (func $give (result exnref))) (import "e" "raise" (func $raise))
  (table $functions 1 funcref)
  (global (export "global") (mut exnref) (ref.null exn)) (table (export "table") 1 exnref)
  (func (export "nothing"))
  (func $open (param exnref) (result i32)
    (table.set $functions (i32.const 0)
      (block $h (result funcref) (try_table (catch $f $h) (throw_ref (local.get 0))) unreachable))
    (call_indirect $functions (result i32) (i32.const 0)))
  (func (export "open") (param exnref) (result i32) (call $open (local.get 0)))
  (func (export "open_within") (param exnref) (result i32)
    (call $open (block $h (result exnref) (try_table (catch $e $h) (throw_ref (local.get 0))) unreachable)))
  (func (export "open_given") (result i32) (call $open (call $give)))
  (func (export "open_raised") (result i32)
    (call $open (block $h (result exnref) (try_table (catch $e $h) (call $raise)) unreachable)))
  (func (export "open_global") (result i32) (call $open (global.get 0)))
  (func (export "open_table") (result i32) (call $open (table.get 1 (i32.const 0))))"""


class Two:
    """Two instances that share tags alone, and what was thrown in the first."""

    def __init__(self, compile: Any) -> None:
        self.meanwhile: Any = None
        self.given: Any = None
        self.thrower: Any = compile(THROWER).instantiate({"e": {"host": self.host}}).exports
        tags = {"f": self.thrower.f, "e": self.thrower.e}
        names = {**tags, "give": lambda: self.given, "raise": self.throw}
        self.taker: Any = compile(TAKER).instantiate({"e": names}).exports

    def host(self) -> None:
        thread = threading.Thread(target=self.meanwhile)
        thread.start()
        thread.join()

    def throw(self) -> None:
        raise WasmException(self.thrower.e, (self.given,))

    def while_it_runs(self, call: Any) -> str:
        """What a call from another thread comes to while the first instance runs."""
        said = []

        def meanwhile() -> None:
            try:
                call()
            except (RuntimeError, WasmException) as refused:
                said.append(str(refused))

        self.meanwhile = meanwhile
        self.thrower.runs()
        return said[0] if said else "done"

    def by(self, way: str, exception: Any) -> int:
        """Hand the second instance an exception, which calls what it carries."""
        self.given = exception
        if way == "open_global":
            self.taker["global"].value = exception
        if way == "open_table":
            self.taker.table[0] = exception
        result: int = self.taker[way](*([exception] if way in ("open", "open_within") else []))
        return result


@pytest.mark.parametrize("way", ["open", "open_within", "open_given", "open_raised", "open_global", "open_table"])
def test_who_gets_what_an_exception_carries_takes_turns_with_whom_it_is_of(compile: Any, way: str) -> None:
    """Else it would run code of an instance that another thread runs, and with the stack's limit of that thread."""
    two = Two(compile)
    made = two.thrower.make_within() if way == "open_within" else two.thrower.make()
    assert two.while_it_runs(two.taker.nothing) == "done"
    assert two.while_it_runs(lambda: two.by(way, made)) != "done"
    assert two.by(way, made) == 7
    assert "another thread is running" in two.while_it_runs(two.taker.nothing)
