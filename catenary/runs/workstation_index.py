"""The index of a workstation package, streamed row by row: `indexTB` of one or more databases."""

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

from catenary.domain.errors import SourceError
from catenary.runs import readonly_db
from catenary.runs.readonly_db import UnreadableDatabaseError

_NEEDED = ("imgkey", "cid", "subdbid")


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One row of `indexTB`, as text apart from the time.

    Attributes:
        number: Place in the index, from 1, over all its databases.
        key: ``imgKey``, or empty.
        camera: ``cID``.
        sub_database: Name of the file with the photograph, without its ending.
        section: 站区.
        mast: 杆号, outer blanks kept.
        kilometre: Kilometre post as written.
        time: ``TIM`` as stored.
    """

    number: int
    key: str
    camera: str
    sub_database: str
    section: str
    mast: str
    kilometre: str
    time: object

    @property
    def location(self) -> str:
        """Return where the photograph is; a file name holds no ``/``, so this can be split."""
        return f"{self.sub_database}/{self.key}"


def indexes(folder: Path) -> tuple[list[Path], list[UnreadableDatabaseError]]:
    """Return the databases with an `indexTB`, sorted, and what hinders reading the others.

    Files that end in ``.db`` but are no SQLite (Thumbs.db) are passed over.
    """
    found: list[Path] = []
    problems: list[UnreadableDatabaseError] = []
    for path in sorted(folder.iterdir()):
        if not path.name.lower().endswith(".db"):
            continue
        try:
            if readonly_db.is_sqlite(path) and _has_index(path):
                found.append(path)
        except UnreadableDatabaseError as error:
            problems.append(error)
    return found, problems


def stream(paths: Sequence[Path]) -> Iterator[IndexRow]:
    """Yield every row, database by database, in the order of recording (rowid).

    Raises:
        SourceError: If an index lacks a column or cannot be read to its end.
    """
    rows = chain.from_iterable(map(_rows, paths))
    for number, cells in enumerate(rows, 1):
        yield _row(number, *cells)


def repeated_keys(paths: Sequence[Path]) -> set[str]:
    """Return the image keys that stand in more than one row.

    SQLite sorts on disk and the sorted streams are merged, so memory stays flat.

    Raises:
        SourceError: If an index cannot be read.
    """
    merged = heapq.merge(*(_sorted_keys(path) for path in paths))
    return {key for key, same in groupby(merged) if sum(1 for _ in same) > 1}


def _has_index(path: Path) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND lower(name) = ?"
    with closing(readonly_db.connect(path)) as connection, readonly_db.translated(path):
        return connection.execute(query, ("indextb",)).fetchone() is not None


def _sorted_keys(path: Path) -> Iterator[str]:
    query = "SELECT CAST(imgKey AS TEXT) FROM indexTB WHERE imgKey <> '' ORDER BY 1"
    try:
        with closing(readonly_db.connect(path)) as connection, readonly_db.translated(path):
            for (key,) in connection.execute(query):
                yield key
    except UnreadableDatabaseError as error:
        raise SourceError(f"cannot read the index: {error}") from error


def _rows(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield imgKey, cID, SubDBID, STN, POL, KMV, TIM; None for a column that is not there."""
    try:
        with closing(readonly_db.connect(path)) as connection, readonly_db.translated(path):
            cursor = connection.execute("SELECT * FROM indexTB ORDER BY rowid")
            places = _places(cursor, path)
            for cells in cursor:
                yield tuple(None if place is None else cells[place] for place in places)
    except UnreadableDatabaseError as error:
        raise SourceError(f"cannot read the index: {error}") from error


def _places(cursor: sqlite3.Cursor, path: Path) -> list[int | None]:
    """Return where each column stands; older indexes lack some, and spell them differently."""
    names = {column[0].casefold(): place for place, column in enumerate(cursor.description)}
    if missing := [name for name in _NEEDED if name not in names]:
        raise SourceError(
            f"indexTB of {path} lacks the columns {', '.join(missing)} (in any case); "
            f"it is of a version that is not known"
        )
    return [names.get(name) for name in (*_NEEDED, "stn", "pol", "kmv", "tim")]


def _row(number: int, *cells: object) -> IndexRow:
    key, camera, sub, section, mast, kilometre = map(_word, cells[:6])
    camera = camera.strip()
    return IndexRow(
        number, key, camera, f"C{camera}_{sub.strip()}", section, mast, kilometre, cells[6]
    )


def _word(cell: object) -> str:
    """Return a cell as text; some writers store text as BLOB."""
    if isinstance(cell, bytes):
        return readonly_db.text(cell)
    return "" if cell is None else str(cell)
