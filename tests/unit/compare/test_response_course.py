"""Courses worked by hand: confirmation, provisional progression, new baselines, corrections, measurability, noise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.model.fact import Truth
from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.response import (
    Category,
    Criteria,
    NewLesion,
    NonTarget,
    ResponseHistory,
    ResponseVisit,
    Seen,
    Size,
    Standing,
    Tissue,
    TrackedLesion,
    Trend,
)
from mriloop.stages.compare.response import assess
from mriloop.stages.compare.response.rules import months_after
from mriloop.stages.compare.response.volumetric import VOLUME_GROWTH, VOLUME_RESPONSE

START = date(2026, 1, 5)
SHIPPED = load_repeatability()


def visit(day, *sides, **more):
    """A visit with square targets T0, T1 …; None was not assessed."""
    sizes = {
        f"T{n}": Size(seen=Seen.NOT_ASSESSED)
        if side is None
        else Size(longest_mm=side, perpendicular_mm=side, volume_ml=side**3 / 2000, slices=5)
        for n, side in enumerate(sides)
    }
    told = {
        "new_lesions": NewLesion.NO,
        "clinical": Trend.STABLE,
        "t2_flair": Trend.STABLE,
        "steroid_mg": 0.0,
        "slice_thickness_mm": 3.0,
        "non_target": NonTarget.NONE,
    }
    return ResponseVisit(id=f"d{day}", on=START + timedelta(day), sizes=sizes, **(told | more))


def course(criteria, *visits, lesions=None, **more):
    lesions = lesions or tuple(TrackedLesion(id=name) for name in visits[0].sizes)
    more.setdefault("no_radiotherapy", "radiotherapy_ended" not in more)
    known = more.pop("known", SHIPPED)
    return assess(ResponseHistory(id="h", criteria=criteria, lesions=lesions, visits=visits, **more), known)


def categories(found):
    return [each.category.value for each in found.verdicts[1:]]


def test_progression_counts_from_the_nadir_and_response_from_the_baseline():
    found = course(Criteria.RECIST, visit(0, 100.0), visit(60, 60.0), visit(120, 72.0))
    assert categories(found) == ["PR", "PD"]  # 72 is still 28 % below baseline, yet 20 % above nadir
    sums = found.verdicts[2].sums[0]
    assert (sums.from_baseline_percent, sums.from_nadir_percent) == (pytest.approx(-28), pytest.approx(20))
    assert (sums.baseline_visit, sums.nadir_visit) == ("d0", "d60")
    assert found.progression_visit == "d120"


def test_twenty_percent_of_a_small_sum_is_no_progression():
    assert categories(course(Criteria.RECIST, visit(0, 20.0), visit(60, 24.9), visit(120, 25.0))) == ["SD", "PD"]


def test_a_missing_target_is_not_evaluable_unless_the_rest_has_grown():
    found = course(Criteria.RECIST, visit(0, 30.0, 20.0), visit(60, 28.0, None), visit(120, 61.0, None))
    assert categories(found) == ["NE", "PD"]
    assert found.verdicts[1].missing == ("size of T1",)


def test_nothing_said_is_never_stable():
    bare = ResponseVisit(id="d60", on=START + timedelta(60), sizes=visit(60, 20.0).sizes)
    for criteria in (Criteria.RECIST, Criteria.RANO_2010, Criteria.RANO_2, Criteria.RANO_BM, Criteria.IRANO):
        said = course(criteria, visit(0, 20.0), bare).verdicts[1]
        assert said.category is Category.NE
        assert "new lesions" in said.missing


def test_lymph_nodes_have_a_size_in_health():
    nodes = (TrackedLesion(id="T0", node=True), TrackedLesion(id="T1"))
    gone = {"T1": Size(seen=Seen.GONE)}
    small = replace(visit(60, 9.9), sizes=visit(60, 9.9).sizes | gone)
    still = replace(visit(120, 10.0), sizes=visit(120, 10.0).sizes | gone)
    assert categories(course(Criteria.RECIST, visit(0, 18.0, 30.0), small, still, lesions=nodes)) == ["CR", "PR"]


def test_a_response_is_confirmed_four_weeks_later_or_refuted():
    slow = course(Criteria.RECIST, visit(0, 50.0), visit(60, 30.0), visit(87, 30.0), visit(88, 30.0), confirm=True)
    assert [each.confirmation.standing for each in slow.verdicts[1:]] == [Standing.CONFIRMED] * 3
    assert slow.verdicts[1].confirmation.by_visit == "d88"
    open_ = course(Criteria.RECIST, visit(0, 50.0), visit(60, 30.0), visit(87, 30.0), confirm=True)
    assert open_.verdicts[1].confirmation.standing is Standing.PENDING
    assert open_.verdicts[1].confirmation.earliest == START + timedelta(88)
    assert open_.best is Category.SD
    lost = course(Criteria.RECIST, visit(0, 50.0), visit(60, 30.0), visit(100, 40.0), confirm=True)
    assert categories(lost) == ["PR", "PD"]
    assert lost.verdicts[1].counts_as is Category.SD
    between = course(Criteria.RECIST, visit(0, 50.0), visit(60, 30.0), visit(80, None), visit(100, 30.0), confirm=True)
    assert between.verdicts[1].confirmation.standing is Standing.CONFIRMED
    assert course(Criteria.RECIST, visit(0, 50.0), visit(60, 30.0)).best is Category.PR


def test_stable_disease_must_last():
    short = course(Criteria.RECIST, visit(0, 50.0), visit(30, 50.0), visit(60, 70.0), minimum_stable_days=42)
    assert short.best is Category.PD
    assert course(Criteria.RECIST, visit(0, 50.0), visit(45, 50.0), minimum_stable_days=42).best is Category.SD


def test_progression_within_twelve_weeks_of_radiotherapy_is_provisional():
    ended = START - timedelta(28)
    early = (visit(0, 20.0), visit(56, 24.0))
    waits = course(Criteria.RANO_2, *early, radiotherapy_ended=ended)
    assert waits.verdicts[1].category is Category.PD
    assert waits.verdicts[1].confirmation.standing is Standing.PENDING
    assert waits.verdicts[1].confirmation.earliest == START + timedelta(84)
    assert waits.progression_standing is Standing.PENDING
    borne = course(Criteria.RANO_2, *early, visit(84, 24.0), radiotherapy_ended=ended)
    assert borne.verdicts[1].confirmation.standing is Standing.CONFIRMED
    assert borne.progression_visit == "d56"
    pseudo = course(Criteria.RANO_2, *early, visit(84, 20.0), radiotherapy_ended=ended)
    assert pseudo.verdicts[1].counts_as is Category.NON_PD
    assert pseudo.progression_on is None
    late = course(Criteria.RANO_2, visit(0, 20.0), visit(57, 24.0), radiotherapy_ended=ended)
    assert late.verdicts[1].confirmation.standing is Standing.FINAL
    outside = course(
        Criteria.RANO_2, visit(0, 20.0), visit(56, 24.0, outside_field=Truth.TRUE), radiotherapy_ended=ended
    )
    assert outside.verdicts[1].confirmation.standing is Standing.FINAL
    unknown = course(Criteria.RANO_2, *early, no_radiotherapy=False)
    assert unknown.verdicts[1].confirmation.standing is Standing.PENDING
    assert "end of radiotherapy" in unknown.verdicts[1].confirmation.needs


def test_rano_2010_calls_no_progression_by_imaging_inside_the_field_within_twelve_weeks():
    ended = START - timedelta(28)
    said = course(Criteria.RANO_2010, visit(0, 20.0), visit(56, 24.0), radiotherapy_ended=ended).verdicts[1]
    assert (said.category, said.row) == (Category.NE, "within-12-weeks")
    out = visit(56, 24.0, outside_field=Truth.TRUE)
    assert categories(course(Criteria.RANO_2010, visit(0, 20.0), out, radiotherapy_ended=ended)) == ["PD"]


def test_the_baseline_of_rano_2_is_the_first_mri_after_radiotherapy():
    found = course(
        Criteria.RANO_2, visit(0, 40.0), visit(70, 20.0), visit(180, 22.0), radiotherapy_ended=START + timedelta(42)
    )
    assert [each.category for each in found.verdicts] == [Category.BEFORE_BASELINE, Category.BASELINE, Category.SD]
    assert not found.verdicts[1].flags
    wide = course(Criteria.RANO_2, visit(0, 40.0), visit(90, 20.0), radiotherapy_ended=START + timedelta(42))
    assert "48 days after the end of radiotherapy" in wide.verdicts[1].flags[0]


def test_under_immunotherapy_the_first_progression_becomes_the_comparator():
    more = {"immunotherapy_started": START}
    visits = (visit(0, 20.0), visit(60, 24.0))
    waits = course(Criteria.IRANO, *visits, **more).verdicts[1]
    assert waits.confirmation.standing is Standing.PENDING
    assert waits.confirmation.earliest == months_after(START + timedelta(60), 3)
    same = course(Criteria.IRANO, *visits, visit(160, 24.0), **more)
    assert same.verdicts[1].confirmation.standing is Standing.REFUTED
    worse = course(Criteria.IRANO, *visits, visit(160, 27.0), **more)
    assert worse.verdicts[1].confirmation.standing is Standing.CONFIRMED
    ill = course(Criteria.IRANO, visit(0, 20.0), visit(60, 24.0, clinical=Trend.WORSE), **more)
    assert ill.verdicts[1].confirmation.standing is Standing.FINAL
    late = course(Criteria.IRANO, visit(0, 20.0), visit(190, 24.0), **more)
    assert late.verdicts[1].confirmation.standing is Standing.FINAL


def test_only_lesions_that_are_new_since_bear_out_new_lesions_under_immunotherapy():
    first = visit(60, 20.0, new_lesions=NewLesion.YES, new_ids=("N1",))
    for ids, standing in ((("N1",), Standing.REFUTED), (("N1", "N2"), Standing.CONFIRMED), ((), Standing.PENDING)):
        later = visit(160, 20.0, new_lesions=NewLesion.YES, new_ids=ids)
        found = course(Criteria.IRANO, visit(0, 20.0), first, later, immunotherapy_started=START)
        assert found.verdicts[1].confirmation.standing is standing


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2026-11-15", 1, "2026-12-15"),
        ("2027-11-30", 3, "2028-02-29"),
    ],
)
def test_months_end_with_the_month(start, months, end):
    assert months_after(date.fromisoformat(start), months) == date.fromisoformat(end)


def test_the_two_tissues_of_a_glioma_are_judged_apart_and_the_worse_counts():
    lesions = (TrackedLesion(id="T0"), TrackedLesion(id="T1", tissue=Tissue.NON_ENHANCING))
    minor = course(Criteria.RANO_2, visit(0, 30.0, 30.0), visit(200, 20.0, 25.0), lesions=lesions)
    assert categories(minor) == ["MR"]
    assert categories(course(Criteria.RANO_2, visit(0, 30.0, 30.0), visit(200, 20.0, 34.0), lesions=lesions)) == ["PD"]
    enhancing = course(Criteria.RANO_2, visit(0, 30.0), visit(200, 25.0))
    assert categories(enhancing) == ["SD"]  # there is no minor response of enhancing tumour


def test_raised_steroids_are_neither_stable_nor_progression():
    found = course(Criteria.RANO_2, visit(0, 30.0, steroid_mg=2.0), visit(200, 30.0, steroid_mg=8.0))
    assert (found.verdicts[1].category, found.verdicts[1].row) == (Category.NE, "no-row")


def test_an_equivocal_new_lesion_dates_progression_back_once_it_is_certain():
    visits = (
        visit(0, 30.0),
        visit(60, 30.0, new_lesions=NewLesion.EQUIVOCAL),
        visit(120, 30.0, new_lesions=NewLesion.YES),
    )
    found = course(Criteria.RECIST, *visits)
    assert categories(found) == ["SD", "PD"]
    assert found.progression_visit == "d60"
    assert found.verdicts[1].flags


def test_disease_that_returns_after_all_had_gone_is_progression():
    gone = replace(visit(60, 0.0), sizes={"T0": Size(seen=Seen.GONE)})
    found = course(Criteria.RECIST, visit(0, 30.0), gone, visit(120, 4.0))
    assert categories(found) == ["CR", "PD"]
    assert found.verdicts[2].row == "target-returns"


def test_a_new_baseline_starts_anew():
    visits = (visit(0, 50.0), visit(60, 20.0), visit(120, 30.0), visit(130, 30.0, baseline=True), visit(200, 31.0))
    found = course(Criteria.RECIST, visit(0, 50.0, baseline=True), *visits[1:])
    assert [each.category.value for each in found.verdicts] == ["baseline", "PR", "PD", "baseline", "SD"]
    assert (found.best, found.progression_on) == (Category.SD, None)
    assert found.verdicts[4].sums[0].nadir == 30.0


def test_a_corrected_visit_changes_what_comes_after():
    visits = (visit(0, 50.0), visit(60, 30.0), visit(120, 37.0))
    assert categories(course(Criteria.RECIST, *visits)) == ["PR", "PD"]
    assert categories(course(Criteria.RECIST, visits[0], visit(60, 36.0), visits[2])) == ["SD", "SD"]


def test_the_thresholds_of_volume_are_those_of_area_for_a_body_that_changes_evenly():
    # Area goes with the square of length and volume with its cube.
    assert pytest.approx(-VOLUME_RESPONSE, abs=0.005) == 0.50**1.5 - 1
    assert pytest.approx(VOLUME_GROWTH, abs=0.005) == 1.25**1.5 - 1
    side = 0.499**0.5
    for criteria in (Criteria.RANO_2, Criteria.RANO_2_VOLUME, Criteria.VOLUME):
        assert categories(course(criteria, visit(0, 40.0), visit(60, 40.0 * side * 0.99))) == ["PR"]


def test_progression_of_a_small_lesion_may_lie_within_measurement_error():
    found = course(Criteria.RANO_2, visit(0, 11.0), visit(120, 12.4))
    said = found.verdicts[1]
    assert said.category is Category.PD
    assert any("within measurement error" in each for each in said.flags)
    assert {each.judged for each in said.judgements} == {Judged.WITHIN}
    large = course(Criteria.RANO_2, visit(0, 40.0), visit(120, 52.0)).verdicts[1]
    assert (large.category, large.flags) == (Category.PD, ())


@pytest.mark.parametrize(
    ("criteria", "sides", "percent"),
    [
        # 95 % limits of two readers (Yoon 2016): 25.4 % of one diameter, 19.5 % of a sum; a factor of 1.55 of a volume.
        (Criteria.RECIST, (40.0,), 25.4),
        (Criteria.RECIST, (40.0, 20.0), 19.5),
        (Criteria.RANO_2, (40.0,), 2**0.5 * 25.4),
        (Criteria.VOLUME, (40.0,), 55.0),
    ],
)
def test_a_sum_is_held_against_the_one_published_repeatability(criteria, sides, percent):
    said = course(criteria, visit(0, *sides), visit(60, *(1.01 * side for side in sides))).verdicts[1]
    for judgement in said.judgements:
        assert judgement.beyond == pytest.approx(percent / 100 * judgement.before.value)
        assert judgement.judged is Judged.WITHIN
        assert judgement.citation is not None
        assert judgement.citation.year in (2015, 2016)


def test_the_site_knows_its_own_repeatability_and_the_history_knows_best():
    visits = (visit(0, 50.0), visit(60, 45.0))
    site = Repeatability(measure="diameter", unit="mm", percent=5.0, when="here", site=True)
    for more, judged, beyond in (
        ({}, Judged.WITHIN, 12.7),
        ({"known": (*SHIPPED, site)}, Judged.CHANGED, 2.5),
        ({"known": (*SHIPPED, site), "repeatability": replace(site, percent=20.0)}, Judged.WITHIN, 10.0),
        ({"repeatability": Repeatability(measure="size", unit="mm", absolute=2.0)}, Judged.CHANGED, 2.0),
    ):
        (said,) = {
            each.judged: each for each in course(Criteria.RECIST, *visits, **more).verdicts[1].judgements
        }.values()
        assert (said.judged, said.beyond) == (judged, pytest.approx(beyond))


def test_without_any_repeatability_nobody_can_tell_and_the_category_stands():
    said = course(Criteria.RECIST, visit(0, 50.0), visit(60, 90.0), known=()).verdicts[1]
    assert said.category is Category.PD
    assert {each.judged for each in said.judgements} == {Judged.CANNOT_TELL}


def test_treatment_that_came_years_later_casts_no_doubt_on_progression():
    visits = (visit(0, 20.0, baseline=True), visit(60, 30.0))
    later = START + timedelta(800)
    old = course(Criteria.RANO_2010, *visits, radiotherapy_ended=later).verdicts[1]
    assert (old.category, old.row) == (Category.PD, "growth")
    for criteria, more in ((Criteria.RANO_2, {"radiotherapy_ended": later}),
                           (Criteria.IRANO, {"immunotherapy_started": later})):  # fmt: skip
        said = course(criteria, *visits, **more).verdicts[1]
        assert (said.category, said.confirmation.standing) == (Category.PD, Standing.FINAL)
    on_the_day = course(Criteria.IRANO, *visits, immunotherapy_started=START + timedelta(60)).verdicts[1]
    assert on_the_day.confirmation.standing is Standing.PENDING
    last_day = course(Criteria.RANO_2010, *visits, radiotherapy_ended=START + timedelta(60)).verdicts[1]
    assert last_day.category is Category.NE


@pytest.mark.parametrize(
    ("criteria", "size", "thickness", "said"),
    [
        (Criteria.RECIST, Size(longest_mm=9.9), 3.0, "below 10 mm"),
        (Criteria.RECIST, Size(longest_mm=15.0), 8.0, "below 16 mm"),
        (Criteria.RECIST, Size(longest_mm=10.0), 5.0, None),
        (Criteria.RANO_2, Size(longest_mm=20.0, perpendicular_mm=9.0), 3.0, "below 10 mm"),
        (Criteria.RANO_2, Size(longest_mm=20.0, perpendicular_mm=12.0, slices=1), 3.0, "one slice"),
        (Criteria.RANO_BM, Size(longest_mm=10.0, perpendicular_mm=5.0), 3.0, None),
        (Criteria.RANO_BM, Size(longest_mm=12.0, perpendicular_mm=4.0), 3.0, "below 5 mm"),
        (Criteria.RECIST, Size(longest_mm=12.0), None, "thickness"),
    ],
)
def test_what_may_be_a_target(criteria, size, thickness, said):
    first = replace(visit(0, 20.0, slice_thickness_mm=thickness), sizes={"T0": size})
    objections = course(criteria, first).objections
    assert (objections == ()) if said is None else any(said in each for each in objections)


def test_too_many_targets_and_walls_of_cavities_are_objected_to():
    sides = [20.0] * 6
    lesions = tuple(TrackedLesion(id=f"T{n}", organ="liver" if n < 3 else f"site {n}", cavity=n == 5) for n in range(6))
    said = " ".join(course(Criteria.RECIST, visit(0, *sides), lesions=lesions).objections)
    assert "6 targets" in said
    assert "3 targets in liver" in said
    assert "T5: the wall of a cyst" in said


def test_two_visits_on_one_day_are_a_mistake():
    with pytest.raises(ValueError, match="one day"):
        course(Criteria.RECIST, visit(0, 20.0), replace(visit(0, 21.0), id="again"))
    with pytest.raises(ValueError, match="needs a visit"):
        assess(ResponseHistory(id="h", criteria=Criteria.RECIST, lesions=(), visits=()))


def test_growth_curves_carry_the_noise_of_one_measurement():
    visits = (visit(0, 30.0, 20.0), visit(60, 24.0, None), visit(120, 20.0, 10.0, baseline=True))
    lesions = (TrackedLesion(id="T0"), TrackedLesion(id="T1"))
    history = ResponseHistory(id="h", criteria=Criteria.RECIST, lesions=lesions, visits=visits)
    first, second, total = assess(history, SHIPPED).growth
    assert [each.value for each in first.points] == [30, 24, 20]
    assert [each.visit for each in second.points] == ["d0", "d120"]
    assert [(each.on, each.value) for each in total.points] == [(START, 50), (START + timedelta(120), 30)]
    # Limits of a difference are 1.96 times the root of 2 of the standard deviation of one measurement.
    assert first.points[0].noise == pytest.approx(0.254 * 30 / 2.772, rel=0.001)
    assert total.points[0].noise == pytest.approx(0.195 * 50 / 2.772, rel=0.001)
    assert (first.lesion, total.lesion, total.baselines) == ("T0", "", ("d120",))
    own = replace(history, repeatability=Repeatability(measure="diameter", unit="mm", percent=2.77))
    assert assess(own).growth[0].points[0].noise == pytest.approx(0.3, rel=0.01)
    assert assess(history).growth[0].points[0].noise is None
