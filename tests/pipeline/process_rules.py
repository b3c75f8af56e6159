"""Rules for processes: a process finds them by the name of this module."""

import os
import select
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component, Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.pipeline.rulebook import Located
from catenary.rules.supposed import Supposed


def one_pin(number: int = 0) -> Located:
    pixels = np.full((60, 80 + number), 10 + number, np.uint8)
    return Located(pixels, (Component("split_pin", Box(10, 10, 30, 30), 0.9),))


def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    try:
        told = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    waiting = select.poll()
    waiting.register(told, select.POLLIN)
    try:
        return bool(waiting.poll(30_000))
    finally:
        os.close(told)


def brightness(crop: Crop) -> Evidence:
    return Evidence("bright/1", "missing", Verdict.NORMAL, float(crop.pixels.mean()) / 255)


def dies(crop: Crop, folder: Path, times: int) -> Evidence:
    """Kill its process for the first ``times`` crops."""
    if len(seen := list(folder.iterdir())) < times:
        (folder / str(len(seen))).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return brightness(crop)


def hangs(crop: Crop) -> Evidence:
    signal.pause()  # until its process is killed
    return brightness(crop)


def fails(crop: Crop) -> Evidence:
    raise LookupError(f"no rule for {crop.pixels.shape}")


def brightest(pixels: NDArray[np.uint8], parts: Sequence[Component]) -> tuple[Supposed, ...]:
    """Suppose something at the brightest pixel of a whole photograph, if there are parts."""
    y, x = map(float, np.unravel_index(int(pixels.argmax()), pixels.shape))
    there = Component("foreign_object", Box(x, y, x + 1, y + 1), 1.0)
    seen = Evidence("brightest/1", "nest", Verdict.DEFECT, float(pixels.max()) / 255)
    return (Supposed(there, seen),) if parts else ()
