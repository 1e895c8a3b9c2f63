"""The sentences: no "stable" without its limit, no "no change" where nothing can be told."""

from __future__ import annotations

import pytest

from mriloop.model.comparison import Change, ChangeKind, DetectionLimit
from mriloop.stages.compare.words import cannot_tell, limit_words, statement

LIMIT = tuple(
    DetectionLimit(diameter_mm=d, contrast_percent=c, found=f, tried=16)
    for d, c, f in ((4.0, 25.0, 0.1), (4.0, 40.0, 0.5), (5.0, 25.0, 0.25), (5.0, 40.0, 0.81), (8.0, 40.0, 1.0))
)


def _change(kind: ChangeKind) -> Change:
    return Change(
        id=1,
        kind=kind,
        volume_ml=0.1,
        volume_change_ml=0.1,
        diameter_mm=5.0,
        position_ras_mm=(0.0, 0.0, 0.0),
        confidence=0.9,
        location="deep",
    )


def test_the_limit_names_the_smallest_size_that_is_reliably_found():
    assert limit_words(LIMIT) == (
        "In this very pair the method found 81 % of 16 planted 5 mm lesions at +40 % contrast and 25 % at +25 %; "
        "smaller or fainter ones cannot be excluded."
    )


@pytest.mark.parametrize("kinds", [(), (ChangeKind.STABLE,), (ChangeKind.NEW, ChangeKind.STABLE)])
def test_every_statement_carries_its_limit(kinds: tuple[ChangeKind, ...]):
    said = statement([_change(k) for k in kinds], LIMIT, weighting="FLAIR", since="the prior of 2024-03-01")
    assert "cannot be excluded" in said
    assert "2024-03-01" in said


def test_candidates_are_counted_and_left_to_a_reader():
    kinds = (ChangeKind.NEW, ChangeKind.NEW, ChangeKind.ENLARGING, ChangeKind.RESOLVED)
    said = statement([_change(k) for k in kinds], LIMIT, weighting="FLAIR", since="the prior")
    assert "2 new, 1 enlarging and 1 resolved" in said
    assert "for a reader to confirm" in said


def test_an_unmeasured_limit_excludes_nothing():
    assert "none can be excluded" in statement([], (), weighting="T2", since="the prior")


def test_not_knowing_is_not_saying_no():
    said = cannot_tell("the two visits could not be aligned")
    assert said.startswith("Cannot tell")
    assert "not a statement that nothing changed" in said


def test_what_differs_between_the_series_is_said():
    said = statement(
        [], LIMIT, weighting="FLAIR", since="the prior", differs=("other scanner", "slices 4 mm against 3 mm")
    )
    assert "other scanner; slices 4 mm against 3 mm" in said


def test_stable_spots_are_no_inventory():
    said = statement([_change(ChangeKind.STABLE)], LIMIT, weighting="FLAIR", since="the prior")
    assert "not all that is unchanged is listed" in said
