"""Photographs lent to the workers of a scan over many machines."""

import sqlalchemy as sa
from alembic import op

revision = "0009_leases"
down_revision = "0008_decisions_inherited"


def upgrade() -> None:
    """Create lease, and let every photograph name the one it is lent under."""
    op.create_table(
        "lease",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "run_id", "scan_id")),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.DateTime(), nullable=False) for name in ("taken_at", "expires_at")),
        sa.PrimaryKeyConstraint("id", name="pk_lease"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_lease_run_id"),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.id"], name="fk_lease_scan_id"),
        sa.CheckConstraint("images > 0", name=op.f("ck_lease_images_counted")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_lease_run_id", "lease", ["run_id"])
    # In words: SQLite takes the reference with the column only, which Alembic writes apart.
    op.execute(
        "ALTER TABLE frame ADD COLUMN lease_id INTEGER"
        " CONSTRAINT fk_frame_lease_id REFERENCES lease (id)"
    )
    op.create_index(
        "ix_frame_lease_id",
        "frame",
        ["lease_id"],
        sqlite_where=sa.text("lease_id IS NOT NULL"),
        postgresql_where=sa.text("lease_id IS NOT NULL"),
    )
