"""`mriloop completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for your shell.

    For bash: mriloop completion bash >> ~/.bashrc
    """
    from click.shell_completion import get_completion_class

    from mriloop.cli import app

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(app, {}, "mriloop", "_MRILOOP_COMPLETE").source())
