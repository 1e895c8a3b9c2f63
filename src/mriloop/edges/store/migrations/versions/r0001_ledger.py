"""The ledger with the triggers that keep it append-only, identity, and the first projections."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: tuple[str, ...] | None = None
depends_on: tuple[str, ...] | None = None

GENESIS = "0" * 64

# An entry that leaves a gap, does not name the digest before it, or repeats an identity (which INSERT OR REPLACE would
# use to overwrite a row behind the DELETE trigger) never gets in, whatever program writes.
SQLITE_TRIGGERS = (
    f"""CREATE TRIGGER ledger_chains BEFORE INSERT ON ledger
    WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM ledger)
      OR NEW.previous IS NOT coalesce((SELECT digest FROM ledger ORDER BY position DESC LIMIT 1), '{GENESIS}')
      OR EXISTS (SELECT 1 FROM ledger WHERE identity = NEW.identity)
    BEGIN SELECT RAISE(ABORT, 'the ledger only grows at its end'); END""",
    """CREATE TRIGGER ledger_keeps_rows BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER ledger_keeps_words BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
)
POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation'; END $$""",
    f"""CREATE FUNCTION ledger_chain() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE head record;
    BEGIN
        SELECT position, digest INTO head FROM ledger ORDER BY position DESC LIMIT 1;
        IF NEW.position IS DISTINCT FROM coalesce(head.position, 0) + 1
            OR NEW.previous IS DISTINCT FROM coalesce(head.digest, '{GENESIS}') THEN
            RAISE EXCEPTION 'the ledger only grows at its end' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER ledger_chains BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_chain()",
    "CREATE TRIGGER ledger_keeps_rows BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION ledger_refuse()",
    "CREATE TRIGGER ledger_keeps_all BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
)


def upgrade() -> None:
    """Make every table of the first schema."""
    _ledger()
    _identity()
    _studies()
    _reports_and_letters()
    _follow_ups()


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger")),
        sa.UniqueConstraint("identity", name=op.f("uq_ledger_identity")),
        sa.CheckConstraint("position > 0", name=op.f("ck_ledger_position")),
    )
    for column in ("subject", "patient", "kind"):
        op.create_index(f"ix_ledger_{column}_position", "ledger", [column, "position"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if sqlite else POSTGRESQL_TRIGGERS:
        op.execute(statement)


def _identity() -> None:
    op.create_table(
        "identity",
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Text(), nullable=False),
        sa.Column("sex", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("patient", name=op.f("pk_identity")),
    )
    op.create_index("ix_identity_issuer_patient_id", "identity", ["issuer", "patient_id"])


def _studies() -> None:
    op.create_table(
        "study",
        sa.Column("study_instance_uid", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text()),
        sa.Column("started_at", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("series", sa.Integer()),
        sa.Column("verdict", sa.Text()),
        sa.Column("changes", sa.Integer()),
        sa.Column("recommendations", sa.Integer()),
        sa.Column("undetermined", sa.Integer()),
        sa.Column("received_at", sa.Text()),
        sa.Column("checked_at", sa.Text()),
        sa.Column("prior_received_at", sa.Text()),
        sa.Column("compared_at", sa.Text()),
        sa.Column("case_stated_at", sa.Text()),
        sa.Column("advised_at", sa.Text()),
        sa.Column("drafted_at", sa.Text()),
        sa.Column("verified_at", sa.Text()),
        sa.Column("letters_written_at", sa.Text()),
        sa.Column("follow_ups_opened_at", sa.Text()),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_study")),
    )
    op.create_index("ix_study_patient", "study", ["patient"])
    op.create_index("ix_study_verdict_checked_at", "study", ["verdict", "checked_at"])


def _reports_and_letters() -> None:
    op.create_table(
        "report",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("drafted_at", sa.Text()),
        sa.Column("verified_at", sa.Text()),
        sa.Column("verified_by", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    )
    op.create_index("ix_report_study_instance_uid", "report", ["study_instance_uid"])
    op.create_table(
        "letter",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("report_digest", sa.Text()),
        sa.Column("written_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
    )
    op.create_index("ix_letter_study_instance_uid", "letter", ["study_instance_uid"])


def _follow_ups() -> None:
    op.create_table(
        "follow_up",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("patient", sa.Text(), nullable=False),
        sa.Column("study_instance_uid", sa.Text(), nullable=False),
        sa.Column("recommendation", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("earliest", sa.Date()),
        sa.Column("target", sa.Date()),
        sa.Column("latest", sa.Date()),
        sa.Column("modality", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("contrast", sa.Text()),
        sa.Column("never_auto_close", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date()),
        sa.Column("opens_on", sa.Date(), nullable=False),
        sa.Column("act_by", sa.Date(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.Text()),
        sa.Column("closed_because", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
        sa.CheckConstraint("owner <> ''", name=op.f("ck_follow_up_owner")),
    )
    op.create_index("ix_follow_up_patient", "follow_up", ["patient"])
    op.create_index("ix_follow_up_study_instance_uid", "follow_up", ["study_instance_uid"])
    still_open = sa.text("closed_at IS NULL")
    for name, columns in (("open", ["act_by", "id"]), ("mine", ["owner", "act_by", "id"])):
        op.create_index(
            f"ix_follow_up_{name}",
            "follow_up",
            columns,
            sqlite_where=still_open,
            postgresql_where=still_open,
        )
