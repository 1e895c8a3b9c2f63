"""Slices by position: what is missing, exactly where, for every way a series can be cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.study import Frame, Series, SeriesObject
from mriloop.stages.check.completeness import completeness_of
from mriloop.stages.check.rules import completeness_defects

TILT = np.radians(20)
ROW, COLUMN = (-1.0, 0.0, 0.0), (0.0, -float(np.cos(TILT)), -float(np.sin(TILT)))
NORMAL = np.cross(ROW, COLUMN)


def place(k, spacing=3.0):
    return tuple(float(v) for v in np.array([10.0, 20.0, -30.0]) + k * spacing * NORMAL)


def frame(k, t=0, number=None, spacing=3.0, **more):
    return Frame(
        sop_instance_uid=f"{k}.{t}.{number}", frame_number=1, rows=64, columns=64, position_ras_mm=place(k, spacing),
        row_axis_ras=ROW, column_axis_ras=COLUMN, instance_number=number, thickness_mm=spacing, **more,
    )  # fmt: skip


def series(frames, declared=None, **parameters):
    return Series(
        series_instance_uid="1", study_instance_uid="2", modality="MR", object=SeriesObject.IMAGE,
        frames=tuple(frames), declared=declared or {}, parameters=parameters,
    )  # fmt: skip


def look(frames, declared=None, **parameters):
    return completeness_of(series(frames, declared, **parameters), SeriesKind())


def test_one_interior_slice_is_found_with_its_place_in_any_file_order():
    rng = np.random.default_rng(1)
    frames = [frame(k, number=int(n)) for k, n in enumerate(rng.permutation(1000)[:19]) if k != 7]
    found = look(list(rng.permutation(np.array(frames, dtype=object))))
    assert (found.completeness.found, found.completeness.expected) == (18, 19)
    (missing,) = found.completeness.missing
    assert missing.index == 7
    assert missing.position_ras_mm == pytest.approx(place(7))


@pytest.mark.parametrize("gone", [{3, 4, 5}, {1, 9}, {2, 3, 12}])
def test_several_interior_slices(gone):
    found = look([frame(k) for k in range(20) if k not in gone])
    assert {m.index for m in found.completeness.missing} == gone
    assert found.completeness.expected == 20


def test_end_slices_need_a_declaration():
    assert look([frame(k) for k in range(15)]).completeness.expected == 15
    found = look([frame(k) for k in range(15)], {"slices": 19})
    assert (found.completeness.expected, len(found.completeness.missing)) == (19, 4)
    assert all(m.position_ras_mm is None for m in found.completeness.missing)


def test_images_in_acquisition_tells_of_slices_never_made_but_not_of_contrasts_stored_apart():
    frames = [frame(k) for k in range(28)]
    assert look(frames, {"acquired_images": 46}).completeness.expected == 46
    assert look(frames, {"acquired_images": 4 * 28}).completeness.expected == 28
    per_volume = [frame(k, t) for t in range(10) for k in range(15)]
    assert look(per_volume, {"acquired_images": 15}).completeness.expected == 150


def test_a_volume_that_lacks_a_slice_is_named_by_its_time():
    frames = [frame(k, t, temporal_index=t + 1) for t in range(5) for k in range(10) if (k, t) != (4, 2)]
    found = look(frames)
    assert (found.volumes, found.completeness.found, found.completeness.expected) == (5, 49, 50)
    (missing,) = found.completeness.missing
    assert (missing.index, missing.volume) == (4, 2)
    assert missing.position_ras_mm == pytest.approx(place(4))


def test_short_last_volume_without_any_temporal_tag():
    frames = [frame(k, t, number=t * 10 + k) for t in range(3) for k in range(10) if t < 2 or k < 6]
    found = look(frames)
    assert found.last_short
    assert found.uneven == {2: 4}


def test_diffusion_shells_and_a_vendor_map_inside_count_as_volumes():
    def shell(b, direction, kind):
        return [frame(k, f"{b}{direction}", b_value=b, b_vector_ras=direction, image_type=kind) for k in range(8)]

    original = ("ORIGINAL", "PRIMARY", "M")
    frames = shell(0.0, None, original) + shell(1000.0, (1.0, 0.0, 0.0), original)
    frames += shell(1000.0, (0.0, 1.0, 0.0), original) + shell(0.0, None, ("DERIVED", "PRIMARY", "ADC"))
    found = look(frames)
    assert (found.volumes, found.completeness.found, found.completeness.expected) == (4, 32, 32)


def test_a_cut_time_series_is_seen_against_its_declaration_and_an_excerpt_is_not_expected_whole():
    frames = [frame(k, t, temporal_index=t) for t in range(6) for k in range(5)]
    cut = look(frames, {"volumes": 10})
    assert (cut.completeness.found, cut.completeness.expected, cut.plan.lost) == (30, 50, 4)
    excerpt = look(frames, {"volumes": 400})
    assert excerpt.completeness.expected == 30
    assert excerpt.plan.lost == 394


def test_two_slabs_are_no_gap_and_a_gap_that_instance_numbers_confirm_is_none_the_less():
    slabs = [frame(k, number=n) for n, k in enumerate([*range(10), *range(30, 40)])]
    assert look(slabs).slabs
    assert look(slabs).completeness.missing == ()
    torn = [frame(k, number=k) for k in [*range(10), *range(30, 40)]]
    assert len(look(torn).completeness.missing) == 20


def test_three_orientations_are_three_stacks():
    other = [
        Frame(
            sop_instance_uid=f"s{k}", frame_number=1, rows=64, columns=64, position_ras_mm=(5.0 * k, 0.0, 0.0),
            row_axis_ras=(0.0, 1.0, 0.0), column_axis_ras=(0.0, 0.0, -1.0),
        )
        for k in range(3)
    ]  # fmt: skip
    found = look([frame(k) for k in range(3)] + other)
    assert (found.completeness.found, found.completeness.expected) == (6, 6)


def test_mosaics_count_tiles_and_an_unknowable_count_is_said():
    def mosaic(tiles):
        return Frame(sop_instance_uid=str(tiles), frame_number=1, rows=384, columns=384, tiles=tiles)

    assert look([mosaic(36)] * 6).completeness.expected == 216
    unknowable = look([mosaic(0)] * 2)
    assert unknowable.completeness.expected is None
    assert "does not say" in unknowable.completeness.basis


def test_no_position_at_all_is_not_complete():
    bare = [Frame(sop_instance_uid=str(k), frame_number=1, rows=8, columns=8) for k in range(4)]
    assert look(bare).completeness.expected is None
    assert look(bare, {"frames": 6}).completeness.expected == 6


@pytest.mark.parametrize(("spacing", "severity"), [(1.0, Severity.MINOR), (3.0, Severity.MINOR), (5.0, Severity.MAJOR)])
def test_a_gap_that_hides_a_lesion_of_three_millimetres_spoils_the_series(spacing, severity):
    part = series([frame(k, spacing=spacing) for k in range(40) if k != 11])
    (defect,) = completeness_defects(completeness_of(part, SeriesKind()), SeriesKind(), part)
    assert (defect.code, defect.severity) == ("missing_slices", severity)
    assert "slice 12" in defect.message


@pytest.mark.parametrize("kept", [range(5), range(1), range(0, 24, 6), range(2)])
def test_a_declaration_beats_what_was_found_however_little_that_is(kept):
    part = series([frame(k) for k in kept], {"slices": 24})
    found = completeness_of(part, SeriesKind())
    assert (found.completeness.found, found.completeness.expected) == (len(kept), 24)
    (defect,) = completeness_defects(found, SeriesKind(), part)
    assert (defect.code, defect.severity) == ("missing_slices", Severity.MAJOR)
    localizer = completeness_of(part, SeriesKind(weighting=Weighting.LOCALIZER))
    assert localizer.edge == 0
    reformat = completeness_of(series([frame(0)], {"slices": 24}), SeriesKind(derived=True))
    assert reformat.completeness.expected == 1


def test_a_stray_matrix_does_not_hide_what_was_declared():
    stray = replace(frame(3), rows=32, columns=32)
    found = look([frame(0), frame(1), stray], {"slices": 24})
    assert (found.completeness.found, found.completeness.expected) == (3, 24)


def test_every_second_slice_lost_is_told_by_the_spacing_of_the_header():
    thin = [replace(frame(k, spacing=5.0), thickness_mm=4.0) for k in range(0, 24, 2)]
    numbered = [frame(k, spacing=5.0, number=k) for k in range(0, 24, 2)]
    assert look(numbered, SpacingBetweenSlices=5.0).completeness.expected == 23
    found = look(thin, SpacingBetweenSlices=5.0)
    assert (found.completeness.found, found.completeness.expected) == (12, 23)
    assert {m.index for m in found.completeness.missing} == set(range(1, 22, 2))
    whole = look([frame(k, spacing=5.0) for k in range(12)], {"slices": 12}, SpacingBetweenSlices=2.5)
    assert whole.completeness.expected == 12


def thick(k, thickness, **more):
    return replace(frame(k, spacing=1.0, **more), thickness_mm=thickness)


def test_a_spacing_that_may_be_the_gap_raises_a_question_and_a_plain_gap_none():
    # 5 mm slices 10 mm apart, spacing 5: every second slice lost, or a gap as wide as a slice.
    part = series([thick(10 * k, 5.0) for k in range(10)], SpacingBetweenSlices=5.0)
    found = completeness_of(part, SeriesKind())
    assert found.completeness.expected is None
    (asked,) = completeness_defects(found, SeriesKind(), part)
    assert (asked.code, asked.severity) == ("maybe_missing_slices", Severity.MINOR)
    assert "every second slice may be missing" in asked.message
    # 4 mm slices 5 mm apart, spacing 1: the gap.
    assert look([thick(5 * k, 4.0) for k in range(10)], SpacingBetweenSlices=1.0).completeness.expected == 10


def test_without_a_spacing_the_thickness_asks_only_when_the_numbers_skip_too():
    frames = [thick(10 * k, 5.0, number=2 * k + 1) for k in range(10)]
    assert look(frames).question
    assert not look([thick(10 * k, 5.0, number=k) for k in range(10)]).question


def test_a_block_of_slices_lost_and_renumbered_is_asked_about_unless_it_was_another_acquisition():
    def torn(second_starts):
        kept = [*range(8), *range(16, 24)]
        times = [float(n) for n in range(8)] + [second_starts + n for n in range(8)]
        return series([frame(k, number=n, acquired_at_s=times[n]) for n, k in enumerate(kept)])

    for starts, codes in (
        (16.0, ["maybe_missing_slices"]),
        (0.5, ["maybe_missing_slices"]),
        (400.0, ["separate_slabs"]),
    ):
        found = completeness_of(torn(starts), SeriesKind())
        assert [d.code for d in completeness_defects(found, SeriesKind(), torn(starts))] == codes
    declared = replace(torn(16.0), declared={"slices": 24})
    assert {m.index for m in completeness_of(declared, SeriesKind()).completeness.missing} == set(range(8, 16))
