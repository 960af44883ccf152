"""The compiler's options, its worker processes, and input that is large in one way or another."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wasmer_llvm_backend import LLVMCallbacks, LLVMCompiler, compiler, translate, workers
from wasmer_llvm_backend.unit import Job, Product
from wasmer_runtime_core.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import CompileError, InternalError, Trap
from wasmer_runtime_core.pipeline import Compilation, compile_with, run
from wasmer_runtime_core.wasm.body import Body

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
    monkeypatch.setattr(compiler, "UNIT_RECORDS", 150)


def test_workers_and_this_process_make_the_same_code(small_units: None) -> None:
    seen: list[tuple[int, int]] = []
    here = compiled(MANY, LLVMCompiler(processes=0))
    there = compiled(MANY, LLVMCompiler(processes=2, progress=lambda done, total: seen.append((done, total))))
    assert (here.code, here.sites, here.function_offsets) == (there.code, there.sites, there.function_offsets)
    assert len(seen) > 3 and seen == sorted(seen) and seen[-1][0] == seen[-1][1]


def test_calls_between_units_arrive(small_units: None) -> None:
    several = compile_with(MANY, LLVMCompiler(processes=0)).instantiate({}).exports
    one = compile_with(MANY, LLVMCompiler(processes=0, opt_level=1)).instantiate({}).exports
    for at in range(60):
        assert several[f"f{at}"](at * 4) == one[f"f{at}"](at * 4)
    with pytest.raises(Trap):
        several["f3"](65536)


def test_a_function_that_llvm_does_not_survive_is_named(monkeypatch: pytest.MonkeyPatch, small_units: None) -> None:
    original = translate.FunctionTranslator.translate

    def broken(self: translate.FunctionTranslator, body: Body) -> str:
        text = original(self, body)
        if body.function_index == 41:
            head, _, rest = text.partition("entry:\n")
            text = f'{head}entry:\ncall void asm sideeffect "no such instruction", ""()\n{rest}'
        return text

    monkeypatch.setattr(translate.FunctionTranslator, "translate", broken)
    with pytest.raises(CompileError, match=r"LLVM gave up on function 41 \(f20_\) at byte 0x\w+: LLVM ERROR"):
        compiled(MANY, LLVMCompiler(processes=2))


def test_a_function_that_llvm_rejects_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    original = translate.FunctionTranslator.translate

    def broken(self: translate.FunctionTranslator, body: Body) -> str:
        text = original(self, body)
        return text.replace("xor i32", "xor i31") if body.function_index == 7 else text

    monkeypatch.setattr(translate.FunctionTranslator, "translate", broken)
    with pytest.raises(InternalError, match=r"LLVM rejects function 7 \(f3_\)"):
        compiled(MANY, LLVMCompiler())


def test_a_worker_that_dies_is_an_answer() -> None:
    job = Job("this is not LLVM's language", "native", 1)
    ((_, answer),) = workers.compile_units([lambda: job], 1)
    assert isinstance(answer, Product) and "expected top-level entity" in answer.rejected
    worker = workers.Worker()
    process = worker.start()
    assert process is not None
    threading.Timer(0.2, process.kill).start()
    time.sleep(0.4)
    died = worker.compile(job)
    assert isinstance(died, workers.Died) and died.status == -signal.SIGKILL
    assert isinstance(worker.compile(job), Product)  # started afresh
    worker.close()


def test_ctrl_c_ends_compilation(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from wasmer_llvm_backend import LLVMCompiler\n"
        "from wasmer_runtime_core.pipeline import compile_with\n"
        "body = '(local.set 1 (i32.add (i32.mul (local.get 1) (local.get 0)) (i32.load (local.get 1))))' * 8000\n"
        "text = '(module (memory 1)' + f'(func (param i32) (local i32) {body})' * 6 + ')'\n"
        "print('go', flush=True)\n"
        "while True:\n"
        "    compile_with(text, LLVMCompiler(processes=2))\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in complaint


def test_callbacks_see_every_step() -> None:
    before: list[str] = []
    after: list[str] = []
    objects: list[bytes] = []
    used = LLVMCompiler(callbacks=LLVMCallbacks(before.append, after.append, objects.append))
    compiled('(module (func (export "f") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 8))))', used)
    assert "mul i32" in before[0]
    assert "shl i32" in after[0]
    assert objects[0].startswith(b"\x7fELF")


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
    assert "sse4_1" in module.cpu_features
    assert ("avx2" in module.cpu_features) == (cpu == "x86-64-v3")


def test_a_module_comes_back_from_a_pickle() -> None:
    module = compile_with('(module (func (export "f") (result i32) (i32.const 5)))', LLVMCompiler())
    assert pickle.loads(pickle.dumps(module)).instantiate({}).exports.f() == 5


def straight(operators: int) -> str:
    step = "(local.set 1 (i32.add (i32.mul (local.get 1) (local.get 0)) (i32.const 7)))"
    return step * (operators // 6)


def branches(operators: int) -> str:
    step = (
        "(if (i32.and (local.get 0) (i32.const 4)) (then (local.set 1 (i32.add (local.get 1) (i32.const 3))))"
        " (else (local.set 0 (i32.xor (local.get 0) (local.get 1)))))"
    )
    return step * (operators // 12)


LARGE = {
    "50,000 operators": "(local i32)" + straight(50_000),
    "50,000 operators with branches": "(local i32)" + branches(50_000),
    "200,000 operators": "(local i32)" + straight(200_000),
    "10,000 locals": "(local " + "i32 " * 10_000 + ")"
    + "".join(f"(local.set {at + 1} (i32.add (local.get {at}) (i32.const {at})))" for at in range(10_000)),
    "5,000 blocks, nested": "(local i32)" + "(block " * 5000 + "(br_if 0 (local.get 0))"
    + "(local.set 1 (i32.add (local.get 1) (i32.const 1))))" * 5000,
    "br_table of 50,000": "(local i32)" + "(block " * 50
    + "(br_table " + " ".join(str(at % 50) for at in range(50_000)) + " (local.get 0))"
    + "".join(f") (local.set 1 (i32.add (local.get 1) (i32.const {at})))" for at in range(50)),
}  # fmt: skip


@pytest.mark.parametrize("what", LARGE)
def test_large_functions_compile_in_bounded_time(what: str) -> None:
    text = f'(module (func (export "f") (param i32) (result i32) {LARGE[what]} (local.get 1)))'
    compilation = run(Compilation(text), until="validate")
    start = time.process_time()
    LLVMCompiler(processes=0).compile(compilation.info, compilation.bodies, CompilerConfig())
    assert time.process_time() - start < 60
