"""A command that runs a program: which words are its own options, and which are the program's.

Options of the command stand before FILE, or directly behind it. The first word behind FILE that is none of them, and
all that follows, goes to the program, however it begins; a ``--`` there ends the options and is not passed on::

    wasmer-runtime run --dir . prog.wasm a --flag
    wasmer-runtime run prog.wasm --dir . -- --dir is for the program
"""

from __future__ import annotations

import click


class ProgramCommand(click.Command):
    """Such a command; its first argument is FILE, the second takes all the words."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.ordered(ctx, list(args)))

    def ordered(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options, ``--``, FILE, the words of the program. What makes no sense stays as it is, for click to say so."""
        at = self.options_end(args, 0)
        end_of_options = at < len(args) and args[at] == "--"
        file = at + end_of_options
        if file >= len(args) or (not end_of_options and _is_option(args[at])):
            return args
        behind = file + 1 if end_of_options else self.options_end(args, file + 1, ctx.help_option_names)
        words = args[behind:]
        if not end_of_options and words[:1] == ["--"]:
            del words[0]
        return [*args[:at], *args[file + 1 : behind], "--", args[file], *words]

    def options_end(self, args: list[str], at: int, not_these: list[str] | tuple[str, ...] = ()) -> int:
        """Where the options end that begin at `at`."""
        while at < len(args) and (taken := self.taken_by(args[at], not_these)):
            at += taken
        return min(at, len(args))

    def taken_by(self, word: str, not_these: list[str] | tuple[str, ...]) -> int:
        """How many words an option takes that begins with this one; 0: it begins none of ours."""
        if not _is_option(word) or word == "--":
            return 0
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            option = self.option(name)
            if option is None or name in not_these:
                return 0
            return 1 if equals or option.is_flag else 2
        for place, letter in enumerate(word[1:], 2):
            option = self.option("-" + letter)
            if option is None or "-" + letter in not_these:
                return 0
            if not option.is_flag:
                return 1 if place < len(word) else 2
        return 1

    def option(self, name: str) -> click.Option | None:
        """The option of this name."""
        context = click.get_current_context(silent=True) or click.Context(self)
        for parameter in self.get_params(context):
            if isinstance(parameter, click.Option) and name in (*parameter.opts, *parameter.secondary_opts):
                return parameter
        return None


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"
