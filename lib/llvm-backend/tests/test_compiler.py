"""The compiler's options, its units, and what it says of functions that LLVM refuses."""

from __future__ import annotations

import pickle
import re
import struct

import pytest

from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler, compiler, partition
from wasmer_llvm_backend.ir import translate
from wasmer_llvm_backend.ir.operators import handlers
from wasmer_llvm_backend.machine import target
from wasmer_llvm_backend.workers import Died
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import CompileError, InternalError, Trap
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.operators.rows import OPERATORS, Operator

# sixty pairs of functions, each calling into another pair
MANY = "(module (memory 1)" + "".join(
    f'(func $f{at} (export "f{at}") (param i32) (result i32)'
    f" (i32.store (local.get 0) (i32.const {at}))"
    f" (i32.add (call $f{(at * 7 + 1) % 60 if at else 59}_ (local.get 0)) (i32.const {at})))"
    f"(func $f{at}_ (param i32) (result i32) (i32.xor (i32.load (local.get 0)) (i32.const {at})))"
    for at in range(60)
) + ")"  # fmt: skip


def compiled(text: str, used: LLVMCompiler) -> CompiledModule:
    compilation = run(Compilation(text), until="validate")
    return used.compile(compilation.info, compilation.bodies, CompilerConfig())


@pytest.fixture
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a small module compiled as large ones are."""
    monkeypatch.setattr(partition, "UNIT_RECORDS", 150)
    monkeypatch.setattr(compiler, "SMALL_MODULE", 100)


def test_workers_and_this_process_make_the_same_code(small_units: None) -> None:
    seen: list[tuple[int, int]] = []
    here = compiled(MANY, LLVMCompiler(processes=0))
    there = compiled(MANY, LLVMCompiler(processes=2, progress=lambda done, total: seen.append((done, total))))
    assert (here.code, here.sites, here.function_offsets) == (there.code, there.sites, there.function_offsets)
    assert len(seen) > 3 and seen == sorted(seen)
    assert seen[0][0] == 0 and seen[-1][0] == seen[-1][1]


def test_calls_between_units_arrive(small_units: None) -> None:
    several = compile_with(MANY, LLVMCompiler(processes=0)).instantiate({}).exports
    one = compile_with(MANY, LLVMCompiler(processes=0, opt_level=1)).instantiate({}).exports
    for at in range(60):
        assert several[f"f{at}"](at * 4) == one[f"f{at}"](at * 4)
    with pytest.raises(Trap):
        several["f3"](65536)


def test_a_function_that_llvm_does_not_survive_is_named(monkeypatch: pytest.MonkeyPatch, small_units: None) -> None:
    original = translate.FunctionTranslator.translate

    def broken(self: translate.FunctionTranslator, body: Body, inlined: bool = False) -> str:
        text = original(self, body, inlined)
        if body.function_index == 40:  # which is not copied into others, that would not survive it either
            head, _, rest = text.partition("entry:\n")
            text = f'{head}entry:\ncall void asm sideeffect "no such instruction", ""()\n{rest}'
        return text

    monkeypatch.setattr(translate.FunctionTranslator, "translate", broken)
    with pytest.raises(CompileError, match=r"LLVM gave up on function 40 \(f20\) at byte 0x\w+: LLVM ERROR"):
        compiled(MANY, LLVMCompiler(processes=2))


def test_the_last_words_are_those_of_llvm() -> None:
    assert compiler.last_words(Died(-6, "python: X.cpp:7: Assertion `x' failed.\nAborted")).endswith("`x' failed.")
    assert compiler.last_words(Died(1, "note\nLLVM ERROR: out of tune\nfree(): invalid")) == "LLVM ERROR: out of tune"
    assert compiler.last_words(Died(1, "first\nlast")) == "last"
    assert compiler.last_words(Died(3, "")) == "its process ended with status 3"


def test_a_function_that_llvm_rejects_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = translate.FunctionTranslator.translate

    def broken(self: translate.FunctionTranslator, body: Body, inlined: bool = False) -> str:
        text = original(self, body, inlined)
        return text.replace("xor i32", "xor i31") if body.function_index == 7 else text

    monkeypatch.setattr(translate.FunctionTranslator, "translate", broken)
    with pytest.raises(InternalError, match=r"LLVM rejects function 7 \(f3_\)"):
        compiled(MANY, LLVMCompiler())


def test_callbacks_see_every_step() -> None:
    before: list[str] = []
    after: list[str] = []
    objects: list[bytes] = []
    used = LLVMCompiler(callbacks=LLVMCallbacks(before.append, after.append, objects.append))
    compiled('(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 8))))', used)
    assert "mul i32" in before[0]
    assert "shl i32" in after[0]
    assert objects[0].startswith(b"\x7fELF")


def test_callbacks_come_in_the_order_of_the_units(small_units: None) -> None:
    before: list[str] = []
    after: list[str] = []
    objects: list[bytes] = []
    compiled(MANY, LLVMCompiler(processes=2, callbacks=LLVMCallbacks(before.append, after.append, objects.append)))
    assert len(before) == len(after) == len(objects) > 3
    for texts in (before, after):
        firsts = [int(re.search(r"^define .*?@f(\d+)\(", text, re.MULTILINE)[1]) for text in texts]
        assert firsts == sorted(firsts)


def test_options_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="optimization levels"):
        LLVMCompiler(opt_level=7)
    with pytest.raises(ValueError, match="x86-64-v3"):
        LLVMCompiler(cpu="z80")


@pytest.mark.parametrize("cpu", ["x86-64", "x86-64-v2", "x86-64-v3"])
def test_code_says_what_it_needs(cpu: str) -> None:
    module = compiled(
        '(module (func (export "f") (param f64) (result f64) (f64.floor (local.get 0))))', LLVMCompiler(cpu=cpu)
    )
    assert "sse4.1" in module.cpu_features
    assert ("avx2" in module.cpu_features) == (cpu == "x86-64-v3")


def test_a_module_comes_back_from_a_pickle() -> None:
    module = compile_with('(module (func (export "f") (result i32) (i32.const 5)))', LLVMCompiler())
    assert pickle.loads(pickle.dumps(module)).instantiate({}).exports.f() == 5


def test_llvm_has_its_own_options_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else uses LLVM in this process must not notice, also when a compilation fails."""
    values: dict[str, str] = {}

    def note(name: str, option: str) -> None:
        key, _, value = option.lstrip("-").partition("=")
        values[key] = value

    monkeypatch.setattr(target.llvm(), "set_option", note)
    seen: list[dict[str, str]] = []
    own = {option: theirs for option, (_, theirs) in target.OPTIONS.items()}
    compiled("(module (func))", LLVMCompiler(callbacks=LLVMCallbacks(post_opt_ir=lambda text: None)))
    assert values == own
    with pytest.raises(ZeroDivisionError), target.our_options():
        seen.append(dict(values))
        raise ZeroDivisionError
    assert values == own and seen == [{option: ours for option, (ours, _) in target.OPTIONS.items()}]


def test_an_operator_that_core_knows_alone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core with an operator more stops no backend; a module that has the operator is told."""
    code = 0xFE
    monkeypatch.setitem(OPERATORS, code, Operator(code, "i32.new", "", ("i32",), ("i32",), 0, True))
    monkeypatch.setattr(handlers, "HANDLERS", handlers._handlers())
    monkeypatch.setattr(translate, "HANDLERS", handlers.HANDLERS)
    compilation = run(Compilation("(module (func (param i32) (result i32) local.get 0 i32.clz))"), until="validate")
    (body,) = compilation.bodies
    clz = struct.pack("<H", 0x67)
    body.records = body.records.replace(clz, struct.pack("<H", code), 1)
    with pytest.raises(InternalError, match=r"the llvm backend has no i32\.new \(at byte 0x"):
        LLVMCompiler(processes=0).compile(compilation.info, compilation.bodies, CompilerConfig())
