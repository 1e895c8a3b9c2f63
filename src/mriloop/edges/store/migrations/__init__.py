"""The history of the schema, run by `edges.store.migrate`; one module of `versions` a change."""
