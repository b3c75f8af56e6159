"""Packages of the analysis workstation: an index and sub-databases of photographs in ``DB``."""

import logging
import weakref
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.image import ImageRef
from catenary.domain.place import parse_kilometre_m
from catenary.runs import presence, readonly_db, shot_time, task_name, track_geometry
from catenary.runs.files import describe, stamp_of
from catenary.runs.readonly_db import UnreadableDatabaseError
from catenary.runs.source import RunDescription
from catenary.runs.sub_databases import SubDatabases
from catenary.runs.task_name import TaskName
from catenary.runs.track_geometry import GeometryRow
from catenary.runs.workstation_index import IndexRow, indexes, repeated_keys, stream

log = logging.getLogger(__name__)

LOOKS_FOR = "a folder DB with an index *.db (table indexTB) and photographs in C*_*.subDb"
GEOMETRY_FOLDER = "几何数据"
GEOMETRY_FILE = "JCW.db"
SOI_WITHIN = 64  # bytes; the header before a JPEG is 8 in the packages seen
_SOI = b"\xff\xd8"


class WorkstationLayout:
    """See `Layout`."""

    name = "workstation"
    looks_for = LOOKS_FOR

    def recognises(self, root: Path) -> bool:
        """See `Layout`; a package whose index is locked or damaged is still one."""
        folder = _child(root, "DB")
        if folder is None:
            return False
        if any(path.name.lower().endswith(".subdb") for path in folder.iterdir()):
            return True
        found, problems = indexes(folder)
        return bool(found) or any(problem.code != "missing" for problem in problems)

    def open(self, root: Path) -> "WorkstationRun":
        """See `Layout`."""
        return WorkstationRun(root)


class WorkstationRun:
    """An opened package; see `Source`.

    A photograph is known by its sub-database and key. Where the index names the same one twice
    it is listed once, by its first row, and the number left out is logged. Where two
    photographs of different sub-databases share a key, the first keeps it as its id and the
    others add theirs, e.g. ``22030623265084401~C1_0``.
    """

    def __init__(self, root: Path) -> None:
        """Find the index.

        Raises:
            SourceError: If it is missing, locked, damaged or empty.
        """
        folder = _child(root, "DB")
        if folder is None:
            raise SourceError(f"{root} is no workstation package: it has no folder DB")
        self._root, self._folder = root, folder
        self._task = _task(root)
        self._indexes = _usable_indexes(folder)
        self._description = describe(root.name, "workstation", str(root), self._task)
        self._sub_databases = SubDatabases(folder)
        # `Source` has no close; connections must not outlive the run.
        weakref.finalize(self, self._sub_databases.close)

    @property
    def description(self) -> RunDescription:
        """See `Source`."""
        return self._description

    def frames(self) -> Iterator[ImageRef]:
        """See `Source`; in the order of the index, which is that of the recording."""
        repeated = repeated_keys(self._indexes)
        seen: dict[str, list[str]] = {key: [] for key in repeated}
        left_out = 0
        for row in stream(self._indexes):
            earlier = seen.get(row.key)
            if earlier is not None:
                if row.location in earlier:
                    left_out += 1
                    continue
                earlier.append(row.location)
            yield self._ref(row, is_first=earlier is None or len(earlier) == 1)
        if left_out:
            log.warning("index names photographs twice source=%s rows=%d", self._root, left_out)

    def read(self, ref: ImageRef) -> bytes:
        """See `Source`; safe to call from several threads."""
        sub_database, _, key = ref.location.partition("/")
        try:
            content = self._sub_databases.content(sub_database, key)
        except UnreadableDatabaseError as error:
            presence.require(self._folder, error.__cause__)
            raise UnreadableImageError(error.code, str(error)) from error
        return _image(content, f"photograph {key} of {sub_database}.subDb")

    def stamp(self, ref: ImageRef) -> str:
        """See `Source`: of the whole sub-database, which is one file."""
        path = self._sub_databases.path(ref.location.partition("/")[0])
        return stamp_of(path) if path else ""

    def geometry(self) -> tuple[GeometryRow, ...]:
        """Return the geometry readings, empty when the package has none.

        Raises:
            SourceError: If they are there but cannot be read.
        """
        folder = _child(self._root, GEOMETRY_FOLDER)
        path = folder and _child(folder, GEOMETRY_FILE)
        return tuple(track_geometry.rows(path, self._task)) if path else ()

    def close(self) -> None:
        """Close the sub-databases kept open; a later read opens them again."""
        self._sub_databases.close()

    def _ref(self, row: IndexRow, *, is_first: bool) -> ImageRef:
        name = row.key or f"row-{row.number}"
        return ImageRef(
            run=self._description.name,
            image_id=name if is_first else f"{name}~{row.sub_database}",
            location=row.location,
            file_name=f"{name}.jpg",
            camera=row.camera,
            mast=self._task.mast(row.section, row.mast),
            kilometre_m=parse_kilometre_m(row.kilometre),
            taken_at=shot_time.of_shot(row.time, row.key),
        )


def _child(folder: Path, name: str) -> Path | None:
    """Return the entry of that name whatever its case: packages come from Windows disks."""
    try:
        found = [path for path in folder.iterdir() if path.name.casefold() == name.casefold()]
    except OSError:
        return None
    return min(found, default=None)


def _task(root: Path) -> TaskName:
    """Read the task's name; the date may also be that of the folder above."""
    task = task_name.parse(root.name)
    if task.day is not None:
        return task
    day = task_name.parse(root.parent.name).day
    return TaskName(task.line, task.direction, task.stations, day, task.start)


def _usable_indexes(folder: Path) -> list[Path]:
    """Return the index databases, refusing a package of which a part cannot be read."""
    found, problems = indexes(folder)
    if problems:
        raise SourceError("cannot read the index: " + "; ".join(map(str, problems)))
    if not found:
        names = ", ".join(sorted(path.name for path in folder.glob("*.db"))) or "no *.db at all"
        raise SourceError(
            f"{folder} has no database with a table indexTB (found {names}); "
            f"copy the index of the package again"
        )
    for path in found:
        try:
            with closing(readonly_db.connect(path)) as connection, readonly_db.translated(path):
                if connection.execute("SELECT 1 FROM indexTB LIMIT 1").fetchone():
                    return found
        except UnreadableDatabaseError as error:
            raise SourceError(f"cannot read the index: {error}") from error
    raise SourceError(f"the index in {folder} is empty: the run has no photographs")


def _image(content: object, what: str) -> bytes:
    """Cut the short header off a BLOB; an empty one is left to the decoder's own message."""
    if content is None:
        raise UnreadableImageError("missing", f"{what} is missing; copy the sub-database again")
    if not isinstance(content, bytes):
        kind = type(content).__name__
        raise UnreadableImageError("damaged", f"{what} is stored as {kind}, not as a BLOB")
    start = content.find(_SOI + b"\xff", 0, SOI_WITHIN + 3)  # a marker always follows the SOI
    if start < 0:
        start = content.find(_SOI, 0, SOI_WITHIN + 2)
    if start < 0 and content:
        message = f"{what} has no JPEG in its first {SOI_WITHIN} bytes; copy it again"
        raise UnreadableImageError("damaged", message)
    return content[start:] if start > 0 else content
