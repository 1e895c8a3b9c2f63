"""Which prior is the baseline and which the previous one."""

from __future__ import annotations

from datetime import datetime

import pytest

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.compare import choose_priors

FLAIR = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN)
T1 = SeriesKind(weighting=Weighting.T1, plane=Plane.AXIAL, region=Region.BRAIN)


def study(name: str, year: int | None) -> Study:
    one = Series(series_instance_uid=f"{name}.1", study_instance_uid=name, modality="MR", object=SeriesObject.IMAGE)
    at = None if year is None else datetime(year, 5, 1)
    return Study(study_instance_uid=name, patient="p", started_at=at, series=(one,))


TODAY = study("today", 2025)
FIRST, SECOND, THIRD = (study(n, y) for n, y in (("first", 2020), ("second", 2022), ("third", 2024)))
ALL = {f"{n}.1": FLAIR for n in ("today", "first", "second", "third")}


def spoilt(name: str) -> dict[str, SeriesCheck]:
    uid = f"{name}.1"
    return {uid: SeriesCheck(series_instance_uid=uid, kind=FLAIR, verdict=Verdict.REPEAT, volumes=1)}


def test_the_first_is_the_baseline_and_the_last_the_previous_in_whatever_order_they_come():
    for given in ((FIRST, SECOND, THIRD), (THIRD, FIRST, SECOND)):
        chosen = choose_priors(TODAY, given, ALL)
        assert (chosen.baseline, chosen.previous, chosen.others) == (FIRST, THIRD, (SECOND,))
        assert chosen.chosen == (THIRD, FIRST)
        assert chosen.reasons["third"].startswith("previous (the last usable one): 1 of its series")


def test_a_prior_without_an_answer_or_with_a_spoilt_one_is_passed_over():
    chosen = choose_priors(TODAY, (FIRST, SECOND, THIRD), ALL | {"first.1": T1}, checks=spoilt("third"))
    assert (chosen.baseline, chosen.previous) == (SECOND, SECOND)
    assert chosen.chosen == (SECOND,)
    assert chosen.others == (FIRST, THIRD)
    assert "none of its series answers" in chosen.reasons["first"]
    assert "CHECK gave up" in chosen.reasons["third"]


def test_a_spoilt_prior_is_taken_where_there_is_no_other():
    chosen = choose_priors(TODAY, (FIRST,), ALL, checks=spoilt("first"))
    assert chosen.previous is chosen.baseline is FIRST


def test_a_person_names_the_baseline():
    chosen = choose_priors(TODAY, (FIRST, SECOND, THIRD), ALL, baseline="second")
    assert (chosen.baseline, chosen.previous) == (SECOND, THIRD)
    assert chosen.reasons["second"].startswith("baseline (named by a person)")
    with pytest.raises(ValueError, match="not among the priors"):
        choose_priors(TODAY, (FIRST,), ALL, baseline="elsewhere")


def test_no_usable_prior_is_none():
    chosen = choose_priors(TODAY, (FIRST,), ALL | {"first.1": T1})
    assert (chosen.previous, chosen.baseline, chosen.chosen, chosen.others) == (None, None, (), (FIRST,))
    assert choose_priors(TODAY, (), ALL).reasons == {}


def test_undated_priors_keep_their_order_and_count_as_earlier():
    early, late = study("early", None), study("late", None)
    kinds = ALL | {"early.1": FLAIR, "late.1": FLAIR}
    chosen = choose_priors(TODAY, (early, late), kinds)
    assert (chosen.baseline, chosen.previous) == (early, late)
    assert choose_priors(TODAY, (FIRST, early), kinds).previous is FIRST
