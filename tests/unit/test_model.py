"""The nouns: units, three-valued logic, the table of refusals."""

from __future__ import annotations

import itertools
import string

import pytest

from mriloop.model.errors import TABLE, Exit, MriloopError, refuse
from mriloop.model.fact import Truth, all_of, any_of
from mriloop.model.quantity import Quantity, UnitError


def test_kleene_tables_against_min_and_max():
    order = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}
    for a, b in itertools.product(Truth, repeat=2):
        assert order[a & b] == min(order[a], order[b])
        assert order[a | b] == max(order[a], order[b])
        assert order[~a] == 2 - order[a]


def test_a_truth_is_not_a_bool():
    with pytest.raises(TypeError):
        bool(Truth.UNKNOWN)
    assert all_of([]) is Truth.TRUE
    assert any_of([]) is Truth.FALSE


def test_quantities_convert_within_their_dimension_only():
    assert Quantity(value=1.2, unit="cm").to("mm").value == pytest.approx(12)
    assert Quantity(value=2, unit="a").to("mo").value == pytest.approx(24)
    with pytest.raises(UnitError):
        Quantity(value=1, unit="mm").to("mL")
    with pytest.raises(UnitError):
        Quantity(value=1, unit="furlong")


def test_every_error_code_has_message_remedy_and_exit_code():
    codes = [entry.code for entry in TABLE]
    assert len(codes) == len(set(codes))
    for entry in TABLE:
        assert entry.exit in (Exit.USAGE, Exit.REFUSED, Exit.MISSING_COMPONENT)
        assert entry.remedy
        words = [name for _, name, _, _ in string.Formatter().parse(entry.message) if name]
        error = refuse(entry.code, **dict.fromkeys(words, "x"))
        assert isinstance(error, MriloopError)
        assert "{" not in error.message
