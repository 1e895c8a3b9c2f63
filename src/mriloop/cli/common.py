"""What every command shares: settings, JSON on standard output, progress on standard error, coded refusals."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from mriloop import settings as settings_module
from mriloop.model.errors import Exit, MriloopError

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130  # what a shell says of a process that Ctrl-C ended
F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
store_option = click.option("--store", help="Folder of the ledger (default: the setting `store`).", metavar="DIR")
site_option = click.option("--site", help="The site's own knowledge folder.", metavar="DIR")
workers_option = click.option("--workers", type=click.IntRange(min=0), help="Steps at a time; 0: one per processor.")


def load_settings(**overrides: str | int | float | None) -> settings_module.Settings:
    """Read the settings from the environment and the options of a command."""
    return settings_module.load(os.environ, **overrides)


def emit(document: Mapping[str, Any]) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def console(*, stderr: bool = False) -> Console:
    """A rich console; on standard error for progress and remarks."""
    from rich.console import Console

    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else int(os.environ.get("COLUMNS", "150"))
    return Console(stderr=stderr, highlight=False, width=width)


def folded(text: str) -> str:
    """Fold the lines of a text to the terminal, with what follows a label set in below it; as it is elsewhere."""
    if not sys.stdout.isatty():
        return text
    import shutil
    import textwrap

    width = min(shutil.get_terminal_size().columns, 110)
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=" " * (len(line) - len(line.lstrip()) + 4), break_on_hyphens=False)
        for line in text.split("\n")
    )


def leave(code: Exit) -> NoReturn:
    """End the command with an exit code of the contract."""
    raise click.exceptions.Exit(int(code))


class Progress:
    """Steps that may take longer than a second, shown on standard error: a bar on a terminal, a line elsewhere."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._terminal = sys.stderr.isatty()
        self._bars = Bars(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(stderr=True),
            disable=not self._terminal,
            transient=False,
        )
        self._tasks: dict[str, Any] = {}
        self._said: set[str] = set()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Report that `done` of `total` parts of a step are finished."""
        if not self._terminal:
            if done >= total and step not in self._said:
                self._said.add(step)
                click.echo(f"  {step}: {total}", err=True)
            return
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)

    def note(self, text: str) -> None:
        """Say one line where no bar is drawn."""
        if not self._terminal:
            click.echo(text, err=True)

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Show the bars while the block runs."""
        with self._bars:
            yield self


def guarded(command: click.Command) -> int:
    """Run a command and turn whatever ends it into an exit code, with a message a user can act on.

    A refusal prints code, message and remedy (as a JSON document where `--json` was asked for). A bug prints one
    line; its traceback is shown when MRILOOP_DEBUG is set.
    """
    as_json = "--json" in sys.argv[1:]
    try:
        result = command.main(standalone_mode=False)
        return int(result) if isinstance(result, int) else int(Exit.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return int(Exit.USAGE)
    except click.ClickException as error:
        _refused(as_json, "usage_value", error.format_message(), "see --help", error.show)
        return int(Exit.USAGE)
    except click.Abort:
        click.echo("stopped", err=True)
        return INTERRUPTED
    except MriloopError as error:
        _refused(as_json, error.code, error.message, error.remedy)
        return int(error.entry.exit)
    except BrokenPipeError:
        sys.stderr.close()
        return int(Exit.DONE)
    except Exception as error:  # noqa: BLE001  the outermost wall: a bug must not throw a traceback at a user
        if os.environ.get("MRILOOP_DEBUG"):
            traceback.print_exc()
        text = f"a bug in mriloop stopped it ({type(error).__name__}); nothing was recorded"
        _refused(as_json, "bug", text, "run again with MRILOOP_DEBUG=1 and report what it prints")
        return int(Exit.BUG)


def _refused(as_json: bool, code: str, message: str, remedy: str, show: Callable[[], None] | None = None) -> None:
    if as_json:
        emit({"schema": "mriloop/error/1", "error": {"code": code, "message": message, "remedy": remedy}})
    if show is not None:
        show()
    else:
        click.echo(f"mriloop: {code}: {message}\n  -> {remedy}", err=True)
