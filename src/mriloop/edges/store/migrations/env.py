"""What Alembic runs for every migration: our tables, the caller's connection, one transaction around it all.

The store passes its connection in `attributes`; docs/reference/store.md shows how a developer does.
"""

from __future__ import annotations

from alembic import context

from mriloop.edges.store.schema import METADATA, REVISION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=REVISION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
