"""COMPARE: what changed since the prior, in one space, with its uncertainty."""
