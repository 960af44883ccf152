"""Which backends there are, and how one is found.

The three of this project are rows of a table and are imported by name, because asking the
packaging metadata for entry points costs more than compiling a small module. Only a name
the table does not know is looked up there, in the group ``wasmer.backends``: an installed
package that declares ::

    [project.entry-points."wasmer.backends"]
    mine = "my_package:MyCompiler"

can be used as ``compile(wasm, backend="mine")`` without a change here. What an entry point
names is called without arguments and returns a `backend.Compiler`.
"""

from __future__ import annotations

from wasmer_runtime_core.errors import BackendError, CompileError
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Final, cast
from wasmer_runtime_core.support.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wasmer_runtime_core.contract.compiler import Compiler

    class Member(Protocol):
        """A member of `backend_names.Backend`."""

        @property
        def value(self) -> str: ...


ENTRY_POINT_GROUP: Final = "wasmer.backends"

DEFAULT: Final = "singlepass"
"""Who compiles where nobody is named."""
AUTO: Final = "auto"
"""The first of `PREFERRED` that can be used here; for a module beyond `LARGE_MODULE_BYTES` singlepass, which compiles
fastest."""


class Row(NamedTuple):
    name: str
    package: str
    compiler: str
    distribution: str


# fmt: off
BACKENDS: Final = (
    Row("singlepass", "wasmer_singlepass_backend", "SinglepassCompiler", "wasmer-singlepass-backend"),
    Row("cranelift",  "wasmer_clif_backend",       "CraneliftCompiler",  "wasmer-clif-backend"),
    Row("llvm",       "wasmer_llvm_backend",       "LLVMCompiler",       "wasmer-llvm-backend"),
)
# fmt: on
PREFERRED: Final = ("cranelift", "singlepass", "llvm")
"""By "auto": whose code is fast and made fast, who compiles fastest, who compiles slowest."""

_BY_NAME: Final = {row.name: row for row in BACKENDS}

LARGE_MODULE_BYTES: Final = 10 << 20
"""Of the binary format. Beyond it compiling costs more than better code gives back (Wasmer's rule)."""

_found: dict[str, Compiler] = {}


def find_compiler(name: str | Member, module_bytes: int = 0) -> Compiler:
    """The compiler of this name; the same object each time.

    Args:
        module_bytes: what "auto" decides by: the size of the module in the binary format.

    Raises:
        BackendError: there is no such backend, or it is not installed.
    """
    key = (name if isinstance(name, str) else name.value).lower()
    compiler = _found.get(key)
    if compiler is not None:
        return compiler
    if key == AUTO:
        return _best(module_bytes)
    if key in _BY_NAME:
        compiler = _load(_BY_NAME[key])
    else:
        compiler = _from_entry_point(key)
    return _found.setdefault(key, compiler)  # another thread may have made one meanwhile


def installed() -> list[str]:
    """Names of the backends that can compile here: the project's own in the order of `BACKENDS`, then others."""
    names = []
    for row in BACKENDS:
        try:
            find_compiler(row.name)
        except BackendError:
            continue
        names.append(row.name)
    return names + [name for name in _entry_points() if name not in _BY_NAME]


def _best(module_bytes: int) -> Compiler:
    names = ["singlepass", *PREFERRED] if module_bytes > LARGE_MODULE_BYTES else PREFERRED
    for name in names:
        try:
            return find_compiler(name)
        except BackendError:
            continue
    raise BackendError("no backend is installed: pip install wasmer-singlepass-backend")


def _load(row: Row) -> Compiler:
    import importlib  # what begins with an artifact has no use for it

    try:
        package = importlib.import_module(row.package)
    except ModuleNotFoundError as error:
        if error.name != row.package:
            raise
        raise BackendError(f"the backend {row.name} is not installed: pip install {row.distribution}") from None
    return _make(getattr(package, row.compiler), row.name)


def _make(factory: Callable[[], object], name: str) -> Compiler:
    try:
        return cast("Compiler", factory())
    except CompileError as error:
        raise BackendError(str(error)) from error
    except ImportError as error:
        raise BackendError(f"the backend {name} cannot be used: {error}") from error


def _entry_points() -> dict[str, object]:
    from importlib.metadata import entry_points

    return {point.name.lower(): point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _from_entry_point(name: str) -> Compiler:
    point = _entry_points().get(name)
    if point is None:
        known = ", ".join([*_BY_NAME, AUTO])
        raise BackendError(f"The backend {name} doesn't exist (there are {known})")
    return _make(point.load(), name)  # type: ignore[attr-defined]


def __getattr__(name: str) -> object:
    """`Backend`, which was here: an enumeration takes `enum`, and is loaded when it is asked for."""
    if name.startswith("__"):  # asked by every import
        raise AttributeError(name)
    from wasmer_runtime_core.former_names import former_member

    return former_member(__name__, name)
