"""REPORT: a structured draft, and the signature that makes it a report."""

from mriloop.stages.report.canonical import canonical_bytes, digest_of
from mriloop.stages.report.draft import DEFAULT_OWNER, draft
from mriloop.stages.report.verify import SIGNING_ROLES, verify, verify_digest

__all__ = ["DEFAULT_OWNER", "SIGNING_ROLES", "canonical_bytes", "digest_of", "draft", "verify", "verify_digest"]
