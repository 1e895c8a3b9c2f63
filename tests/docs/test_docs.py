"""The documentation is held to the code: commands, settings, error codes, file rules, words."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mriloop.cli import COMMANDS, app
from mriloop.cli.reference import pages

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
OURS = sorted([*SOURCES, *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "tests").rglob("*.py")])


def test_generated_reference_is_current():
    for name, text in pages().items():
        assert (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") == text, f"run `make docs` ({name})"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_help_that_the_table_promises(name: str):
    command = app.get_command(click.Context(app, **app.context_settings), name)
    assert command is not None
    assert command.help
    assert command.help.split("\n\n")[0].replace("\n", " ").strip() == COMMANDS[name][1]


def test_readme_is_one_page_and_starts_with_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 90
    first_block = "\n".join(lines[:14])
    assert "make demo" in first_block
    assert "make test" in first_block


def test_commands_named_in_the_documents_exist():
    named = set()
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        named |= set(re.findall(r"`mriloop ([a-z][a-z-]+)", page.read_text(encoding="utf-8")))
    assert named - set(COMMANDS) == set()


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} -> {target}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short_and_open_with_their_purpose(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 500
    assert ast.get_docstring(ast.parse(text)), "the first line says what the file is for"


def test_the_bare_word_is_not_used():
    """`Series`, `PulseSequence` or tuple: only DICOM keywords and Python's own abstract class may say it."""
    allowed = re.compile(
        r"pydicom\.sequence|\b[A-Z][A-Za-z]*Sequence\w*|\bSequence\b|\b[A-Z]+_?SEQUENCE\w*|[a-z_]+_sequences?\b"
    )
    for path in SOURCES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            rest = allowed.sub("", line)
            assert not re.search(r"\bsequences?\b", rest, re.IGNORECASE), f"{path.name}:{number}: {line.strip()}"


def test_nothing_names_this_machine_or_a_registry():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    needles = [str(ROOT.parent) + "/main", "/" + "root/", "pypi" + ".org", "registry.npmjs" + ".org"]
    for name in listed.splitlines():
        path = ROOT / name
        if path.suffix in {".png", ".npz", ".onnx"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [needle for needle in needles if needle in text], name


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from mriloop.cli import app; app(['--help'], standalone_mode=False);"
        "heavy={'numpy','pydicom','SimpleITK','rich','sqlalchemy','yaml','jinja2','scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
