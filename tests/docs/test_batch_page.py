"""The example of the batch page runs as it stands, and the page names every file and format that there is."""

import contextlib
import io
import re
from pathlib import Path

from mriloop.cli.check import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "batch.md").read_text(encoding="utf-8")


def test_the_example_runs_as_it_stands():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "batch.md", "exec"), {})
    assert said.getvalue().split()[0] in ("acceptable", "limited", "repeat", "not_assessable")


def test_every_format_is_named():
    for name in FORMATS:
        assert f"--format {name}" in PAGE


def test_every_suffix_that_the_page_names_is_one_that_we_know():
    from mriloop.stages.check.weighting import BIDS_SUFFIXES as SUFFIXES

    named = re.search(r"Suffixes whose word settles\nthe contrast \((.*?), …\)", PAGE).group(1).split(", ")
    assert {name.upper() for name in named} <= set(SUFFIXES)
