"""Trains the score by which COMPARE keeps or drops a candidate change: invented pairs of visits with known truth."""
