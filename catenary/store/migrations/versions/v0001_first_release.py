"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create run, frame, finding and shard."""
    _create_run()
    _create_frame()
    _create_finding()
    _create_shard()


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _count(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _create_run() -> None:
    op.create_table(
        "run",
        _count("id"),
        _text("name", 200),
        _text("source"),
        _text("layout", 50),
        _text("line"),
        _text("direction", 20),
        _text("date", 20),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        _text("config"),
        _text("thresholds"),
        _text("model"),
        _text("rules"),
        _text("taxonomy"),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("name", name="uq_run_name"),
    )


def _create_frame() -> None:
    op.create_table(
        "frame",
        _count("id"),
        _count("run_id"),
        _count("seq"),
        *(_text(name) for name in ("image_id", "file_name", "location", "camera", "view")),
        _text("mast_line", nullable=True),
        _text("mast_direction", 20, nullable=True),
        _text("mast_section", nullable=True),
        _text("mast_number", nullable=True),
        _number("kilometre_m", nullable=True),
        sa.Column("taken_at", sa.DateTime(), nullable=True),
        _text("outcome", 20, nullable=True),
        _text("reason", 50),
        _text("note"),
        _count("width"),
        _count("height"),
        _number("seconds"),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_frame"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_frame_run_id"),
        sa.UniqueConstraint("run_id", "image_id", name="uq_frame_run_id_image_id"),
        sa.UniqueConstraint("run_id", "seq", name="uq_frame_run_id_seq"),
        _check("outcome IN ('done', 'unusable', 'failed')", "ck_frame_outcome_known"),
        _check("(outcome IS NULL) = (finished_at IS NULL)", "ck_frame_finished_with_outcome"),
        _check("(mast_number IS NULL) = (mast_line IS NULL)", "ck_frame_mast_whole"),
        _check("width >= 0 AND height >= 0 AND seconds >= 0", "ck_frame_sizes_positive"),
    )
    op.create_index("ix_frame_run_id_outcome_seq", "frame", ["run_id", "outcome", "seq"])


def _create_finding() -> None:
    op.create_table(
        "finding",
        _count("id"),
        _count("run_id"),
        _count("frame_id"),
        _text("component", 50),
        *(_number(name) for name in ("x0", "y0", "x1", "y1")),
        _number("orientation_deg", nullable=True),
        _number("score"),
        _text("verdict", 20),
        _text("condition", 50),
        _number("probability", nullable=True),
        _count("grade", nullable=True),
        *(_text(name) for name in ("reason", "model", "rules", "taxonomy", "evidence")),
        _text("crop", nullable=True),
        _count("crop_x0", nullable=True),
        _count("crop_y0", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_finding_run_id"),
        sa.ForeignKeyConstraint(["frame_id"], ["frame.id"], name="fk_finding_frame_id"),
        _check("verdict IN ('defect', 'cannot_judge')", "ck_finding_verdict_known"),
        _check("x0 < x1 AND y0 < y1", "ck_finding_box_not_empty"),
        _check("probability BETWEEN 0 AND 1", "ck_finding_probability_range"),
        _check("(verdict = 'defect') = (grade IS NOT NULL)", "ck_finding_defect_graded"),
        _check("(crop IS NULL) = (crop_x0 IS NULL)", "ck_finding_crop_placed"),
    )
    columns = ["run_id", "verdict", "probability"]
    op.create_index("ix_finding_run_id_verdict_probability", "finding", columns)
    op.create_index("ix_finding_frame_id", "finding", ["frame_id"])


def _create_shard() -> None:
    op.create_table(
        "shard",
        _count("id"),
        _count("run_id"),
        _text("file_name"),
        _count("rows"),
        _text("sha256", 64),
        _count("first_seq"),
        _count("last_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_shard"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_shard_run_id"),
        sa.UniqueConstraint("run_id", "file_name", name="uq_shard_run_id_file_name"),
        _check("rows > 0", "ck_shard_rows_counted"),
    )


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands
