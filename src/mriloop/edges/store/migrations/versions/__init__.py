"""One module a revision, named after its number. A released one is never edited."""
