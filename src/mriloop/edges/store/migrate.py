"""Brings a database to the schema that this code was written for, or refuses one that is ahead of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from mriloop.edges.store.database import Database
from mriloop.edges.store.schema import HEAD, REVISION_TABLE
from mriloop.edges.store.views import rebuild
from mriloop.model.errors import refuse

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database, *, create: bool) -> None:
    """Run every migration that the database lacks, in one transaction with the writer's lock held.

    The projections of an older version are rebuilt by the rules of this one.

    Raises `store_newer` when the database names a revision that this code does not know, and `store_absent` for an
    empty database that shall not become a store.
    """
    with database.reading() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    if found is None and not create:
        raise refuse("store_absent", path=database.name)
    with database.writing() as connection:
        found = revision(connection)  # somebody else may have done it while we waited for the lock
        if found != HEAD:
            run(connection, HEAD, name=database.name)
            if found is not None:
                rebuild(connection)


def revision(connection: Connection) -> str | None:
    """Return the revision that a database is at; None for an empty one."""
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar_one_or_none()


def run(connection: Connection, target: str, *, name: str) -> None:
    """Migrate up to a revision on the caller's connection and transaction."""
    from alembic import command
    from alembic.script import ScriptDirectory

    settings = config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    found = revision(connection)
    if found is not None and found not in known:
        raise refuse("store_newer", path=name)
    command.upgrade(settings, target)


def config(connection: Connection) -> Config:
    """Return what Alembic wants to know, without a file: our migrations, this connection."""
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings
