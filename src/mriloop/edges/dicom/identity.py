"""Who a study belongs to: one pseudonym per patient, stable at a site, telling nothing else."""

from __future__ import annotations

import hashlib
import hmac

from mriloop.edges.dicom.instance import Person
from mriloop.model.study import Identity

_LENGTH = 20


def pseudonym(person: Person, study_instance_uid: str, salt: bytes) -> str:
    """Return the pseudonym of whom these elements name.

    The same (issuer, patient ID) gives the same pseudonym; without an ID, the same name and birth date; with neither,
    each study is a patient of its own. HMAC-SHA256 under the site's `salt`, so that nobody can try IDs against it.
    """
    patient_id = person.patient_id.strip()
    if patient_id:
        basis = ("id", person.issuer.strip().upper(), patient_id)
    elif person.name.strip("^ ") and person.birth_date.strip():
        basis = ("name", person.name.strip("^ ").upper(), person.birth_date.strip())
    else:
        basis = ("study", study_instance_uid, "")
    return digest_of(basis, salt)


def digest_of(basis: tuple[str, ...], salt: bytes) -> str:
    """Return the first 80 bits of the keyed digest of `basis`, in hexadecimal."""
    message = b"\0".join(part.encode("utf-8", "surrogatepass") for part in basis)
    return hmac.new(salt, message, hashlib.sha256).hexdigest()[:_LENGTH]


def identity(person: Person, patient: str) -> Identity:
    """Return the identity that the pseudonym `patient` stands for."""
    return Identity(
        patient=patient,
        name=person.name,
        patient_id=person.patient_id,
        issuer=person.issuer,
        birth_date=person.birth_date,
        sex=person.sex,
    )
