"""Masts that photographs were reassigned to, and what became of findings since an earlier run."""

import sqlalchemy as sa
from alembic import op

revision = "0002_masts_reassigned"
down_revision = "0001"


def upgrade() -> None:
    """Create reassignment and finding_change."""
    _create_reassignment()
    _create_finding_change()


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _create_reassignment() -> None:
    sides = ("before", "after")
    op.create_table(
        "reassignment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("frame_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        _text("made_by", 200),
        _text("why"),
        *(
            _text(f"{side}_{name}", 20 if name == "direction" else None, nullable=True)
            for side in sides
            for name in ("line", "direction", "section", "number")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_reassignment"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_reassignment_run_id"),
        sa.ForeignKeyConstraint(["frame_id"], ["frame.id"], name="fk_reassignment_frame_id"),
        _check("made_by <> '' AND why <> ''", "ck_reassignment_explained"),
    )
    op.create_index("ix_reassignment_run_id", "reassignment", ["run_id"])


def _create_finding_change() -> None:
    op.create_table(
        "finding_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("finding_id", sa.Integer(), nullable=False),
        sa.Column("earlier_run_id", sa.Integer(), nullable=False),
        _text("change", 20),
        _text("reason", 50),
        sa.PrimaryKeyConstraint("id", name="pk_finding_change"),
        sa.ForeignKeyConstraint(
            ["finding_id"], ["finding.id"], name="fk_finding_change_finding_id"
        ),
        sa.ForeignKeyConstraint(
            ["earlier_run_id"], ["run.id"], name="fk_finding_change_earlier_run_id"
        ),
        sa.UniqueConstraint("finding_id", name="uq_finding_change_finding_id"),
        _check(
            "change IN ('new', 'grown', 'unchanged', 'not_comparable')",
            "ck_finding_change_change_known",
        ),
    )


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands
