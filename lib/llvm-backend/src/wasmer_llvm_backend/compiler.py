"""`LLVMCompiler`: the backend whose code runs fastest, and which compiles slowest.

A module is cut into units of neighbouring functions, each an LLVM module of its own. Inside
one calls are direct; between units they go through the module's table of code addresses, as
in every backend. Small functions are copied to wherever they are called. A small module is
compiled in this process; the units of a larger one in worker processes, on all cores.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial
from typing import Final, NamedTuple, final

from wasmer_llvm_backend.ir.view import ModuleView
from wasmer_llvm_backend.machine.objects import UnitCode
from wasmer_llvm_backend.machine.target import PROCESSORS, processor
from wasmer_llvm_backend.notices import LLVMWarning
from wasmer_llvm_backend.partition import Part, Plan, plan, size_of, unit_text
from wasmer_llvm_backend.unit import Job, Product
from wasmer_llvm_backend.workers import Died, compile_units
from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig, checked_memories
from wasmer_runtime_core.contract.target import TARGET
from wasmer_runtime_core.errors import CompileError, InternalError
from wasmer_runtime_core.implementation_limits import CODE_BYTES, ImplementationLimits
from wasmer_runtime_core.support.notices import Notices, notify
from wasmer_runtime_core.support.printable import printable, shortened
from wasmer_runtime_core.wasm.body.body import Body
from wasmer_runtime_core.wasm.module import ModuleInfo

SMALL_MODULE: Final = 4000
"""A module up to this size (`size_of`) is compiled in this process, in 0.1 to 0.3 seconds; a worker starts in 0.1."""

SMALL_TEXT: Final = 400_000
"""If what LLVM gets of it is no longer than this, in characters; it is 160,000 as a rule."""


class LLVMCallbacks(NamedTuple):
    """Called with what each unit is on its way, in the order of the units; for looking, not for changing.

    What they raise ends the compilation.
    """

    pre_opt_ir: Callable[[str], None] | None = None
    post_opt_ir: Callable[[str], None] | None = None
    object_buffer: Callable[[bytes], None] | None = None


@final
class LLVMCompiler:
    """Hands WebAssembly to LLVM through llvmlite."""

    def __init__(
        self,
        opt_level: int = 1,
        cpu: str = "native",
        fast: bool = False,
        callbacks: LLVMCallbacks | None = None,
        processes: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Choose how to compile.

        `opt_level`: 0 runs no passes of LLVM's; 1 few, and all only over functions whose
        loops may be vectorised; 2 and 3 all, at that level: compilation takes longer and the
        code is hardly faster. `cpu`: ``"native"``, or a level that the code may then rely on:
        ``"x86-64"`` (with SSE4), ``"x86-64-v2"``, ``-v3`` or ``-v4``.

        `fast`: trades exactness of out-of-bounds traps for speed. An access whose value
        nobody uses may be dropped with its trap, one trap may be seen in place of another,
        and after such a trap memory may lack a store from before it, or hold one from
        behind it. Results without a trap are the same.

        `processes`: how many workers at most for modules of more than `SMALL_MODULE`
        operators; None: one per core that this process may use. 0: none. Then, and for
        small modules, LLVM runs in this process: a failed assertion in it ends the program,
        and Ctrl-C waits for the unit at hand. A worker takes 150 to 600 MB.

        `progress` is called with (operators compiled, operators in all), first with 0, then
        after each unit. What it raises ends the compilation.

        Raises:
            ImportError: llvmlite is not installed.
            ValueError: no such level or processor.
        """
        if cpu != "native" and cpu not in PROCESSORS:
            raise ValueError(f"code can be made for native, {', '.join(PROCESSORS)}, not for {cpu!r}")
        if opt_level not in (0, 1, 2, 3):
            raise ValueError(f"LLVM has the optimization levels 0 to 3, not {opt_level!r}")
        import importlib.util

        if importlib.util.find_spec("llvmlite") is None:
            raise ImportError("llvmlite is not installed: pip install llvmlite")
        self.opt_level = opt_level
        self.cpu = cpu
        self.fast = fast
        self.callbacks = callbacks or LLVMCallbacks()
        self.processes = processes
        self.progress = progress

    features: Final = frozenset(("exceptions", "gc"))
    """Of those that not every backend has (core's `features.OF_BACKENDS`)."""

    @property
    def name(self) -> str:
        """``"llvm"``"""
        return "llvm"

    def cache_key(self) -> str | None:
        """What compiled modules depend on besides this backend's version; "": on nothing that was asked for.

        None where somebody wants to see what LLVM makes: then it has to make it.
        """
        if any(callback is not None for callback in self.callbacks):
            return None
        options = (self.opt_level, self.cpu, self.fast)
        return "" if options == (1, "native", False) else "opt_level={} cpu={} fast={}".format(*options)

    def compile(self, info: ModuleInfo, bodies: Sequence[Body], config: CompilerConfig) -> CompiledModule:
        """Machine code of every body, in order.

        However it ends, no worker is left. Warns (`LLVMWarning`) of a function that is
        compiled without optimization for its size, and where workers cannot be started.

        Raises:
            ImplementationLimitError: the code is too large for the module's size.
            Timeout: a deadline of this thread has passed; workers are ended, LLVM in this process is waited for.
            CompileError: a worker process ended in LLVM, or for want of memory; the function
                is named.
            InternalError: LLVM rejects what was written for it: a bug of ours.
        """
        checked = checked_memories(info, config)
        limits = ImplementationLimits(config.implementation_limits)
        how = plan(ModuleView(info, checked, not self.fast), bodies, self.opt_level, limits)
        parts = how.parts
        products: list[Product | None] = [None] * len(parts)
        total = sum(part.records for part in parts)
        done = shown = 0
        notices = Notices(LLVMWarning)
        for body in bodies:
            if body.function_index in how.excesses:
                excess = how.excesses[body.function_index]
                notices.tell(f"{named(info, body)} has {excess}: it is compiled without optimization")
        self._tell(0, total)
        with closing(self._answers(how)) as answers:
            for at, answer in answers:
                part = parts[at]
                if isinstance(answer, Died) or answer.rejected:
                    raise self._culprit(info, how, part, answer)
                products[at] = answer
                while shown < len(parts) and (product := products[shown]) is not None:
                    self._show(product)
                    shown += 1
                done += part.records
                self._tell(done, total)
        units = [product.code for product in products if product is not None]
        code, offsets, sites, inlined, saved, handlers = join(units, bodies)
        limits.check(CODE_BYTES, len(code), module_bytes=sum(body.size for body in bodies))
        return CompiledModule(
            backend=self.name,
            target=TARGET,
            code=code,
            function_offsets=offsets,
            sites=sites,
            checked_memories=checked,
            cpu_features=processor(self.cpu)[2],
            release_gil=config.release_gil,
            inlined=inlined,
            handlers=handlers,
            saved=saved,
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """What `show` can show: LLVM's text before its passes, and after them."""
        return ("ir", "opt")

    def show(self, stage: str, info: ModuleInfo, body: Body, config: CompilerConfig) -> str:
        """One body as LLVM's text, compiled by itself: what ``dump --stage=ir`` prints.

        Args:
            stage: one of `stages`.

        Raises:
            As `compile`.
        """
        texts: list[str] = []
        callbacks = LLVMCallbacks(pre_opt_ir=texts.append) if stage == "ir" else LLVMCallbacks(post_opt_ir=texts.append)
        LLVMCompiler(self.opt_level, self.cpu, self.fast, callbacks, processes=0).compile(info, [body], config)
        pattern = rf"^define [^\n]*@f{body.function_index}\(.*?^}}$"
        return "\n".join(found[0] for found in re.finditer(pattern, texts[0], re.MULTILINE | re.DOTALL))

    def _answers(self, how: Plan) -> Generator[tuple[int, Product | Died]]:
        jobs: list[Callable[[], Job]] = [partial(self._job, how, part) for part in how.parts]
        workers = self._workers(how.parts)
        if not workers:
            made = [job() for job in jobs]
            jobs = [partial(_same, job) for job in made]
            if sum(len(job.text) for job in made) > SMALL_TEXT:
                workers = self._most_workers()
        return compile_units(jobs, workers, self._unable)

    def _workers(self, parts: Sequence[Part]) -> int:
        """How many workers may compile these; 0: this process does."""
        if sum(size_of(body) for part in parts for body in part.bodies) <= SMALL_MODULE:
            return 0
        return self._most_workers()

    def _most_workers(self) -> int:
        return len(os.sched_getaffinity(0)) if self.processes is None else self.processes

    def _unable(self, reason: str) -> None:
        reason = f"LLVM runs in this process, on one core, since no worker process can be started ({reason})"
        notify(reason, LLVMWarning)

    def _tell(self, done: int, total: int) -> None:
        if self.progress is not None:
            self.progress(done, total)

    def _job(self, how: Plan, part: Part, show: bool = True) -> Job:
        text = unit_text(how, part, self.cpu)
        callbacks = self.callbacks
        if show and callbacks.pre_opt_ir is not None:
            callbacks.pre_opt_ir(text)
        keep_ir, keep_object = callbacks.post_opt_ir is not None, callbacks.object_buffer is not None
        return Job(text, self.cpu, part.opt_level, part.whole, keep_ir, keep_object)

    def _show(self, product: Product) -> None:
        if self.callbacks.post_opt_ir is not None:
            self.callbacks.post_opt_ir(product.post_opt_ir)
        if self.callbacks.object_buffer is not None:
            self.callbacks.object_buffer(product.object_buffer)

    def _culprit(self, info: ModuleInfo, how: Plan, part: Part, answer: Product | Died) -> Exception:
        """Find the function that LLVM rejects or does not survive, by halves.

        Not for want of memory: trying again could cost others theirs.
        """
        processes = 1 if isinstance(answer, Died) else min(1, self._workers([part]))
        how = how._replace(reachable=how.view.everything)
        while len(part.bodies) > 1 and not (isinstance(answer, Died) and answer.killed):
            middle = len(part.bodies) // 2
            halves = [part._replace(bodies=half) for half in (part.bodies[:middle], part.bodies[middle:])]
            jobs = [partial(self._job, how, half, False) for half in halves]
            with closing(compile_units(jobs, processes, self._unable)) as answers:
                for at, given in answers:
                    if isinstance(given, Died) or given.rejected:
                        part, answer = halves[at], given
                        break
                else:
                    break
        what = named(info, part.bodies[0])
        if len(part.bodies) > 1:
            what += f" to {named(info, part.bodies[-1])}"
        if isinstance(answer, Product):
            return InternalError(f"LLVM rejects {what}: {answer.rejected}")
        if answer.killed:
            return CompileError(f"LLVM's process was killed while it compiled {what} (signal 9: out of memory?)")
        return CompileError(f"LLVM gave up on {what}: {last_words(answer)}")


def _same(job: Job) -> Job:
    """A job that was made before it was asked for."""
    return job


def named(info: ModuleInfo, body: Body) -> str:
    """A function for a message: ``function 7 (name) at byte 0x2a``."""
    name = info.function_names.get(body.function_index)
    called = f" ({printable(shortened(name))})" if name else ""
    return f"function {body.function_index}{called} at byte {body.offset:#x}"


def last_words(died: Died) -> str:
    """Why a worker ended: what LLVM said, and not what the end of the process made of it."""
    lines = died.message.splitlines() or [f"its process ended with status {died.status}"]
    return printable(next((line for line in reversed(lines) if "LLVM ERROR" in line or "Assertion" in line), lines[-1]))


def join(units: Sequence[UnitCode], bodies: Sequence[Body]) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    """Lay units one behind another: (code, function offsets, sites, inlined calls, saved registers, handlers)."""
    code = bytearray()
    found: dict[str, int] = {}
    sites: list[bytes] = []
    inlined: list[bytes] = []
    saved: dict[int, int] = {}
    handlers: list[bytes] = []
    row = struct.Struct("<III").pack
    inlined_row = struct.Struct("<5I").pack
    for unit in units:
        code += b"\xcc" * (-len(code) % 64)
        base = len(code)
        code += unit.code
        for place in unit.code_references:
            (value,) = struct.unpack_from("<i", code, base + place)
            struct.pack_into("<i", code, base + place, value - base)
        for name, offset in unit.functions.items():
            found[name] = base + offset
            saved[base + offset] = unit.saved.get(offset, 0)
        sites += [row(base + offset, kind, wasm_offset) for offset, kind, wasm_offset in unit.sites]
        handlers += [row(base + start, base + end, base + landing) for start, end, landing in unit.landings]
        inlined += [inlined_row(base + start, base + end, *rest) for start, end, *rest in unit.inlined]
    # a function that LLVM inlined everywhere is gone: nothing lies between its neighbours
    offsets = [len(code)]
    for body in reversed(bodies):
        offsets.append(found.get(f"f{body.function_index}", offsets[-1]))
    offsets.reverse()
    saves = bytes([saved.get(offset, 0) for offset in offsets[:-1]])
    return (
        bytes(code),
        struct.pack(f"<{len(offsets)}I", *offsets),
        b"".join(sites),
        b"".join(inlined),
        saves,
        b"".join(handlers),
    )
