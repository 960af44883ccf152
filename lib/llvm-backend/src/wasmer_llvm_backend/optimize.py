"""LLVM itself: which processor, which passes, and how an object file comes out.

The choices were measured (geometric mean over C kernels, against wasmtime): the vectoriser of
straight-line code off (it makes sha256 a third slower), that of loops on; inlining as LLVM
does it. Induction variables keep their 32 bits: LLVM would widen them and then mask every
address, since a wasm address wraps; left alone they become plain pointers (memory streams 1.6
times as fast, and 4 times where they are vectorised). That is an option of the process, not
of a module: other users of LLVM in the same process get it too. Position independent code in the small model, because the object is laid out beside its constants and
loaded anywhere.

Nothing here is imported before something is compiled: LLVM takes a tenth of a second to load.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LEAST_FEATURES: Final = ("cx16", "popcnt", "sse3", "sse4.1", "sse4.2", "ssse3")
"""What code for any processor needs, in LLVM's spelling: without them LLVM would call a C library."""

LINUX_NAMES: Final = {
    "sse3": "pni", "sse4.1": "sse4_1", "sse4.2": "sse4_2", "lzcnt": "abm", "bmi": "bmi1", "pclmul": "pclmulqdq",
    "rdrnd": "rdrand", "avx512bf16": "avx512_bf16", "avx512vbmi2": "avx512_vbmi2", "avx512vnni": "avx512_vnni",
    "avx512bitalg": "avx512_bitalg", "avx512vpopcntdq": "avx512_vpopcntdq", "sha": "sha_ni",
}  # fmt: skip
"""LLVM's name of a feature -> that of Linux, where they differ."""

GENERATED: Final = frozenset((
    "sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "bmi", "bmi2", "lzcnt", "movbe", "fma", "f16c", "gfni",
    "avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl", "avx512vbmi", "avx512vbmi2", "avx512vnni", "avx512bitalg",
    "avx512vpopcntdq", "avx512ifma", "adx",
))  # fmt: skip
"""Features that ordinary code is made of; others need not be asked for."""

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
        binding.set_option("wasmer", "-indvars-widen-indvars=false")
    return binding


@cache
def processor(name: str) -> tuple[str, str, tuple[str, ...]]:
    """(LLVM's name of the processor, its feature string, features that the code may need as Linux spells them)."""
    binding = llvm()
    if name != "native":
        features = ",".join("+" + feature for feature in LEAST_FEATURES)
        return name, features, tuple(LINUX_NAMES.get(feature, feature) for feature in LEAST_FEATURES if feature != "cx16")
    host = binding.get_host_cpu_features()
    present = [feature for feature, there in host.items() if there]
    needed = tuple(LINUX_NAMES.get(feature, feature) for feature in present if feature in GENERATED)
    return binding.get_host_cpu_name(), host.flatten(), needed


@cache
def target_machine(cpu: str, opt_level: int) -> Any:
    """A target machine; kept, since making one is slow."""
    name, features, _ = processor(cpu)
    target = llvm().Target.from_default_triple()
    return target.create_target_machine(
        cpu=name, features=features, opt=opt_level, reloc="pic", codemodel="small"
    )


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
