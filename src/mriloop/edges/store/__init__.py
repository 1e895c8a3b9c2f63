"""The ledger, the projections and the blobs."""
