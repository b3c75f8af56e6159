"""Write a labelled set as a run in one of the forms that 4C cars deliver, joined to its labels."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from catenary.domain.errors import ConfigError, StoreError
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction
from catenary.runs import task_name
from catenary.runs.discover import open_source
from catenary.runs.mast_folders import MastFolderForm
from catenary.runs.mast_folders_writer import write_mast_folders
from catenary.runs.plain_writer import write_plain
from catenary.runs.staging import require_portable
from catenary.runs.workstation_writer import write_workstation

_COLUMNS = ("image_id", "file_name", "run", "run_image_id", "run_file_name")


class RunForm(StrEnum):
    """How a run can be written."""

    WORKSTATION = "workstation"  # package of the analysis workstation
    MAST_FOLDERS = "mast-folders"  # 一杆一档, the form with kilometre posts
    PLAIN = "plain"  # any folder, with a manifest


@dataclass(frozen=True, slots=True)
class Task:
    """What the name of a run's folder tells of all its photographs.

    Attributes:
        line: 线路.
        direction: 行别.
        stations: 起站-止站.
        start: Not later than the first photograph.
    """

    line: str
    direction: Direction
    stations: str
    start: datetime

    def folder_name(self, form: RunForm) -> str:
        """Return the name that a reader of the form gets line, direction and day back from.

        Raises:
            ConfigError: If a folder's name cannot tell this line and direction.
        """
        if form is RunForm.PLAIN:  # its manifest tells
            return f"{self.start:%Y-%m-%d}_{self.line}_{self.stations}"
        try:
            if form is RunForm.WORKSTATION:
                facts = self.start, self.line, self.direction, self.stations
                name = task_name.workstation_name(*facts)
            else:
                name = task_name.mast_folders_name(
                    self.start.date(), self.line, self.direction, self.stations
                )
            require_portable(name, "folder")
        except ValueError as error:
            raise ConfigError(f"cannot write {form}: {error}") from error
        told = task_name.parse(name)
        if (told.line, told.direction) != (self.line, self.direction):
            raise ConfigError(
                f"cannot write {form}: of a folder named {name!r} a reader takes line "
                f"{told.line!r} and direction {told.direction}; choose other names, or plain"
            )
        return name


def write_run(refs: Iterable[ImageRef], root: Path, run: Path, form: RunForm) -> None:
    """Write photographs as a run; one that is there already is left as it is.

    Args:
        refs: Photographs; ``file_name`` is below ``root``. Gone through once.
        root: Folder of the photographs.
        run: Folder to make, named as by `Task.folder_name`; it appears when it is whole.
        form: Of the run.

    Raises:
        ConfigError: If the photographs cannot be written in this form.
        SourceError: If the disk is full.
    """
    if run.exists():
        return
    items = ((ref, (root / ref.file_name).read_bytes()) for ref in refs)
    try:
        match form:
            case RunForm.WORKSTATION:
                write_workstation(run, items)
            case RunForm.MAST_FOLDERS:
                write_mast_folders(run, items, MastFolderForm.KILOMETRE)
            case RunForm.PLAIN:
                write_plain(run, items)
    except ValueError as error:
        raise ConfigError(f"cannot write {run}: {error}") from error


def joined(refs: Iterable[ImageRef], run: Path) -> Iterator[tuple[ImageRef, ImageRef]]:
    """Yield each photograph of a set with what a scan of the run will call it.

    Camera, mast and time to the millisecond tell which is which.

    Raises:
        StoreError: If the run lacks one, or tells another kilometre post.
    """
    found = {_key(ref): ref for ref in open_source(run).frames()}
    for ref in refs:
        read = found.get(_key(ref))
        if read is None or not _is_same_post(ref, read):
            raise StoreError(
                f"{run} does not hold {ref.file_name} with its mast, camera, time and post; "
                f"remove {run} and run the same command again"
            )
        yield ref, read


def _key(ref: ImageRef) -> tuple[object, ...]:
    time = ref.taken_at
    cut = time and time.replace(microsecond=time.microsecond // 1000 * 1000)
    return ref.camera, ref.mast, cut


def _is_same_post(ref: ImageRef, read: ImageRef) -> bool:
    """Tell whether two posts agree to the metre that mast folders keep."""
    if ref.kilometre_m is None or read.kilometre_m is None:
        return ref.kilometre_m == read.kilometre_m
    return abs(ref.kilometre_m - read.kilometre_m) <= 0.5


def frames_table(pairs: Iterable[tuple[str, ImageRef, ImageRef]]) -> bytes:
    """Return the table that joins labels to runs: one row a photograph of a run.

    Args:
        pairs: Name of the run's folder, the photograph of the set and that of the run.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for run, ref, read in pairs:
        rows.writerow([ref.image_id, ref.file_name, run, read.image_id, read.file_name])
    return text.getvalue().encode()
