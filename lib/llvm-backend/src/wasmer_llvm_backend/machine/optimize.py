"""LLVM itself: which passes run, and how an object file comes out.

LLVM's pipelines are made for code as a front end leaves it. Ours has been through such a pipeline
before it became WebAssembly, and since loads and stores are volatile most passes look at it in
vain. So most functions get a short list of passes; only functions with counted loops, which have
copies that may be vectorised (`counted`), go through all of LLVM's. docs/rationale.md has what
was measured.

The vectoriser of straight-line code is off (it makes sha256 a third slower), that of loops
on. Inlining by LLVM's own judgement stops earlier than it would: it happens only in units that
are vectorised, and functions worth inlining are copied before (`partition`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from wasmer_llvm_backend.machine.target import llvm, our_options, target_machine
from wasmer_llvm_backend.module_text import FRAMES_TWICE

PASSES: Final = (
    "always_inliner",  # functions marked for it
    "sroa",  # slots become values
    "simplify_cfg",
    "instruction_combine",
    "loop_rotate",  # the condition goes to the end of the loop
    "simplify_cfg",
    "loop_unroll",  # loops of few rounds, whose number is known
    "instruction_combine",
    "simplify_cfg",
)
"""What is run at level 1, as `llvmlite` names it, where there is nothing to vectorise."""

INLINING_THRESHOLD: Final = 100
"""LLVM's own is 225; whoever made the module has inlined already, and the code runs no faster for it."""


def compile_text(
    text: str,
    cpu: str,
    opt_level: int,
    whole: bool = False,
    post_opt_ir: Callable[[str], None] | None = None,
) -> bytes:
    """The object file of an LLVM module in text form.

    Raises:
        RuntimeError: LLVM does not accept it; its message.
    """
    binding = llvm()
    machine = target_machine(cpu, opt_level)
    context = binding.create_context()
    module = binding.parse_assembly(text, context)
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    if FRAMES_TWICE in text:
        binding.initialize_native_asmparser()
    with our_options():
        optimize(module, machine, opt_level, whole)
        if post_opt_ir is not None:
            post_opt_ir(str(module))
        data: bytes = machine.emit_object(module)
    return data


def optimize(module: Any, machine: Any, opt_level: int, whole: bool) -> None:
    """Run passes over a module: none at level 0, else `PASSES`, or all of LLVM's for that level."""
    if opt_level == 0:
        return
    binding = llvm()
    options = binding.create_pipeline_tuning_options(speed_level=opt_level)
    options.loop_vectorization = True
    options.loop_interleaving = True
    options.loop_unrolling = True
    options.slp_vectorization = False
    options.inlining_threshold = INLINING_THRESHOLD
    builder = binding.create_pass_builder(machine, options)
    if whole:
        passes = builder.getModulePassManager()
    else:
        passes = binding.newpassmanagers.create_new_module_pass_manager()
        for name in PASSES:
            getattr(passes, f"add_{name}_pass")()
    passes.run(module, builder)
