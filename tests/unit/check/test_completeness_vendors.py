"""Series as each vendor writes them, cut and thinned: what is absent is found, and what is whole is left alone."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import SeriesCheck, SeriesKind, Severity, Verdict
from mriloop.model.study import Frame, Series, SeriesObject, Study
from mriloop.stages.check import check_series, check_study
from mriloop.stages.check.completeness import completeness_of
from mriloop.stages.check.rules import completeness_defects

AXES = ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))
RANK = {Severity.INFO: 0, Severity.MINOR: 1, Severity.MAJOR: 2}
BOLD, T1, DWI = (SeriesKind(weighting=w) for w in (Weighting.BOLD, Weighting.T1, Weighting.DWI))


def frame(k, t=0, spacing=4.0, **more):
    return Frame(
        sop_instance_uid=more.pop("sop", f"{k}.{t}"), frame_number=1, rows=64, columns=64,
        position_ras_mm=(0.0, 0.0, spacing * k), row_axis_ras=AXES[0], column_axis_ras=AXES[1],
        thickness_mm=spacing, acquired_at_s=1000.0 + 2.0 * t + 0.05 * k, **more,
    )  # fmt: skip


def mosaic(t, tiles=36):
    return Frame(sop_instance_uid=str(t), frame_number=1, rows=384, columns=384, tiles=tiles, acquired_at_s=2.0 * t)


def series(frames, declared, uid="1", description="", **parameters):
    return Series(
        series_instance_uid=uid, study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE,
        description=description, frames=tuple(frames), declared=declared, parameters=parameters,
    )  # fmt: skip


def defects_of(one, kind=T1):
    return completeness_defects(completeness_of(one, kind), kind, one)


def badness(one, kind=T1):
    return max((RANK[d.severity] for d in defects_of(one, kind)), default=0)


SLICES = 30
STYLES = {
    "Siemens classic 2-D, protocol text": (T1, [frame(k) for k in range(SLICES)], {"slices": SLICES}),
    "Siemens mosaic": (BOLD, [mosaic(t) for t in range(SLICES)], {"slices": 36, "volumes": SLICES}),
    "Siemens XA, one object a volume": (
        BOLD,
        [frame(k, t, temporal_index=t, sop=str(t), in_stack=k + 1) for t in range(10) for k in range(6)],
        {"slices": 6, "volumes": 10},
    ),
    "GE, locations and temporal positions": (
        BOLD, [frame(k, t) for t in range(10) for k in range(15)], {"slices": 15, "volumes": 10, "acquired_images": 15},
    ),
    "GE, images in acquisition": (T1, [frame(k) for k in range(SLICES)], {"acquired_images": SLICES}),
    "Philips, slices and dynamics": (
        BOLD, [frame(k, t, temporal_index=t + 1) for t in range(12) for k in range(9)], {"slices": 9, "volumes": 12},
    ),
    "Canon enhanced, in-stack positions": (T1, [frame(k, in_stack=k + 1) for k in range(SLICES)], {"slices": SLICES}),
    "UIH grid": (DWI, [replace(mosaic(t, 20), b_value=1000.0 * (t > 0)) for t in range(17)], {"diffusion_volumes": 17}),
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_whole_series_of_every_vendor_raise_nothing(style):
    kind, frames, declared = STYLES[style]
    assert defects_of(series(frames, declared), kind) == []


@pytest.mark.parametrize("style", [s for s in STYLES if s != "UIH grid"])
def test_a_series_cut_at_sixty_percent_never_passes(style):
    kind, frames, declared = STYLES[style]
    assert badness(series(frames[: int(0.6 * len(frames))], declared), kind) >= 1
    if kind is T1:
        assert badness(series(frames[: int(0.6 * len(frames))], declared), kind) == 2


@pytest.mark.parametrize("style", [s for s in STYLES if "mosaic" not in s and "grid" not in s])
@pytest.mark.parametrize("gone", [{2, 3, 4}, {0, 1, 2}, {1, 3, 5}])
def test_three_missing_slices_never_pass(style, gone):
    kind, frames, declared = STYLES[style]
    left = [f for f in frames if round(f.position_ras_mm[2] / 4) not in gone]
    assert badness(series(left, declared), kind) == 2
    last = max(f.acquired_at_s for f in frames) - 0.05 * 20
    thin = [
        f for f in frames if round(f.position_ras_mm[2] / 4) not in gone or (kind is BOLD and f.acquired_at_s < last)
    ]
    assert badness(series(thin, declared), kind) >= 1


# ImagesInAcquisition alone cannot tell half a series from one of two contrasts that are stored apart.
FIRM = sorted(style for style in STYLES if style != "GE, images in acquisition")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(FIRM), st.data())
def test_removing_more_never_improves(style, data):
    """Monotone under inclusion wherever the scanner says how many slices there should be.

    A single volume of several is left out: it may be one dynamic of an export that stores each as a series.
    """
    kind, frames, declared = STYLES[style]
    order = data.draw(st.permutations(range(len(frames))))
    one = data.draw(st.integers(1, len(frames) - 1))
    two = data.draw(st.integers(one, len(frames) - 1))
    first = series([f for n, f in enumerate(frames) if n not in set(order[:one])], declared)
    second = series([f for n, f in enumerate(frames) if n not in set(order[:two])], declared)
    before, after = (completeness_of(each, kind) for each in (first, second))
    assert after.completeness.found <= before.completeness.found
    assume(kind is T1 or after.volumes > 1)
    assert badness(second, kind) >= min(1, badness(first, kind))


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, SLICES - 1), max_size=SLICES - 4), st.integers(0, SLICES - 1))
def test_one_slice_less_of_a_single_volume_never_lightens_the_verdict(gone, more):
    _, frames, declared = STYLES["Siemens classic 2-D, protocol text"]
    left = [f for n, f in enumerate(frames) if n not in gone]
    fewer = [f for n, f in enumerate(frames) if n not in gone | {more}]
    assert badness(series(fewer, declared)) >= badness(series(left, declared))


def test_time_points_count_apart_from_echoes():
    frames = [
        frame(k, 2 * t + e, te_ms=(12.0, 30.0)[e], temporal_index=t)
        for t in range(6)
        for e in range(2)
        for k in range(5)
    ]
    (cut,) = defects_of(series(frames, {"slices": 5, "volumes": 10}), BOLD)
    assert "6 of 10 planned volumes" in cut.message
    assert completeness_of(series(frames, {"slices": 5, "volumes": 10}), BOLD).completeness.expected == 100


def test_a_second_echo_that_the_archive_dropped_is_missed():
    frames = [frame(k, e, te_ms=te) for e, te in enumerate((5.0, 10.0)) for k in range(8)]
    (one,) = defects_of(series(frames, {"echoes": 3}))
    assert one.code == "stopped_early"
    assert "2 of 3 planned echoes" in one.message
    assert defects_of(series(frames, {"echoes": 2})) == []


def shell(b, count, start, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 3))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return [
        frame(k, start + n, b_value=b, b_vector_ras=tuple(float(c) for c in v))
        for n, v in enumerate(vectors)
        for k in range(4)
    ]


def test_a_shell_that_stops_short_of_its_twin_is_missed_and_shells_of_their_own_are_not():
    zero = [frame(k, 0, b_value=0.0) for k in range(4)]
    whole = series(zero + shell(1000.0, 20, 1) + shell(2000.0, 20, 21), {})
    assert defects_of(whole, DWI) == []
    cut = series(zero + shell(1000.0, 20, 1) + shell(2000.0, 20, 21)[: 12 * 4], {})
    (found,) = defects_of(cut, DWI)
    assert "12 of 20 planned directions of b = 2000" in found.message
    own = series(zero + shell(1000.0, 20, 1) + shell(2000.0, 12, 21, seed=9), {})
    assert defects_of(own, DWI) == []


def test_directions_and_b_values_against_the_declaration():
    frames = [frame(k, 0, b_value=0.0) for k in range(4)] + shell(1000.0, 20, 1)
    (few,) = defects_of(series(frames, {"diffusion_volumes": 30}), DWI)
    assert "21 of 30 planned diffusion volumes" in few.message
    assert defects_of(series(frames, {"diffusion_volumes": 20, "b_values": 2}), DWI) == []
    (level,) = defects_of(series(frames, {"b_values": 3}), DWI)
    assert "2 of 3 planned b-values" in level.message


def test_a_plan_by_duration_alone_allows_for_dummies_and_reference_lines():
    frames = [frame(k, t) for t in range(60) for k in range(4)]
    assert defects_of(series(frames, {"duration_s": 135}, RepetitionTime=2000.0), BOLD) == []
    (cut,) = defects_of(series(frames, {"duration_s": 240}, RepetitionTime=2000.0), BOLD)
    assert "60 of 120" in cut.message
    assert "planned duration" in cut.message


def test_a_missing_part_of_a_concatenation_is_named():
    part = series([frame(k, sop=str(k // 10)) for k in range(20)], {"instances": 3})
    told = replace(part, notes=("2 of 3 parts of a concatenation are here: part 3 missing",))
    (found,) = defects_of(told)
    assert (found.code, found.severity) == ("missing_parts", Severity.MAJOR)
    assert "part 3" in found.message


def test_in_stack_positions_tell_of_slices_before_the_first():
    frames = [frame(k, in_stack=k + 1) for k in range(4, 20)]
    found = completeness_of(series(frames, {}), T1)
    assert (found.completeness.expected, len(found.completeness.missing)) == (20, 4)
    turned = [frame(k, in_stack=20 - k) for k in range(20)]
    assert completeness_of(series(turned, {}), T1).completeness.expected == 20


def test_reformatted_pictures_owe_nothing_to_the_declaration_of_their_source():
    mpr = [frame(k, image_type=("DERIVED", "SECONDARY", "MPR")) for k in range(40)]
    assert defects_of(series(mpr, {"slices": 120}), SeriesKind(weighting=Weighting.T1, derived=True)) == []


def cine(uid, k, **change):
    frames = [frame(k, t, trigger_time_ms=40.0 * t, sop=f"{uid}.{t}") for t in range(25)]
    return series(frames, {"slices": 8, **change}, uid=uid, description="cine sa", ProtocolName="cine sa")


def checks_of(parts, kind=SeriesKind(weighting=Weighting.T2, object=Subject.PATIENT)):  # noqa: B008
    return [check_series(one, None, kind=kind) for one in parts]


def study_of(parts):
    return Study(study_instance_uid="s", patient="p", series=tuple(parts))


def test_slices_that_are_stored_as_a_series_each_are_not_incomplete_each():
    parts = [cine(str(k), k) for k in range(8)]
    alone = checks_of(parts)
    assert all("missing_slices" in {d.code for d in c.defects} for c in alone)
    found = check_study(study_of(parts), alone)
    for check in found.series:
        assert {d.code for d in check.defects} & {"missing_slices", "stored_apart"} == {"stored_apart"}
        assert check.completeness.expected == check.completeness.found
    assert found.verdict is not Verdict.REPEAT


def test_one_of_the_series_that_never_came_leaves_the_alarm():
    parts = [cine(str(k), k) for k in range(7)]
    found = check_study(study_of(parts), checks_of(parts))
    assert all("missing_slices" in {d.code for d in c.defects} for c in found.series)


def test_a_cut_series_and_its_whole_repeat_do_not_complete_each_other():
    def t2(uid, slices, at):
        frames = [replace(frame(k, sop=f"{uid}.{k}"), acquired_at_s=at + k) for k in slices]
        return series(frames, {"slices": 20}, uid=uid, description="t2", ProtocolName="t2")

    parts = [t2("1", range(12), 0.0), t2("2", range(20), 500.0)]
    found = check_study(study_of(parts), checks_of(parts))
    assert "missing_slices" in {d.code for d in found.series[0].defects}
    assert found.superseded == ("1",) or found.series[1].verdict is Verdict.NOT_ASSESSABLE
    assert "repeated_series" in {d.code for d in found.defects}


def test_dynamics_stored_as_a_series_each_are_not_called_stopped():
    phases = [
        series([frame(k, t, sop=f"{t}.{k}") for k in range(10)], {"slices": 10, "volumes": 20}, uid=str(t))
        for t in range(20)
    ]
    assert all(defects_of(one) == [] for one in phases)


def test_every_subset_of_a_short_series_is_answered():
    _, frames, declared = STYLES["Philips, slices and dynamics"]
    for keep in itertools.islice(itertools.combinations(range(12), 3), 40):
        assert isinstance(check_series(series([frames[n] for n in keep], declared), None, kind=BOLD), SeriesCheck)
