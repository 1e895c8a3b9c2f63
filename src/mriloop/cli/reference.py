"""`mriloop reference`: writes the pages of docs/reference that are generated from the code."""

from __future__ import annotations

from pathlib import Path

import click

from mriloop.model.errors import TABLE, Exit
from mriloop.settings import SETTINGS

HEAD = "<!-- written by `make docs` from the code; do not edit -->\n\n"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/reference"), show_default=True)
def reference(out: Path) -> None:
    """Write the reference pages that are generated from the code."""
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (out / name).write_text(text, encoding="utf-8")
        click.echo(out / name)


def pages() -> dict[str, str]:
    """Return file name and content of every generated page."""
    from mriloop.app.advise import guidelines_in_force, list_guidelines
    from mriloop.app.shelf import coverage
    from mriloop.cli import COMMANDS
    from mriloop.edges.publish.coverage_page import coverage_page
    from mriloop.edges.publish.facts_page import facts_page
    from mriloop.edges.publish.reference import json_reference
    from mriloop.edges.publish.shelf_page import shelf_page

    return {
        "cli.md": _cli(),
        "settings.md": _settings(),
        "errors.md": _errors(),
        "json.md": json_reference(),
        "coverage.md": coverage_page(coverage(commands=COMMANDS)),
        "facts.md": facts_page(guidelines_in_force().vocabulary),
        "shelf.md": shelf_page(list_guidelines()),
    }


def _cli() -> str:
    from mriloop.cli import app

    parts = [HEAD, "# The command line\n"]
    with click.Context(app, info_name="mriloop", **app.context_settings) as top:
        parts.append(_help(app, top))
        for name in app.list_commands(top):
            command = app.get_command(top, name)
            if command is None:
                continue
            with click.Context(command, info_name=name, parent=top) as ctx:
                parts.append(_help(command, ctx))
                if isinstance(command, click.Group):
                    for sub in command.list_commands(ctx):
                        child = command.get_command(ctx, sub)
                        if child is not None:
                            parts.append(_help(child, click.Context(child, info_name=sub, parent=ctx)))
    return "".join(parts)


def _help(command: click.Command, ctx: click.Context) -> str:
    ctx.max_content_width = 110
    ctx.terminal_width = 110
    return f"\n## `{ctx.command_path}`\n\n```text\n{command.get_help(ctx)}\n```\n"


def _settings() -> str:
    rows = [HEAD, "# Settings\n\nEach is an environment variable; some are options of commands as well.\n\n"]
    rows.append("| variable | default | meaning |\n|---|---|---|\n")
    for setting in SETTINGS:
        words = setting.help + (f" ({', '.join(setting.choices)})" if setting.choices else "")
        default = f"`{setting.default}`" if setting.default != "" else "none"
        rows.append(f"| `{setting.env}` | {default} | {words} |\n")
    return "".join(rows)


def _errors() -> str:
    names = {Exit.REFUSED: "input refused", Exit.USAGE: "usage", Exit.MISSING_COMPONENT: "missing component"}
    rows = [HEAD, "# Refusals\n\nEvery refusal has a code, a message and a remedy. `{…}` is filled in.\n\n"]
    rows.append("| code | whose fault | message | remedy | HTTP | exit |\n|---|---|---|---|---|---|\n")
    for entry in TABLE:
        rows.append(
            f"| `{entry.code}` | {entry.fault} | {entry.message} | {entry.remedy} | {entry.http} "
            f"| {int(entry.exit)} {names[entry.exit]} |\n"
        )
    return "".join(rows)
