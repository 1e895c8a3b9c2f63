"""The walls: all input and output. None imports another."""
