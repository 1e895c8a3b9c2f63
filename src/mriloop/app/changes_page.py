"""Page, pictures and map of changed tissue after a person's word: what no longer holds is drawn anew or put away."""

from __future__ import annotations

import shutil
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from mriloop.app.compare_files import DOCUMENT, MAPS, comparison_view, draw_changes, name_series
from mriloop.edges.dicom import read_back, write_nifti
from mriloop.edges.publish.comparison_page import ChangeFigures, ComparisonView, write_comparison_page
from mriloop.edges.publish.view import Figure
from mriloop.model.comparison import Change, ChangeKind, Comparison
from mriloop.model.errors import refuse
from mriloop.model.study import Study
from mriloop.stages.check.identify import identify_study
from mriloop.stages.compare import Compared
from mriloop.stages.compare.edits import Drawn, changed_part, prior_to_today

EARLIER = "earlier"
PAGE = "index.html"
CHANGED = "changed_today.nii.gz"
_PINS, _COLOURS = "map_1.png", "map_2.png"
_MAPS = (
    (_PINS, "Three projections of the head with a numbered pin for each change.", "Where the changes lie"),
    (
        _COLOURS,
        "Slices of today's series, orange where it is brighter than the prior and blue where it is darker.",
        "Sensitive map for the eye: it shows more than the list does, and some of it is noise",
    ),
)


def outlines_moved(before: Drawn, after: Drawn) -> frozenset[int]:
    """Return the changes whose outline is another one than before, at either visit."""
    found: set[int] = set()
    for old, new in ((before.today, after.today), (before.prior, after.prior)):
        moved = old != new
        found |= {int(value) for value in np.unique(np.concatenate([old[moved], new[moved]]))}
    return frozenset(found - {0})


def keep_earlier(folder: Path, before: Comparison, after: Comparison, moved: Set[int]) -> None:
    """Copy what stood before to `earlier/`, and move there the pictures of an outline or a pin that no longer holds."""
    place = folder / EARLIER / f"{len(before.amendments):03d}"
    pinned, pins = ({(o.id, o.kind, o.position_ras_mm) for o in one.upheld} for one in (before, after))
    stale = [name for number in moved for name in _pictures(number)] + ([_PINS] if pinned != pins else [])
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in (DOCUMENT, *MAPS, PAGE, CHANGED):
            if (folder / name).is_file():
                shutil.copy2(folder / name, place / name)
        for name in stale:
            if (folder / name).is_file():
                shutil.move(folder / name, place / name)
    except OSError:
        raise refuse("out_not_writable", path=place) from None


def write_changed(folder: Path, comparison: Comparison, drawn: Drawn, moved: Set[int]) -> None:
    """Bring the map of the changed tissue up to date, where the comparison wrote one."""
    path = folder / CHANGED
    if not path.is_file():
        return
    labels, affine = read_back(path)
    if labels.shape != drawn.today_grid.shape:
        raise refuse("comparison_unreadable", detail=f"{CHANGED} is not on today's voxels")
    labels[np.isin(labels, list(moved))] = 0
    for change in comparison.changes:
        if change.id in moved:
            labels[changed_part(change, drawn, prior_to_today(comparison)) & (labels == 0)] = change.id
    write_nifti(path, labels.astype(np.int16), affine)


def page_from_folder(folder: Path, comparison: Comparison) -> Path:
    """Write the page with the pictures that lie in the folder and still hold; it says which are missing."""
    moving = [one for one in comparison.upheld if one.kind is not ChangeKind.STABLE]
    pictured = {one.id: found for one in moving if (found := _figures(folder, one)) is not None}
    missing = [str(one.id) for one in moving if one.id not in pictured]
    lacking = f" No. {', '.join(missing)}: not pictured." if missing else ""
    note = (
        f"A person has amended this list.{lacking} Names of series and whatever else rests on the images are left out: "
        "`mriloop changes` with --today and --prior puts them in."
    )
    maps = tuple(
        Figure(png=(folder / name).read_bytes(), alt=alt, caption=caption)
        for name, alt, caption in _MAPS
        if (folder / name).is_file()
    )
    told = replace(comparison, cautions=(*comparison.cautions, note))
    view = _view(Compared(comparison=told, images=()), (), {}, folder)
    visits: dict[str, date | None] = {
        point.study: point.at.date() if point.at else None for course in comparison.courses for point in course.points
    }
    return write_comparison_page(replace(view, changes=pictured, maps=maps, visits=visits), folder)


def draw_anew(folder: Path, compared: Compared, studies: Sequence[Study]) -> tuple[Path, ...]:
    """Draw page and pictures from the images. Pairs that were shown for the eye alone are not aligned once more."""
    drawn = draw_changes(compared)
    view = _view(compared, studies, drawn, folder)
    pictures = dict(zip((_PINS, _COLOURS), (one.png for one in view.maps), strict=False))
    for number, figures in view.changes.items():
        images = (figures.triptych.png, figures.prior.png, figures.today.png)
        pictures |= dict(zip(_pictures(number), images, strict=True))
    try:
        for name, png in pictures.items():
            (folder / name).write_bytes(png)
    except OSError:
        raise refuse("out_not_writable", path=folder) from None
    return (write_comparison_page(view, folder), *(folder / name for name in pictures))


def _view(compared: Compared, studies: Sequence[Study], drawn: dict[int, bytes], folder: Path) -> ComparisonView:
    kinds = {uid: kind for study in studies for uid, kind in identify_study(study).items()}
    written = sorted(path for path in folder.iterdir() if path.is_file())
    return comparison_view(compared, drawn, names=name_series(studies, kinds), studies=studies, written=written)


def _pictures(number: int) -> tuple[str, str, str]:
    """Return the names of triptych, prior and today of a change, as `compare_files.write_outcome` gives them."""
    return f"change_{number:02d}.png", f"change_{number:02d}_prior.png", f"change_{number:02d}_today.png"


def _figures(folder: Path, change: Change) -> ChangeFigures | None:
    """Return the pictures of a change that lie in the folder, None where one is missing."""
    paths = [folder / name for name in _pictures(change.id)]
    if not all(path.is_file() for path in paths):
        return None
    told = f"change {change.id}, {change.kind}, {change.location or 'place not named'}"
    triptych, prior, today = (path.read_bytes() for path in paths)
    return ChangeFigures(
        triptych=Figure(png=triptych, alt=f"Prior, today and difference around {told}."),
        prior=Figure(png=prior, alt=f"The prior around {told}."),
        today=Figure(png=today, alt=f"Today around {told}."),
    )
