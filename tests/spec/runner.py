"""Executes the commands of one script.

A command passes, or it fails with a reason; whatever else happens in it (an exception of
the wrong kind, of any kind) is a reason too, and the next command runs.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.spec import engine as engines
from tests.spec import results
from tests.spec.corpus import NO_BACKEND, other_words
from wasmer_runtime_core.errors import DecodeError, LinkError, Trap, UnsupportedFeatureError, ValidationError
from wasmer_runtime_core.running.objects.tags import WasmException
from wasmer_runtime_core.wasm.text.script import Action, Command, ModuleSource, read_script

OTHER_WORDS: Final = {
    # What 1.0 called them, and what the later releases do.
    "invalid UTF-8 encoding": ("malformed UTF-8 encoding",),
    "result before parameter": ("unexpected token",),
    "invalid mutability": ("malformed mutability",),
    "invalid section id": ("malformed section id",),
    "zero flag expected": ("zero byte expected",),
    "immutable global": ("global is immutable",),
    # What a reference should have been that is null, the operator in the backtrace says.
    "null function reference": ("null reference",),
}
"""Words of a script -> words that say the same."""

INVALID_NOW: Final = {
    # A byte that 1.0 reserved is the index of a table since 2.0, of a memory since 3.0; what was malformed is invalid.
    "zero flag expected": ("unknown table", "unknown memory"),
    "zero byte expected": ("unknown memory",),
    # Sizes and offsets are numbers of 64 bits since 3.0, whatever an index has.
    "i32 constant": ("offset out of range",),
    "i32 constant out of range": ("memory size must be", "table size must be"),
    "integer too large": ("memory size must be", "offset out of range", "alignment must not be larger than natural"),
    # A flag of an access says since 3.0 that the index of a memory follows; greater alignments have a form.
    "malformed memop flags": ("alignment must not be larger than natural", "type mismatch"),
}
"""Words for a module that a release calls malformed -> words of the `ValidationError`s that later ones have for it."""


class Failed(Exception):
    """A command has failed; the message is the reason."""


@dataclass
class ScriptResult:
    """What became of a script.

    Attributes:
        assertions: how many the script has.
        passed: how many of them passed.
        failures: line -> reason, of every command that failed, assertion or not.
        failed_assertions: how many of the failed commands are assertions.
        crashes: how often the process died.
    """

    assertions: int = 0
    passed: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    failed_assertions: int = 0
    crashes: int = 0

    def fail(self, command: Command, reason: str) -> None:
        """Count a command that failed."""
        known = self.failures.get(command.line)
        self.failures[command.line] = reason if known is None else f"{known}; {reason}"
        self.failed_assertions += command.kind.startswith("assert_")


def run_script(
    path: Path,
    backend: str,
    skip: Collection[int] = (),
    progress: Callable[[int], object] = lambda index: None,
) -> ScriptResult:
    """Run a script.

    Args:
        path: the ``.wast`` file.
        backend: a backend's name, or `NO_BACKEND`.
        skip: numbers of commands that end the process, from 0: they fail without being run.
        progress: called with the number of each command before it runs.
    """
    result = ScriptResult()
    commands = read_script(path.read_bytes())
    script = Script(backend, other_words(path))
    for number, command in enumerate(commands):
        result.assertions += command.kind.startswith("assert_")
        if backend == NO_BACKEND and not script.needs_no_execution(command):
            continue
        if number in skip:
            result.fail(command, "the process ended")
            result.crashes += 1
            continue
        progress(number)
        try:
            script.execute(command)
        except Failed as failure:
            result.fail(command, str(failure))
        except Exception as error:
            result.fail(command, f"{type(error).__name__}: {error}"[:500])
        else:
            result.passed += command.kind.startswith("assert_")
    del script
    gc.collect()
    return result


class Script:
    """The state of a script: its instances, by identifier and by registered name."""

    def __init__(self, backend: str, words: dict[int, str]) -> None:
        self.words = words
        self.engine = None if backend == NO_BACKEND else engines.Engine(backend)
        self.registered: dict[str, Any] = {}
        self.instances: dict[str | None, Any] = {}
        self.definitions: dict[str | None, Any] = {}
        if self.engine is not None:
            self.registered["spectest"] = engines.spectest()

    def needs_no_execution(self, command: Command) -> bool:
        """Whether a command says something about a module as it is written."""
        return command.kind in ("module", "definition", "assert_malformed", "assert_invalid")

    def execute(self, command: Command) -> None:
        """Run one command.

        Raises:
            Failed: it does not do what the script says.
        """
        getattr(self, command.kind)(command)

    # --- modules -----------------------------------------------------------------------
    def module(self, command: Command) -> None:
        source = source_of(command)
        if self.engine is None:
            engines.check(source.encode())
            return
        # Whatever comes of it, the names no longer stand for the module before.
        self.instances.pop(None, None)
        self.instances.pop(source.name, None)
        compiled = self.engine.compile(source.encode())
        self.definitions[None] = self.definitions[source.name] = compiled
        instance = self.engine.instantiate(compiled, self.registered)
        self.instances[None] = self.instances[source.name] = instance

    def definition(self, command: Command) -> None:
        source = source_of(command)
        if self.engine is None:
            engines.check(source.encode())
            return
        self.definitions[None] = self.definitions[source.name] = self.engine.compile(source.encode())

    def instance(self, command: Command) -> None:
        assert self.engine is not None
        instance = self.engine.instantiate(self.definitions[command.definition], self.registered)
        self.instances[None] = self.instances[command.name] = instance

    def register(self, command: Command) -> None:
        self.registered[command.text] = self.instance_of(command.name)

    def instance_of(self, name: str | None) -> Any:
        instance = self.instances.get(name)
        if instance is None:
            raise Failed(f"there is no instance {name or ''}: its module failed")
        return instance

    # --- actions -----------------------------------------------------------------------
    def perform(self, action: Action | None) -> list[Any]:
        assert action is not None and self.engine is not None
        instance = self.instance_of(action.module)
        if action.kind == "get":
            return [self.engine.get(instance, action.name)]
        return self.engine.invoke(instance, action.name, [results.argument(pattern) for pattern in action.arguments])

    def action(self, command: Command) -> None:
        self.perform(command.action)

    def assert_return(self, command: Command) -> None:
        values = self.perform(command.action)
        if not results.all_match(values, command.expected):
            raise Failed(f"returned {results.shown(values)}, expected {results.wanted(command.expected)}")

    def assert_trap(self, command: Command) -> None:
        try:
            if command.module is not None:
                self.module(command)
            else:
                self.perform(command.action)
        except Trap as trap:
            compare_words(trap.message, command.text)
            return
        raise Failed(f"did not trap, expected {command.text!r}")

    assert_exhaustion = assert_trap

    def assert_exception(self, command: Command) -> None:
        try:
            self.perform(command.action)
        except WasmException:
            return
        raise Failed("no exception was thrown")

    # --- modules that must fail --------------------------------------------------------
    def assert_malformed(self, command: Command) -> None:
        try:
            check(source_of(command))
        except DecodeError as error:
            compare_words(error.reason, command.text, self.words.get(command.line, ""))
            if error.offset is None and (error.line is None or error.column is None):
                raise Failed("the error has no position") from None
            return
        except ValidationError as error:
            if error.reason.startswith(INVALID_NOW.get(command.text, ())):
                return
            raise Failed(f"is invalid ({error}), expected to be malformed: {command.text!r}") from None
        raise Failed(f"was accepted, expected to be malformed: {command.text!r}")

    def assert_invalid(self, command: Command) -> None:
        try:
            check(source_of(command))
        except ValidationError as error:
            compare_words(error.reason, command.text, self.words.get(command.line, ""))
            return
        except DecodeError as error:
            raise Failed(f"is malformed ({error}), expected to be invalid: {command.text!r}") from None
        raise Failed(f"was accepted, expected to be invalid: {command.text!r}")

    def assert_unlinkable(self, command: Command) -> None:
        assert self.engine is not None
        module = self.engine.compile(source_of(command).encode())
        try:
            self.engine.instantiate(module, self.registered)
        except LinkError as error:
            if not any(item.specification.startswith(command.text) for item in error.errors):
                raise Failed(f"cannot be linked, {error}, expected {command.text!r}") from None
            return
        raise Failed(f"was linked, expected {command.text!r}")


def check(source: ModuleSource) -> None:
    """See that a module is well formed and valid.

    Raises:
        DecodeError, ValidationError: it is not. Where it uses a feature of a later release, this is what is wrong
            with it in a release that does not have the feature.
    """
    try:
        engines.check(source.encode())
    except UnsupportedFeatureError as error:
        raise error.without from error


def source_of(command: Command) -> ModuleSource:
    assert command.module is not None
    return command.module


def compare_words(said: str, wanted: str, ours: str = "") -> None:
    """Check the words of a failure as the specification does: those wanted begin, or are in, what is said.

    A script may add what we do not ("uninitialized element 7"); then ours must begin what it wants.

    Args:
        said: by the error.
        wanted: by the script.
        ours: a row of `other_words.toml`, if there is one.
    """
    for words in (wanted, *OTHER_WORDS.get(wanted, ())):
        if words in said or words.startswith(said):
            return
    if ours and said.startswith(ours):
        return
    raise Failed(f"failed with {said!r}, expected {wanted!r}")
