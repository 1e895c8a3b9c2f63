"""The composition root: the only place that knows stages and edges together. One use case, one file."""
