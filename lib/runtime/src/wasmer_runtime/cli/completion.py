"""``completion``: what lets a shell complete commands, options and files."""

from __future__ import annotations

from wasmer_runtime.cli import deferred as click

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="""\b
Examples:
  wasmer-runtime completion bash >> ~/.bashrc
  wasmer-runtime completion zsh >> ~/.zshrc
  wasmer-runtime completion fish > ~/.config/fish/completions/wasmer-runtime.fish
"""
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Write what a shell needs to complete commands, options and files; its start file reads it."""
    from click.shell_completion import get_completion_class

    from wasmer_runtime.cli import commands

    kind = get_completion_class(shell)
    assert kind is not None
    completes = kind(commands.cli, {}, "wasmer-runtime", "_WASMER_RUNTIME_COMPLETE")
    click.echo(completes.source_template % completes.source_vars())
