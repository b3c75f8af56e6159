"""Physical parts that several photographs show."""

import sqlalchemy as sa
from alembic import op

revision = "0003_views_joined"
down_revision = "0002_masts_reassigned"


def upgrade() -> None:
    """Create joined_mast, part and part_view, and find photographs by their mast."""
    op.create_index("ix_frame_run_id_mast_number", "frame", ["run_id", "mast_number"])
    _create_joined_mast()
    _create_part()
    _create_part_view()


def _text(name: str, length: int | None = None, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=nullable)


def _number(name: str, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _count(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _create_joined_mast() -> None:
    names = ["mast_line", "mast_direction", "mast_section", "mast_number"]
    op.create_table(
        "joined_mast",
        _count("id"),
        _count("run_id"),
        *(_text(name, 20 if name == "mast_direction" else None) for name in names),
        _count("frames"),
        sa.Column("frame_ids", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_joined_mast"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_joined_mast_run_id"),
        sa.UniqueConstraint("run_id", *names, name="uq_joined_mast_mast"),
    )


def _create_part() -> None:
    op.create_table(
        "part",
        _count("id"),
        _count("run_id"),
        _count("joined_mast_id"),
        _text("name", 12),
        _text("component", 50),
        _text("verdict", 20),
        _text("condition", 50),
        _number("probability", nullable=True),
        _count("grade", nullable=True),
        _number("confidence"),
        sa.PrimaryKeyConstraint("id", name="pk_part"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_part_run_id"),
        sa.ForeignKeyConstraint(
            ["joined_mast_id"], ["joined_mast.id"], name="fk_part_joined_mast_id"
        ),
        sa.UniqueConstraint("run_id", "name", name="uq_part_run_id_name"),
        _check("verdict IN ('defect', 'cannot_judge')", "ck_part_verdict_known"),
        _check("probability BETWEEN 0 AND 1", "ck_part_probability_range"),
        _check("confidence BETWEEN 0 AND 1", "ck_part_confidence_range"),
    )
    op.create_index("ix_part_joined_mast_id", "part", ["joined_mast_id"])


def _create_part_view() -> None:
    op.create_table(
        "part_view",
        _count("id"),
        _count("part_id"),
        _count("frame_id"),
        _count("finding_id", nullable=True),
        *(_number(name) for name in ("x0", "y0", "x1", "y1")),
        _text("verdict", 20),
        _text("condition", 50),
        _number("probability", nullable=True),
        _text("crop", nullable=True),
        _count("crop_x0", nullable=True),
        _count("crop_y0", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_part_view"),
        sa.ForeignKeyConstraint(["part_id"], ["part.id"], name="fk_part_view_part_id"),
        sa.ForeignKeyConstraint(["frame_id"], ["frame.id"], name="fk_part_view_frame_id"),
        sa.ForeignKeyConstraint(["finding_id"], ["finding.id"], name="fk_part_view_finding_id"),
        sa.UniqueConstraint("part_id", "frame_id", name="uq_part_view_part_id_frame_id"),
        sa.UniqueConstraint("finding_id", name="uq_part_view_finding_id"),
        _check("verdict IN ('normal', 'defect', 'cannot_judge')", "ck_part_view_verdict_known"),
        _check("(verdict = 'normal') = (finding_id IS NULL)", "ck_part_view_finding_unless_normal"),
        _check("x0 < x1 AND y0 < y1", "ck_part_view_box_not_empty"),
        _check("probability BETWEEN 0 AND 1", "ck_part_view_probability_range"),
        _check("(crop IS NULL) = (crop_x0 IS NULL)", "ck_part_view_crop_placed"),
    )


def _check(rule: str, name: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(name))  # op.f: the name is whole as it stands
