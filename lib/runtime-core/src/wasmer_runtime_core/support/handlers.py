"""Signal handlers: was it one of them that raised an exception?"""

from __future__ import annotations

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, final

if TYPE_CHECKING:
    from collections.abc import Callable


@final
class Handler:
    """Stands before a signal's handler, and leaves its frame in the tracebacks of what that raises."""

    __slots__ = ("handler",)

    def __init__(self, handler: Callable[[int, Any], Any]) -> None:
        self.handler = handler

    def __call__(self, number: int, frame: Any) -> Any:
        return self.handler(number, frame)


_CALLING: Final = Handler.__call__.__code__


def raised_by_a_handler(failure: BaseException) -> bool:
    """Whether a signal's handler has raised an exception, which Python lets it do between any two steps.

    For who turns exceptions into something else: what a handler raised is meant for whoever made the call, even if the
    steps themselves raise exceptions of its kind. A handler that was set since `running.interrupts` was imported is
    known by the `Handler` before it; another one by the frame that it is given, which is the one that it was called
    from.
    """
    traceback = failure.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        traceback = traceback.tb_next
        if frame.f_code is _CALLING:
            return True
        name = frame.f_globals.get("__name__")
        if name in _OUR_MODULES:
            continue
        if str(name).partition(".")[0] in _OURS:
            _OUR_MODULES.add(name)
            continue
        caller = frame.f_back
        if caller is None:
            continue
        for value in frame.f_locals.values():
            if any(each is caller for each in (value if type(value) is tuple else (value,))):
                return True
    return False


_OURS: Final = frozenset(
    (
        "wasmer_runtime_core",
        "wasmer_singlepass_backend",
        "wasmer_clif_backend",
        "wasmer_llvm_backend",
        "wasmer_vfs",
        "wasmer_wasi",
        "wasmer_emscripten",
        "wasmer_go",
        "wasmer_blazor",
        "wasmer_runtime",
    )
)
"""Packages whose frames are passed over: a traceback has many of them, and they are no handlers."""
_OUR_MODULES: Final[set[Any]] = set()
"""Their modules, as far as they were met."""
