"""Small runs in every form, with exact truth."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.runs.mast_folders import MastFolderForm
from catenary.runs.mast_folders_writer import write_mast_folders
from catenary.runs.source import Source
from catenary.runs.workstation_writer import write_workstation

TASK = "2022_03_06_22_15_17_沪蓉_浦口站-全椒站_下行"
LINE = "沪蓉"
START = datetime.fromisoformat("2022-03-06 23:59:59.844")
MASTS = ("D046", "U5_2", "Y035 _1", "Z2-25")

Item = tuple[ImageRef, bytes]


def picture(number: int) -> bytes:
    """Return bytes that begin like a JPEG and differ for each number."""
    return b"\xff\xd8\xff\xe0" + f"picture {number}".encode() + b"\xff\xd9"


def items(count: int = 8, cameras: Sequence[str] = ("1", "2")) -> list[Item]:
    """Return photographs of a run that passes midnight, all facts known."""
    return [
        (
            ImageRef(
                run=TASK,
                image_id=f"photo-{number}",
                location="",
                file_name=f"{number}.jpg",
                camera=cameras[number % len(cameras)],
                mast=Mast(LINE, Direction.DOWN, "浦口站-全椒站", MASTS[number % len(MASTS)]),
                kilometre_m=1_347_953.0 + 50 * number,
                taken_at=START + timedelta(milliseconds=130 * number),
            ),
            picture(number),
        )
        for number in range(count)
    ]


def workstation(folder: Path, photographs: Sequence[Item] | None = None) -> Path:
    root = folder / TASK
    write_workstation(root, items() if photographs is None else photographs)
    return root


def mast_folders(folder: Path, form: MastFolderForm) -> Path:
    root = folder / TASK
    write_mast_folders(root, items(), form)
    return root


def name_form(folder: Path) -> Path:
    return files(folder / TASK, "D046_1347953_0613_A3_0000001.jpg", "D046_K1_0613_B3_2.JPG")


def files(root: Path, *names: str) -> Path:
    """Create files with different bytes, and their folders."""
    root.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    return root


def contents(source: Source) -> list[bytes]:
    return [source.read(ref) for ref in source.frames()]


def facts(ref: ImageRef) -> ImageRef:
    """Return what must survive writing and reading: mast, post, camera, time."""
    return replace(ref, run="", image_id="", location="", file_name="", view="")


def snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return size, time of change and bytes of everything below a folder, folders too."""
    found = {}
    for path in (root, *sorted(root.rglob("*"))):
        status = path.lstat()
        data = b"" if path.is_dir() else path.read_bytes()
        found[os.fspath(path)] = (status.st_size, status.st_mtime_ns, data)
    return found


def execute(database: Path, *statements: str) -> None:
    """Change a database as another program would."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
