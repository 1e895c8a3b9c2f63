"""One series, written as classic and as enhanced objects: the same verdict, the same defects, the same measures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.journeys.drawn import GRID, drawn, write

from mriloop.app.check import Judging
from mriloop.app.results import check_paths
from mriloop.imaging.phantom import Acquired, bold_epi, flair_axial, t1_3d, t2_axial
from mriloop.model.fact import Truth
from mriloop.model.quality import Severity
from mriloop.model.quantity import Quantity
from mriloop.settings import load

# What each copy must be found to have, beside remarks on settings of a protocol that such small matrices do not fit.
CASES = {
    "good": (lambda: drawn(replace(t2_axial(), **GRID)), set()),
    "good 3-D": (lambda: drawn(replace(t1_3d(), **GRID)), set()),
    "ghosts": (lambda: drawn(replace(t2_axial(), **GRID), ghost=0.3), {("ghosting", Severity.MAJOR)}),
    "noise": (lambda: drawn(replace(flair_axial(), **GRID), noise=0.12), {("low_snr", Severity.MINOR)}),
    "lost slices": (
        lambda: drawn(replace(t2_axial(), **GRID), missing=(5, 6)), {("missing_slices", Severity.MAJOR)}
    ),
    "movement": (lambda: drawn(replace(bold_epi(volumes=5), **GRID), walk_mm=4.0), {("motion", Severity.MAJOR)}),
}  # fmt: skip


def checked(acquired: Acquired, out: Path, *, enhanced: bool):
    write(acquired, out, enhanced=enhanced)
    settings = load({}, executor="serial")
    (found,) = check_paths([out], settings, Judging.of(settings)).checks
    (series,) = found.series
    return series


@pytest.mark.parametrize("name", CASES)
def test_classic_and_enhanced_copies_agree(name, tmp_path):
    make, wanted = CASES[name]
    acquired = make()
    classic, enhanced = (checked(acquired, tmp_path / str(kind), enhanced=kind) for kind in (False, True))
    assert classic.verdict is enhanced.verdict
    found = [{(d.code, d.severity) for d in one.defects} for one in (classic, enhanced)]
    assert found[0] == found[1]
    assert {pair for pair in found[0] if not pair[0].startswith("protocol")} == wanted
    # The classic header has no word for "no fat suppression": unknown there, no here, never a contradiction.
    kinds = [replace(one.kind, basis={}, fat_suppressed=Truth.UNKNOWN) for one in (classic, enhanced)]
    assert kinds[0] == kinds[1]
    assert (classic.scanner, classic.coil) == (enhanced.scanner, enhanced.coil)
    for measure, one in classic.measures.items():
        other = enhanced.measures[measure]
        assert type(one) is type(other), measure
        if isinstance(one, Quantity):
            # Each slice of a classic series is scaled to 16 bits by itself, an enhanced object as a whole.
            assert other.value == pytest.approx(one.value, rel=0.01, abs=0.002), measure
