"""The training script runs for anybody, in seconds, and gives weights that the reader accepts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mriloop.edges.knowledge.models import read_motion_model

ROOT = Path(__file__).parents[3]


def test_a_trial_on_a_tiny_phantom_gives_a_model_and_the_same_one_again(tmp_path):
    first, second = tmp_path / "one.npz", tmp_path / "two.npz"
    small = ["--small", "--examples", "14", "--cache", str(tmp_path / "examples.npz")]
    for out in (first, second):  # the second run reads the examples that the first one drew
        done = subprocess.run(
            [sys.executable, "-m", "training.motion", *small, "--out", str(out)],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert json.loads(done.stdout)["examples"] >= 8
    model = read_motion_model(first.read_bytes(), "one")
    assert len(model.names) > 100
    assert first.read_bytes() == second.read_bytes()
    assert model.digest == json.loads(done.stdout)["sha256"]
