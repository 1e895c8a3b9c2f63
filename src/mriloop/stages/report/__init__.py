"""REPORT: a structured draft, and the signature that makes it a report."""
