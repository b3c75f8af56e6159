"""Contact wire geometry that a workstation package carries beside its photographs."""

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from catenary.domain.errors import SourceError
from catenary.domain.place import Mast, parse_kilometre_m
from catenary.runs import readonly_db
from catenary.runs.readonly_db import UnreadableDatabaseError
from catenary.runs.task_name import TaskName

NO_READING = 65536  # what the workstation writes where it has none


class Spot(StrEnum):
    """Where along the span a reading was taken."""

    POLE = "pole"  # 支柱
    DROPPER = "dropper"  # 吊弦
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class GeometryRow:
    """One reading of `JH_INFO`; lengths are taken as mm, like those of the base data.

    Attributes:
        mast: Support it belongs to, or None.
        kilometre_m: Kilometre post in metres, or None.
        spot: At a support or at a dropper.
        height_mm: 导高 of the contact wire, or None.
        second_height_mm: The same of a second wire, or None.
        stagger_mm: 拉出值, signed, or None.
        second_stagger_mm: The same of a second wire, or None.
        speed: Of the car, in the run's own unit (km/h where known), or None.
    """

    mast: Mast | None
    kilometre_m: float | None
    spot: Spot
    height_mm: float | None
    second_height_mm: float | None
    stagger_mm: float | None
    second_stagger_mm: float | None
    speed: float | None


def rows(path: Path, task: TaskName) -> Iterator[GeometryRow]:
    """Yield every reading of a ``JCW.db`` in the order of the file.

    Raises:
        SourceError: If the file is locked, damaged or has no `JH_INFO`.
    """
    try:
        with closing(readonly_db.connect(path)) as connection, readonly_db.translated(path):
            cursor = connection.execute("SELECT * FROM JH_INFO ORDER BY rowid")
            names = [column[0].casefold() for column in cursor.description]
            for cells in cursor:
                yield _row(dict(zip(names, cells, strict=True)), task)
    except UnreadableDatabaseError as error:
        raise SourceError(f"cannot read the geometry: {error}") from error


def _row(cells: Mapping[str, object], task: TaskName) -> GeometryRow:
    """Read one row; columns that a variant of the table lacks count as no reading."""
    section, number = (str(cells.get(name) or "") for name in ("station", "pole"))
    kilometre = cells.get("kmv")
    return GeometryRow(
        task.mast(section, number),
        None if _number(kilometre) == NO_READING else parse_kilometre_m(str(kilometre)),
        _spot(cells.get("posi")),
        *(_reading(cells.get(name)) for name in ("hei", "hei2", "zig", "zig2", "speed")),
    )


def _reading(cell: object) -> float | None:
    value = _number(cell)
    return None if value == NO_READING else value


def _number(cell: object) -> float | None:
    if not isinstance(cell, int | float | str):
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _spot(cell: object) -> Spot:
    """Read ``JCXP_POLE`` and its like; the prefix is spelled differently by versions."""
    word = str(cell or "").strip().rpartition("_")[2].lower()
    return Spot(word) if word in list(Spot) else Spot.OTHER
