"""Write photographs as a package of the analysis workstation; `workstation` reads it back."""

import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from catenary.domain.image import ImageRef
from catenary.runs import shot_time
from catenary.runs.staging import require_portable, staged
from catenary.runs.task_name import require_task

SUB_DATABASE_IMAGES = 2000  # photographs of one camera in a sub-database; our choice
BLOB_HEADER = bytes(8)  # its meaning is not known; readers look for the JPEG behind it
_INDEX = "index.db"
_INDEX_TABLE = (
    "CREATE TABLE indexTB (Id INTEGER PRIMARY KEY, POL TEXT, STN TEXT, KMV REAL, cID TEXT,"
    " imgKey TEXT, DxInd INTEGER, TIM TEXT, SubDBID INTEGER)"
)
_IMAGE_TABLE = "CREATE TABLE imgInfo (imgGUID TEXT PRIMARY KEY, imgContent BLOB)"
_INDEX_ROW = "INSERT INTO indexTB VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def write_workstation(
    folder: Path,
    items: Iterable[tuple[ImageRef, bytes]],
    sub_database_images: int = SUB_DATABASE_IMAGES,
) -> None:
    """Write photographs with their index; the whole package appears at once or not at all.

    The image key is made of time and camera, or is the image id where one of them is not
    known or the key is taken. Views and file names have no place in this form.

    Args:
        folder: New folder, named as in `task_name.workstation_name`: line and direction of
            the masts are written nowhere else.
        items: Photographs and their encoded bytes, in the order of recording.
        sub_database_images: Photographs of one camera in one sub-database.

    Raises:
        ValueError: If a mast is not of the folder's line and direction, a camera cannot be
            part of a file name, or two photographs have one key.
        SourceError: If the folder is in use or the disk is full.
    """
    with staged(folder) as partial:
        database = partial / "DB"
        database.mkdir()
        with closing(_Package(database, sub_database_images)) as package:
            for ref, data in items:
                if ref.mast is not None:
                    require_task(folder.name, ref.mast)
                package.add(ref, data)
            package.finish()


@dataclass(slots=True)
class _SubDatabase:
    connection: sqlite3.Connection
    number: int
    images: int = 0


class _Package:
    """An index and one growing sub-database a camera."""

    def __init__(self, folder: Path, sub_database_images: int) -> None:
        self._folder = folder
        self._limit = sub_database_images
        self._stack = ExitStack()
        self._index = self._created(folder / _INDEX, _INDEX_TABLE)
        self._open: dict[str, _SubDatabase] = {}
        self._keys: set[str] = set()
        self._rows = 0

    def add(self, ref: ImageRef, data: bytes) -> None:
        key = self._key(ref)
        sub_database = self._sub_database(ref.camera)
        sub_database.connection.execute(
            "INSERT INTO imgInfo VALUES (?, ?)", (key, BLOB_HEADER + data)
        )
        sub_database.images += 1
        self._rows += 1
        mast, time = ref.mast, ref.taken_at
        row = (
            self._rows,
            mast.number if mast else None,
            mast.section if mast else None,
            ref.kilometre_m,
            ref.camera,
            key,
            0,
            str(shot_time.to_filetime(time)) if time else None,
            sub_database.number,
        )
        self._index.execute(_INDEX_ROW, row)

    def finish(self) -> None:
        self._index.commit()
        for sub_database in self._open.values():
            sub_database.connection.commit()

    def close(self) -> None:
        self._stack.close()

    def _key(self, ref: ImageRef) -> str:
        key = ref.image_id
        if ref.taken_at is not None and ref.camera.isdecimal() and len(ref.camera) <= 2:
            by_time = shot_time.to_image_key(ref.taken_at, int(ref.camera))
            key = key if by_time in self._keys else by_time
        if not key or key in self._keys:
            raise ValueError(f"two photographs have the key {key!r}; ids must differ in a run")
        self._keys.add(key)
        return key

    def _sub_database(self, camera: str) -> _SubDatabase:
        current = self._open.get(camera)
        if current is not None and current.images < self._limit:
            return current
        number = 0
        if current is not None:
            number = current.number + 1
            current.connection.commit()
            current.connection.close()
        name = require_portable(f"C{camera}_{number}.subDb", "sub-database")
        self._open[camera] = _SubDatabase(self._created(self._folder / name, _IMAGE_TABLE), number)
        return self._open[camera]

    def _created(self, path: Path, table: str) -> sqlite3.Connection:
        """Create a database without journal: an unfinished package is thrown away as a whole."""
        connection = self._stack.enter_context(closing(sqlite3.connect(path)))
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(table)
        return connection
