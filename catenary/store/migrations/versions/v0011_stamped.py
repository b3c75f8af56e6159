"""Stamps of what is counted, so that counts are kept and only what changed is read again."""

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
    """Create the stamps of items and defects, and the triggers that write them."""
    dialect = op.get_bind().dialect.name
    for table, columns in _COUNTED.items():
        op.create_table(
            f"{table}_stamp",
            sa.Column("row_id", sa.Integer(), nullable=False),
            sa.Column("stamp", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("row_id", name=f"pk_{table}_stamp"),
        )
        op.create_index(f"ix_{table}_stamp_stamp", f"{table}_stamp", ["stamp"])
        for statement in stamps.statements(table, columns, dialect):
            op.execute(statement)
