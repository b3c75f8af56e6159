"""Decisions that go on when a run is scanned or joined anew, with their trace."""

import sqlalchemy as sa
from alembic import op

from catenary.store import append_only

revision = "0008_decisions_inherited"
down_revision = "0007_passwords"

_COUNTED = (
    *("state", "component", "condition", "grade", "run_id", "line", "section", "camera"),
    *("view", "verdict", "reviewer", "mast_number", "kilometre_m", "merged_into"),
)
_KINDS = "followed copied merged parted"


def upgrade() -> None:
    """Add review_item.merged_into, former_view and inheritance."""
    # In words: SQLite takes the reference with the column only, which Alembic writes apart.
    op.execute(
        "ALTER TABLE review_item ADD COLUMN merged_into INTEGER"
        " CONSTRAINT fk_review_item_merged_into REFERENCES review_item (id)"
    )
    op.drop_index("ix_review_item_counted", "review_item")
    op.create_index("ix_review_item_counted", "review_item", list(_COUNTED))
    op.create_index("ix_review_item_merged_into", "review_item", ["merged_into"])
    _create_former_view()
    _create_inheritance()
    for statement in append_only.statements("inheritance", op.get_bind().dialect.name):
        op.execute(statement)


def _count(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _key(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}")


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands


def _create_former_view() -> None:
    table = "former_view"
    op.create_table(
        table,
        _count("id"),
        _count("item_id"),
        _count("frame_id"),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("x0", "y0", "x1", "y1")),
        sa.PrimaryKeyConstraint("id", name="pk_former_view"),
        _key(table, "item_id", "review_item"),
        _key(table, "frame_id", "frame"),
    )
    op.create_index("ix_former_view_item_id", table, ["item_id"])


def _create_inheritance() -> None:
    table = "inheritance"
    kinds = ", ".join(f"'{kind}'" for kind in _KINDS.split())
    op.create_table(
        table,
        _count("id"),
        _count("item_id"),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        _text("kind", 20),
        _count("other", nullable=True),
        _text("from_name", 14),
        _text("to_name", 14),
        _text("before", nullable=True),
        _text("after"),
        sa.PrimaryKeyConstraint("id", name="pk_inheritance"),
        _key(table, "item_id", "review_item"),
        _key(table, "other", "review_item"),
        _check(f"kind IN ({kinds})", "ck_inheritance_kind_known"),
        _check("(kind = 'followed') = (other IS NULL)", "ck_inheritance_of_another"),
    )
    for column in ("item_id", "other"):
        op.create_index(f"ix_inheritance_{column}", table, [column])
