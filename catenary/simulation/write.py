"""Write a simulated set: frames, labels and the settings that made them; resumable."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2

from catenary.datasets import coco
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.simulation.frames import encoded, render_frame
from catenary.simulation.settings import SimulationSettings

LABELS = "labels.json"
SETTINGS = "settings.json"
_PARTS = "parts"  # labels of each frame until all are there


def simulate(
    settings: SimulationSettings,
    folder: Path,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> LabelledSet:
    """Render a set into a folder, or finish one that was interrupted.

    Args:
        settings: What to render.
        folder: Gets ``images/``, ``labels.json`` (COCO) and ``settings.json``.
        workers: Processes; the result does not depend on it.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If the folder holds a set made with other settings.
    """
    claim(folder, asdict(settings))
    for name in ("images", _PARTS):
        (folder / name).mkdir(exist_ok=True)
    left = [index for index in range(settings.count) if not _part(folder, index).exists()]
    done = settings.count - len(left)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for _ in pool.map(partial(_make, settings, folder), left):
            done += 1
            if progress is not None:
                progress(done, settings.count)
    parts = [coco.read(_part(folder, index)).images for index in range(settings.count)]
    images = tuple(image for part in parts for image in part)
    labelled = LabelledSet(folder, images)
    coco.write(labelled, folder / LABELS)
    return labelled


def claim(folder: Path, settings: Mapping[str, object]) -> None:
    """Write the settings into a new folder, or compare them with those of an old one.

    Raises:
        ConfigError: If the folder holds a set made with other settings.
    """
    text = json.dumps(settings, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    path = folder / SETTINGS
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{folder} holds a set made with other settings; choose another folder or remove it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _make(settings: SimulationSettings, folder: Path, index: int) -> None:
    """Render one frame: the picture first, then its labels, each whole or not at all."""
    cv2.setNumThreads(1)  # one core a process; more only compete
    frame = render_frame(settings, index)
    write_whole(folder / frame.ref.file_name, encoded(frame))
    height, width = frame.pixels.shape
    image = LabelledImage(frame.ref, width, height, frame.labels)
    coco.write(LabelledSet(folder, (image,)), _part(folder, index))


def _part(folder: Path, index: int) -> Path:
    return folder / _PARTS / f"{index:06d}.json"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a kill leaves a hidden partial file at most."""
    partial_file = path.with_name(f".{path.name}.partial")
    partial_file.write_bytes(content)
    partial_file.replace(path)
