"""More noise, more motion, more ghosts, more missing: the verdict never improves."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.model.coding import Plane, Subject, Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.quantity import Quantity
from mriloop.model.study import Frame, Series, SeriesObject
from mriloop.stages.check.completeness import completeness_of
from mriloop.stages.check.defects import defect
from mriloop.stages.check.motion import Moved
from mriloop.stages.check.rules import completeness_defects, motion_defects
from mriloop.stages.check.rules.picture import _ghosts, _noise, spoilt
from mriloop.stages.check.verdict import ORDER, verdict_of

KIND = SeriesKind(weighting=Weighting.T1, plane=Plane.AXIAL, object=Subject.PATIENT)
POSITIVE = st.floats(0.01, 300, allow_nan=False)


class _Picture:
    spacing_mm = (1.0, 1.0, 3.0)


def rank(defects):
    return ORDER.index(verdict_of(KIND, defects, computed=False, seen=True))


def moved(mean, most, free):
    values = {"displacement_mean": (mean, "mm"), "displacement_max": (most, "mm"), "motion_free": (free, "%")}
    return Moved(None, {name: Quantity(value=v, unit=u) for name, (v, u) in values.items()})


@given(POSITIVE, POSITIVE, st.floats(0, 100), st.floats(1, 5), st.floats(1, 5), st.floats(0, 1))
def test_more_motion_never_improves(mean, most, free, more_mean, more_most, less_free):
    before = rank(motion_defects(moved(mean, most, free)))
    assert rank(motion_defects(moved(mean * more_mean, most * more_most, free * less_free))) >= before


@given(st.lists(POSITIVE, min_size=3, max_size=3), st.floats(0.05, 1))
def test_less_signal_never_improves(values, share):
    names = ("snr_air", "snr_difference", "snr_inside")
    measures = {n: Quantity(value=v, unit="1") for n, v in zip(names, values, strict=True)}
    fewer = {n: Quantity(value=m.value * share, unit="1") for n, m in measures.items()}
    assert rank(_noise(_Picture(), fewer)) >= rank(_noise(_Picture(), measures))


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(1, 4), st.floats(0, 1), st.booleans())
def test_more_ghosts_and_duller_edges_never_improve(ghost, edges, more, duller, planar):
    assert spoilt(ghost * more, edges * duller, planar=planar) >= spoilt(ghost, edges, planar=planar)

    def measures(g, e):
        return {"ghost_ratio": Quantity(value=g, unit="1"), "average_edge_strength": Quantity(value=e, unit="{index}")}

    assert rank(_ghosts(measures(ghost * more, edges * duller), KIND)) >= rank(_ghosts(measures(ghost, edges), KIND))


def series(kept, spacing):
    frames = tuple(
        Frame(
            sop_instance_uid=str(k), frame_number=1, rows=8, columns=8, position_ras_mm=(0.0, 0.0, spacing * k),
            row_axis_ras=(1.0, 0.0, 0.0), column_axis_ras=(0.0, 1.0, 0.0),
        )
        for k in sorted(kept)
    )  # fmt: skip
    return Series(
        series_instance_uid="1", study_instance_uid="2", modality="MR", object=SeriesObject.IMAGE, frames=frames,
        declared={"slices": 24},
    )  # fmt: skip


@settings(max_examples=60)
@given(
    st.sets(st.integers(0, 23), max_size=6), st.sets(st.integers(0, 23), max_size=4), st.sampled_from([1.0, 3.0, 5.0])
)
def test_more_missing_slices_never_improve(gone, more, spacing):
    def judged(lost):
        one = series(set(range(24)) - lost, spacing)
        found = completeness_of(one, KIND)
        assert found.completeness.found + len(found.completeness.missing) == found.completeness.expected == 24
        return rank(completeness_defects(found, KIND, one))

    assert judged(gone | more) >= judged(gone)


@given(st.lists(st.sampled_from(list(Severity)), max_size=5), st.sampled_from(list(Severity)))
def test_one_more_defect_never_improves(severities, extra):
    defects = [defect("ghosting", s, "x") for s in severities]
    assert rank([*defects, defect("motion", extra, "y")]) >= rank(defects)
    assert np.all(np.diff([rank([defect("motion", s, "y")]) for s in Severity]) >= 0)
