"""`mriloop demo`: six phantom patients, and a page to look at them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import Progress, console, emit, json_option

if TYPE_CHECKING:
    from http.server import SimpleHTTPRequestHandler


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True)
@click.option("--serve/--no-serve", default=True, show_default=True, help="Serve the result on this machine alone.")
@json_option
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True)
def demo(out: Path, serve: bool, port: int, as_json: bool) -> None:
    """Take six phantom patients through the whole loop and serve the result.

    Everything is invented: patients, images, radiologist. Nothing leaves this machine. With --json nothing is served.
    """
    from mriloop.app.demo import run_demo

    progress = Progress()
    with progress.shown():
        page = run_demo(out, dict(os.environ), progress=progress)
    if as_json:
        emit({"schema": "mriloop/demo/1", "page": str(page), "store": str(out / "store")})
        return
    console().print(f"written: {page}")
    console().print(f"what is owed: mriloop worklist --store {out / 'store'}")
    if serve:
        _serve(out, port)


def _serve(folder: Path, port: int) -> None:
    from functools import partial
    from http.server import ThreadingHTTPServer

    handler = partial(_quiet_handler(), directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        raise click.UsageError(f"port {port} is in use; choose another with --port (make demo PORT=…)") from None
    console().print(f"serving http://127.0.0.1:{port}  (Ctrl-C ends it)")
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console().print("stopped")


def _quiet_handler() -> type[SimpleHTTPRequestHandler]:
    from http.server import SimpleHTTPRequestHandler

    class Quiet(SimpleHTTPRequestHandler):
        """Serves files and keeps no record of who looked at what."""

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
            """Say nothing."""

    return Quiet
