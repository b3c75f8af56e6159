"""Scans with their progress, the wish to pause, and what a second scan of a photograph needs."""

import sqlalchemy as sa
from alembic import op

revision = "0004_scans_watched"
down_revision = "0003_views_joined"

_TELL_FORMER = """
INSERT INTO scan (run_id, host, pid, state, started_at, seen_at, ended_at, model, rules, taxonomy,
                  images, seconds, stage_seconds, note)
SELECT run.id, '', 0, 'done', created_at, finished.at, finished.at, model, rules, taxonomy,
       finished.images, 0, '{}', ''
FROM run JOIN (SELECT run_id, max(finished_at) AS at, count(*) AS images FROM frame
               WHERE outcome IS NOT NULL GROUP BY run_id) finished ON finished.run_id = run.id
"""
_TELL_FRAMES = """
UPDATE frame SET scan_id = (SELECT scan.id FROM scan WHERE scan.run_id = frame.run_id)
WHERE outcome IS NOT NULL
"""


def upgrade() -> None:
    """Create scan, and tell of every finished photograph which scan judged it."""
    _create_scan()
    op.add_column("run", sa.Column("paused_at", sa.DateTime()))
    _extend_frame()
    _extend_finding()
    op.add_column("joined_mast", _number("revisions", sa.BigInteger()))
    op.add_column("shard", _number("revision", sa.Integer()))
    _tell_former_scans()


def _number(name: str, kind: sa.Integer) -> sa.Column[int]:
    return sa.Column(name, kind, nullable=False, server_default="0")


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def _create_scan() -> None:
    op.create_table(
        "scan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        _text("host", 255),
        sa.Column("pid", sa.Integer(), nullable=False),
        _text("state", 20),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        *(_text(name) for name in ("model", "rules", "taxonomy")),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=True),
        *(_text(name) for name in ("stage_seconds", "note")),
        sa.PrimaryKeyConstraint("id", name="pk_scan"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_scan_run_id"),
        _check(
            "state IN ('running', 'paused', 'done', 'stopped', 'failed', 'killed')",
            "ck_scan_state_known",
        ),
        _check("(state IN ('running', 'paused')) = (ended_at IS NULL)", "ck_scan_ended"),
    )
    op.create_index("ix_scan_run_id", "scan", ["run_id"])


def _extend_frame() -> None:
    op.add_column(
        "frame", sa.Column("again", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("frame", _number("revision", sa.Integer()))
    op.add_column("frame", sa.Column("stamp", sa.Text(), nullable=False, server_default=""))
    op.add_column("frame", sa.Column("sha256", sa.String(64), nullable=False, server_default=""))
    _add_reference("frame", "scan_id", "scan")
    op.create_index(
        "ix_frame_again",
        "frame",
        ["run_id", "seq"],
        sqlite_where=sa.text("again"),
        postgresql_where=sa.text("again"),
    )


def _extend_finding() -> None:
    op.add_column("finding", sa.Column("superseded_at", sa.DateTime()))
    _add_reference("finding", "former_id", "finding")
    op.drop_index("ix_finding_run_id_verdict_probability", "finding")
    columns = ["run_id", "superseded_at", "verdict", "probability"]
    op.create_index("ix_finding_run_id_superseded_at_verdict_probability", "finding", columns)
    op.create_index("ix_finding_former_id", "finding", ["former_id"])


def _add_reference(table: str, column: str, other: str) -> None:
    # In words: SQLite takes the reference with the column only, which Alembic writes apart.
    op.execute(
        f"ALTER TABLE {table} ADD COLUMN {column} INTEGER"
        f" CONSTRAINT fk_{table}_{column} REFERENCES {other} (id)"
    )


def _tell_former_scans() -> None:
    """Enter one scan for all that was scanned of a run; its versions are those of the last."""
    op.execute(_TELL_FORMER)
    op.execute(_TELL_FRAMES)


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands
