"""From a state to what a module imports.

Each function carries the state creator of its import object, and so does the object itself: every
instantiation gets a `WasiState` of its own, a copy of the one described here, in whatever mapping
the functions are handed over. It is `Ctx.data`, unless the mapping has a state creator of the
user's own.
"""

from __future__ import annotations

import os
from _collections_abc import MutableMapping  # what `collections.abc` is; `collections` brings much along

from wasmer_runtime_core.running.host import HostFunc, func
from wasmer_runtime_core.running.imports import ImportObject
from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.first_use import kept
from wasmer_wasi import snapshot1
from wasmer_wasi.functions import FUNCTIONS, TYPE_NAMES
from wasmer_wasi.state import EnvironmentVariableFormatError, WasiState, WasiStateBuilder, state_of
from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1
from wasmer_wasi.version import WasiVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_NUMBERS = {WasiVersion.SNAPSHOT0: SNAPSHOT0, WasiVersion.SNAPSHOT1: SNAPSHOT1}


def namespace(version: WasiVersion) -> dict[str, HostFunc]:
    """The functions of a version by name, with their types."""
    number = _NUMBERS[version.pinned()]
    return {row.name: _function((row.name, number)) for row in FUNCTIONS if row.since <= number}


_ROWS: Final = {row.name: row for row in FUNCTIONS}


@kept
def _function(asked: tuple[str, int]) -> HostFunc:
    """A function by its name and the number of a version, which has it."""
    name, number = asked
    function: Any = None
    if number == SNAPSHOT0:
        from wasmer_wasi import snapshot0

        function = getattr(snapshot0, name, None)
    return func(
        function or snapshot1.function(name),
        params=[TYPE_NAMES[letter] for letter in _ROWS[name].params],
        returns=[TYPE_NAMES[letter] for letter in _ROWS[name].result],
    )


class _Bringing(MutableMapping[str, Any]):
    """The functions of a version, each of which brings the state creator along; made when they are asked for."""

    __slots__ = ("_create", "_made", "_number")

    def __init__(self, number: int, create: Callable[[], WasiState]) -> None:
        self._number = number
        self._create = create
        self._made: dict[str, Any] = {row.name: None for row in FUNCTIONS if row.since <= number}

    def __getitem__(self, name: str) -> Any:
        made = self._made[name]
        if made is None:
            made = self._made[name] = _function((name, self._number)).with_state(self._create)
        return made

    def __setitem__(self, name: str, function: Any) -> None:
        self._made[name] = function

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def __repr__(self) -> str:
        return repr(dict(self))


def generate_import_object_from_state(state: WasiState, version: WasiVersion = WasiVersion.LATEST) -> ImportObject:
    """Imports for programs that each start with a copy of `state`.

    Raises:
        TypeError: `state` is no `WasiState`, or `version` no `WasiVersion`.
    """
    if isinstance(state, WasiStateBuilder):
        raise TypeError("expected a WasiState, not the builder of one: call its build() first")
    if not isinstance(state, WasiState):
        raise TypeError(f"expected a WasiState, as WasiState.new(...).build() makes it, not {state!r}")
    _must_be_version(version)
    create = state.copy
    imports = ImportObject(state=create)
    imports.register(version.namespace, _Bringing(_NUMBERS[version.pinned()], create))
    return imports


def _must_be_version(version: object) -> None:
    if not isinstance(version, WasiVersion):
        names = ", ".join(f"WasiVersion.{each.name}" for each in WasiVersion)
        raise TypeError(f"expected one of {names}, not {version!r}; a name is parsed by WasiVersion.parse")


def generate_import_object(
    args: Iterable[str | bytes] = (),
    envs: Iterable[str | bytes] = (),
    preopened_files: Iterable[str | os.PathLike[str]] = (),
    mapped_dirs: Iterable[tuple[str | bytes, str | os.PathLike[str]]] = (),
) -> ImportObject:
    """Imports for the latest version.

    Args:
        args: the program's name and its arguments.
        envs: `NAME=value` each.
        preopened_files: directories of the host that the program sees under the same names.
        mapped_dirs: pairs of the name that the program sees and the directory of the host.

    Raises:
        WasiStateCreationError: one of these is malformed or does not exist.
    """
    return generate_import_object_for_version(WasiVersion.LATEST, args, envs, preopened_files, mapped_dirs)


def generate_import_object_for_version(
    version: WasiVersion,
    args: Iterable[str | bytes] = (),
    envs: Iterable[str | bytes] = (),
    preopened_files: Iterable[str | os.PathLike[str]] = (),
    mapped_dirs: Iterable[tuple[str | bytes, str | os.PathLike[str]]] = (),
) -> ImportObject:
    """Imports for a version; see `generate_import_object`."""
    _must_be_version(version)
    if isinstance(args, (str, bytes)):
        raise TypeError(f"args takes the program's name and its arguments, as a list: [{args!r}]")
    arguments = list(args) or [b""]
    builder = WasiState.new(arguments[0]).args(arguments[1:])
    if isinstance(envs, (str, bytes)):
        raise TypeError(f"envs takes texts NAME=value, as a list: [{envs!r}]")
    for variable in envs:
        name, equals, value = os.fsencode(variable).partition(b"=")
        if not equals:
            raise EnvironmentVariableFormatError(f"environment variable {variable!r}: expected NAME=value")
        builder.env(name, value)
    builder.preopen_dirs(preopened_files).map_dirs(mapped_dirs)
    return generate_import_object_from_state(builder.build(), version)


def get_wasi_state(ctx: Any) -> WasiState:
    """The state of an instance, from its `Ctx`.

    Raises:
        TypeError: the instance was not made with imports of this package.
    """
    return state_of(ctx)
