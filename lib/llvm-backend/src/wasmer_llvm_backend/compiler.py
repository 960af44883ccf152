"""`LLVMCompiler`: the backend whose code runs fastest, and which compiles slowest.

A module is cut into units of neighbouring functions, each an LLVM module of its own; inside
one LLVM sees every call and inlines. Between units, calls go through the module's table of
code addresses, as in every backend.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, final

from wasmer_llvm_backend.intrinsics import declarations
from wasmer_llvm_backend.objects import UnitCode, read_object
from wasmer_llvm_backend.optimize import compile_text, processor
from wasmer_llvm_backend.translate import FunctionTranslator, ModuleView
from wasmer_runtime_core.backend import CompiledModule, CompilerConfig
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.wasm.body import Body
from wasmer_runtime_core.wasm.module import ModuleInfo

UNIT_RECORDS: Final = 40_000
"""A unit ends with the function that reaches so many operators."""


class LLVMCallbacks(NamedTuple):
    """Called with what each unit is on its way; for looking, not for changing."""

    pre_opt_ir: Callable[[str], None] | None = None
    post_opt_ir: Callable[[str], None] | None = None
    object_buffer: Callable[[bytes], None] | None = None


@final
class LLVMCompiler:
    """Hands WebAssembly to LLVM through llvmlite."""

    def __init__(
        self,
        opt_level: int = 2,
        cpu: str = "native",
        fast: bool = False,
        callbacks: LLVMCallbacks | None = None,
    ) -> None:
        """Choose how to compile.

        `opt_level`: LLVM's, 0 to 3. `cpu`: ``"native"``, or a processor that LLVM knows by
        name (``"x86-64-v3"``). `fast`: a load whose value is not used may be dropped with
        its trap, and after a trap memory may lack stores that came shortly before it; all
        else stays exact.

        Raises:
            ImportError: llvmlite is not installed.
            ValueError: no such level.
        """
        if opt_level not in (0, 1, 2, 3):
            raise ValueError(f"LLVM has the optimization levels 0 to 3, not {opt_level!r}")
        import importlib.util

        if importlib.util.find_spec("llvmlite") is None:
            raise ImportError("llvmlite is not installed: pip install llvmlite")
        self.opt_level = opt_level
        self.cpu = cpu
        self.fast = fast
        self.callbacks = callbacks or LLVMCallbacks()

    @property
    def name(self) -> str:
        """``"llvm"``"""
        return "llvm"

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        Raises:
            InternalError: LLVM rejects what was written for it: a bug of ours.
        """
        bounds_checks = config.memory_bound_check_mode == "enable"
        view = ModuleView(info, bounds_checks, not self.fast)
        units = []
        for part in partition(bodies):
            text = unit_text(view, part, self.cpu)
            if self.callbacks.pre_opt_ir is not None:
                self.callbacks.pre_opt_ir(text)
            try:
                data = compile_text(text, self.cpu, self.opt_level, self.callbacks.post_opt_ir)
            except RuntimeError as error:
                first, last = part[0].function_index, part[-1].function_index
                raise InternalError(f"LLVM rejects functions {first} to {last}: {error}") from error
            if self.callbacks.object_buffer is not None:
                self.callbacks.object_buffer(data)
            units.append(read_object(data))
        code, offsets, sites = join(units, [body.function_index for body in bodies])
        return CompiledModule(
            backend=self.name,
            target="x86_64-sysv",
            code=code,
            function_offsets=offsets,
            sites=sites,
            bounds_checks=bounds_checks,
            cpu_features=processor(self.cpu)[2],
            release_gil=config.release_gil,
        )


def partition(bodies: Sequence[Body]) -> list[Sequence[Body]]:
    """Runs of neighbouring functions: linkers put together what belongs together."""
    parts: list[Sequence[Body]] = []
    start = records = 0
    for at, body in enumerate(bodies):
        records += len(body.records) // 16
        if records >= UNIT_RECORDS:
            parts.append(bodies[start : at + 1])
            start = at + 1
            records = 0
    if start < len(bodies):
        parts.append(bodies[start:])
    return parts


def called_from_elsewhere(view: ModuleView, bodies: Sequence[Body]) -> frozenset[int]:
    """Functions that need the machine contract."""
    return view.escaping


def unit_text(view: ModuleView, bodies: Sequence[Body], cpu: str) -> str:
    """The LLVM module of some functions."""
    unit = frozenset(body.function_index for body in bodies)
    internal = unit - view.escaping if len(unit) == view.defined_functions else frozenset[int]()
    translator = FunctionTranslator(view, unit, internal)
    parts = [translator.translate(body) for body in bodies]
    name, features, _ = processor(cpu)
    return "\n".join([*parts, declarations(name, features), *translator.metadata, ""])


def join(units: Sequence[UnitCode], functions: Sequence[int]) -> tuple[bytes, bytes, bytes]:
    """Lay units one behind another: (code, function offsets, sites)."""
    code = bytearray()
    found: dict[str, int] = {}
    sites = bytearray()
    for unit in units:
        code += b"\xcc" * (-len(code) % 64)
        base = len(code)
        code += unit.code
        for place in unit.code_references:
            (value,) = struct.unpack_from("<i", code, base + place)
            struct.pack_into("<i", code, base + place, value - base)
        for name, offset in unit.functions.items():
            found[name] = base + offset
        for offset, kind, wasm_offset in unit.sites:
            sites += struct.pack("<III", base + offset, kind, wasm_offset)
    # a function that LLVM inlined everywhere is gone: nothing lies between its neighbours
    offsets = [len(code)]
    for index in reversed(functions):
        offsets.append(found.get(f"f{index}", offsets[-1]))
    offsets.reverse()
    return bytes(code), struct.pack(f"<{len(offsets)}I", *offsets), bytes(sites)
