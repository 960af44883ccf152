"""click's decorators, without click: what they are told is written down, and click is given it when it is needed.

click imports `typing`, `re`, `inspect` and more, and takes longer than a program that is compiled already. Most command
lines are of a simple form. So a command is declared once, in click's words, which this module has; a command line of
the simple form is read by `Command.quickly`, any other one by click. What is read both ways is the same, and click
alone says what is wrong: whatever is not understood here is left to it.

The rest of click (its exceptions, `echo`) is loaded when it is asked for.
"""

from __future__ import annotations

import sys

from wasmer_runtime_core.support.annotations import TYPE_CHECKING, Any, Final
from wasmer_runtime_core.support.handlers import raised_by_a_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from click import UNPROCESSED as UNPROCESSED
    from click import Abort as Abort
    from click import BadParameter as BadParameter
    from click import Choice as Choice
    from click import ClickException as ClickException
    from click import Context as Context
    from click import FloatRange as FloatRange
    from click import IntRange as IntRange
    from click import Parameter as Parameter
    from click import Path as Path
    from click import UsageError as UsageError
    from click import argument as argument
    from click import command as command
    from click import echo as echo
    from click import exceptions as exceptions
    from click import group as group
    from click import option as option

META: Final[dict[str, Any]] = {}
"""Where callbacks keep what they find while there is no click: `Context.meta`."""


def meta() -> dict[str, Any]:
    """What callbacks of the options have kept for this command."""
    click: Any = sys.modules.get("click")
    context = None if click is None else click.get_current_context(silent=True)
    return META if context is None else context.meta


class Later:
    """A thing of click, or of what is imported as late: ``module:name``, and what it is called with."""

    def __init__(self, place: str, given: tuple[Any, ...] | None = None, named: dict[str, Any] | None = None) -> None:
        self.place = place
        self.given = given
        self.named = named or {}

    def made(self) -> Any:
        module, _, name = self.place.partition(":")
        __import__(module)
        found = getattr(sys.modules[module], name)
        if self.given is None:
            return found
        return found(*map(made, self.given), **{key: made(value) for key, value in self.named.items()})


def made(value: Any) -> Any:
    """What stands for a thing as the thing, others as they are."""
    return value.made() if isinstance(value, Later) else value


def later(place: str) -> Any:
    """A thing that is imported when click is: ``module:name``."""
    return Later(place)


if not TYPE_CHECKING:

    def _of_click(name):
        return lambda *given, **named: Later(f"click:{name}", given, named)

    Path, Choice, IntRange, FloatRange = map(_of_click, ("Path", "Choice", "IntRange", "FloatRange"))
    UNPROCESSED = Later("click:UNPROCESSED")

    def option(*names, **settings):
        return _declaring(Declared("option", names, settings))

    def argument(*names, **settings):
        return _declaring(Declared("argument", names, settings))

    def _declaring(parameter):
        def declare(command):
            if not hasattr(command, "declared"):
                command.declared = []
            command.declared.append(parameter)
            return command

        return declare

    def command(name=None, **settings):
        return lambda callback: Command(callback, name, settings)

    def __getattr__(name):
        if name.startswith("__"):
            raise AttributeError(name)
        import click

        return getattr(click, name)


FILE: Final[Any] = Path(path_type=later("pathlib:Path"))
"""The type of what is a path, in a command `pathlib`'s; a command line of the simple form gives a `FilePath`."""


class FilePath:
    """A path, as `os.PathLike` knows it: what FILE is while there is no `pathlib`, which would write it so.

    For what else a path has `pathlib` is imported: programs of WASI, and plain modules, ask it for nothing else.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        root = "" if text[:1] != "/" else "//" if text[:2] == "//" and text[2:3] != "/" else "/"
        self._text = root + "/".join([part for part in text.split("/") if part not in ("", ".")]) or "."

    def __fspath__(self) -> str:
        return self._text

    __str__ = __fspath__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from pathlib import Path

        return getattr(Path(self._text), name)


class Declared:
    """An option or an argument, as it was declared.

    Attributes:
        kind: "option" or "argument".
        name: what the command gets it as.
        on: its names on the command line, of a switch those that turn it on.
        off: of a switch those that turn it off.
    """

    def __init__(self, kind: str, names: Sequence[str], settings: dict[str, Any]) -> None:
        self.kind = kind
        self.names = names
        self.settings = settings
        self.on: list[str] = []
        self.off: list[str] = []
        own = ""
        for name in names:
            if not name.startswith("-"):
                own = name
                continue
            on, slash, off = name.partition("/")
            self.on.append(on)
            if slash:
                self.off.append(off)
        long = [name for name in self.on if name.startswith("--")]
        self.name = own or (long or self.on)[0].lstrip("-").replace("-", "_").lower()
        self.is_flag: bool = bool(self.off) or settings.get("is_flag", False)

    def value(self, given: Sequence[Any]) -> Any:
        """Of what was given for it, in the order.

        Raises:
            _NotSimple: click has to look at it.
        """
        type_: Any = self.settings.get("type")
        if given and isinstance(type_, Later) and type_ is not FILE:
            raise _NotSimple
        values = [FilePath(each) if type_ is FILE else each for each in given]
        if self.settings.get("multiple"):
            return tuple(values)
        return values[-1] if values else self.settings.get("default", False if self.is_flag else None)


class _NotSimple(Exception):
    """A command line that click reads."""


class _Context:
    """What callbacks get in place of click's."""

    meta = META


class Command:
    """A command, as it was declared.

    Attributes:
        callback: what does it.
    """

    def __init__(self, callback: Callable[..., None], name: str | None, settings: dict[str, Any]) -> None:
        self.callback = callback
        self.name = name
        self.settings = settings
        self.parameters: list[Declared] = list(reversed(getattr(callback, "declared", ())))
        self._click: Any = None

    def click(self) -> Any:
        """The same for click."""
        if self._click is None:
            import click

            def callback(**options: Any) -> None:
                self.callback(**options)

            callback.__doc__ = self.callback.__doc__
            decorate: Any
            for each in reversed(self.parameters):
                settings = {name: made(value) for name, value in each.settings.items()}
                decorate = click.option if each.kind == "option" else click.argument
                callback = decorate(*each.names, **settings)(callback)
            settings = {name: made(value) for name, value in self.settings.items()}
            decorate = click.command(self.name or self.callback.__name__, **settings)
            self._click = decorate(callback)
        return self._click

    def quickly(self, words: Sequence[str]) -> dict[str, Any] | None:
        """What the command is called with, if the words are of the simple form: options, FILE, options, the program's.

        Returns:
            None: they are not; it is click that reads them, and says what is wrong.
        """
        try:
            return self._read(words)
        except Exception as failure:  # also what a callback does not take: click says it
            if raised_by_a_handler(failure):
                raise
            return None

    def _read(self, words: Sequence[str]) -> dict[str, Any]:
        file, rest = [each for each in self.parameters if each.kind == "argument"]
        options = [each for each in self.parameters if each.kind == "option"]
        known = {name: (each, True) for each in options for name in each.on}
        known |= {name: (each, False) for each in options for name in each.off}
        given: dict[str, list[Any]] = {each.name: [] for each in options}
        found: str | None = None
        at = 0
        while at < len(words):
            word = words[at]
            if not word.startswith("-") or word == "-":
                if found is not None:
                    break
                found = word
                at += 1
                continue
            name, equals, text = word.partition("=")
            if name not in known or (equals and name[1] != "-"):
                if found is None or (name[1] != "-" and len(word) > 2):  # several letters, perhaps of ours
                    raise _NotSimple
                at += word == "--"
                break
            option, on = known[name]
            at += 1
            if option.is_flag:
                if equals:
                    raise _NotSimple
                given[option.name].append(on)
            elif equals:
                given[option.name].append(text)
            else:
                given[option.name].append(words[at])
                at += 1
        if found is None:
            raise _NotSimple
        META.clear()
        values: dict[str, Any] = {}
        for each, taken in [(file, [found]), *((option, given[option.name]) for option in options)]:
            value = each.value(taken)
            callback = each.settings.get("callback")
            if callback is not None:
                value = callback(_Context, each, value)
            if each.settings.get("expose_value", True):
                values[each.name] = value
        values[rest.name] = tuple(words[at:])
        return values
