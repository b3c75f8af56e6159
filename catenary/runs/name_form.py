"""The name form of 2014: every fact of a photograph is in its file name.

``支柱号_公里标_播放目录_镜头编号_帧号.jpg``: mast, kilometre post, playback folder, lens (A or B
and a number), frame. The name tells neither section nor time.
"""

import re
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from catenary.domain.errors import SourceError
from catenary.domain.image import ImageRef
from catenary.domain.place import parse_kilometre_m
from catenary.runs import task_name
from catenary.runs.files import Files, FolderRun, LocalFiles, describe
from catenary.runs.task_name import TaskName

LOOKS_FOR = "names <mast>_<km>_<folder>_<lens A.. or B..>_<frame>.jpg"
_LOOKED_AT = 100  # photographs that are looked at to recognise the form
_NAME = re.compile(r"([^/]+)_([^_/]*)_([^_/]*)_([AB][^_/]*)_(\d+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ShotName:
    """What a file name tells, each part as written.

    Attributes:
        mast: 支柱号; may hold ``_``.
        kilometre: 公里标 in metres or K notation, or empty.
        playback: 播放目录, the folder of the recording.
        lens: 镜头编号, e.g. ``A3``.
        frame: 帧号.
    """

    mast: str
    kilometre: str
    playback: str
    lens: str
    frame: str

    def __str__(self) -> str:
        """Return the name without its ending."""
        return "_".join((self.mast, self.kilometre, self.playback, self.lens, self.frame))


def parse_shot_name(stem: str) -> ShotName | None:
    """Read a file name without its ending, or None when it has another form.

    >>> parse_shot_name("U5_2_K1347+953_0613_A3_0000124")
    ShotName(mast='U5_2', kilometre='K1347+953', playback='0613', lens='A3', frame='0000124')
    """
    match = _NAME.fullmatch(stem)
    if match is None or (match[2] and parse_kilometre_m(match[2]) is None):
        return None
    return ShotName(*match.groups())


class NameFormLayout:
    """See `Layout`."""

    name = "name form"
    looks_for = LOOKS_FOR

    def recognises(self, root: Path) -> bool:
        """See `Layout`."""
        return has_form(LocalFiles(root))

    def open(self, root: Path) -> FolderRun:
        """See `Layout`."""
        return open_files(LocalFiles(root), root.name, str(root))


def has_form(files: Files) -> bool:
    """Tell whether at least half of the first photographs are named so."""
    named = [_parse(path) is not None for path in islice(files.walk(), _LOOKED_AT)]
    return bool(named) and 2 * sum(named) >= len(named)


def open_files(files: Files, name: str, source: str) -> FolderRun:
    """Open the run in these files.

    Raises:
        SourceError: If they are not named so.
    """
    if not has_form(files):
        raise SourceError(f"{source} is not in the name form; looked for {LOOKS_FOR}")
    task = task_name.parse(name)

    def ref(path: str) -> ImageRef:
        return _ref(path, name, task)

    return FolderRun(files, describe(name, "name form", source, task), ref)


def _parse(path: str) -> ShotName | None:
    return parse_shot_name(path.rpartition("/")[2].rpartition(".")[0])


def _ref(path: str, run: str, task: TaskName) -> ImageRef:
    """Read a path; a photograph that is named otherwise is listed without facts."""
    bare = ImageRef(run=run, image_id=path, location=path, file_name=path)
    shot = _parse(path)
    if shot is None:
        return bare
    kilometre = parse_kilometre_m(shot.kilometre)
    return replace(bare, camera=shot.lens, mast=task.mast("", shot.mast), kilometre_m=kilometre)
