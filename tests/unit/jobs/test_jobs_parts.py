"""The parts of the executor that need no process: frames on a wire and the identity of a step."""

from __future__ import annotations

import hashlib
import socket
import threading
import time

import numpy as np
import pytest

from mriloop.edges.jobs import step_identity
from mriloop.edges.jobs.wire import RESULT, Closed, Wire, pack, unpack
from mriloop.model.record import canonical_json


@pytest.fixture
def line():
    ends = socket.socketpair()
    wires = [Wire(end) for end in ends]
    yield wires
    for wire in wires:
        wire.close()


def test_the_identity_of_a_step_is_its_name_version_and_inputs():
    expected = hashlib.sha256(b'{"inputs":["aa","bb"],"step":"check","version":"1"}').hexdigest()
    assert step_identity("check", "1", ["aa", "bb"]) == expected
    assert step_identity("check", "1", iter(("aa", "bb"))) == expected
    others = [("check", "1", ["bb", "aa"]), ("check", "2", ["aa", "bb"]), ("check", "1", ["aabb"]), ("check1", "", [])]
    assert len({expected, *(step_identity(*other) for other in others)}) == 5
    assert canonical_json({"step": "check", "version": "1"}) == '{"step":"check","version":"1"}'


def test_a_large_array_crosses_without_being_pickled_in_line(line):
    array = np.arange(3_000_000.0)
    frame = pack(RESULT, {"array": array, "text": "ü"})
    assert len(frame[1]) < 1000
    sender = threading.Thread(target=line[0].send, args=(frame, time.monotonic() + 30))
    sender.start()
    kind, parts = line[1].receive(time.monotonic() + 30)
    sender.join()
    value = unpack(parts)
    assert (kind, value["text"]) == (RESULT, "ü")
    assert np.array_equal(value["array"], array)
    value["array"][0] = 1


def test_messages_keep_their_order_and_their_ends(line):
    for number in range(20):
        line[0].send(pack(RESULT, number))
    assert [unpack(line[1].receive()[1]) for _ in range(20)] == list(range(20))


def test_nobody_at_the_other_end(line):
    frame = pack(RESULT, b"x" * 100)
    line[0].end.sendall(b"".join(frame)[:-1])  # it dies one byte before the end
    line[0].close()
    with pytest.raises(Closed):
        line[1].receive()
    with pytest.raises(Closed):
        line[1].send(pack(RESULT, bytes(10_000_000)))


def test_a_deadline_holds_for_silence_and_for_a_reader_that_stops_reading(line):
    with pytest.raises(TimeoutError):
        line[1].receive(time.monotonic() + 0.02)
    with pytest.raises(TimeoutError):
        line[1].send(pack(RESULT, bytes(10_000_000)), time.monotonic() + 0.02)
    with pytest.raises(TimeoutError):
        line[1].receive(time.monotonic() - 1)
