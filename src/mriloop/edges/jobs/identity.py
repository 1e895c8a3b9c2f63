"""What makes a step the same step: so that running it again is harmless, and recognised."""

from __future__ import annotations

from collections.abc import Iterable

from mriloop.model.record import digest_of


def step_identity(name: str, version: str, inputs: Iterable[str]) -> str:
    """Return the identity of a step: SHA-256 of its name, its version and the digests of its inputs.

    The order of the inputs counts (today and prior are not prior and today); sort what has no order. A record that
    carries it in `inputs` is recorded once, however often the step is run.
    """
    return digest_of({"inputs": list(inputs), "step": name, "version": version})
