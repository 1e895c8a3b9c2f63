"""The tables of the store. A change here needs a migration beside it; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

HEAD = "0002"
"""The migration that this code was written for. Opening a store compares it before Alembic is even imported."""

REVISION_TABLE = "mriloop_revision"
"""Where Alembic keeps it: under a name of our own, should the database be shared with another program."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The truth: append-only by trigger, one row an entry. `body` is what the digest covers; the columns after it repeat
# parts of it for look-ups, and `verify` compares them. `at` is ISO 8601 UTC text, which sorts as time does.
LEDGER = Table(
    "ledger",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("identity", String(64), nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("identity"),
    Index(None, "subject", "position"),
    Index(None, "patient", "position"),
    Index(None, "kind", "position"),
    CheckConstraint("position > 0", name="position"),
)

# Who a pseudonym stands for. The only table with identity, and the only one from which a row may be erased.
IDENTITY = Table(
    "identity",
    METADATA,
    Column("patient", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("birth_date", Text, nullable=False),
    Column("sex", Text, nullable=False),
    Index(None, "issuer", "patient_id"),
)

# Projections: what the ledger amounts to, rebuildable from it at any time.
STUDY = Table(
    "study",
    METADATA,
    Column("study_instance_uid", Text, primary_key=True),
    Column("patient", Text),
    Column("started_at", Text),
    Column("description", Text),
    Column("series", Integer),
    Column("verdict", Text),
    Column("changes", Integer),
    Column("recommendations", Integer),
    Column("undetermined", Integer),
    Column("received_at", Text),
    Column("checked_at", Text),
    Column("prior_received_at", Text),
    Column("compared_at", Text),
    Column("case_stated_at", Text),
    Column("advised_at", Text),
    Column("drafted_at", Text),
    Column("verified_at", Text),
    Column("letters_written_at", Text),
    Column("follow_ups_opened_at", Text),
    Index(None, "patient"),
    Index(None, "verdict", "checked_at"),
)

REPORT = Table(
    "report",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("study_instance_uid", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("drafted_at", Text),
    Column("verified_at", Text),
    Column("verified_by", Text),
    Column("digest", Text),
    Index(None, "study_instance_uid"),
)

LETTER = Table(
    "letter",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("study_instance_uid", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("report_digest", Text),
    Column("written_at", Text, nullable=False),
    Index(None, "study_instance_uid"),
)

# `opens_on` and `act_by` are earliest and latest of the window; where a person still has to set the window, both are
# the day it was opened, so that no step without a date can fall out of a list that is sorted or cut by date. What
# nobody asks for by its parts (`plan`, `specialty`, `performed`) is canonical JSON.
FOLLOW_UP = Table(
    "follow_up",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("patient", Text, nullable=False),
    Column("study_instance_uid", Text, nullable=False),
    Column("recommendation", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("earliest", Date),
    Column("target", Date),
    Column("latest", Date),
    Column("modality", Text),
    Column("region", Text),
    Column("contrast", Text),
    Column("never_auto_close", Boolean(create_constraint=False), nullable=False),
    Column("set_by", Text, nullable=False),
    Column("opened_on", Date),
    Column("opens_on", Date, nullable=False),
    Column("act_by", Date, nullable=False),
    Column("changed_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("closed_because", Text),
    Column("plan", Text),
    Column("then", Text),
    Column("occurrence", Integer),
    Column("report_digest", Text),
    Column("specialty", Text),
    Column("appointment", Date),
    Column("performed", Text),
    Column("closed_as", Text),
    Column("closed_on", Date),
    Column("superseded_by", Text),
    CheckConstraint("owner <> ''", name="owner"),
    Index(None, "patient"),
    Index(None, "study_instance_uid"),
    Index(
        "ix_follow_up_open",
        "act_by",
        "id",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
    Index(
        "ix_follow_up_mine",
        "owner",
        "act_by",
        "id",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

PROJECTIONS = (STUDY, REPORT, LETTER, FOLLOW_UP)
