"""The command line with a judge that takes a millisecond: small bright blobs are lost pins.

``python -c "from tests.jobs.quick import main; main()" scan ...``; the environment says which
model it passes for (QUICK_MODEL), how sure it is (QUICK_MISSING) and how long a photograph takes
(QUICK_SECONDS), so that a scan is still at work when a test wants to see it.
"""

import os
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary import cli, config
from catenary.domain.finding import Versions
from catenary.jobs.scanning import assemble
from catenary.models.detections import Detections
from catenary.pipeline.cascade import CascadeSettings
from catenary.pipeline.judge import Judge
from tests.pipeline.fakes import BlobDetector, FixedClassifier

ROOT = Path(__file__).parents[2]
QUICK = [sys.executable, "-c", "from tests.jobs.quick import main; main()"]


class Blobs(BlobDetector):
    """Takes as long for a photograph as a real network, or as nobody would wait for."""

    def __call__(self, images: list[NDArray[np.uint8]]) -> list[Detections]:
        _wait_for_another()
        time.sleep(float(os.environ.get("QUICK_SECONDS", "0")))
        return super().__call__(images)


def _wait_for_another() -> None:
    """Do nothing before a second process has a photograph too, where QUICK_MEET names a folder."""
    if folder := os.environ.get("QUICK_MEET"):
        (Path(folder) / str(os.getpid())).touch()
        while len(list(Path(folder).iterdir())) < 2:
            time.sleep(0.02)


def judge(_recipe: assemble.Recipe) -> Judge:
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    missing = float(os.environ.get("QUICK_MISSING", "0.9"))
    versions = Versions(os.environ.get("QUICK_MODEL", "quick-1"), "1", taxonomy.version)
    search = CascadeSettings(coarse_side_px=320, max_windows=0)
    return Judge(Blobs(), FixedClassifier(missing), {}, {}, {}, taxonomy, versions, search)


def described(recipe: assemble.Recipe) -> assemble.Described:
    known = judge(recipe)
    return assemble.Described(known.versions, known.thresholds)


def main() -> None:
    assemble.judge, assemble.described = judge, described
    cli.main()


def picture(number: int, pins: int = 1) -> bytes:
    """Return a photograph with some pins, placed by its number."""
    pixels = np.random.default_rng(number).integers(0, 10, (160, 200), np.uint8)
    cv2.line(pixels, (180, 8), (190, 152), 150, 3)
    for pin in range(pins):
        x, y = 10 + 30 * pin, 20 + (7 * number + 40 * pin) % 100
        cv2.rectangle(pixels, (x, y), (x + 15, y + 15), 230, -1)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


def photographs(folder: Path, count: int) -> Path:
    """Make a run of so many photographs, one lost pin each."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:03d}.jpg").write_bytes(picture(number))
    return folder
