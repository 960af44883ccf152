"""The contract between the core and a backend: `[Body]` in, `CompiledModule` out.

A backend is an object with a `name` and a `compile` method, found through the entry point
group ``wasmer.backends``. It gets the whole module at once and returns plain data: no
addresses, no callbacks, nothing that ties the result to this process. So a compiled
module can be pickled, cached, sent to another process or mapped from a file.

The code of all functions lies in one piece. In front of it, once it is published, lies the table
of code addresses: one 8-byte entry per function the module defines, then one for
each row of `helpers.VMCALLS`; in front of them, with negative numbers, `helpers.ROUTINES`. Entry ``n`` is at
``-8 * (entries - n)`` from the first byte of the code, where `entries` counts functions and helpers,
so ``call [rip + …]`` needs no relocation. The table is writable, the code is not.

An exception comes back to a frame with the registers that the call would have preserved. For that,
a function that calls saves those that it writes right below the caller's rbp, in one of two
orders, and `CompiledModule.saved` tells which.
"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final
from wasmer_runtime_core.support.named_tuple import NamedTuple
from wasmer_runtime_core.wasm.types import I32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmer_runtime_core.wasm.module import ModuleInfo


BOUND_CHECK_MODES: Final = ("default", "enable", "disable")


class _Settings(NamedTuple):
    """The fields of a `CompilerConfig`."""

    memory_bound_check_mode: str = "default"
    """``"default"``: guard pages where 8 GiB of address space can be reserved for a memory when
    the module is compiled (`address_space`), else as ``"enable"``: compare before every access,
    which needs no reservation; ``"disable"``: guard pages or an error. Compiled code is of one
    kind: where its guard pages cannot be had later, the module must be compiled again."""
    release_gil: bool = False
    middlewares: tuple[object, ...] = ()
    backend_specific_config: object = None
    implementation_limits: Mapping[str, int] = {}
    """By name of a row of `implementation_limits.LIMITS`: how much a module may have instead."""
    features: Mapping[str, bool] = {}
    """By name of a row of `features.FEATURES`: whether a module may use it. All that are here are on."""
    deterministic: bool = False
    """Results are the same to the bit on every backend and processor: each NaN that arithmetic makes is the canonical
    one (the deterministic profile of WebAssembly 3.0; docs/deterministic.md says what can differ all the same)."""


class CompilerConfig(_Settings):
    """How to compile. Part of what identifies a cached artifact.

    Raises:
        ValueError: no mode, limit or feature is called that, a limit is beyond its ceiling, or a feature is not here.
        TypeError: a middleware that cannot be called.
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # checkers know how a named tuple is made

        def __new__(cls, *values, **named):
            config = super().__new__(cls, *values, **named)
            config._check()
            return config

        def _replace(self, /, **named):
            config = super()._replace(**named)
            config._check()
            return config

        __replace__ = _replace

    def _check(self) -> None:
        """See now that the configuration says what can be done, and not when something is compiled."""
        if self.memory_bound_check_mode not in BOUND_CHECK_MODES:
            modes = ", ".join(map(repr, BOUND_CHECK_MODES))
            raise ValueError(f"memory_bound_check_mode is one of {modes}, not {self.memory_bound_check_mode!r}")
        for middleware in self.middlewares:
            if not callable(middleware):
                raise TypeError(f"a middleware is called with a module and its bodies; {middleware!r} cannot be called")
        if self.implementation_limits:
            from wasmer_runtime_core.implementation_limits import ImplementationLimits

            ImplementationLimits(self.implementation_limits)
        if self.features:
            from wasmer_runtime_core.features import switched_off

            switched_off(self.features)


def checked_config(config: CompilerConfig | None) -> CompilerConfig:
    """The configuration that a user gave, or what holds without one.

    Raises:
        TypeError: it is something else.
    """
    if config is None:
        return CompilerConfig()
    if not isinstance(config, CompilerConfig):
        raise TypeError(
            f"a configuration is a CompilerConfig, such as CompilerConfig(deterministic=True); this is {config!r:.100}"
        )
    return config


class CompiledModule(NamedTuple):
    """Machine code and its tables. Pure data."""

    backend: str
    target: str  # `target.TARGET`
    code: bytes
    function_offsets: bytes
    """u32 for each defined function, and one more for the end: offset of its code."""
    sites: bytes
    """Rows of three u32 (code offset, kind, wasm offset), ascending: what trap code at this
    pc means (`traps`), or which call returns here (`CALL_SITE`). The kind's word holds
    the kind in bits 0-7, `SITE_RANGE`, `SITE_FRAMELESS` and is otherwise zero."""
    relocations: bytes = b""
    """Rows of (u32 code offset, u32 kind, i32 symbol, i32 addend) left for the linker.
    Empty for backends that use only the table of code addresses."""
    checked_memories: tuple[int, ...] = ()
    """The memories, by index, of which accesses are compared with the length; the others need a reservation."""
    cpu_features: tuple[str, ...] = ()
    """What the code needs of the processor, by name of a row of `target.PROCESSOR_FEATURES`: "sse4.1", "avx", …"""
    release_gil: bool = False
    inlined: bytes = b""
    """Rows of five u32 (start, end, function index, wasm offset of the call, up), ascending by
    start, outer before inner: code in [start, end) came of a call that was inlined, and a
    backtrace shows a frame for it. Ranges are nested or apart; `up` says how many rows before lies the
    row of the call around this one, 0: the call is of the function whose code it became part of."""
    handlers: bytes = b""
    """Rows of three u32 (start, end, landing; code offsets), ascending and apart: where code goes on if an exception
    of WebAssembly leaves a call in [start, end). Registers that callees preserve are there as behind the call."""
    saved: bytes = b""
    """One byte for each defined function (`convention.saved_byte`): which registers that callees preserve it saves,
    below the caller's rbp. Of functions that make no calls it does not matter. Empty: none saves any."""


def checked_memories(info: ModuleInfo, config: CompilerConfig, guarded: int | None = None) -> tuple[int, ...]:
    """The memories of a module whose accesses code has to compare with the length (`CompiledModule.checked_memories`).

    Guard pages find what lies beyond the others: never what a 64-bit index can reach.

    Args:
        guarded: so many memories, the first ones, a backend leaves to guard pages; None: any number.
    """
    enabled = config.memory_bound_check_mode == "enable"
    return tuple(
        [
            number
            for number, memory in enumerate(info.memories)
            if enabled or memory.index_type != I32 or (guarded is not None and number >= guarded)
        ]
    )


def __getattr__(name: str) -> object:
    """`Compiler`, which was here: a protocol takes `typing`, and is loaded when it is asked for."""
    if name.startswith("__"):  # asked by every import
        raise AttributeError(name)
    from wasmer_runtime_core.former_names import former_member

    return former_member(__name__, name)
