"""The shelf of guidelines as use cases: signing rows, comparing editions, linting a folder, coverage of the mission."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mriloop.app.advise import forget, guidelines_in_force, lint_guidelines, show_guideline
from mriloop.edges.channels import guideline_pdf
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.folders import guideline_folders, is_site, load_folder, source_text
from mriloop.edges.knowledge.signatures import add_signatures
from mriloop.edges.knowledge.skeleton import write_skeleton
from mriloop.edges.knowledge.statements import letter_places, letter_statements, load_statements
from mriloop.edges.publish.guideline_page import write_page
from mriloop.model.errors import OperatorError, refuse
from mriloop.model.guideline import GuidelineCase, GuidelineSet, LintProblem, Signature
from mriloop.model.statement import Coverage, Home, HomeKind
from mriloop.stages.advise import (
    Difference,
    compare_editions,
    cover,
    lint,
    row_digest,
    rows_of,
    sheet_of,
    why_not_signed,
)
from mriloop.stages.advise import show_guideline as in_words

_NAME = re.compile(r"[a-z][a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a signing did: the file that it added to, the rows that were signed, and why others were not, by row."""

    path: Path
    rows: tuple[str, ...]
    refused: dict[str, str]


def sign(
    site: Path | None, name: str, rows: Sequence[str], *, by: str, role: str, on: date, expires: date, today: date
) -> Signed:
    """Sign rows of a guideline in the site folder; all that may be signed where none is named.

    Raises OperatorError `sign_no_site`, `sign_words`, `sign_dates`, `knowledge_unknown`, `sign_unknown_row`, and
    `sign_refused` for a named row whose mark or status does not allow it; then nothing is written.
    """
    if site is None:
        raise refuse("sign_no_site")
    for what, words in (("name", by), ("role", role)):
        if not words.strip() or not words.isprintable():
            raise refuse("sign_words", what=what)
    if on > today or expires <= on or expires < today:
        raise refuse("sign_dates", on=on, expires=expires, today=today)
    guideline = show_guideline(name, site)
    known = {place: (table, row) for place, table, row in rows_of(guideline)}
    for place in rows:
        if place not in known:
            raise refuse("sign_unknown_row", guideline=name, row=place)
        why = why_not_signed(known[place][1])
        if why:
            raise refuse("sign_refused", row=f"{name}/{place}", detail=why)
    reasons = {place: why_not_signed(row) for place, (_, row) in known.items() if not rows}
    chosen = tuple(dict.fromkeys(rows)) or tuple(place for place, why in reasons.items() if not why)
    if not chosen:
        raise refuse("sign_refused", row=name, detail="no row of it may be signed: see their marks")
    signed = [
        (place, Signature(by=by, role=role, on=on, expires=expires, digest=row_digest(guideline, *known[place])))
        for place in chosen
    ]
    path = add_signatures(site, name, signed)
    forget()
    return Signed(path=path, rows=chosen, refused={place: why for place, why in reasons.items() if why})


def sheet(name: str, *, site: Path | None, today: date) -> str:
    """Return one guideline as Markdown to read and sign, with the signatures that hold today."""
    return in_words(show_guideline(name, site), guidelines_in_force(site).vocabulary, today)


def write_sheets(name: str, *, html: Path | None, pdf: Path | None, site: Path | None, today: date) -> tuple[Path, ...]:
    """Write one guideline as a page, as a PDF, or both, to read and sign; return the files.

    Raises OperatorError `knowledge_unknown`, `out_not_writable`.
    """
    laid_out = sheet_of(show_guideline(name, site), guidelines_in_force(site).vocabulary, today)
    if html is not None:
        write_page(laid_out, html)
    if pdf is not None:
        guideline_pdf.write(laid_out, pdf)
    return tuple(path for path in (html, pdf) if path is not None)


def lint_folder(folder: Path, *, today: date) -> tuple[tuple[LintProblem, ...], tuple[str, ...]]:
    """Return everything that is wrong, and every note, with a folder of the user's own, and the guidelines looked at.

    A guideline folder, a folder of such folders, or a site's knowledge folder. One that cannot be read is a problem
    like any other (`unreadable`), so that the rest is still looked at.
    """
    if is_site(folder):
        place = folder.resolve()
        names = tuple(each.id for each in guidelines_in_force(place).guidelines)
        return lint_guidelines(place, notes=True, today=today), names
    statements = frozenset(each.number for each in load_statements())
    problems: list[LintProblem] = []
    folders = guideline_folders(folder)
    for place in folders:
        try:
            known = load_folder(place)
            cases = load_guideline_cases(place.name, known, shipped=place.parent)
        except OperatorError as error:
            problems.append(LintProblem(code="unreadable", where=place.name, text=error.message))
            continue
        problems += lint(known.guidelines[0], known, cases, statements=statements, source=source_text(place))
    return tuple(problems), tuple(each.name for each in folders)


def new_guideline(site: Path | None, name: str, *, title: str, today: date) -> tuple[Path, ...]:
    """Write the skeleton of a guideline into the site folder and return its files.

    Raises OperatorError `sign_no_site`, `guideline_name`, `guideline_exists`, `out_not_writable`.
    """
    if site is None:
        raise refuse("sign_no_site")
    if not _NAME.fullmatch(name) or name in ("bindings", "facts", "guards"):
        raise refuse("guideline_name", name=name)
    if guidelines_in_force(site).get(name) is not None or (site / "guidelines" / name).exists():
        raise refuse("guideline_exists", name=name)
    if not title.isprintable():
        raise refuse("usage_value", detail="--title must be one line without control characters")
    written = write_skeleton(site, name, title=title or name.replace("_", " ").capitalize(), today=today)
    forget()
    return written


def diff(old: str, new: str, *, site: Path | None, only: str | None = None) -> Difference:
    """Return what differs between two editions of the guidelines, row by row and case by case.

    An edition is `shipped`, `site` (the site's changes laid over the shipped ones), a site folder, a guideline folder,
    or a folder of such. The cases of both run through both.
    """
    editions = [_edition(each, site) for each in (old, new)]
    alone = [known.guidelines[0].id for known, _ in editions if len(known.guidelines) == 1]
    if only is None and alone:
        only = alone[-1]
    if only is not None and all(known.get(only) is None for known, _ in editions):
        raise refuse("knowledge_unknown", kind="guideline", name=only)
    both: dict[str, tuple[GuidelineCase, ...]] = {}
    for known, cases_of in editions:
        for name in [each.id for each in known.guidelines if only in (None, each.id)]:
            both[name] = (*both.get(name, ()), *cases_of(name))
    return compare_editions(editions[0][0], editions[1][0], both, only=only)


CasesOf = Callable[[str], tuple[GuidelineCase, ...]]


def _edition(word: str, site: Path | None) -> tuple[GuidelineSet, CasesOf]:
    """Return the guidelines that a word or a folder names, and how to read the worked cases beside one of them."""
    if word == "site" and site is None:
        raise refuse("sign_no_site")
    if word in ("shipped", "site") or is_site(Path(word)):
        own = None if word == "shipped" else site if word == "site" else Path(word).resolve()
        known = guidelines_in_force(own)
        return known, lambda name: load_guideline_cases(name, known, site=own)
    folders = guideline_folders(Path(word))
    sets = [load_folder(each) for each in folders]
    vocabulary = {name: spec for each in sets for name, spec in each.vocabulary.items()}
    known = GuidelineSet(guidelines=tuple(each.guidelines[0] for each in sets), vocabulary=vocabulary)
    parents = {each.name: each.parent for each in folders}
    return known, lambda name: load_guideline_cases(name, known, shipped=parents[name])


def coverage(*, commands: Collection[str], site: Path | None = None) -> tuple[Coverage, ...]:
    """Return how far the guidelines carry each numbered statement; `commands` are those of the command line."""
    known = guidelines_in_force(site)
    cases = {each.id: load_guideline_cases(each.id, known, site=site) for each in known.guidelines}
    letters = letter_places()

    def exists(home: Home) -> bool:
        if home.kind is HomeKind.COMMAND:
            return home.name in commands
        if home.kind is HomeKind.CODE:
            return _is_code(home.name)
        # A page is linked from the coverage page, where every link is tried.
        return home.kind is HomeKind.PAGE or home in letters

    return cover(known, cases, load_statements(), exists, letter_statements())


def _is_code(name: str) -> bool:
    module, _, function = name.partition(":")
    try:
        return hasattr(importlib.import_module(module), function)
    except ModuleNotFoundError:
        return False
