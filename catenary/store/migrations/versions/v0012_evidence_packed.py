"""Evidence pictures of a batch lie in one file; findings by probability have an index that serves.

Pictures of earlier releases stay as they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012_evidence_packed"
down_revision = "0011_stamped"


def upgrade() -> None:
    """Add the table of packs, and exchange the index."""
    op.create_table(
        "evidence_pack",
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("id", "run_id")),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence_pack"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_evidence_pack_run_id"),
        sa.UniqueConstraint("run_id", "file_name", name="uq_evidence_pack_run_id_file_name"),
        sa.CheckConstraint("pictures > 0", name=op.f("ck_evidence_pack_pictures_counted")),
    )
    op.drop_index("ix_finding_run_id_superseded_at_verdict_probability", "finding")
    op.create_index(
        "ix_finding_standing",
        "finding",
        ["run_id", "verdict", "probability"],
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
