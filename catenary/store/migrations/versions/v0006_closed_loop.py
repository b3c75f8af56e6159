"""Defects of the closed loop with their steps."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from catenary.store import append_only

revision = "0006_closed_loop"
down_revision = "0005_review"

_STATES = "registered dispatched repaired reinspected closed joined withdrawn"
_STEPS = (
    "dispatch repair reinspect close send_back extend reopen same_as not_same split "
    "register amend withdraw seen_again lost_sighting"
)
_ROLES = "viewer reviewer second lead admin"


def upgrade() -> None:
    """Create defect and defect_step."""
    _create_defect()
    _create_defect_step()
    for statement in append_only.statements("defect_step", op.get_bind().dialect.name):
        op.execute(statement)


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _count(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _time(name: str, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(), nullable=nullable)


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}")


def _one_of(table: str, column: str, values: str) -> sa.CheckConstraint:
    names = ", ".join(f"'{value}'" for value in values.split())
    return _check(f"{column} IN ({names})", f"ck_{table}_{column}_known")


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands


def _create_defect() -> None:
    table = "defect"
    op.create_table(
        table,
        _count("id"),
        _count("item_id"),
        _count("version"),
        _text("state", 20),
        _text("condition", 50),
        _count("grade"),
        _time("registered_at"),
        _time("repair_by"),
        _time("repaired_at", nullable=True),
        _time("reinspect_by", nullable=True),
        _time("due", nullable=True),
        _text("conclusion", 20, nullable=True),
        _count("suspected_of", nullable=True),
        _count("joined_to", nullable=True),
        _time("changed_at"),
        _text("changed_by", 100),
        sa.PrimaryKeyConstraint("id", name="pk_defect"),
        _key(table, "item_id", "review_item"),
        _key(table, "suspected_of", "defect"),
        _key(table, "joined_to", "defect"),
        sa.UniqueConstraint("item_id", name="uq_defect_item_id"),
        _one_of(table, "state", _STATES),
        _one_of(table, "conclusion", "repaired nothing_found"),
        _check("grade BETWEEN 1 AND 3", "ck_defect_graded"),
        _check("(state = 'joined') = (joined_to IS NOT NULL)", "ck_defect_joined_to_one"),
        _check("joined_to <> id AND suspected_of <> id", "ck_defect_other_defect"),
        _check(
            "(repaired_at IS NULL) = (conclusion IS NULL)"
            " AND (repaired_at IS NULL) = (reinspect_by IS NULL)",
            "ck_defect_repair_whole",
        ),
    )
    op.create_index("ix_defect_state_due_id", table, ["state", "due", "id"])
    op.create_index("ix_defect_due_id", table, ["due", "id"])
    op.create_index("ix_defect_suspected_of", table, ["suspected_of"])
    op.create_index("ix_defect_joined_to", table, ["joined_to"])


def _create_defect_step() -> None:
    table = "defect_step"
    op.create_table(
        table,
        _count("id"),
        _count("defect_id"),
        _count("version"),
        _text("step", 20),
        _time("made_at"),
        _text("made_by", 100),
        _text("role", 20),
        _text("note"),
        _text("before", nullable=True),
        _text("after"),
        _count("other", nullable=True),
        _count("decision_id", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_defect_step"),
        _key(table, "defect_id", "defect"),
        _key(table, "other", "defect"),
        _key(table, "decision_id", "decision"),
        sa.UniqueConstraint("defect_id", "version", name="uq_defect_step_defect_id_version"),
        _one_of(table, "step", _STEPS),
        _one_of(table, "role", _ROLES),
        _check("(version = 1) = (before IS NULL)", "ck_defect_step_first_from_nothing"),
    )
