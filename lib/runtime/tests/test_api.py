"""The library as a user meets it: compile, instantiate, call, and what is said when that does not work."""

from __future__ import annotations

import concurrent.futures
import math
import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

import wasmer_runtime
from wasmer_runtime import (
    Backend,
    CompilerConfig,
    Ctx,
    ElementType,
    Global,
    ImportObject,
    Memory,
    MemoryDescriptor,
    Module,
    Table,
    TableDescriptor,
    Type,
    Value,
    compile,
    compile_with_config,
    compiler_for_backend,
    default_compiler,
    func,
    imports,
    instantiate,
    validate,
    wat2wasm,
)
from wasmer_runtime.error import (
    BackendError,
    CallError,
    DecodeError,
    ExportNotFound,
    ExportWrongType,
    ImportNotFound,
    IncorrectImportSignature,
    LinkError,
    ResolveError,
    SignatureError,
    Trap,
    ValidationError,
    WasmRuntimeError,
)
from wasmer_runtime.middleware import Metering

ADD = """
(module
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
"""

MANY = """
(module
  (memory (export "memory") 1 4)
  (table (export "table") 2 funcref)
  (global (export "constant") i32 (i32.const 7))
  (global (export "counter") (mut i64) (i64.const 0))
  (elem (i32.const 0) $double)
  (func $double (export "double") (param i32) (result i32) local.get 0 i32.const 2 i32.mul)
  (func (export "count") global.get 1 i64.const 1 i64.add global.set 1)
  (func (export "pair") (param i32 f64) (result f64 i32) local.get 1 local.get 0)
  (func (export "half") (param f32) (result f32) local.get 0 f32.const 0.5 f32.mul)
  (func (export "same") (param f32) (result f32) local.get 0)
  (func (export "fail") (param i32) (result i32) i32.const 1 local.get 0 i32.div_s)
  (func (export "poke") (param i32 i32) local.get 0 local.get 1 i32.store8)
  (func (export "not-a-name") (result i32) i32.const 3))
"""


@pytest.fixture(scope="module")
def module() -> Module:
    return compile(MANY)


@pytest.fixture
def instance(module: Module) -> Any:
    return module.instantiate()


# --- compiling ----------------------------------------------------------------------------


def test_a_module_of_every_form(tmp_path: Path) -> None:
    binary = wat2wasm(ADD)
    (tmp_path / "add.wat").write_text(ADD)
    (tmp_path / "add.wasm").write_bytes(binary)
    for wasm in (ADD, ADD.encode(), binary, bytearray(binary), tmp_path / "add.wat", tmp_path / "add.wasm"):
        assert instantiate(wasm).exports.add(1, 2) == 3


def test_backends_are_names_members_and_compilers() -> None:
    for backend in ("singlepass", "Singlepass", Backend.SINGLEPASS, default_compiler(), None):
        assert compile(ADD, backend).backend == "singlepass"
    for backend in ("auto", "Auto", Backend.AUTO):
        assert compile(ADD, backend).backend == "singlepass"
        assert instantiate(compile(ADD, backend), backend=backend).exports.add(1, 2) == 3
    assert compile(ADD, backend="singlepass", config=CompilerConfig()).backend == "singlepass"
    assert wasmer_runtime.compile_with(ADD, default_compiler()).backend == "singlepass"
    assert wasmer_runtime.compile_with_config(ADD, CompilerConfig()).backend == "singlepass"
    assert wasmer_runtime.compile_with_config_with(ADD, CompilerConfig(), default_compiler()).backend == "singlepass"


@pytest.mark.parametrize("form", [ADD, ADD.encode(), wat2wasm(ADD)])
def test_auto_has_tiers_for_modules_that_are_not_too_large(form: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(wat2wasm(ADD))
    for backend in (None, "auto", Backend.AUTO):
        monkeypatch.setattr("wasmer_runtime.api.LARGE_MODULE_BYTES", size)
        assert compile(form, backend).tiers is not None
        assert compile(form, backend, tiers=False).tiers is None
        assert compile(form, backend, lazy=True).tiers is None
        monkeypatch.setattr("wasmer_runtime.api.LARGE_MODULE_BYTES", size - 1)
        assert compile(form, backend).tiers is None
        assert compile(form, backend, tiers=True).tiers is not None
    assert compile(form, "singlepass").tiers is None


@pytest.mark.parametrize(
    "config",
    [CompilerConfig(deterministic=True), CompilerConfig(middlewares=(Metering(limit=10),))],
    ids=["deterministic", "middlewares"],
)
def test_auto_has_one_tier_where_another_could_show(config: CompilerConfig) -> None:
    assert compile(ADD, config=config).tiers is None
    assert instantiate(compile(ADD, config=config)).exports.add(1, 2) == 3


def test_auto_takes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = default_compiler()
    asked: list[tuple[str, int]] = []

    def find(name: Any, module_bytes: int = 0) -> Any:
        asked.append((name, module_bytes))
        if name == "singlepass":
            raise BackendError("not installed")
        return compiler

    monkeypatch.setattr("wasmer_runtime.api.find_compiler", find)
    binary = wat2wasm(ADD)
    assert instantiate(compile(binary)).exports.add(1, 2) == 3
    assert asked == [("singlepass", 0), ("auto", len(binary))]


def test_unknown_backends() -> None:
    with pytest.raises(BackendError, match="The backend fast doesn't exist"):
        compile(ADD, "fast")
    with pytest.raises(BackendError, match="The backend fast doesn't exist"):
        Backend.from_str("fast")
    with pytest.raises(TypeError, match="a backend is a name, a Backend or a compiler, not int"):
        compile(ADD, 3)  # type: ignore[arg-type]
    assert Backend.from_str("CRANELIFT") is Backend.CRANELIFT
    assert str(Backend.LLVM) == "llvm"
    assert {"singlepass", "auto"} <= set(Backend.variants())


def test_backends_that_are_not_there_are_none_or_explained() -> None:
    found = compiler_for_backend("singlepass")
    assert found is not None and found.name == "singlepass"
    for name in ("llvm", "cranelift"):
        if compiler_for_backend(name) is None:
            with pytest.raises(BackendError, match=r"not installed|not available|cannot be used"):
                compile(ADD, name)


def test_bad_modules() -> None:
    with pytest.raises(DecodeError, match=r"at byte 0x"):
        compile(wat2wasm(ADD)[:-3])
    with pytest.raises(DecodeError, match=r"line 2, column"):
        compile("(module\n  (funk))")
    with pytest.raises(ValidationError, match="type mismatch"):
        compile("(module (func (result i32) i64.const 1))")
    with pytest.raises(DecodeError):
        compile(b"\x7fELF")
    with pytest.raises(TypeError, match="a module is bytes, text or a path"):
        compile(12)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        compile(Path("/no/such/file.wasm"))
    with pytest.raises(DecodeError, match="malformed UTF-8"):
        wat2wasm(b"(module \xff)")


def test_text_that_is_not_valid() -> None:
    text = "(module\n  (func $twice (result i32)\n    (i64.const 1)))"
    says = r"\(in function 0 named twice, at line 3, column 18\)"
    for source in (text, text.encode()):
        with pytest.raises(ValidationError, match=says):
            wat2wasm(source)
        assert not validate(wat2wasm(source, validate=False))
    for backend in (None, "cranelift", "auto"):
        with pytest.raises(ValidationError, match=says):
            compile(text, backend)
        with pytest.raises(ValidationError, match=r"function 0 named twice, at byte 0x1a"):
            compile(wat2wasm(text, validate=False), backend)


def test_validate() -> None:
    assert validate(ADD) is True
    assert validate(wat2wasm(ADD)) is True
    assert validate(wat2wasm(ADD)[:-1]) is False
    assert validate("(module (func (result i32)))") is False
    with pytest.raises(ValidationError):
        wasmer_runtime.validate_and_report_errors("(module (func (result i32)))")


def test_modules_say_what_they_are(module: Module) -> None:
    assert [export.name for export in module.exports][:3] == ["memory", "table", "constant"]
    assert str(dict(module.exports)["pair"]) == "[i32, f64] -> [f64, i32]"
    assert module.imports == []
    assert module.custom_sections("producers") == []


def test_modules_pickle_with_their_code(module: Module) -> None:
    again = pickle.loads(pickle.dumps(module))
    assert again.instantiate().exports.double(21) == 42


def _double_in_another_process(module: Module, number: int) -> Any:
    return module.instantiate().exports.double(number)


def test_modules_go_to_process_pools(module: Module) -> None:
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(_double_in_another_process, module, 4).result(60) == 8


def test_instantiate_takes_modules_and_sources(module: Module) -> None:
    assert instantiate(module).exports.double(2) == 4
    assert instantiate(module, backend="singlepass").exports.double(2) == 4
    compiler = compiler_for_backend("llvm") or type("Other", (), {"name": "other", "compile": lambda *a: None})()
    with pytest.raises(ValueError, match="compiled already, by singlepass"):
        instantiate(module, backend=compiler)


# --- exports ------------------------------------------------------------------------------


def test_exports_by_attribute_and_item(instance: Any) -> None:
    exports = instance.exports
    assert exports.double(4) == 8
    assert exports["double"](4) == 8
    assert exports["not-a-name"]() == 3
    assert exports.double is exports["double"] is exports.double
    assert "double" in exports and "nothing" not in exports
    assert list(exports)[:3] == ["memory", "table", "constant"]
    assert len(exports) == 12


def test_exports_that_are_not_there(instance: Any) -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = instance.exports.nothing
    with pytest.raises(KeyError, match="nothing"):
        _ = instance.exports["nothing"]
    assert getattr(instance.exports, "nothing", 5) == 5
    assert not hasattr(instance.exports, "nothing")
    with pytest.raises(ExportNotFound, match="Export not found: nothing"):
        instance.call("nothing")
    with pytest.raises(ExportWrongType):
        instance.call("memory")


def test_calls(instance: Any) -> None:
    assert instance.call("double", 5) == 10
    assert instance.call("pair", 1, 2.5) == (2.5, 1)
    assert instance.exports.count() is None
    assert instance.exports.counter.get() == 1
    assert instance.exports.half(3) == 1.5
    assert math.isnan(instance.exports.half(math.nan))


def test_wrong_arguments_name_the_export(instance: Any) -> None:
    with pytest.raises(TypeError, match="double"):
        instance.exports.double()
    with pytest.raises(TypeError, match="double"):
        instance.exports.double(1, 2)
    with pytest.raises(TypeError, match="double"):
        instance.exports.double("1")
    with pytest.raises(TypeError, match="double"):
        instance.exports.double(1.5)
    with pytest.raises(OverflowError, match="double"):
        instance.exports.double(2**32)
    assert instance.exports.double(2**32 - 1) == -2


def test_typed_and_dynamic_functions(instance: Any) -> None:
    double = instance.func("double", params=["i32"], returns=["i32"])
    assert double(4) == 8
    assert instance.func("double") is instance.exports.double
    with pytest.raises(SignatureError, match=r"expected \[i64\] -> \[i32\]"):
        instance.func("double", params=["i64"], returns=["i32"])
    with pytest.raises(ExportNotFound):
        instance.func("nothing")
    with pytest.raises(ResolveError):
        instance.func("memory")
    dynamic = instance.dyn_func("pair")
    assert str(dynamic.signature()) == "[i32, f64] -> [f64, i32]"
    assert dynamic.call([Value.I32(1), Value.F64(2.5)]) == [Value.F64(2.5), Value.I32(1)]
    assert dynamic.call([1, 2.5]) == [Value.F64(2.5), Value.I32(1)]
    with pytest.raises(SignatureError):
        dynamic.call([Value.F64(2.5), Value.I32(1)])
    with pytest.raises(CallError):
        dynamic.call([])


def test_nan_payloads_pass_through_dynamic_calls(instance: Any) -> None:
    odd = Value.from_bits(Type.F32, 0x7FA12345)
    assert instance.dyn_func("same").call([odd]) == [odd]


def test_traps(instance: Any) -> None:
    with pytest.raises(Trap, match="WebAssembly trap occurred during runtime: integer divide by zero") as caught:
        instance.exports.fail(0)
    assert caught.value.trap_info == "IllegalArithmetic"
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, WasmRuntimeError)
    assert [frame.function_index for frame in caught.value.frames] == [5]
    assert instance.exports.fail(1) == 1


def test_memories_tables_and_globals(instance: Any) -> None:
    exports = instance.exports
    exports.poke(10, 0x41)
    assert bytes(memoryview(exports.memory)[10:11]) == b"A"
    assert exports.table[0](3) == 6
    assert exports.table[1] is None
    assert exports.constant.get() == 7


# --- imports ------------------------------------------------------------------------------

LOG = '(module (import "env" "log" (func $log (param i32))) (func (export "run") i32.const 5 call $log))'


def test_host_functions() -> None:
    seen: list[int] = []
    instantiate(LOG, {"env": {"log": seen.append}}).exports.run()
    instantiate(LOG, imports({"env": {"log": func(lambda x: seen.append(x))}})).exports.run()
    assert seen == [5, 5]


def test_host_exceptions_come_back_unchanged() -> None:
    error = KeyError("mine")

    def log(x: int) -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        instantiate(LOG, {"env": {"log": log}}).exports.run()
    assert caught.value is error


def test_a_host_function_may_ask_for_its_context() -> None:
    seen: list[Any] = []

    def log(ctx: Ctx, x: int) -> None:
        seen.append((ctx.data, x, ctx.instance))
        ctx.data.append(x)

    given = imports({"env": {"log": log}}, state=list)
    instance = instantiate(LOG, given)
    instance.exports.run()
    assert seen == [([5], 5, instance)]
    assert instance.context().data == [5]


def test_a_context_finds_its_instance_while_a_function_of_it_lives() -> None:
    text = '(module (import "env" "f" (func $f)) (memory (export "m") 1) (func (export "run") call $f))'
    seen: list[Any] = []
    run = instantiate(
        text, {"env": {"f": lambda ctx: seen.append((ctx.memory(0), ctx.instance.module.backend))}}
    ).exports.run
    run()
    run()
    assert [backend for _, backend in seen] == ["singlepass"] * 2
    assert seen[0][0] is seen[1][0]


def test_a_context_reaches_memory_and_tables() -> None:
    text = """
    (module
      (import "env" "f" (func $f (param i32) (result i32)))
      (memory 1) (data (i32.const 0) "hello")
      (table 1 funcref) (elem (i32.const 0) $triple)
      (func $triple (param i32) (result i32) local.get 0 i32.const 3 i32.mul)
      (func (export "run") (param i32) (result i32) local.get 0 call $f))
    """
    seen: list[bytes] = []

    def f(ctx, x):  # type: ignore[no-untyped-def]
        seen.append(bytes(memoryview(ctx.memory(0))[:5]))
        return ctx.call_with_table_index(0, [x])

    assert instantiate(text, {"env": {"f": f}}).exports.run(5) == 15
    assert seen == [b"hello"]


def test_missing_imports_are_all_named() -> None:
    text = '(module (import "env" "a" (func)) (import "env" "b" (memory 1)))'
    with pytest.raises(
        LinkError, match=r"2 link errors:\n  \(1 of 2\) Import not found, namespace: env, name: a"
    ) as caught:
        instantiate(text)
    assert [type(error) for error in caught.value.errors] == [ImportNotFound] * 2
    with pytest.raises(LinkError, match="this module needs WASI"):
        instantiate('(module (import "wasi_unstable" "proc_exit" (func (param i32))))')


def test_signatures_that_differ_are_link_errors() -> None:
    def log(x: float) -> None: ...

    with pytest.raises(LinkError) as caught:
        instantiate(LOG, {"env": {"log": func(log)}})
    assert isinstance(caught.value.errors[0], IncorrectImportSignature)
    other = instantiate(ADD)
    with pytest.raises(LinkError, match=r"found signature: \[i32, i32\] -> \[i32\]"):
        instantiate(LOG, {"env": {"log": other.exports.add}})


def test_instances_memories_tables_and_globals_as_imports() -> None:
    text = """
    (module
      (import "m" "add" (func $add (param i32 i32) (result i32)))
      (import "env" "memory" (memory 1 2))
      (import "env" "g" (global $g i32))
      (import "env" "t" (table 1 funcref))
      (elem (i32.const 0) $run)
      (func $run (export "run") (result i32)
        i32.const 0 global.get $g i32.store8
        global.get $g i32.const 1 call $add))
    """
    memory = Memory(MemoryDescriptor(1, 2))
    table = Table(TableDescriptor(ElementType.ANYFUNC, 1))
    env = {"memory": memory, "g": Global(Value.I32(7)), "t": table}
    instance = instantiate(text, imports={"m": instantiate(ADD), "env": env})
    assert instance.exports.run() == 8
    assert memoryview(memory)[0] == 7
    assert table[0]() == 8


def test_the_start_function_runs_at_once() -> None:
    seen: list[int] = []
    text = '(module (import "env" "log" (func $log (param i32))) (func $s i32.const 9 call $log) (start $s))'
    instantiate(text, {"env": {"log": seen.append}})
    assert seen == [9]
    with pytest.raises(Trap, match="unreachable"):
        instantiate("(module (func $s unreachable) (start $s))")


def test_missing_functions_that_are_allowed_fail_when_called() -> None:
    given = ImportObject()
    given.allow_missing_functions = True
    instance = instantiate(LOG, given)
    with pytest.raises(LinkError, match="Import not found, namespace: env, name: log"):
        instance.exports.run()


# --- what is said when it goes wrong ------------------------------------------------------

CALLS = """
(module $caller
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "two" (func $two (result i32 i64)))
  (func (export "run") (param i32) (result i32) local.get 0 call $f)
  (func (export "both") (result i32 i64) call $two))
"""


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        ("text", TypeError, r"env.f\(\) result 1: i32 takes an int, not 'str'"),
        (None, TypeError, r"env.f\(\) result 1"),
        (1.5, TypeError, r"env.f\(\) result 1"),
        (2**32, OverflowError, r"env.f\(\) result 1"),
        ((1, 2), TypeError, r"env.f\(\) result 1"),
    ],
)
def test_wrong_results_of_host_functions_name_the_import(returned: Any, error: type[Exception], message: str) -> None:
    given = {"env": {"f": lambda x: returned, "two": lambda: (1, 2)}}
    with pytest.raises(error, match=message):
        instantiate(CALLS, given).exports.run(1)


@pytest.mark.parametrize("returned", [(1,), (1, 2, 3), 1, None, (1, "x")])
def test_several_results_are_a_tuple_of_that_many(returned: Any) -> None:
    given = {"env": {"f": lambda x: x, "two": lambda: returned}}
    with pytest.raises(TypeError, match=r"env.two\(\)"):
        instantiate(CALLS, given).exports.both()


def test_exceptions_through_wasm_say_where_they_passed() -> None:
    given = {"env": {"f": lambda x: 1 // x, "two": lambda: (1, 2)}}
    instance = instantiate(CALLS, given)
    with pytest.raises(ZeroDivisionError) as caught:
        instance.exports.run(0)
    assert "caller!run (function 2, at byte 0x" in "".join(caught.value.__notes__)
    assert instance.exports.run(1) == 1
    assert instance.exports.both() == (1, 2)


def test_memories_tables_and_globals_made_wrongly() -> None:
    with pytest.raises(TypeError, match="made of a Value"):
        Global(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="made of a MemoryDescriptor or a number of pages"):
        Memory("1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="made of a TableDescriptor"):
        Table(3)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="immutable"):
        Global(Value.I32(7)).set(8)
    with pytest.raises(TypeError):
        Global.new_mutable(Value.I32(7)).set("x")
    with pytest.raises(OverflowError):
        Global.new_mutable(Value.I32(7)).set(2**32)
    with pytest.raises(wasmer_runtime.error.InvalidDescriptor):
        MemoryDescriptor(3, 2)
    with pytest.raises(wasmer_runtime.error.MemoryGrowError):
        Memory(MemoryDescriptor(1, 2)).grow(2)
    with pytest.raises(IndexError):
        Table(TableDescriptor(ElementType.ANYFUNC, 1))[1]


def test_imports_without_their_namespace_are_explained() -> None:
    text = '(module (import "env" "log" (func)) (import "env" "memory" (memory 1)))'
    for given in ({"log": print, "memory": 0}, {"memory": Memory(MemoryDescriptor(1))}):
        with pytest.raises(
            LinkError, match=r"is given as a namespace; pass \{'env': \{'(log|memory)': …\}\}"
        ) as failure:
            instantiate(text, given)
        assert len(failure.value.errors) == 2
    with pytest.raises(LinkError) as failure:
        instantiate(text, {"env": {}})
    assert not failure.value.hint


@pytest.mark.parametrize("config", [{}, {"features": {}}, "deterministic", ()])
def test_configurations_of_another_kind_are_refused(config: Any) -> None:
    for text in ("(module)", f'(module (memory 1) (data "{"x" * 100_000}"))'):
        with pytest.raises(TypeError, match="a configuration is a CompilerConfig"):
            compile(text, config=config)
    with pytest.raises(TypeError, match="a configuration is a CompilerConfig"):
        compile_with_config("(module)", config)


def test_instantiating_what_is_no_module() -> None:
    with pytest.raises(TypeError, match="not Instance"):
        instantiate(instantiate(ADD))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="imports must be a mapping"):
        instantiate(LOG, [print])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["program.wasm", "a/b c.wat", "program", "copy (1).wasm", "C:\\program.wasm", "ü.wasm"]
)
def test_a_file_name_as_text_is_explained(name: str) -> None:
    report = wasmer_runtime.validate_and_report_errors
    for take in (compile, report, wat2wasm, wasmer_runtime.wasm2wat, instantiate):
        with pytest.raises(DecodeError, match=r"looks like a file name.*pass a pathlib.Path \(at line 1, column \d+\)"):
            take(name)
    assert validate(name) is False


@pytest.mark.parametrize(
    "text", ["(module", "(oops)", "oops\nprogram.wasm", "(", "(module) ;; program.wasm x", "\x1b("]
)
def test_other_texts_are_not_taken_for_file_names(text: str) -> None:
    try:
        compile(text)
    except DecodeError as error:
        assert "file name" not in str(error)


def test_segments_that_do_not_fit_trap_and_say_so() -> None:
    with pytest.raises(Trap, match="out of bounds memory access"):
        instantiate('(module (memory 1) (data (i32.const 65535) "ab"))')
    with pytest.raises(Trap, match="out of bounds table access"):
        instantiate("(module (table 1 funcref) (func $f) (elem (i32.const 1) $f))")


def test_recursion_without_end_is_a_trap() -> None:
    instance = instantiate('(module (func $f (export "f") (result i32) call $f i32.const 1 i32.add))')
    with pytest.raises(Trap, match="call stack exhausted"):
        instance.exports.f()
    with pytest.raises(Trap, match="call stack exhausted"):
        instance.exports.f()


def test_recursion_through_python_without_end_is_an_exception() -> None:
    holder: list[Any] = []
    text = '(module (import "env" "again" (func $again)) (func (export "f") call $again))'
    holder.append(instantiate(text, {"env": {"again": lambda: holder[0].exports.f()}}))
    with pytest.raises((RecursionError, Trap)):
        holder[0].exports.f()


def test_a_deadline_ends_a_loop_and_the_instance_goes_on() -> None:
    instance = instantiate('(module (func (export "loop") (loop br 0)) (func (export "one") (result i32) i32.const 1))')
    with pytest.raises(wasmer_runtime.error.Timeout), wasmer_runtime.timeout(0.05):
        instance.exports.loop()
    assert instance.exports.one() == 1


def test_instances_come_and_go() -> None:
    module = compile(MANY)
    for _ in range(2000):
        assert module.instantiate().exports.double(1) == 2
