"""FOLLOW UP: what is owed, by when, by whom, until it is done."""
