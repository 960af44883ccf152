"""LLVM, ready for use: which processor it makes code for, and the options it is given.

Code is position independent and in the small model, because it is laid out beside its
constants and loaded anywhere. LLVM is loaded when something is first compiled: it takes a
tenth of a second.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from os import register_at_fork
from typing import Any, Final

from wasmer_runtime_core.contract.target import PROCESSOR_FEATURES, of_level

PROCESSORS: Final = {
    "x86-64": of_level(2),  # without these LLVM would call a C library
    "x86-64-v2": of_level(2),
    "x86-64-v3": of_level(3),
    "x86-64-v4": of_level(4),
}
"""The levels of the x86-64 supplement -> what their code may need."""

LLVM_NAMES: Final = {name: llvm for name, _, _, llvm in PROCESSOR_FEATURES}
NAMES: Final = {llvm: name for name, llvm in LLVM_NAMES.items()}
"""The features that ordinary code is made of, by LLVM's name; others need not be asked for."""

NOT_USED: Final = frozenset(("egpr", "ndd", "nf", "ppx", "push2pop2", "zu"))
"""Features (APX) that are not asked for: `prologue` reads how LLVM makes frames without them."""

OPTIONS: Final = {
    "indvars-widen-indvars": ("false", "true"),
    "x86-cmov-converter": ("false", "true"),
    "experimental-debug-variable-locations": ("false", "true"),
    "no-x86-call-frame-opt": ("true", "false"),
}
"""Options of the process, not of a module -> (as they are while we compile, as LLVM has them).

*Induction variables* keep their 32 bits: LLVM would widen them and then mask every address,
since a wasm address wraps; left alone they become plain pointers (memory streams 1.6 times as
fast, and 4 times where they are vectorised). A *conditional move* stays one: LLVM would guess
which are predictable and make branches of those, and it guesses wrong (heap_sort takes twice
as long); worse, a load that was one operand of it would be skipped, and its trap with it. The
*locations of variables*, of which we have none, are searched for in the cheaper of two ways. *Arguments* that go
to the stack are stored in room that the frame has for them, not pushed: so the frame is all that a function takes.
"""

_lock = threading.RLock()


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
    register_at_fork(after_in_child=partial(_begin_anew, binding))
    return binding


def _begin_anew(binding: Any) -> None:
    """In a forked child: the locks, ours and llvmlite's, that other threads had when they compiled are nobody's now."""
    theirs = getattr(getattr(binding.ffi.lib, "_lock", None), "_lock", None)
    locks: tuple[Any, ...] = (_lock, theirs)
    for lock in locks:
        if lock is not None and not lock._is_owned():
            lock._at_fork_reinit()
    target_machine.cache_clear()


@contextmanager
def our_options() -> Iterator[None]:
    """LLVM's options as we want them; other users of LLVM in this process find their own again."""
    binding = llvm()
    with _lock:
        try:
            for option, (value, _) in OPTIONS.items():
                binding.set_option("wasmer", f"-{option}={value}")
            yield
        finally:
            for option, (_, value) in OPTIONS.items():
                binding.set_option("wasmer", f"-{option}={value}")


@cache
def processor(name: str) -> tuple[str, str, tuple[str, ...]]:
    """(LLVM's name of the processor, its feature string, features that the code may need by our names)."""
    binding = llvm()
    if name != "native":
        needed = PROCESSORS[name]
        return name, ",".join("+" + LLVM_NAMES[feature] for feature in needed), needed
    host = binding.get_host_cpu_features()
    host.update(dict.fromkeys(host.keys() & NOT_USED, False))
    needed = tuple(NAMES[feature] for feature, there in host.items() if there and feature in NAMES)
    return binding.get_host_cpu_name(), host.flatten(), needed


@cache
def target_machine(cpu: str, opt_level: int) -> Any:
    """A target machine; kept, since making one is slow."""
    name, features, _ = processor(cpu)
    target = llvm().Target.from_default_triple()
    return target.create_target_machine(cpu=name, features=features, opt=opt_level, reloc="pic", codemodel="small")
