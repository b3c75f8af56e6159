"""The queue of the reviewers, decisions with their trail, accounts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from catenary.store import append_only

revision = "0005_review"
down_revision = "0003_views_joined"


def upgrade() -> None:
    """Create review_item, review_fill, decision, audit, account, session and vigilance."""
    _create_review_item()
    _create_review_fill()
    _create_decision()
    _create_audit()
    _create_account()
    _create_session()
    _create_vigilance()
    dialect = op.get_bind().dialect.name
    for table in ("decision", "audit"):
        for statement in append_only.statements(table, dialect):
            op.execute(statement)


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _count(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _time(name: str, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(), nullable=nullable)


def _key(table: str, column: str, to: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=f"fk_{table}_{column}", ondelete=ondelete
    )


def _one_of(table: str, column: str, values: str) -> sa.CheckConstraint:
    names = ", ".join(f"'{value}'" for value in values.split())
    return _check(f"{column} IN ({names})", f"ck_{table}_{column}_known")


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands


def _index(table: str, columns: Sequence[str]) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


_COUNTED = (
    *("state", "component", "condition", "grade", "run_id", "line", "section", "camera"),
    *("view", "verdict", "reviewer", "mast_number", "kilometre_m"),
)
_DECISIONS = "confirm reject observe cannot_judge"
_ROLES = "viewer reviewer second lead admin"


def _create_review_item() -> None:
    table = "review_item"
    op.create_table(
        table,
        _count("id"),
        _count("run_id"),
        _text("name", 14),
        _text("origin", 20),
        _count("frame_id"),
        _count("finding_id", nullable=True),
        _text("component", 50),
        _text("verdict", 20),
        _number("probability", nullable=True),
        _count("views"),
        _text("line"),
        _text("direction", 20),
        _text("section"),
        _text("mast_number"),
        _number("kilometre_m", nullable=True),
        _text("camera"),
        _text("view"),
        _time("entered_at"),
        _number("priority"),
        *_standing_columns(),
        sa.PrimaryKeyConstraint("id", name="pk_review_item"),
        _key(table, "run_id", "run"),
        _key(table, "frame_id", "frame"),
        _key(table, "finding_id", "finding", "SET NULL"),
        sa.UniqueConstraint("run_id", "name", name="uq_review_item_run_id_name"),
        _one_of(table, "origin", "scan sample manual"),
        _one_of(table, "verdict", "normal defect cannot_judge"),
        _one_of(
            table,
            "state",
            "open unjudged second disputed confirmed rejected observed cannot_judge",
        ),
        _one_of(table, "first_said", _DECISIONS),
        _check("x0 < x1 AND y0 < y1", "ck_review_item_box_not_empty"),
        _check("probability BETWEEN 0 AND 1", "ck_review_item_probability_range"),
        _check("(reviewer = '') = (decided_at IS NULL)", "ck_review_item_decided_by_somebody"),
        _check("(held_by IS NULL) = (held_until IS NULL)", "ck_review_item_held_for_a_while"),
    )
    _index(table, ["priority", "id"])
    _index(table, ["state", "priority", "id"])
    _index(table, ["state", "component", "priority"])
    _index(table, ["run_id", "state", "priority"])
    _index(table, ["mast_number", "run_id"])
    op.create_index("ix_review_item_counted", table, list(_COUNTED))
    for column in ("frame_id", "finding_id", "held_by"):
        _index(table, [column])


def _standing_columns() -> list[sa.Column[Any]]:
    return [
        _text("state", 20),
        _text("condition", 50),
        _count("grade", nullable=True),
        *(_number(name) for name in ("x0", "y0", "x1", "y1")),
        _text("reviewer", 100),
        _time("decided_at", nullable=True),
        _text("note"),
        _text("first_by", 100, nullable=True),
        _text("first_said", 20, nullable=True),
        _text("second_by", 100, nullable=True),
        _count("version"),
        _text("held_by", 100, nullable=True),
        _time("held_until", nullable=True),
    ]


def _create_review_fill() -> None:
    op.create_table(
        "review_fill",
        _count("run_id"),
        _text("made_of"),
        sa.PrimaryKeyConstraint("run_id", name="pk_review_fill"),
        _key("review_fill", "run_id", "run"),
    )


def _create_decision() -> None:
    table = "decision"
    op.create_table(
        table,
        _count("id"),
        _count("item_id"),
        _time("made_at"),
        _text("made_by", 100),
        _text("role", 20),
        _text("stage", 20),
        _text("act", 20),
        _count("undoes", nullable=True),
        _text("note"),
        _count("version"),
        *(_text(name) for name in ("before", "after", "model", "rules", "taxonomy")),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        _key(table, "item_id", "review_item"),
        _key(table, "undoes", "decision"),
        sa.UniqueConstraint("item_id", "version", name="uq_decision_item_id_version"),
        sa.UniqueConstraint("undoes", name="uq_decision_undoes"),
        _one_of(table, "role", _ROLES),
        _one_of(table, "stage", "first second settle revise"),
        _one_of(table, "act", f"{_DECISIONS} undo draw"),
        _check("(act = 'undo') = (undoes IS NOT NULL)", "ck_decision_undo_of_something"),
    )
    _index(table, ["made_by", "made_at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        _count("seq"),
        _text("content"),
        _text("previous", 64),
        _text("digest", 64),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sa.UniqueConstraint("digest", name="uq_audit_digest"),
    )


def _create_account() -> None:
    op.create_table(
        "account",
        _count("id"),
        _text("name", 100),
        _text("role", 20),
        _text("password"),
        _time("created_at"),
        _time("disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
        _one_of("account", "role", _ROLES),
    )


def _create_session() -> None:
    op.create_table(
        "session",
        _text("digest", 64),
        _count("account_id"),
        _text("csrf", 64),
        _time("created_at"),
        _time("seen_at"),
        sa.PrimaryKeyConstraint("digest", name="pk_session"),
        _key("session", "account_id", "account"),
    )
    _index("session", ["account_id"])


def _create_vigilance() -> None:
    table = "vigilance"
    op.create_table(
        table,
        _count("id"),
        _count("item_id"),
        _text("reader", 100),
        _time("shown_at"),
        _time("answered_at", nullable=True),
        _text("answer", 20, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_vigilance"),
        _key(table, "item_id", "review_item"),
        sa.UniqueConstraint("item_id", "reader", name="uq_vigilance_item_id_reader"),
        _one_of(table, "answer", _DECISIONS),
        _check("(answer IS NULL) = (answered_at IS NULL)", "ck_vigilance_answered_at_some_time"),
    )
    _index(table, ["reader"])
