"""Norms as YAML: what is shipped is sound, a site's own are laid over it, and what is wrong is refused by name."""

from __future__ import annotations

import pytest

from mriloop.app.norms import lint_norms, norms_in_force
from mriloop.edges.knowledge.norms import load_norms, read_norms
from mriloop.model.coding import Region
from mriloop.model.errors import OperatorError
from mriloop.model.norm import Circumstances
from mriloop.stages.check.thresholds import limits_for

ENTRY = """
norms:
  - limit: motion_mm
    value: 2
    when: {region: brain, field: 3, manufacturer: Siemens, indication: Dementia}
    because: our readers agreed
    citation: {text: Site meeting, year: 2026, locator: minutes, mark: M}
"""


def test_the_shipped_norms_are_sound_and_let_a_liver_breathe():
    assert lint_norms() == ()
    norms = norms_in_force()
    assert all(norm.citation.doi for norm in norms)
    assert limits_for(norms, Circumstances(region=Region.LIVER)).motion_mm == 5.0
    assert limits_for(norms, Circumstances(region=Region.BRAIN)).motion_mm == 0.5


def test_a_site_lays_its_own_over_them(tmp_path):
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "own.yaml").write_text(ENTRY)
    (norm,) = [one for one in load_norms(tmp_path) if one.site]
    assert norm.when.field_t == pytest.approx((2.9, 3.1))
    about = Circumstances(region=Region.BRAIN, field_t=3.0, manufacturer="SIEMENS", indication="dementia")
    assert limits_for(norms_in_force(tmp_path), about).motion_mm == 2.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("norms: [", "not YAML"),
        ("norms: []", "at least one entry"),
        (ENTRY.replace("value: 2", "value: two"), "value is not a number"),
        (ENTRY.replace("value: 2", "value: yes"), "value is not a number"),
        (ENTRY.replace("region: brain", "region: head"), "head"),
        (ENTRY.replace("region: brain", "regions: brain"), "unknown key regions"),
        (ENTRY.replace("field: 3", "field: [3, 1]"), "lowest is above"),
        (ENTRY.replace("because: our readers agreed", "because: ''"), "because is missing"),
        (ENTRY.replace("mark: M", "mark: sure"), "sure"),
        (ENTRY.replace("value: 2", "value: 2\n    value: 3"), "stands twice"),
    ],
)
def test_what_is_wrong_is_refused_by_place(text, words):
    with pytest.raises(OperatorError) as caught:
        read_norms(text, "own.yaml")
    assert caught.value.code == "knowledge_invalid"
    assert "own.yaml" in caught.value.message
    assert words in caught.value.message


def test_a_norm_for_an_unknown_limit_stops_the_check(tmp_path):
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "own.yaml").write_text(ENTRY.replace("motion_mm", "motion_cm"))
    with pytest.raises(OperatorError, match="no limit is called motion_cm"):
        norms_in_force(tmp_path)
