"""An entry of the ledger: what happened, to what, when, by whom; and the digest that chains it to the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Something that happened and stays so. FHIR: AuditEvent and Provenance. `at` is UTC with zone.

    `subject` is what it is about (a study UID, a report id, a follow-up id); `patient` the pseudonym or empty.
    `inputs` are the digests of what a machine step worked on, so that the same step is never recorded twice.
    """

    kind: str
    subject: str
    at: datetime
    actor: str
    patient: str = ""
    payload: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
