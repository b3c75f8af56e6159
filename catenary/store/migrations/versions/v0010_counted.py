"""Indices that hold all that is counted; defects know the place of their item."""

import sqlalchemy as sa
from alembic import op

revision = "0010_counted"
down_revision = "0009_leases"

_COPIED = ("run_id", "component", "line", "section", "mast_number", "kilometre_m")
_COUNTED = (
    *("state", "component", "condition", "grade", "run_id", "line", "section", "mast_number"),
    *("due", "suspected_of", "joined_to", "kilometre_m", "registered_at"),
)


def upgrade() -> None:
    """Copy the places of items to their defects, and add indices."""
    op.add_column("defect", sa.Column("run_id", sa.Integer(), nullable=False, server_default="0"))
    kind = sa.Column("component", sa.String(50), nullable=False, server_default="")
    op.add_column("defect", kind)
    for name in ("line", "section", "mast_number"):
        op.add_column("defect", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("defect", sa.Column("kilometre_m", sa.Double()))
    item = sa.table("review_item", sa.column("id"), *(sa.column(name) for name in _COPIED))
    defect = sa.table("defect", sa.column("item_id"), *(sa.column(name) for name in _COPIED))
    copied = {
        name: sa.select(item.c[name]).where(item.c.id == defect.c.item_id).scalar_subquery()
        for name in _COPIED
    }
    op.execute(sa.update(defect).values(copied))
    op.create_index("ix_defect_mast_number", "defect", ["mast_number"])
    op.create_index("ix_defect_counted", "defect", list(_COUNTED))
    op.create_index(
        "ix_finding_run_id_superseded_at_verdict_component_condition",
        "finding",
        ["run_id", "superseded_at", "verdict", "component", "condition"],
    )
