"""The pages: `index.html` of a review and the start page of the demo, each one file that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mriloop.edges.publish.attention import acts, headline
from mriloop.edges.publish.figures import (
    TimelineRow,
    history_svg,
    motion_trace_svg,
    profile_svg,
    slice_map_svg,
    timeline_svg,
)
from mriloop.edges.publish.sheet import encode, kinds_tally, limits_table, sheet, write_sheet
from mriloop.edges.publish.view import ReviewView, StartEntry
from mriloop.edges.publish.words import all_windows, code_words, number_words, step_words
from mriloop.model.advice import Advice, Recommendation
from mriloop.model.communication import Letter
from mriloop.model.comparison import ChangeKind
from mriloop.model.errors import refuse
from mriloop.model.quality import SeriesCheck, Severity, Standing, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.report import VerifiedReport

DRAWN_HISTORIES = 3
_ORDER_STEPS = ("block_order", "hold_order", "ask_before_order", "advise_order", "allow_order")
_SEVERITIES = (Severity.MAJOR, Severity.MINOR, Severity.INFO)


def write_review(view: ReviewView, out: Path) -> Path:
    """Write `index.html` into the folder `out`, which is made where it is not there; return the path of the page.

    One file: styles and figures are inside, there is no script, and a content security policy lets nothing in or out.
    Raises OperatorError `out_not_writable`, `usage_not_a_folder`.
    """
    return write_sheet(out, review_html(view))


def write_check_page(view: ReviewView, path: Path) -> Path:
    """Write a page that holds what CHECK found, and nothing else of a review, to the file `path`. Raises as above."""
    if path.is_dir():
        raise refuse("usage_value", detail=f"{path} is a folder; a name for the page is needed")
    return write_sheet(path.parent, review_html(view), path.name)


def write_start_page(entries: Sequence[StartEntry], out: Path, title: str = "Six patients through the loop") -> Path:
    """Write the demo's `index.html` into the folder `out`: a card for each review. Raises as `write_review`."""
    pictures = encode([entry.picture for entry in entries if entry.picture])
    cards = [
        {
            "entry": entry,
            "headline": headline(entry.view),
            "acts": len(acts(entry.view)),
            "picture": pictures.get(id(entry.picture)),
        }
        for entry in entries
    ]
    return write_sheet(out, sheet("start.html.j2", title=title, cards=cards))


def review_html(view: ReviewView) -> str:
    """Return the page of a review as one text."""
    figures = [*view.mosaics.values(), *(one.figure for one in view.triptychs)]
    pictures = encode(figures)
    changes = view.comparison.changes if view.comparison else ()
    draft = view.report.draft if isinstance(view.report, VerifiedReport) else view.report
    return sheet(
        "review.html.j2",
        view=view,
        headline=headline(view),
        acts=acts(view),
        draft=draft,
        sections=[(one.title, _blocks(one.paragraphs)) for one in draft.sections] if draft else [],
        signed=view.report if isinstance(view.report, VerifiedReport) else None,
        timeline=_timeline(view),
        series=[_series(view, number, one, pictures) for number, one in enumerate(view.check.series)]
        if view.check
        else [],
        tally=_tally(view),
        names=_names(view),
        kinds=kinds_tally(view.comparison),
        moving=[one for one in changes if one.kind is not ChangeKind.STABLE],
        steady=[one for one in changes if one.kind is ChangeKind.STABLE],
        limits=limits_table(view.comparison),
        triptychs=[{"changes": one.changes, "picture": pictures[id(one.figure)]} for one in view.triptychs],
        by_id={one.id: one for one in view.advice.recommendations} if view.advice else {},
        questions=_questions(view.advice),
        steps=[one for one in _steps(view) if one.default],
        beside=_beside(view),
        letters=[(letter, _letter_parts(letter)) for letter in view.letters],
    )


def _series(view: ReviewView, number: int, check: SeriesCheck, pictures: dict[int, dict[str, Any]]) -> dict[str, Any]:
    defects = sorted(check.defects, key=lambda one: _SEVERITIES.index(one.severity))
    figure = view.mosaics.get(check.series_instance_uid)
    ghost = check.measures.get("ghost_ratio")
    spoiled = check.verdict in (Verdict.REPEAT, Verdict.LIMITED)
    return {
        "anchor": f"series-{number}",
        "check": check,
        "defects": defects,
        "open": spoiled,
        "picture": pictures[id(figure)] if figure else None,
        "motion": motion_trace_svg(check.motion, {"limit": check.motion.limit_mm}) if check.motion else "",
        "slices": slice_map_svg(check.completeness, check.volumes) if check.completeness else "",
        "profile": profile_svg(check.profile, ghost.value if isinstance(ghost, Quantity) else None)
        if check.profile
        else "",
        "history": _history(check),
        "usual": {
            name: f"{number_words(one.median)} ± {number_words(one.spread)}" if isinstance(one, Standing) else "–"
            for name, one in check.standings.items()
        },
    }


def _history(check: SeriesCheck) -> list[str]:
    """Draw the measures that lie farthest to the worse side of their history: those that CHECK named, at least one."""
    standing = [(name, one) for name, one in check.standings.items() if isinstance(one, Standing)]
    standing = sorted(standing, key=lambda pair: -(pair[1].worse or 0.0))
    named = {item.name for one in check.defects if one.code == "outside_baseline" for item in one.evidence}
    chosen = [pair for pair in standing if f"{pair[0]}_z" in named][:DRAWN_HISTORIES] or standing[:1]
    units = {name: m.unit for name, m in check.measures.items() if isinstance(m, Quantity)}
    return [history_svg(name, one, units.get(name, "1")) for name, one in chosen]


def _tally(view: ReviewView) -> list[tuple[Verdict, int]]:
    if view.check is None:
        return []
    verdicts = [one.verdict for one in view.check.series]
    return [(verdict, verdicts.count(verdict)) for verdict in Verdict if verdict in verdicts]


def _names(view: ReviewView) -> dict[str, str]:
    """Map SeriesInstanceUIDs to what people call them: today's series, and what the caller says of the prior's."""
    names = dict(view.prior_labels)
    for one in view.check.series if view.check else ():
        number = "" if one.series_number is None else f"{one.series_number} "
        names[one.series_instance_uid] = f"{number}{one.description}".strip() or "series without a name"
    return names


def _timeline(view: ReviewView) -> str:
    rows: list[TimelineRow] = []
    if view.advice is not None:
        for one in _steps(view):
            if not one.default or (one.window is None and not one.then):
                continue
            label = one.text or step_words(one.step)
            rows.append(TimelineRow(label=label, windows=all_windows(one), then=_then(one.then)))
    if not rows:
        rows = [
            TimelineRow(
                label=one.follow_up.text or step_words(one.follow_up.step),
                windows=((one.follow_up.window,) if one.follow_up.window else ()) + one.follow_up.plan,
                then=_then(one.follow_up.then),
            )
            for one in view.follow_ups
        ]
    return timeline_svg(rows, view.today) if rows else ""


def _steps(view: ReviewView) -> list[Recommendation]:
    """Return what is proposed as a next step; the answers about an order stand with the order check."""
    if view.advice is None:
        return []
    return [one for one in view.advice.recommendations if view.order is None or one.step not in _ORDER_STEPS]


def _beside(view: ReviewView) -> list[Recommendation]:
    """Return what profiles beside the default say, where no conflict shows it already."""
    shown = {name for one in view.advice.conflicts for name in one.recommendations} if view.advice else set()
    return [one for one in _steps(view) if not one.default and one.id not in shown]


def _letter_parts(letter: Letter) -> list[tuple[str, list[tuple[str, list[str]]]]]:
    """Return a letter as (heading, blocks): a block is a paragraph ("p") or the items of a list ("ul")."""
    texts = list(letter.paragraphs)
    parts: list[tuple[str, list[str]]] = []
    for part in letter.parts:
        parts.append((part.heading, texts[: part.count]))
        texts = texts[part.count :]
    if texts:
        parts.append(("", texts))
    return [(heading, _blocks(paragraphs)) for heading, paragraphs in parts]


def _blocks(paragraphs: Sequence[str]) -> list[tuple[str, list[str]]]:
    blocks: list[tuple[str, list[str]]] = []
    for text in paragraphs:
        if not text.startswith("- "):
            blocks.append(("p", [text]))
        elif blocks and blocks[-1][0] == "ul":
            blocks[-1][1].append(text[2:])
        else:
            blocks.append(("ul", [text[2:]]))
    return blocks


def _then(code: str) -> str:
    return "a person sets the date" if code == "individualise" else code_words(code)


def _questions(advice: Advice | None) -> list[str]:
    if advice is None:
        return []
    return list(dict.fromkeys(text for one in advice.undetermined for text in (one.questions or one.missing)))
