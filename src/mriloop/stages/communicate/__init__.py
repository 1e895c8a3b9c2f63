"""COMMUNICATE: letters and messages made of a verified report."""
