"""Functions with their locals in memory (`translate.in_memory`): the same programs, and nothing that lives long."""

from __future__ import annotations

import warnings

import pytest

from tests.shapes.generate import SHAPES
from tests.spec.corpus import NO_DATA, data_directory, script_path, scripts
from tests.spec.runner import run_script
from tests.spec.verdict import judge
from tests.stress.isolated import isolated
from wasmer_clif_backend import CraneliftWarning, compiler
from wasmer_clif_backend.compile_function import Stages
from wasmer_clif_backend.compiler import CraneliftCompiler
from wasmer_clif_backend.ir.verify import verify
from wasmer_clif_backend.translate.function import Translator
from wasmer_clif_backend.translate.view import ModuleView
from wasmer_runtime_core.compile_module import compile_with
from wasmer_runtime_core.compiling import registry as backends
from wasmer_runtime_core.compiling.pipeline import Compilation, run
from wasmer_runtime_core.contract.backend import CompilerConfig
from wasmer_runtime_core.support.notices import MOST_NOTICES

COMPILED = not compiler.__file__.endswith(".py")

CONTROL = """
    block br_if call_indirect if labels local_tee loop memory_grow select simd_select stack switch unwind
""".split()


@pytest.mark.skipif(data_directory() is None, reason=NO_DATA)
@pytest.mark.parametrize("script", [one for one in scripts(("2.0",)) if one.split("/")[-1] in CONTROL])
def test_script(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those about what directs control, and what stays on the stack meanwhile."""
    monkeypatch.setitem(backends._found, "cranelift", CraneliftCompiler(prove=True, in_memory=True))
    verdict = judge(script, "cranelift", run_script(script_path(script), "cranelift"))
    assert not verdict.problems, "\n" + verdict.report()


@pytest.mark.parametrize("name", SHAPES)
def test_little_lives_beyond_a_block(name: str) -> None:
    """The vmctx, the base of memory, and what one branch passes, however many locals and operands there are."""
    compilation = run(Compilation(SHAPES[name](30)), until="validate")
    view = ModuleView(compilation.info)
    stages = Stages(view.entries, prove=True)
    for body in compilation.bodies:
        translator = Translator(view, False)
        function = translator.translate(body, in_memory=True)
        assert verify(function) == []
        stages.records(function, body.offset, translator.flow)
        passed = max(
            [int(function.pool[function.edge_arguments[e]]) for e in range(1, int(function.edge_count))] or [0]
        )
        for b in stages.code.order:
            assert len(stages.intervals.liveness.registers_at(b)) <= 2 + passed, (name, b)


TAKES_OPERANDS = """
(module (func (export "f") (param $n i32) (result i32) (local $s i32)
  i32.const 5
  (loop $l (param i32) (result i32)
    local.set $s
    (local.set $n (i32.sub (local.get $n) (i32.const 1)))
    i32.const 99
    (i32.add (local.get $s) (i32.const 10))
    (br_if $l (local.get $n))
    i32.add)))
"""


@pytest.mark.parametrize("in_memory", (False, True))
def test_the_way_back_of_a_loop_brings_operands_from_wherever_they_are(in_memory: bool) -> None:
    """They lie above one that stays behind; what the places below have in the frame came in first."""
    compiler = CraneliftCompiler(prove=True, in_memory=in_memory)
    f = compile_with(TAKES_OPERANDS, compiler).instantiate({}).exports.f
    assert [f(times) for times in (1, 2, 3)] == [114, 124, 134]


MANY = 100


def meeting(many: int = MANY) -> str:
    """Each of many locals is different behind each of many ifs, all of which branch to one label."""
    ifs = "".join(
        f"(local.set {at} (i32.const {at})) (br_if 0 (i32.eq (local.get 0) (i32.const {at})))" for at in range(1, many)
    )
    sums = "".join(f"(i32.add (local.get {at}))" for at in range(1, many))
    return (
        f'(module (func (export "f") (param i32) (result i32) (local {"i32 " * many})'
        f"(block {ifs}) (i32.const 0) {sums}))"
    )


def test_what_is_too_much_is_told_and_right() -> None:
    source = meeting()
    plain = compile_with(source, CraneliftCompiler()).instantiate({}).exports.f
    with pytest.warns(CraneliftWarning, match=r"function 0 at byte 0x\w+ has too many values alive in too many places"):
        module = compile_with(source, CraneliftCompiler(steps=1))
    for given in (0, 1, 7, MANY - 1):
        assert module.instantiate({}).exports.f(given) == plain(given) == given * (given + 1) // 2 or given == 0


def test_a_warning_that_is_an_error_ends_the_compilation() -> None:
    """And leaves a compiler that works."""
    made = CraneliftCompiler(steps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CraneliftWarning)
        with pytest.raises(CraneliftWarning):
            compile_with(meeting(), made)
    with pytest.warns(CraneliftWarning):
        assert compile_with(meeting(), made).instantiate({}).exports.f(3) == 6


def test_what_functions_leave_of_their_share_others_have() -> None:
    """And no more: a module of many such functions takes as long as one that is as large."""
    function = meeting().replace("(module", "", 1).removesuffix(")").replace('(export "f")', "")
    with pytest.warns(CraneliftWarning) as warned:
        compile_with(f"(module {function * 6})", CraneliftCompiler(steps=100))
    assert 1 <= len(warned) < 6


def test_however_many_functions_there_are_a_hundred_are_named() -> None:
    """A module says how many there are, and how long their names are; who reads stderr may be slow, or nobody."""
    function = meeting(30).replace("(module (func", "", 1).replace('(export "f")', "")[:-2]
    others = f"(func {function})" * (MOST_NOTICES + 9)
    compiler = CraneliftCompiler(prove=False, steps=1)
    with pytest.warns(CraneliftWarning) as warned:
        compile_with(f"(module (func ${'name' * 1000} {function}) {others})", compiler)
    told = [str(each.message) for each in warned]
    assert len(told) == MOST_NOTICES + 1 and "(name" in told[0] and "more functions" in told[-1]
    assert max(map(len, told)) < 250
    with pytest.warns(CraneliftWarning, match="function 0"):
        compile_with(meeting(), compiler)


def test_code_that_would_be_too_large_is_kept_in_memory() -> None:
    """What SSA form makes too large for its module, the other form need not."""
    config = CompilerConfig(implementation_limits={"code_bytes": 0})
    with pytest.warns(CraneliftWarning):
        module = compile_with(meeting(300), CraneliftCompiler(prove=False), config)
    assert module.instantiate({}).exports.f(5) == 15


MEMORY_BYTES = 2 << 30
PROCESSOR_SECONDS = 600
LARGE = 20_000 if COMPILED else 400


@isolated(timeout=1800, environment={"WASMER_CLIF_CHECK": ""})
def test_large_functions_of_all_shapes() -> None:
    """What each takes is bounded; a hundred times what an ordinary one takes would end the process."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    warnings.simplefilter("ignore")
    compiler_ = CraneliftCompiler(prove=False)
    config = CompilerConfig(implementation_limits={"values_passed": 1 << 20})  # a module of one shape passes many
    for name, shape in SHAPES.items():
        print(name, flush=True)
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
        compile_with(shape(LARGE), compiler_, config)
