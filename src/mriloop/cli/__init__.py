"""The command line: a table of commands, each imported only when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from mriloop import __version__

# name: (module:attribute, the first line of its help; a test holds the two together)
COMMANDS: dict[str, tuple[str, str]] = {
    "review": ("mriloop.cli.review:review", "Take one study through the whole loop and write the result to a folder."),
    "check": ("mriloop.cli.check:check", "Say of every series whether it is good enough, why not, and what to do."),
    "compare": ("mriloop.cli.compare:compare", "Lay today's study over its priors and list what changed."),
    "changes": ("mriloop.cli.changes:changes", "Show the changes of a comparison, and take a person's word on them."),
    "compare-bids": ("mriloop.cli.compare_bids:compare_bids", "Compare the sessions of a longitudinal BIDS dataset."),
    "response": (
        "mriloop.cli.response:response",
        "Hold lesions measured over several visits against published response criteria.",
    ),
    "quantify": ("mriloop.cli.quantify:quantify", "Map diffusion coefficients and fat fractions of a study."),
    "advise": ("mriloop.cli.advise:advise", "Propose the next step for a case, from cited guidelines."),
    "order-check": ("mriloop.cli.order_check:order_check", "Hold an MRI order against the rules before it is placed."),
    "worklist": ("mriloop.cli.worklist:worklist", "List the follow-ups that are owed: due, overdue, by owner."),
    "guidelines": ("mriloop.cli.guidelines:guidelines", "List, show, lint, test, compare and sign the guidelines."),
    "norms": (
        "mriloop.cli.norms:norms",
        "Show and lint the limits of CHECK, the norms that change them, and how far measures repeat.",
    ),
    "baseline": ("mriloop.cli.baseline:baseline", "Learn what each scanner usually measures, and watch it drift."),
    "protocol": ("mriloop.cli.protocol:protocol", "List, show, lint, compare, import and learn protocol references."),
    "phantom": ("mriloop.cli.phantom:phantom", "Write a phantom study whose truth is known."),
    "demo": ("mriloop.cli.demo:demo", "Take six phantom patients through the whole loop and serve the result."),
    "doctor": ("mriloop.cli.doctor:doctor", "Say what is installed, what is missing, and what that costs."),
    "completion": ("mriloop.cli.completion:completion", "Print the completion script for your shell."),
    "reference": ("mriloop.cli.reference:reference", "Write the reference pages that are generated from the code."),
}


class LazyGroup(click.Group):
    """A group that knows the names and the one-line helps of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table: the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when one is mistyped."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 done · 10 done, and something needs a person · 2 usage · 3 input refused · "
    "4 a needed component is missing · 1 a bug.",
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def app() -> None:
    """What happens after an MRI: check, compare, report, advise, communicate, follow up.

    Research software. It proposes; a person decides and signs.
    """


def main() -> Any:
    """Run the command line; the entry point of the `mriloop` command."""
    from mriloop.cli.common import guarded

    sys.exit(guarded(app))
