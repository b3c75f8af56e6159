"""Stamps of what is counted, so that counts are kept and only what changed is read again.

Indices that were for counting go, and others that lists need come.
"""

import sqlalchemy as sa
from alembic import op

from catenary.store import stamps

revision = "0011_stamped"
down_revision = "0010_counted"

_PLACE = ("component", "condition", "grade", "run_id", "line", "section", "mast_number")
_COUNTED = {
    "review_item": (
        *("state", *_PLACE, "camera", "view", "verdict", "kilometre_m", "merged_into"),
        *("reviewer", "first_by", "second_by"),
    ),
    "defect": ("state", *_PLACE, "due", "suspected_of", "joined_to"),
}


def upgrade() -> None:
    """Create the stamps of items and defects and the triggers that write them; mend indices."""
    # They held all that was counted; SQLite took them for lists as well, and sorted half a queue.
    for table in _COUNTED:
        op.drop_index(f"ix_{table}_counted", table_name=table)
    op.drop_index("ix_review_item_merged_into", table_name="review_item")
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index(
        "ix_review_item_merged_into",
        "review_item",
        ["merged_into"],
        sqlite_where=merged,
        postgresql_where=merged,
    )
    op.create_index("ix_review_item_entered_at_id", "review_item", ["entered_at", "id"])
    op.create_index("ix_part_view_frame_id", "part_view", ["frame_id"])
    dialect = op.get_bind().dialect.name
    for table, columns in _COUNTED.items():
        op.create_table(
            f"{table}_stamp",
            sa.Column("row_id", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("stamp", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("row_id", name=f"pk_{table}_stamp"),
        )
        op.create_index(f"ix_{table}_stamp_stamp", f"{table}_stamp", ["stamp"])
        for statement in stamps.statements(table, columns, dialect):
            op.execute(statement)
