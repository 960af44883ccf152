"""LLVM itself: which processor, which passes, and how an object file comes out.

The choices were measured (geometric mean over C kernels, against wasmtime). The vectoriser of
straight-line code is off (it makes sha256 a third slower), that of loops on. Effort 1 gives code
as fast as effort 3 within a percent, for three quarters of the time. Inlining stops
earlier than LLVM would: whoever made the module has inlined already. Induction variables keep
their 32 bits: LLVM would widen them and then mask every address, since a wasm address wraps;
left alone they become plain pointers (memory streams 1.6 times as fast, and 4 times where
they are vectorised). Code is position independent and in the small model, because it is laid
out beside its constants and loaded anywhere.

LLVM is loaded when something is first compiled: it takes a tenth of a second.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

# fmt: off
LEAST_FEATURES: Final = ("popcnt", "sse3", "sse4.1", "sse4.2", "ssse3")
"""What code for any processor needs, in LLVM's spelling: without them LLVM would call a C library."""

_V3_FEATURES: Final = (*LEAST_FEATURES, "avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
PROCESSORS: Final = {
    "x86-64":    LEAST_FEATURES,
    "x86-64-v2": LEAST_FEATURES,
    "x86-64-v3": _V3_FEATURES,
    "x86-64-v4": (*_V3_FEATURES, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}
"""The levels of the x86-64 supplement -> what their code may need."""

LINUX_NAMES: Final = {
    "sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "lzcnt": "abm", "bmi": "bmi1",
    "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni", "avx512bitalg": "avx512_bitalg",
    "avx512vpopcntdq": "avx512_vpopcntdq", "avx512bf16": "avx512_bf16",
}
"""LLVM's name of a feature -> that of Linux, where they differ."""

GENERATED: Final = frozenset((
    *PROCESSORS["x86-64-v4"], "gfni", "adx", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg",
    "avx512vpopcntdq", "avx512ifma",
))
"""Features that ordinary code is made of; others need not be asked for."""
# fmt: on

OPTIONS: Final = (
    "-indvars-widen-indvars=false",
    "-x86-cmov-converter-force-mem-operand=false",  # would put a load behind a branch, volatile or not: a lost trap
)
"""Options of the process, not of a module: other users of LLVM in the same process get them too."""

INLINING_THRESHOLD: Final = 100
"""LLVM's own is 225; whoever made the module has inlined already, and the code runs no faster for it."""

_lock = threading.Lock()


@cache
def llvm() -> Any:
    """``llvmlite.binding``, ready for use.

    Raises:
        ImportError: llvmlite is not installed.
    """
    import llvmlite.binding as binding

    with _lock:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        for option in OPTIONS:
            binding.set_option("wasmer", option)
    return binding


@cache
def processor(name: str) -> tuple[str, str, tuple[str, ...]]:
    """(LLVM's name of the processor, its feature string, features that the code may need as Linux spells them)."""
    binding = llvm()
    if name != "native":
        needed = PROCESSORS[name]
        features = ",".join("+" + feature for feature in needed)
        return name, features, tuple(LINUX_NAMES.get(feature, feature) for feature in needed)
    host = binding.get_host_cpu_features()
    present = [feature for feature, there in host.items() if there]
    needed = tuple(LINUX_NAMES.get(feature, feature) for feature in present if feature in GENERATED)
    return binding.get_host_cpu_name(), host.flatten(), needed


@cache
def target_machine(cpu: str, opt_level: int) -> Any:
    """A target machine; kept, since making one is slow."""
    name, features, _ = processor(cpu)
    target = llvm().Target.from_default_triple()
    return target.create_target_machine(cpu=name, features=features, opt=opt_level, reloc="pic", codemodel="small")


def compile_text(
    text: str,
    cpu: str,
    opt_level: int,
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
    optimize(module, machine, opt_level)
    if post_opt_ir is not None:
        post_opt_ir(str(module))
    data: bytes = machine.emit_object(module)
    return data


def optimize(module: Any, machine: Any, opt_level: int) -> None:
    """Run LLVM's pipeline over a module."""
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
    builder.getModulePassManager().run(module, builder)
