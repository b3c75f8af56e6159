"""Write photographs as mast folders, 一杆一档; `mast_folders` reads them back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from catenary.domain.image import ImageRef
from catenary.domain.place import Mast, format_kilometre
from catenary.runs import shot_time, task_name
from catenary.runs.mast_folders import MastFolderForm, ShotName, interpret
from catenary.runs.staging import require_portable, staged

NO_ZONE = "0"  # 区域; photographs carry none


def write_mast_folders(
    folder: Path, items: Iterable[tuple[ImageRef, bytes]], form: MastFolderForm
) -> None:
    """Write photographs into section and mast folders; all appear at once or nothing does.

    The first form keeps times to the millisecond and posts to the metre; the second keeps no
    posts and writes ``:`` in mast numbers as ``-``. Views and image ids have no place in either.

    Args:
        folder: New folder, named as in `task_name.mast_folders_name`: line, direction and day
            are written nowhere else.
        items: Photographs, each with mast, camera and time, and their encoded bytes.
        form: Which of the two forms.

    Raises:
        ValueError: If a photograph lacks a fact that the form is made of, a reader would get
            another one back, or two photographs would have one name.
        SourceError: If the folder is in use or the disk is full.
    """
    with staged(folder) as partial:
        for ref, data in items:
            path = partial / _path(ref, form, folder.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError as error:
                raise ValueError(f"two photographs would be named {path.name}") from error


def _path(ref: ImageRef, form: MastFolderForm, run: str) -> str:
    """Return where a photograph goes, after reading that path as a reader will."""
    mast, time = ref.mast, ref.taken_at
    if mast is None or time is None:
        raise ValueError(f"mast folders need mast and time, {ref.image_id!r} lacks one")
    parts = (
        _first(ref, mast, time) if form is MastFolderForm.KILOMETRE else _second(ref, mast, time)
    )
    path = "/".join(require_portable(part, "name") for part in parts)
    expected = _as_written(ref, mast, time, form)
    got = interpret(path, run, task_name.parse(run))
    for fact in ("mast", "camera", "kilometre_m", "taken_at"):
        if getattr(got, fact) != getattr(expected, fact):
            raise ValueError(
                f"{path} in a folder {run!r} would be read with {fact} {getattr(got, fact)}, "
                f"not {getattr(expected, fact)}; name the folder as task_name.mast_folders_name"
            )
    return path


def _first(ref: ImageRef, mast: Mast, time: datetime) -> tuple[str, str, str]:
    kilometre = "K" if ref.kilometre_m is None else format_kilometre(ref.kilometre_m)
    name = ShotName(time.time(), kilometre, mast.number, NO_ZONE, ref.camera)
    return mast.section, f"{kilometre}_{mast.number}", f"{name}.jpg"


def _second(ref: ImageRef, mast: Mast, time: datetime) -> tuple[str, str, str]:
    name = f"{shot_time.to_filetime(time)}-{ref.camera}.jpg"
    return mast.section, mast.number.replace(":", "-"), name


def _as_written(ref: ImageRef, mast: Mast, time: datetime, form: MastFolderForm) -> ImageRef:
    """Round a photograph's facts to what the form can hold."""
    if form is MastFolderForm.FILETIME:
        return replace(
            ref, kilometre_m=None, mast=replace(mast, number=mast.number.replace(":", "-"))
        )
    kilometre = None if ref.kilometre_m is None else float(round(ref.kilometre_m))
    clock = time.replace(microsecond=time.microsecond // 1000 * 1000)
    return replace(ref, kilometre_m=kilometre, taken_at=clock)
