"""Write a simulated set: frames, labels and the settings that made them; resumable."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path

import cv2

from catenary.datasets import coco
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.datasets.whole_file import unwritable, whole_file
from catenary.domain.errors import ConfigError, StoreError
from catenary.simulation.frames import encoded, render_frame
from catenary.simulation.settings import SimulationSettings

LABELS = "labels.json"
SETTINGS = "settings.json"
IMAGES = "images"
_PARTS = "parts"  # labels of each frame, joined when all are there
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Simulated:
    """A finished set.

    Attributes:
        folder: Holds ``images/``, ``labels.json`` and ``settings.json``.
        frames: How many it has.
        labels: In all of them.
        rendered: Frames that were made now; 0 when the set was complete already.
    """

    folder: Path
    frames: int
    labels: int
    rendered: int


def simulate(
    settings: SimulationSettings,
    folder: Path,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> Simulated:
    """Render a set into a folder, or finish one that was interrupted.

    A frame that is missing or cut short is made again, to the same bytes. At any time, also
    after a kill, ``labels.json`` names only frames that are there. Memory does not grow with the
    number of frames.

    Args:
        settings: What to render.
        folder: Gets ``images/``, ``labels.json`` (COCO) and ``settings.json``.
        workers: Processes; the result does not depend on it.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If the folder holds a set made with other settings.
        StoreError: If it cannot be written; what is finished is kept, the set can be gone on with.
    """
    claim(folder, asdict(settings))
    for name in (IMAGES, _PARTS):
        _made(folder / name)
    left = [index for index in range(settings.count) if not _is_done(folder, index)]
    if left:
        _join(folder, settings.count, set(left))  # an old one may name a frame that is lost
        try:
            _render(settings, folder, left, workers, progress)
        except StoreError:
            with suppress(StoreError):  # a full disk: what was joined before stays
                _join(folder, settings.count, {one for one in left if not _is_done(folder, one)})
            raise
    return Simulated(folder, settings.count, _join(folder, settings.count, set()), len(left))


def _join(folder: Path, count: int, absent: Set[int]) -> int:
    """Write the labels of all frames but the absent ones; return how many there are."""
    numbers = [index for index in range(count) if index not in absent]
    return coco.write_images(Frames(folder, numbers), folder / LABELS)


class Frames:
    """The labelled frames of a set, each read when it is asked for."""

    def __init__(self, folder: Path, numbers: Sequence[int]) -> None:
        """Keep which ones; nothing is read."""
        self._folder = folder
        self._numbers = numbers

    def __iter__(self) -> Iterator[LabelledImage]:
        """Yield the frames in order; may be gone through more than once."""
        for index in self._numbers:
            yield from coco.read(_part(self._folder, index)).images


def claim(folder: Path, settings: Mapping[str, object]) -> None:
    """Write the settings into a new folder, or compare them with those of an old one.

    Raises:
        ConfigError: If the folder holds a set made with other settings.
        StoreError: If it cannot be written.
    """
    text = json.dumps(settings, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    path = folder / SETTINGS
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{folder} holds a set made with other settings; choose another folder or remove it"
        )
    _made(folder)
    write_whole(path, text.encode())


def _made(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error


def _render(
    settings: SimulationSettings,
    folder: Path,
    left: list[int],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    done = settings.count - len(left)
    context = get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
            for _ in pool.map(partial(_make, settings, folder), left):
                done += 1
                if progress is not None:
                    progress(done, settings.count)
    except BrokenProcessPool as error:
        raise StoreError(
            f"a rendering process was killed, perhaps for want of memory; {done} of "
            f"{settings.count} frames in {folder} are kept: try again with fewer --workers"
        ) from error


def _end_with_parent() -> None:
    """End this worker when the process that started it is killed.

    Otherwise it would wait for work for ever, and could write beside a run that goes on.
    """
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _make(settings: SimulationSettings, folder: Path, index: int) -> None:
    """Render one frame: the picture first, then its labels, each whole or not at all."""
    cv2.setNumThreads(1)  # one core a process; more only compete
    frame = render_frame(settings, index)
    write_whole(folder / frame.ref.file_name, encoded(frame))
    height, width = frame.pixels.shape
    image = LabelledImage(frame.ref, width, height, frame.labels)
    coco.write(LabelledSet(folder, (image,)), _part(folder, index))


def _is_done(folder: Path, index: int) -> bool:
    """Tell whether a frame's labels can be read and its picture is there from start to end."""
    part = _part(folder, index)
    if not part.exists():
        return False
    try:
        images = coco.read(part).images
    except ConfigError:  # cut short, e.g. by a loss of power: made again
        return False
    return len(images) == 1 and _is_whole(folder / images[0].ref.file_name)


def _is_whole(picture: Path) -> bool:
    try:
        with picture.open("rb") as file:
            if file.read(2) != _JPEG_START:
                return False
            file.seek(-2, os.SEEK_END)
            return file.read() == _JPEG_END
    except OSError:
        return False


def _part(folder: Path, index: int) -> Path:
    return folder / _PARTS / f"{index:06d}.json"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a kill leaves a hidden partial file at most.

    Raises:
        StoreError: If it cannot be written.
    """
    with whole_file(path) as file:
        file.write(content)
