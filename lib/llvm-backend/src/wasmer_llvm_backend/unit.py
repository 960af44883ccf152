"""One unit: LLVM's text in, plain code out. What a worker process does, and the caller itself for small modules."""

from __future__ import annotations

from typing import NamedTuple

from wasmer_llvm_backend.machine.objects import UncheckedFrame, UnitCode, read_object
from wasmer_llvm_backend.machine.optimize import compile_text
from wasmer_llvm_backend.machine.prologue import CHECKED, UNCHECKED
from wasmer_runtime_core.errors import InternalError
from wasmer_runtime_core.support.handlers import raised_by_a_handler


class Job(NamedTuple):
    """What to compile and how."""

    text: str
    cpu: str
    opt_level: int
    whole: bool = False
    keep_ir: bool = False
    keep_object: bool = False


class Product(NamedTuple):
    """What came of it. `rejected`: LLVM's words if it did not accept the text, else empty."""

    code: UnitCode
    post_opt_ir: str = ""
    object_buffer: bytes = b""
    rejected: str = ""


def compile_unit(job: Job) -> Product:
    """Compile; what LLVM says against the text is part of the answer, so that it can come from another process."""
    kept: list[str] = []
    try:
        data = compile_text(job.text, job.cpu, job.opt_level, job.whole, kept.append if job.keep_ir else None)
    except RuntimeError as error:
        if raised_by_a_handler(error):
            raise
        return Product(UnitCode(b"", {}, [], [], [], {}, []), rejected=str(error) or "no reason given")
    try:
        code = read_object(data)
    except UncheckedFrame as error:
        text = job.text.replace(UNCHECKED + "!", CHECKED + "!")
        if text == job.text:
            raise InternalError(f"{error}, although all functions check the stack") from None
        return compile_unit(job._replace(text=text))
    return Product(code, "".join(kept), data if job.keep_object else b"")
