"""Folders of the capture side, 一杆一档: one folder a section, in it one folder a mast.

Two forms are read. The first names a photograph by time of day, kilometre post, mast, zone and
camera; the second by FILETIME and camera, in a folder with the mast's number alone.

Kilometre posts are taken as `parse_kilometre_m` reads them: ``K5778`` is kilometre 5,778. In a
run that means metres by it, all posts are 1,000 times too far; nothing in a name tells the two
apart, and guessing by size would mix both in one run.
"""

import re
from dataclasses import dataclass, replace
from datetime import time
from enum import StrEnum
from itertools import islice
from pathlib import Path

from catenary.domain.errors import SourceError
from catenary.domain.image import ImageRef
from catenary.domain.place import parse_kilometre_m
from catenary.runs import shot_time, task_name
from catenary.runs.files import Files, FolderRun, LocalFiles, describe
from catenary.runs.task_name import TaskName

LOOKS_FOR = (
    "section/K<km>_<mast>/HHmmssfff_K<km>_<mast>_<zone>_<camera>.jpg, or "
    "section/<mast>/<FILETIME>-<camera>.jpg"
)
_LOOKED_AT = 100  # photographs that are looked at to recognise the form
_FOLDER = re.compile(r"(K[^_/]*)_([^/]+)", re.IGNORECASE)
_FIRST = re.compile(r"(\d{9})_(K[^_/]*)_([^/]+)_([^_/]*)_([^_/]*)", re.IGNORECASE | re.ASCII)
_SECOND = re.compile(r"(\d{18})-([^/]*)", re.ASCII)


class MastFolderForm(StrEnum):
    """The two ways of naming; see the module."""

    KILOMETRE = "kilometre"
    FILETIME = "filetime"


@dataclass(frozen=True, slots=True)
class ShotName:
    """What the file name of the first form tells.

    Attributes:
        clock: Time of day, to the millisecond.
        kilometre: Kilometre post as written, e.g. ``K1347+953``; ``K`` when unknown.
        mast: Mast number; may hold ``_``.
        zone: 区域.
        camera: Camera number.
    """

    clock: time
    kilometre: str
    mast: str
    zone: str
    camera: str

    def __str__(self) -> str:
        """Return the name without its ending."""
        clock = f"{self.clock:%H%M%S}{self.clock.microsecond // 1000:03d}"
        return "_".join((clock, self.kilometre, self.mast, self.zone, self.camera))


def parse_shot_name(stem: str) -> ShotName | None:
    """Read the file name of the first form without its ending, or None when it is not one.

    >>> str(parse_shot_name("115600414_K5778_Z2-25_6_13").clock)
    '11:56:00.414000'
    """
    match = _FIRST.fullmatch(stem)
    if match is None:
        return None
    digits, kilometre, mast, zone, camera = match.groups()
    hour, minute, second = (int(digits[at : at + 2]) for at in (0, 2, 4))
    try:
        clock = time(hour, minute, second, int(digits[6:]) * 1000)
    except ValueError:
        return None
    return ShotName(clock, kilometre, mast, zone, camera)


class MastFoldersLayout:
    """See `Layout`."""

    name = "mast folders"
    looks_for = LOOKS_FOR

    def recognises(self, root: Path) -> bool:
        """See `Layout`."""
        return form_of(LocalFiles(root)) is not None

    def open(self, root: Path) -> FolderRun:
        """See `Layout`."""
        return open_files(LocalFiles(root), root.name, str(root))


def form_of(files: Files) -> MastFolderForm | None:
    """Return the form of the first photograph that has one, or None."""
    for path in islice(files.walk(), _LOOKED_AT):
        if form := _form(path):
            return form
    return None


def open_files(files: Files, name: str, source: str) -> FolderRun:
    """Open the run in these files.

    Raises:
        SourceError: If they have neither form.
    """
    form = form_of(files)
    if form is None:
        raise SourceError(f"{source} has no mast folders; looked for {LOOKS_FOR}")
    task = task_name.parse(name)

    def ref(path: str) -> ImageRef:
        return interpret(path, name, task)

    return FolderRun(files, describe(name, "mast folders", source, task), ref)


def interpret(path: str, run: str, task: TaskName) -> ImageRef:
    """Read a path; a photograph that is not named in either form is listed without facts.

    The first form's folder outranks its file names: a shot that was moved to another mast
    keeps its old name.
    """
    form = _form(path)
    bare = ImageRef(run=run, image_id=path, location=path, file_name=path)
    if form is None:
        return bare
    section, folder, file_name = path.split("/")
    stem = file_name.rpartition(".")[0]
    if form is MastFolderForm.FILETIME:
        ticks, _, camera = stem.partition("-")
        taken_at = shot_time.from_filetime(int(ticks))
        return replace(bare, camera=camera, mast=task.mast(section, folder), taken_at=taken_at)
    shot = parse_shot_name(stem)
    kilometre, _, number = folder.partition("_")
    return replace(
        bare,
        camera=shot.camera if shot else "",
        mast=task.mast(section, number),
        kilometre_m=parse_kilometre_m(kilometre),
        taken_at=task.moment(shot.clock) if shot else None,
    )


def _form(path: str) -> MastFolderForm | None:
    """Tell the form of one path; both need exactly a section, a mast and a file."""
    parts = path.split("/")
    if len(parts) != 3:
        return None
    stem = parts[2].rpartition(".")[0]
    if _FOLDER.fullmatch(parts[1]) and parse_shot_name(stem):
        return MastFolderForm.KILOMETRE
    match = _SECOND.fullmatch(stem)
    is_time = match is not None and shot_time.from_filetime(int(match[1])) is not None
    return MastFolderForm.FILETIME if is_time else None
