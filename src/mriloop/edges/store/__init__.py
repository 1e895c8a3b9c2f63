"""The ledger, the projections and the blobs."""

from mriloop.edges.store.blobs import Blobs
from mriloop.edges.store.store import Store, open_store
from mriloop.edges.store.views import LetterRow, ReportRow, StudyRow
from mriloop.model.record import LedgerEntry, LedgerProof

__all__ = [
    "Blobs",
    "LedgerEntry",
    "LedgerProof",
    "LetterRow",
    "ReportRow",
    "Store",
    "StudyRow",
    "open_store",
]
