"""Passwords that somebody else chose, and that their owner has to replace."""

import sqlalchemy as sa
from alembic import op

revision = "0007_passwords"
down_revision = "0006_closed_loop"


def upgrade() -> None:
    """Add account.must_change; whoever has an account already keeps the password."""
    op.add_column(
        "account",
        sa.Column("must_change", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
