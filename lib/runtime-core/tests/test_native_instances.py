"""Instances: what is bound when, what a failed start leaves, what keeps what alive, and that nothing leaks."""

from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys
import weakref
from typing import Any

import pytest
from machine_code import Program, function_type

from wasmer_runtime_core.contract.artifact import COMPILED_FIELDS
from wasmer_runtime_core.contract.values import MemoryDescriptor, TableDescriptor, Value
from wasmer_runtime_core.errors import CompileError, ExportNotFound, ExportWrongType, SignatureError, Trap
from wasmer_runtime_core.native import machine
from wasmer_runtime_core.running.instance import Instance
from wasmer_runtime_core.running.module import Module
from wasmer_runtime_core.running.objects.functions import HostFunction
from wasmer_runtime_core.running.objects.memory import Memory
from wasmer_runtime_core.running.objects.table import Table
from wasmer_runtime_core.running.plan import make_plan
from wasmer_runtime_core.running.preparing import prepared
from wasmer_runtime_core.wasm.module import FUNCTION, Export
from wasmer_runtime_core.wasm.types import FUNCREF


def small() -> Program:
    program = Program()
    program.memory(1)
    program.function("add", "i32 i32", "i32", "add")
    return program


def test_exports() -> None:
    program = small()
    program.table(FUNCREF, 1)
    program.global_("i32", 3)
    instance = program.instance()
    exports = instance.exports
    assert list(exports) == ["memory", "add", "table", "global0"] and len(exports) == 4
    assert exports.add is exports["add"] and exports.add(1, 2) == 3
    assert dict(exports.items())["memory"] is exports.memory
    assert "add" in exports and "sub" not in exports and "add" in dir(exports)
    with pytest.raises(ExportNotFound, match=r"Export not found: sub \(there is: memory, add, table, global0\)"):
        _ = exports["sub"]
    with pytest.raises(AttributeError):
        _ = exports.sub
    with pytest.raises(ExportWrongType):
        instance.func("memory")
    with pytest.raises(SignatureError):
        instance.func("add", ["i32"], ["i32"])
    assert instance.func("add", ["i32", "i32"])(5, 6) == 11
    assert instance.dyn_func("add").call([Value.I32(1), Value.I32(-3)]) == [Value.I32(-2)]
    assert instance.call("add", 3, 4) == 7
    for reach in (instance.memory, instance.table):
        with pytest.raises(IndexError):
            reach(1)
    assert repr(instance) == "<Instance: memory, add, table, global0>"


def test_exports_may_be_copied_and_share_functions() -> None:
    from wasmer_runtime_core.wasm.module import FUNCTION, Export

    program = small()
    program.info.exports.append(Export("plus", FUNCTION, 0))
    exports = program.instance().exports
    assert exports.plus is exports.add and exports.add.__name__ == "plus"
    assert copy.copy(exports).add(1, 2) == 3
    with pytest.raises(TypeError):
        copy.deepcopy(exports)


def test_a_module_of_many_exports_takes_work_for_each_not_for_each_pair() -> None:
    def calls_each(count: int) -> float:
        """Calls of Python and C functions per export."""
        program = Program()
        for number in range(count):
            program.function(f"f{number}", "", "", "nothing")
        exports = program.instance().exports
        calls = 0

        def count_calls(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count_calls)
        try:
            names = [function.__name__ for function in exports.values()]
        finally:
            sys.setprofile(None)
        assert names[-1] == f"f{count - 1}"
        return calls / count

    assert calls_each(4000) < 2 * calls_each(250)


def test_start_functions_run_last() -> None:
    program = Program()
    program.memory(1)
    program.data(3, b"x")
    start = program.import_function("f", "")
    program.info.start = start
    seen: list[Any] = []

    class Context:
        instance: Any = None

    context = Context()

    def host(ctx: Context) -> None:
        seen.append(ctx.instance.memory()[3])

    instance = program.instance([HostFunction(host, function_type(""), "env", "f", True)], context)
    assert seen == [ord("x")] and context.instance is instance
    failing = Program()
    failing.info.start = failing.function("fail", "", "", "unreachable")
    with pytest.raises(Trap, match="unreachable") as caught:
        failing.instance()
    assert [frame.function_name for frame in caught.value.frames] == ["fail"]


def test_segments_are_applied_in_order_and_what_was_written_stays() -> None:
    memory, table = Memory(MemoryDescriptor(1)), Table(TableDescriptor(FUNCREF, 4))
    program = Program()
    program.import_memory(1)
    program.import_table(FUNCREF, 1)
    same = program.function("same", "i32", "i32", "same_integer")
    program.elements(0, [same])
    program.elements(3, [same, same])
    program.data(0, b"never")
    with pytest.raises(Trap, match="out of bounds table access"):
        program.instance([memory, table])
    assert table[0](42) == 42 and table[3] is None and memory[0] == 0
    program.info.elements.pop()
    program.data(65535, b"ab")
    with pytest.raises(Trap, match="out of bounds memory access"):
        program.instance([memory, table])
    assert memory[0:5] == b"never" and memory[65535] == 0
    gc.collect()
    assert table[0](7) == 7, "an instance that failed lives on where a table refers to it"


def test_wrong_imports_never_reach_machine_code() -> None:
    program = Program()
    program.call_import("run", program.import_function("f", "i32", "i32"))
    module = program.module()
    for bad in (None, 3, print, HostFunction(print, function_type("i64", "i32"), "env", "f")):
        with pytest.raises(TypeError, match=r"import env\.f must be a function"):
            Instance(module, [bad])
    for count in ([], [None, None]):
        with pytest.raises(ValueError, match=f"the module has 1 imports, but {len(count)} were given"):
            Instance(module, count)
    with pytest.raises(TypeError, match="cannot be called"):
        HostFunction(3, function_type(""), "env", "f")  # type: ignore[arg-type]


def test_damaged_artifacts_are_refused() -> None:
    module = small().module()
    good = module.compiled

    def broken(**changes: Any) -> Module:
        fields = {name: getattr(good, name) for name in COMPILED_FIELDS}
        return Module(module.info, type(good)(**{**fields, **changes}))

    for changes, error in (
        ({"function_offsets": b""}, ValueError),
        ({"function_offsets": b"\0\0\0\0\xff\xff\0\0"}, ValueError),
        ({"sites": b"12345"}, ValueError),
        ({"inlined": b"12345" * 5}, ValueError),
        ({"target": "aarch64"}, CompileError),
        ({"cpu_features": ("sse4.1", "telepathy")}, CompileError),
        ({"relocations": b"x" * 16}, CompileError),
        ({"function_offsets": b"\0\0\0\0" * 3}, ValueError),
    ):
        with pytest.raises(error):
            make_plan(broken(**changes))
    assert Instance(broken(cpu_features=("sse4.1",)), []).exports["add"](1, 1) == 2


def test_code_goes_with_the_last_that_needs_it() -> None:
    gc.collect()
    before = machine.statistics()["code_pages"]
    module = small().module()
    instance = Instance(module, [])
    add = instance.exports["add"]
    assert machine.statistics()["code_pages"] == before + 2
    del module, instance
    assert add(1, 2) == 3
    del add
    assert machine.statistics()["code_pages"] == before


def test_the_table_of_code_may_be_larger_than_a_page() -> None:
    program = Program()
    program.memory(1)
    for number in range(1500):
        program.function(f"f{number}", "i32 i32", "i32", "add")
    program.helper("grow", "i32 i32", "i32", "memory_grow")
    exports = program.instance().exports
    assert exports["f0"](1, 2) == exports["f1499"](1, 2) == 3 and exports["grow"](1, 0) == 1


def test_dropping_an_instance_frees_it_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        program = small()
        program.table(FUNCREF, 2)
        program.elements(0, [0, 0])
        program.global_("funcref", 0, True, "ref.func")
        instance = program.instance()
        add, memory = instance.exports["add"], instance.exports["memory"]
        assert add(1, 2) == 3 and memory.size == 1
        gone = weakref.ref(instance.core)
        del instance, memory
        assert gone() is not None and add(1, 2) == 3
        del add
        assert gone() is None
    finally:
        gc.enable()


def test_cycles_through_host_functions_tables_globals_and_contexts_are_collected() -> None:
    class Holder:
        pass

    def make(way: str) -> weakref.ref[Any]:
        holder: Any = Holder()
        program = Program()
        index = program.import_function("f", "")
        program.call_import("run", index)
        program.table(0x6F, 1)
        program.global_("externref", 0)
        program.function("set", "externref", "", "set_global", cell=lambda layout: layout.global_(0))
        host = HostFunction((lambda: holder) if way == "host" else (lambda: None), function_type(""), "env", "f")
        instance = program.instance([host], holder if way == "context" else None)
        holder.instance = instance
        holder.functions = list(instance.exports.values())
        instance.exports["run"]()
        if way == "table":
            instance.exports["table"][0] = holder
        if way == "global":
            instance.exports["set"](holder)
        if way == "attribute":
            instance.exports["run"].holder = holder
        return weakref.ref(holder)

    for way in ("host", "context", "table", "global", "attribute", "none"):
        alive = make(way)
        gc.collect()
        assert alive() is None, way


def test_a_collected_instance_cannot_be_entered() -> None:
    """A finalizer that runs while the collector takes a cycle apart still finds functions; calls must not crash."""
    results: list[Any] = []

    class Last:
        def __init__(self, function: Any) -> None:
            self.function = function

        def __del__(self) -> None:
            try:
                results.append(self.function(1, 2))
            except RuntimeError as error:
                results.append(str(error))

    for _ in range(5):
        program = small()
        instance = program.instance()
        last: Any = Last(instance.exports["add"])
        last.me = [last, instance]
        del last, instance
        gc.collect()
    assert len(results) == 5 and all(result == 3 or "garbage-collected" in result for result in results)


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def flat(work: Any, rounds: int, slack: int = 1 << 20) -> None:
    """`work` run over and over leaves resident memory where it was."""
    for _ in range(rounds // 4):
        work()
    gc.collect()
    before = resident_bytes()
    for _ in range(rounds):
        work()
    gc.collect()
    assert resident_bytes() - before < slack


def test_nothing_leaks() -> None:
    program = small()
    program.function("fail", "", "", "unreachable")
    index_program = Program()
    index_program.call_import("run", index_program.import_function("f", "i32", "i32"))

    def host(value: int) -> int:
        raise ValueError(value)

    module = program.module()
    instance = Instance(module, [])
    run = index_program.instance([HostFunction(host, function_type("i32", "i32"), "env", "f")]).exports["run"]
    add, fail = instance.exports["add"], instance.exports["fail"]

    def instances() -> None:
        made = Instance(module, [])
        made.exports["add"](1, 2)
        made.memory()[0] = 1

    def traps() -> None:
        with pytest.raises(Trap):
            fail()

    def exceptions() -> None:
        try:
            run(5)
        except ValueError:
            pass

    def publications() -> None:
        make_plan(module)

    def errors() -> None:
        for arguments in ((), ("x", 1), (2**40, 1)):
            try:
                add(*arguments)
            except (TypeError, OverflowError):
                pass

    for work, rounds in ((instances, 4000), (traps, 2000), (exceptions, 8000), (publications, 1000), (errors, 4000)):
        flat(work, rounds)


SHUTDOWN = """
import sys, threading, time
sys.path[:0] = {path!r}
from machine_code import Program, function_type
from wasmer_runtime_core.running.objects.functions import HostFunction
program = Program()
program.release_gil = True
program.call_import("run", program.import_function("f", ""))
program.function("spin", "", "", "spin")
exports = program.instance([HostFunction(lambda: time.sleep(60), function_type(""), "env", "f")]).exports
other = program.instance([HostFunction(lambda: None, function_type(""), "env", "f")]).exports
for function in (exports["run"], other["spin"]):
    threading.Thread(target=function, daemon=True).start()
time.sleep(0.2)
print("end", flush=True)
"""


def test_the_interpreter_ends_while_threads_run(tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text(SHUTDOWN.format(path=sys.path))
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=900, check=False)
    assert (result.returncode, result.stdout) == (0, "end\n"), result.stderr


def test_fork_while_instances_live() -> None:
    program = small()
    program.function("fail", "", "", "unreachable")
    instance = program.instance()
    instance.memory()[0] = 5
    child = os.fork()
    if child == 0:
        code = 1
        try:
            instance.memory()[0] = 6
            another = Instance(instance.module, [])
            with pytest.raises(Trap):
                another.exports["fail"]()
            code = 0 if instance.exports["add"](1, 2) == 3 and instance.memory()[0] == 6 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert instance.memory()[0] == 5


def test_plans_are_made_once() -> None:
    module = small().module()
    assert prepared(module) is prepared(module) is module.prepared


def test_one_object_stands_for_one_thing_whoever_asks_meanwhile() -> None:
    """The cycle collector runs while an object is made, and finalizers may ask for the same thing."""
    program = Program()
    program.function("add", "i32 i32", "i32", "add")
    program.global_("i32", 7)
    module = program.module()
    thresholds = gc.get_threshold()
    for threshold in range(1, 12):
        instance = Instance(module, [])
        found: list[tuple[object, object]] = []

        class Finalized:
            def __init__(self) -> None:
                self.itself = self

            def __del__(self, core: Any = instance.core, found: Any = found) -> None:
                found.append((core.function(0), core.global_(0)))

        gc.collect()
        for _ in range(20):
            Finalized()
        gc.set_threshold(threshold, 1, 1)
        mine = instance.core.function(0), instance.core.global_(0)
        gc.set_threshold(*thresholds)
        gc.collect()
        assert found and all(one is mine[0] and other is mine[1] for one, other in found)


def test_exports_that_nobody_asked_for_have_no_dictionary() -> None:
    exports = Instance(small().module(), []).exports
    assert not any(isinstance(referent, dict) for referent in gc.get_referents(exports))
    assert exports.__dict__ == {}
    with pytest.raises(TypeError, match=r"exports are made of one machine\.Instance"):
        machine.Exports(exports)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected the exports of an instance"):
        machine.exports_core(1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "first",
    [vars, lambda exports: exports["add"], lambda exports: exports.add, lambda exports: setattr(exports, "x", 1)],
)
def test_exports_have_one_dictionary_whoever_asks_meanwhile(first: Any) -> None:
    """It is made when it is first asked for, and the collector may run meanwhile, with finalizers that ask as well."""
    program = Program()
    program.function("add", "i32 i32", "i32", "add")
    instance = Instance(program.module(), [])
    exports, found = instance.exports, []

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            found.append(exports.__dict__)

    kept: list[dict[str, int]] = [{} for _ in range(200)]  # more than Python keeps to make new ones of
    thresholds = gc.get_threshold()
    gc.disable()
    try:
        gc.collect()
        Finalized()
        gc.set_threshold(1)
        gc.enable()
        first(exports)
        mine = exports.__dict__
    finally:
        gc.enable()
        gc.set_threshold(*thresholds)
    gc.collect()
    assert kept and found == [mine] and found[0] is mine
    assert exports.add(1, 2) == 3 and "add" in mine


def test_a_function_keeps_the_name_that_it_was_asked_for_first() -> None:
    """Also where somebody asks for it by another name at some step of that."""
    program = Program()
    program.function("add", "i32 i32", "i32", "add")
    info = program.module().info
    info.exports.append(Export("plus", FUNCTION, info.exports[0].index))
    module = Module(info, program.module().compiled)
    left = 0
    names: set[tuple[str, str]] = set()

    def at_each_step(frame: Any, event: str, argument: object) -> Any:
        nonlocal left
        if not frame.f_globals["__name__"].startswith("wasmer_runtime_core"):
            return None
        frame.f_trace_opcodes = True
        left -= event == "opcode"
        if not left and event == "opcode":
            sys.settrace(None)
            asked.append(instance.exports["plus"])
            asked.append(asked[0].__name__)
        return at_each_step

    before = sys.gettrace()
    for steps in range(1, 150):
        instance, asked, left = Instance(module, []), [], steps
        sys.settrace(at_each_step)
        try:
            function = instance.exports["add"]
        finally:
            sys.settrace(before)
        if asked:
            assert asked[0] is function
            names.add((asked[1], function.__name__))
    assert names == {("add", "add"), ("plus", "plus")}
    function.__name__ = "mine"
    assert instance.exports["plus"].__name__ == "mine"
