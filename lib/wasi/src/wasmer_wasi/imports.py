"""From a state to what a module imports.

Each import object carries a state creator: every instantiation gets a `WasiState` of its own
in `Ctx.data`, a copy of the one described here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from typing import Any

from wasmer_runtime_core.imports import ImportObject, func
from wasmer_wasi import snapshot0, snapshot1
from wasmer_wasi.functions import FUNCTIONS, TYPE_NAMES
from wasmer_wasi.state import EnvironmentVariableFormatError, WasiState
from wasmer_wasi.types import SNAPSHOT0, SNAPSHOT1
from wasmer_wasi.version import WasiVersion

_NUMBERS = {WasiVersion.SNAPSHOT0: SNAPSHOT0, WasiVersion.SNAPSHOT1: SNAPSHOT1}


def namespace(version: WasiVersion) -> dict[str, Any]:
    """The functions of a version by name, with their types."""
    return _functions(_NUMBERS[version.pinned()])


@cache
def _functions(number: int) -> dict[str, Any]:
    functions = {}
    for name, params, result, since in FUNCTIONS:
        if since > number:
            continue
        function = getattr(snapshot1, name)
        if number == SNAPSHOT0:
            function = getattr(snapshot0, name, function)
        functions[name] = func(
            function,
            params=[TYPE_NAMES[letter] for letter in params],
            returns=[TYPE_NAMES[letter] for letter in result],
        )
    return functions


def generate_import_object_from_state(state: WasiState, version: WasiVersion = WasiVersion.LATEST) -> ImportObject:
    """Imports for programs that each start with a copy of `state`."""
    imports = ImportObject(state=state.copy)
    imports.register(version.namespace, namespace(version))
    return imports


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
    arguments = list(args) or [b""]
    builder = WasiState.new(arguments[0]).args(arguments[1:])
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
    state = ctx.data
    if not isinstance(state, WasiState):
        raise TypeError("this instance has no WASI state: it was not given the imports of wasmer_wasi")
    return state
