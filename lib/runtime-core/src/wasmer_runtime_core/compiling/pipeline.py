"""From bytes or text to a `Module`: the passes, in order.

Each pass is a function over one `Compilation`, says what it needs and what it leaves, and
can be the last: `run` stops where it is told to. That is all `validate` is, and how the
command line shows a module between any two stops.

==========  ================================  ===================================================
pass        needs                             leaves
==========  ================================  ===================================================
read        `source`: bytes, str or a path    `binary`: the module in the binary format
decode      `binary`                          `decoded`, `info`: what the module declares
validate    `decoded`                         `bodies`: one checked `Body` a function
middleware  `info`, `bodies`                  `bodies`, as the middlewares rewrote them
canonical   `bodies`                          `bodies` whose NaNs are canonical, if that is asked for
compile     `info`, `bodies`                  `compiled`: machine code, plain data
==========  ================================  ===================================================

A module is text when it does not begin with ``\\0asm``. A `str` is always text, never a
path; paths are `os.PathLike`.
"""

from __future__ import annotations

import os

from wasmer_runtime_core.contract.backend import checked_config
from wasmer_runtime_core.errors import CompileError, DecodeError, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.implementation_limits import DEFAULT_LIMITS, MODULE_BYTES, ImplementationLimits
from wasmer_runtime_core.native.address_space import can_reserve
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final, TypeAlias, cast
from wasmer_runtime_core.support.handlers import raised_by_a_handler
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmer_runtime_core.contract.backend import CompiledModule, CompilerConfig
    from wasmer_runtime_core.contract.compiler import Compiler, CompilesInParts, LazyFunctions
    from wasmer_runtime_core.wasm.binary.decode import DecodedModule
    from wasmer_runtime_core.wasm.body.body import Body
    from wasmer_runtime_core.wasm.module import ModuleInfo

Source: TypeAlias = "bytes | bytearray | memoryview | str | os.PathLike[str]"

MAGIC: Final = b"\0asm"


class Compilation:
    """One module on its way; see the table above."""

    def __init__(
        self,
        source: Source,
        compiler: Compiler | None = None,
        config: CompilerConfig | None = None,
        lazy: bool = False,
    ) -> None:
        self.source = source
        self.compiler = compiler
        self.config = checked_config(config)
        self.limits = ImplementationLimits(self.config.implementation_limits)
        self.switched_off: frozenset[str] = frozenset()
        if self.config.features:
            from wasmer_runtime_core.features import switched_off

            self.switched_off = switched_off(self.config.features)
        self.binary = b""
        self.decoded: DecodedModule
        self.info: ModuleInfo
        self.bodies: Sequence[Body] = ()
        self.compiled: CompiledModule
        # With `lazy` bodies are made when they are asked for, if the backend compiles in parts; then the last pass
        # leaves `functions`, and not `compiled`.
        self.is_lazy: Final = lazy and hasattr(compiler, "in_parts")
        self.functions: LazyFunctions | None = None


def read(compilation: Compilation) -> None:
    """source -> binary: read a file, translate text."""
    compilation.binary = read_module(compilation.source, compilation.limits)


def decode(compilation: Compilation) -> None:
    """binary -> decoded, info."""
    from wasmer_runtime_core.wasm.binary.decode import decode_module

    compilation.decoded = decode_module(compilation.binary, compilation.limits)
    compilation.info = compilation.decoded.info


def validate_bodies(compilation: Compilation) -> None:
    """decoded -> bodies: the module is checked, every function typed and flattened."""
    from wasmer_runtime_core.wasm.validation.validate import validate_module

    bodies: Sequence[Body] = validate_module(compilation.decoded, compilation.switched_off, not compilation.is_lazy)
    if compilation.is_lazy:
        from wasmer_runtime_core.compiling.lazy import BodiesAgain

        bodies = cast("Sequence[Body]", BodiesAgain(compilation.decoded))
    compilation.bodies = bodies


def apply_middlewares(compilation: Compilation) -> None:
    """bodies -> bodies: each of the configuration's middlewares in its order, ``m(info, bodies) -> bodies``."""
    for middleware in compilation.config.middlewares:
        apply = cast("Callable[[Any, Sequence[Body]], Sequence[Body]]", middleware)
        compilation.bodies = apply(compilation.info, compilation.bodies)


def make_nans_canonical(compilation: Compilation) -> None:
    """bodies -> bodies: with `deterministic`, arithmetic of the module and of middlewares makes no NaN but one."""
    if compilation.config.deterministic:
        from wasmer_runtime_core.compiling.canonical_nans import with_canonical_nans
        from wasmer_runtime_core.compiling.middleware.rebuild import with_records

        def rewritten(body: Body) -> Body:
            return with_records(body, with_canonical_nans(body.records))

        if compilation.is_lazy:
            from wasmer_runtime_core.compiling.lazy import Rewritten

            compilation.bodies = cast("Sequence[Body]", Rewritten(compilation.bodies, rewritten))
        else:
            compilation.bodies = [rewritten(body) for body in compilation.bodies]


def compile_bodies(compilation: Compilation) -> None:
    """bodies -> compiled, by the backend; of a lazy compilation functions."""
    if compilation.compiler is None:
        raise CompileError("no backend was chosen for this compilation")
    if compilation.decoded.needed:
        from wasmer_runtime_core.features import check_backend

        check_backend(
            compilation.decoded.needed, compilation.compiler.name, getattr(compilation.compiler, "features", ())
        )
    config = compilation.config
    if config.memory_bound_check_mode == "default" and compilation.info.memories and not can_reserve():
        config = config._replace(memory_bound_check_mode="enable")
    if compilation.is_lazy:
        from wasmer_runtime_core.compiling.lazy import LazilyCompiled

        compiler = cast("CompilesInParts", compilation.compiler)
        body_bytes = sum([end - start for start, end in compilation.decoded.code])
        compilation.functions = LazilyCompiled(compilation.info, compilation.bodies, body_bytes, compiler, config)
        return
    compilation.compiled = compilation.compiler.compile(compilation.info, compilation.bodies, config)


class Pass(NamedTuple):
    name: str
    run: Callable[[Compilation], None]


PASSES: Final = (
    Pass("read", read),
    Pass("decode", decode),
    Pass("validate", validate_bodies),
    Pass("middleware", apply_middlewares),
    Pass("canonical", make_nans_canonical),
    Pass("compile", compile_bodies),
)


def run(compilation: Compilation, until: str = "compile") -> Compilation:
    """Run the passes up to and with `until`. Returns its argument.

    Threads may run passes at once, over a compilation each: all that a pass writes hangs on its
    `Compilation`. What compilations share (rules, tables of operators and instruction forms) is not
    written after it was imported; what is worked out later is stored once, whole, and is the same
    whoever stores it.
    """
    try:
        for step in PASSES:
            step.run(compilation)
            if step.name == until:
                break
    except (ValidationError, UnsupportedFeatureError) as error:
        raise located(error, compilation.source, compilation.binary, compilation.limits) from None
    return compilation


def located(
    error: ValidationError | UnsupportedFeatureError,
    source: Source,
    binary: bytes,
    limits: ImplementationLimits = DEFAULT_LIMITS,
) -> ValidationError | UnsupportedFeatureError:
    """An error about a module, with its function's name, and line and column if it was a text.

    Args:
        error: what was raised for `binary`.
        source: what was given.
        binary: what it is, or became.
        limits: what it was decoded under.
    """
    fault = error.without if isinstance(error, UnsupportedFeatureError) else error
    if fault.offset is None or fault.line is not None:
        return error
    from wasmer_runtime_core.wasm.binary.decode import decode_module

    try:
        decoded = decode_module(binary, limits)
    except CompileError:  # the error is of decoding
        return error
    name = position = None
    if error.function is not None:
        info = decoded.info
        name = info.function_names.get(error.function) or info.linked_names.get(error.function)
    text = _text_again(source, binary)
    if text is not None:
        from wasmer_runtime_core.wasm.text.locating import locate

        position = locate(text, decoded, fault.offset)
    fault = fault.located(name or "", position)
    return error.over(fault) if isinstance(error, UnsupportedFeatureError) else cast("ValidationError", fault)


def _text_again(source: Source, binary: bytes) -> str | bytes | None:
    """The text that a binary module was made of; None: it was none, or is not there any more."""
    if isinstance(source, os.PathLike):
        if not os.path.isfile(source):  # a pipe has been read
            return None
        source = file_contents(source)
    text = source if isinstance(source, str) else bytes(source)
    if isinstance(text, bytes) and text[:4] == MAGIC:
        return None
    from wasmer_runtime_core.wasm.text import parse_module

    return text if parse_module(text) == binary else None


def read_module(source: Source, limits: ImplementationLimits = DEFAULT_LIMITS) -> bytes:
    """A module in the binary format, from bytes or any buffer (binary or text), text, or a file of either.

    Raises:
        DecodeError: text with a mistake in it, or bytes that are neither.
        UnsupportedFeatureError: text that uses a feature that is not here.
        ImplementationLimitError: more bytes than a module may have; of a file no more than that are read.
        OSError: the file cannot be read.
        TypeError: none of these forms.
    """
    if isinstance(source, str):
        try:
            return _assemble(source, limits)
        except DecodeError as error:
            if not _looks_like_a_file_name(source):
                raise
            hint = "; this looks like a file name, and a str is a module's text: for a file pass a pathlib.Path"
            raise DecodeError(error.reason + hint, None, error.line, error.column) from None
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, os.PathLike):
        data = file_contents(source, limits)
    else:
        try:
            view = memoryview(source)
        except TypeError as failure:
            if raised_by_a_handler(failure):
                raise
            raise TypeError(f"a module is bytes, text or a path, not {type(source).__name__}") from None
        limits.check(MODULE_BYTES, view.nbytes, 0)
        data = bytes(view)
    limits.check(MODULE_BYTES, len(data), 0)
    if data[:4] == MAGIC or is_truncated_binary(data):
        return data
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise DecodeError("magic header not detected", 0) from None
    if "\0" in text:
        raise DecodeError("magic header not detected", 0)
    return _assemble(text, limits)


def _looks_like_a_file_name(text: str) -> bool:
    """Of a text that is no module: one line, and no field, or how the name of a module's file ends."""
    return len(text.splitlines()) == 1 and ("(" not in text or text.endswith((".wasm", ".wat", ".wast")))


def is_truncated_binary(data: bytes) -> bool:
    """Whether these are the first bytes of a binary module, cut before the end of its magic number."""
    return len(data) < 4 and MAGIC.startswith(data)


def file_contents(path: os.PathLike[Any], limits: ImplementationLimits = DEFAULT_LIMITS) -> bytes:
    """What a file holds, or one byte more than a module may have. No more is asked for at once than is there, for so
    much is reserved.

    Raises:
        OSError: it cannot be read.
    """
    most = limits.most(MODULE_BYTES) + 1
    data = b""
    with open(path, "rb") as file:
        asked = os.fstat(file.fileno()).st_size + 1
        while more := file.read(min(asked, most - len(data))):
            data += more
            asked = max(len(data), 1 << 16)  # a pipe, or a file that grows
    return data


def _assemble(text: str, limits: ImplementationLimits) -> bytes:
    from wasmer_runtime_core.wasm.text import parse_module

    limits.check(MODULE_BYTES, len(text))
    return parse_module(text)


def validate_and_report_errors(source: Source) -> None:
    """Decode and check a module; nothing is compiled.

    Raises:
        DecodeError: malformed.
        ValidationError: not valid.
        UnsupportedFeatureError: uses a feature that is not here, or is switched off.
        ImplementationLimitError: larger than a module may be.
    """
    run(Compilation(source), until="validate")


def validate(source: Source) -> bool:
    """Whether a module is well formed and valid, as far as its features are here.

    Raises:
        Error: it cannot be told: the module is beyond a limit of this implementation, or a bug of ours was met.
        OSError: the file cannot be read.
    """
    try:
        validate_and_report_errors(source)
    except (DecodeError, ValidationError, UnsupportedFeatureError):
        return False
    return True
