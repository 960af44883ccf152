"""What a fault becomes: the exception, with the WebAssembly functions that ran.

The C part gives for each frame what it can know without looking anything up: the label of
the code (the `ModuleInfo`), the function's index and the operator's offset in the module.
Names are found here. When an exception passes through several entries into WebAssembly (a
host function called back in), each entry adds its own frames: a trap's list grows, as that
of any other `Traced`; the rest get a note.
"""

from __future__ import annotations

from wasmer_runtime_core import errors
from wasmer_runtime_core.contract.traps import BY_NUMBER
from wasmer_runtime_core.support.annotations import Final
from wasmer_runtime_core.wasm.module import ModuleInfo

RawFrame = tuple[ModuleInfo | None, int, int]

MOST_NOTES: Final = 16
"""An exception object that is raised again and again does not collect more notes than this."""


def function_name(info: ModuleInfo | None, index: int) -> str:
    """Name of a function: from the name section, else its first export, else its import, else ""."""
    if not isinstance(info, ModuleInfo):
        return ""
    name = info.function_names.get(index)
    return info.linked_names.get(index, "") if name is None else name


def frames(raw: tuple[RawFrame, ...], sources: bool = True) -> tuple[errors.Frame, ...]:
    """The frames of a backtrace, innermost first; `sources`: with the lines that debug information has."""
    from wasmer_runtime_core.wasm.debug.symbols import demangle

    found = []
    for info, index, offset in raw:
        module = getattr(info, "module_name", None) or ""
        source = ""
        if sources and isinstance(info, ModuleInfo):
            *inlined, (_, source) = info.source_lines.frames(offset)
            for function, place in inlined:
                found.append(errors.Frame(index, demangle(function), offset, module, place, True))
        found.append(errors.Frame(index, demangle(function_name(info, index)), offset, module, source))
    return tuple(found)


def make_trap(kind: int, raw: tuple[RawFrame, ...], detail: str | None) -> BaseException:
    """The exception for a trap; for kind 0, a fault that the code's tables do not list, FaultError."""
    row = BY_NUMBER.get(kind)
    if row is None:
        where = "".join(f"\n  in {frame}" for frame in frames(raw))
        return errors.FaultError(f"{detail}{where}")
    class_ = errors.ExecutionLimitExceeded if row.name == "EXECUTION_LIMIT_EXCEEDED" else errors.Trap
    trap = class_(row.message, row.name, row.group)
    trap.add_frames(lambda: frames(raw))
    return trap


def annotate(exception: BaseException, raw: tuple[RawFrame, ...]) -> None:
    """Say which WebAssembly functions an exception passed through."""
    if isinstance(exception, errors.Traced):
        exception.add_frames(lambda: frames(raw))
        return
    note = "WebAssembly functions that ran:" + "".join(f"\n  {frame}" for frame in frames(raw, sources=False))
    notes = getattr(exception, "__notes__", None)
    if notes is None or (len(notes) < MOST_NOTES and note not in notes):
        exception.add_note(note)
