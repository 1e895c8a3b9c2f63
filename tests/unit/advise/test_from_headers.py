"""Facts from the headers of a study, by the bindings: stated once, or unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import bindings_in_force
from mriloop.model.fact import Truth
from mriloop.model.finding import Source
from mriloop.model.quantity import Quantity
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.advise import facts_from_headers

VOCABULARY, BINDINGS = guidelines_in_force().vocabulary, bindings_in_force()
STUDY = Study(study_instance_uid="1.2.3", patient="pseudonym", series=())


def series(number: int, **parameters: str) -> Series:
    return Series(
        series_instance_uid=f"1.2.3.{number}", study_instance_uid="1.2.3", modality="MR", object=SeriesObject.IMAGE,
        parameters=parameters,
    )  # fmt: skip


def values(study: Study) -> dict[str, object]:
    return {name: fact.value for name, fact in facts_from_headers(study, BINDINGS, VOCABULARY).items()}


def test_age_sex_and_day_are_those_of_the_study():
    study = replace(STUDY, age_years=15.0, sex="F", started_at=datetime(2026, 4, 10, 23, 59))
    facts = facts_from_headers(study, BINDINGS, VOCABULARY)
    assert values(study) == {"age": Quantity(value=15.0, unit="a"), "sex": "female", "exam_date": date(2026, 4, 10)}
    assert {fact.source for fact in facts.values()} == {Source.HEADER}


def test_an_empty_header_states_nothing():
    assert values(STUDY) == {}


@pytest.mark.parametrize(("sex", "expected"), [("M", "male"), ("O", "other"), ("", None), ("X", None)])
def test_words_of_the_header_become_ours_or_stay_unknown(sex, expected):
    assert values(replace(STUDY, sex=sex)).get("sex") == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (("0001",), Truth.FALSE),
        (("0003",), Truth.TRUE),
        (("0002",), Truth.TRUE),
        (("0004",), None),
        (("0001", "0001"), Truth.FALSE),
        (("0001", "0003"), None),
    ],
)
def test_an_attribute_on_which_series_differ_states_nothing(stated, expected):
    study = replace(STUDY, series=tuple(series(number, PregnancyStatus=word) for number, word in enumerate(stated)))
    assert values(study).get("pregnant") == expected
