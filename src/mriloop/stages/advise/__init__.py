"""ADVISE: the next step, from cited decision tables, or the fact that is missing."""
