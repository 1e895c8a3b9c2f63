"""What a review found, turned into what its page shows."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from mriloop.app.check import Checked, CheckOutcome
from mriloop.app.compare_files import changing, picture
from mriloop.edges.publish.page import write_check_page
from mriloop.edges.publish.view import (
    ChangeFigure,
    Figure,
    FollowUpView,
    Link,
    OrderReason,
    OrderView,
    ReviewView,
    summarise,
)
from mriloop.model.advice import Advice
from mriloop.model.communication import Letter
from mriloop.model.finding import Case
from mriloop.model.follow_up import FollowUp
from mriloop.model.order import OrderOutcome
from mriloop.model.quality import SeriesCheck
from mriloop.model.report import DraftReport, VerifiedReport
from mriloop.model.study import Refused
from mriloop.stages.advise import decide_order
from mriloop.stages.compare import Compared, PairImages
from mriloop.stages.follow_up import clock

SHOWN_CHANGES = 8
SHOWN_VIEWS = 4
_ORDERS: Mapping[OrderOutcome, Literal["block", "hold", "needs_information", "ask", "advise", "allow"]] = {
    OrderOutcome.BLOCK: "block",
    OrderOutcome.HOLD: "hold",
    OrderOutcome.NEEDS_INFORMATION: "needs_information",
    OrderOutcome.ASK: "ask",
    OrderOutcome.ADVISE: "advise",
    OrderOutcome.ALLOW: "allow",
}


def present(
    *,
    label: str,
    now: datetime,
    checked: Sequence[Checked],
    refused: Sequence[Refused],
    compared: Compared | None,
    pictures: Mapping[int, bytes],
    case: Case | None,
    advice: Advice | None,
    told: Mapping[str, Mapping[str, str]],
    report: DraftReport | VerifiedReport | None,
    letters: Sequence[Letter],
    follow_ups: Sequence[FollowUp],
    links: Sequence[Link],
) -> ReviewView:
    """Return the context of the page. `checked` holds today's study first, then the priors;
    `pictures` the triptych of each change by its id; `told` what patients are told of each recommendation, by language.
    """
    today = checked[0]
    day = now.date()
    names = {one.series_instance_uid: one.description for one in today.study.series}
    return ReviewView(
        study=summarise(today.study, label, case.question if case else ""),
        generated_at=now,
        today=day,
        check=today.check,
        refused=tuple(refused),
        comparison=compared.comparison if compared else None,
        prior_labels=_prior_labels(checked[1:]),
        advice=advice,
        told=told,
        report=report,
        letters=tuple(letters),
        follow_ups=tuple(FollowUpView(follow_up=one, clock=clock(one, day)) for one in follow_ups),
        order=_order(advice, case),
        mosaics=_mosaics(today),
        triptychs=_triptychs(compared, pictures, names),
        links=tuple(links),
        versions=_versions(),
    )


def write_check_pages(outcome: CheckOutcome, path: Path, now: datetime) -> tuple[Path, ...]:
    """Write one page for each study of a check: `path`, then `path` with -2, -3 … before its ending.

    Nothing on it names the patient: it is headed by the number of the study in the input.
    """
    written = []
    for number, one in enumerate(outcome.found, 1):
        view = ReviewView(
            study=summarise(one.study, f"Study {number}" if len(outcome.found) > 1 else "Image quality"),
            generated_at=now,
            today=now.date(),
            check=one.check,
            refused=outcome.refused,
            mosaics=_mosaics(one),
            versions=_versions(),
        )
        place = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        written.append(write_check_page(view, place))
    return tuple(written)


def _mosaics(checked: Checked) -> dict[str, Figure]:
    return {
        one.series_instance_uid: _mosaic(one, checked.mosaics)
        for one in checked.check.series
        if one.series_instance_uid in checked.mosaics
    }


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("mriloop", "dcm2niix", "pydicom", "simpleitk")}


def _prior_labels(priors: Sequence[Checked]) -> dict[str, str]:
    labels = {}
    for prior in priors:
        started = prior.study.started_at
        visit = started.date().isoformat() if started else "prior"
        labels[prior.study.study_instance_uid] = visit
        for series in prior.study.series:
            labels[series.series_instance_uid] = f"{visit}: {series.description or series.series_number}"
    return labels


def _mosaic(series: SeriesCheck, mosaics: Mapping[str, bytes]) -> Figure:
    name = series.description or f"series {series.series_number}"
    words = f"Slices of {name} ({series.kind.weighting}, {series.kind.plane}); verdict {series.verdict}."
    if series.look_at:
        words += " Marked: " + ", ".join(f"slice {one.slice + 1}, {one.text}" for one in series.look_at) + "."
    return Figure(png=mosaics[series.series_instance_uid], alt=words)


def _triptychs(
    compared: Compared | None, pictures: Mapping[int, bytes], names: Mapping[str, str]
) -> tuple[ChangeFigure, ...]:
    """Show the changes, the surest first; without a list of changes, the middle of every pair that was aligned."""
    if compared is None:
        return ()
    if changing(compared) is None:
        return tuple(_view(one, names) for one in compared.images[:SHOWN_VIEWS])
    drawn = [one for one in compared.comparison.changes if one.id in pictures]
    chosen = sorted(drawn, key=lambda one: -one.confidence)[:SHOWN_CHANGES]
    return tuple(
        ChangeFigure(
            changes=(one.id,),
            figure=Figure(
                png=pictures[one.id],
                alt=f"Prior, today and difference around change {one.id}: {one.kind}, {one.diameter_mm:.1f} mm, "
                f"{one.location}.",
                caption=f"Change {one.id}: {one.kind}, {one.location}, "
                f"{one.diameter_mm:.1f} mm, {one.volume_ml:.2f} mL",
            ),
        )
        for one in chosen
    )


def _view(pair: PairImages, names: Mapping[str, str]) -> ChangeFigure:
    volume = pair.today_volume
    middle = volume.affine @ np.array([*((np.array(volume.data.shape[:3]) - 1) / 2), 1.0])
    name = names.get(pair.today, "") or "a series without a name"
    what = "after and before contrast agent" if pair.role == "enhancement" else "today and prior, aligned"
    png = picture(pair, (float(middle[0]), float(middle[1]), float(middle[2])))
    return ChangeFigure(
        changes=(),
        figure=Figure(png=png, alt=f"{name}: {what}, and their difference.", caption=f"{name}: {what}, subtracted"),
    )


def _order(advice: Advice | None, case: Case | None) -> OrderView | None:
    decision = decide_order(advice) if advice is not None else None
    if decision is None or decision.outcome not in _ORDERS:
        return None
    return OrderView(
        outcome=_ORDERS[decision.outcome],
        order=case.question if case is not None and case.question else "the order of this case",
        reasons=tuple(
            OrderReason(code=one.row, text=one.text, way_out="; ".join(one.actions)) for one in decision.reasons
        ),
        questions=decision.questions,
    )
