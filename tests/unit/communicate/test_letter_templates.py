"""The template loader: strict about every word, and the site's file goes before the shipped one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from mriloop.edges.knowledge.letters import SHIPPED, load_letters
from mriloop.model.errors import MriloopError


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A copy of the shipped letters that a test may spoil."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "letters"))


def spoil(path: Path, change) -> None:
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True))


def first(content):
    return content["parts"][0]["paragraphs"][0]


def set_text(text):
    return lambda content: first(content).update(text=text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_text("Hello {name}"), "unknown placeholder {name}"),
        (set_text("Hello {item}"), "unknown placeholder {item}"),
        (set_text("Hello {clinic.name}"), "not a plain placeholder"),
        (set_text("Hello {clinic[0]}"), "not a plain placeholder"),
        (set_text("Hello {clinic!r}"), "not a plain placeholder"),
        (set_text("Hello {minutes:>9999}"), "not a plain placeholder"),
        (set_text("Hello {}"), "not a plain placeholder"),
        (set_text("Hello {clinic"), "braces"),
        (set_text(""), "text must be a text"),
        (lambda content: first(content).update(when=["sunny"]), "unknown flag 'sunny'"),
        (lambda content: first(content).update(when="urgent"), "must be a list"),
        (lambda content: first(content).update(points=["thirteenth"]), "unknown checklist point"),
        (lambda content: first(content).update(each="wishes"), "unknown list"),
        (lambda content: first(content).update(each="red_flags"), "says {item}"),
        (lambda content: first(content).update(colour="red"), "unknown key 'colour'"),
        (lambda content: content.update(kind="r9_other"), "unknown kind"),
        (lambda content: content.update(kind="normal"), "named normal.yaml"),
        (lambda content: content.update(audience="press"), "unknown audience"),
        (lambda content: content.pop("title"), "'title' is missing"),
        (lambda content: content.update(title="{clinic}"), "title has no placeholders"),
        (lambda content: content["parts"].append({"use": "nothing"}), "unknown block"),
        (lambda content: content["parts"][0].update(tone="loud"), "unknown tone"),
        (lambda content: content["parts"].pop(), "does not cover 'source'"),
        (lambda content: content.update(parts=[]), "with something in it"),
    ],
)
def test_a_spoilt_template_is_refused_with_file_and_reason(letters, change, words):
    path = letters / "en" / "r1_motion.yaml"
    spoil(path, change)
    with pytest.raises(MriloopError) as caught:
        load_letters(letters)
    assert caught.value.code == "knowledge_invalid"
    assert "r1_motion.yaml" in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["months"].pop(), "12 months"),
        (lambda content: content.update(date="{day}.{month}"), "{year}"),
        (lambda content: content.update(language="de"), "in the folder"),
        (lambda content: content["regions"].pop("other"), "'other' is missing"),
        (lambda content: content["labels"].update(page="Page"), "other placeholders"),
        (lambda content: content["labels"].update(greeting="Hi"), "unknown key"),
        (lambda content: content["red_flags"].update(foot=[]), "with something in it"),
    ],
)
def test_spoilt_words_are_refused(letters, change, words):
    spoil(letters / "en" / "words.yaml", change)
    with pytest.raises(MriloopError, match=r"words\.yaml") as caught:
        load_letters(letters)
    assert words in caught.value.message


@pytest.mark.parametrize("content", ["kind: [", "- a list", "\x00", "!!python/object/apply:os.getcwd []"])
def test_what_is_no_plain_yaml_mapping_is_refused(letters, content):
    (letters / "en" / "normal.yaml").write_text(content)
    with pytest.raises(MriloopError) as caught:
        load_letters(letters)
    assert caught.value.code == "knowledge_invalid"


def test_a_language_without_words_is_refused(letters):
    (letters / "de").mkdir()
    with pytest.raises(MriloopError, match=r"has no words\.yaml"):
        load_letters(letters)


def test_the_site_replaces_a_file_and_adds_a_language(tmp_path):
    site = tmp_path / "site"
    for language in ("en", "de"):
        (site / "letters" / language).mkdir(parents=True)
    changed = (SHIPPED / "en" / "normal.yaml").read_text().replace("The result of your scan", "Your good result")
    (site / "letters" / "en" / "normal.yaml").write_text(changed)
    for name in ("words.yaml", "blocks.yaml", "normal.yaml"):
        text = (SHIPPED / "en" / name).read_text().replace("language: en", "language: de")
        (site / "letters" / "de" / name).write_text(text)
    found = load_letters(site=site)
    assert found.templates["en", "normal"].title == "Your good result"
    assert found.templates["en", "r1_motion"] == load_letters().templates["en", "r1_motion"]
    assert found.languages == ("de", "en", "es")
    assert ("de", "r1_motion") not in found.templates


def test_the_corrected_statements_stand_in_every_language(templates):
    wanted = {"S1", "S2", "S17", "S20", "S21", "S25", "S33", "S34", "S65"}
    for language in templates.languages:
        found = {
            number
            for (of, _), template in templates.templates.items()
            if of == language
            for part in template.parts
            for item in part.paragraphs
            for number in item.statements
        }
        assert wanted <= found
        words = " ".join(
            item.text
            for (of, _), template in templates.templates.items()
            if of == language
            for part in template.parts
            for item in part.paragraphs
        ).lower()
        # Contrast agent leaks; it is not absorbed. MRI is without X-rays; it is never called safe without a screen.
        assert not any(sign in words for sign in ("absorb", "soaks up", "is safe", "es segura.", "harmless"))


def test_a_number_that_is_no_statement_is_refused(letters):
    spoil(letters / "en" / "r1_motion.yaml", lambda content: first(content).update(statements=["20"]))
    with pytest.raises(MriloopError, match="no number of a statement"):
        load_letters(letters)
