"""Canonical bytes and digests of a record, held against the published vectors of RFC 8785."""

from __future__ import annotations

import hashlib
import json
import struct
from datetime import UTC, date, datetime

import numpy as np
import pytest

from mriloop.model.coding import Region
from mriloop.model.follow_up import FollowUp, FollowUpState
from mriloop.model.quantity import Quantity
from mriloop.model.record import (
    Record,
    as_json,
    canonical_json,
    digest_of,
    entry_digest,
    read_canonical,
    record_body,
    record_from,
)
from mriloop.model.schedule import Window

# RFC 8785 appendix B: IEEE 754 bits and their JSON form
NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555554 333333333.33333325
41b3de4355555555 333333333.3333333
41b3de4355555556 333333333.3333334
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


@pytest.mark.parametrize("line", NUMBERS.split("\n")[1:-1])
def test_numbers_of_rfc_8785(line):
    bits, expected = line.split()
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value) == expected
    assert read_canonical(expected) == value
    assert canonical_json(read_canonical(expected)) == expected


def test_the_example_of_rfc_8785():
    """Section 3.2.2 to 3.2.4: the object of the example, and its bytes."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value) == expected


def test_members_are_sorted_by_utf_16_code_units():
    """The example of RFC 8785 section 3.2.3: U+1F600 sorts before U+FB33, though its code point is larger."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    found = list(json.loads(canonical_json(dict.fromkeys(names, 0))))
    assert found == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


def test_what_has_no_canonical_form_is_refused():
    for value in (float("nan"), float("-inf"), 2**53, -(2**53), "\udead", {"\ud800": 1}):
        with pytest.raises(ValueError):
            canonical_json([value])
    for value in ({1: 2}, b"", {1, 2}, np.zeros(2), object(), np.int64(3)):
        with pytest.raises(TypeError):
            canonical_json([value])
    assert canonical_json([np.float64(1.5), Region.BRAIN, (1, 2)]) == '[1.5,"brain",[1,2]]'


def test_nouns_of_the_model_become_plain_json():
    told = FollowUp(
        id="f1",
        patient="p1",
        study_instance_uid="1.2",
        recommendation="r1",
        step="mri",
        text="again",
        owner="o",
        state=FollowUpState.SENT,
        window=Window(earliest=date(2026, 1, 31), target=date(2026, 2, 28), latest=date(2026, 3, 31)),
    )
    plain = as_json({"items": (told,), "size": Quantity(value=3.0, unit="mm"), Region.BRAIN: datetime(2026, 1, 1)})
    assert plain["items"][0]["window"] == {"earliest": "2026-01-31", "target": "2026-02-28", "latest": "2026-03-31"}
    assert plain["items"][0]["state"] == "sent"
    assert plain["items"][0]["region"] is None
    assert (plain["size"], plain["brain"]) == ({"value": 3.0, "unit": "mm"}, "2026-01-01T00:00:00")
    assert json.loads(canonical_json(plain)) == plain
    for value in (np.zeros(3), b"bytes", {1, 2}, FollowUp):
        with pytest.raises(TypeError):
            as_json([value])


def test_a_record_and_its_entry_by_hand():
    """The bytes that the documentation promises, written out."""
    told = Record(
        kind="study.checked",
        subject="1.2.3",
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        actor="mriloop",
        patient="p1",
        payload={"verdict": "repeat", "snr": 12.50},
        inputs=("b", "a"),
    )
    body = (
        '{"actor":"mriloop","at":"2026-01-02T03:04:05.000000+00:00","inputs":["b","a"],"kind":"study.checked",'
        '"patient":"p1","payload":{"snr":12.5,"verdict":"repeat"},"subject":"1.2.3"}'
    )
    assert record_body(told) == body
    assert record_from(body) == told
    text = '{"position":7,"previous":"' + "a" * 64 + '","record":' + body + "}"
    assert entry_digest(7, "a" * 64, body) == hashlib.sha256(text.encode()).hexdigest()
    assert canonical_json(json.loads(text)) == text
    assert digest_of({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
