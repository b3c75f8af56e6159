"""Counts of runs are kept by the database; what the order of the queue needs is stamped as well."""

import sqlalchemy as sa
from alembic import op

from catenary.store import stamps, tallies

revision = "0013_tallied"
down_revision = "0012_evidence_packed"

_KEPT_OF_ITEMS = (
    *("state", "component", "condition", "grade", "run_id", "line", "section", "mast_number"),
    *("camera", "view", "verdict", "kilometre_m", "merged_into", "reviewer"),
    *("first_by", "second_by", "priority", "probability", "entered_at", "decided_at"),
)


def upgrade() -> None:
    """Count every run, add the triggers, and exchange the index that was for counting."""
    frames = ("outcome", 20), ("reason", 50)
    findings = ("verdict", 20), ("component", 50), ("condition", 50)
    _count_table("frame_count", frames, "again")
    _count_table("finding_count", findings, "is_superseded")
    dialect = op.get_bind().dialect.name
    for tally in (tallies.FRAMES, tallies.FINDINGS):
        for statement in tallies.statements(tally, dialect):
            op.execute(statement)
    for statement in stamps.removal("review_item", dialect):
        op.execute(statement)
    for statement in stamps.statements("review_item", _KEPT_OF_ITEMS, dialect):
        op.execute(statement)
    op.drop_index("ix_finding_run_id_superseded_at_verdict_component_condition", "finding")
    op.create_index("ix_finding_run_id_superseded_at", "finding", ["run_id", "superseded_at"])


def _count_table(name: str, kinds: tuple[tuple[str, int], ...], flag: str) -> None:
    op.create_table(
        name,
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(kind, sa.String(length), nullable=False) for kind, length in kinds),
        sa.Column(flag, sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", *(kind for kind, _ in kinds), flag, name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )
