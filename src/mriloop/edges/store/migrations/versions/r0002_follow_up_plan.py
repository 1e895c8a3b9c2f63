"""A follow-up remembers its plan, its appointment, what was performed and as what it was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: tuple[str, ...] | None = None
depends_on: tuple[str, ...] | None = None


def upgrade() -> None:
    """Add the columns, empty; the projections are rebuilt after every upgrade."""
    for name in ("plan", "then", "report_digest", "specialty", "performed", "closed_as", "superseded_by"):
        op.add_column("follow_up", sa.Column(name, sa.Text()))
    for name in ("appointment", "closed_on"):
        op.add_column("follow_up", sa.Column(name, sa.Date()))
    op.add_column("follow_up", sa.Column("occurrence", sa.Integer()))
