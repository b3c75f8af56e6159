"""One photograph of a run, and its pixels."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from catenary.domain.place import Mast


@dataclass(frozen=True, slots=True)
class ImageRef:
    """One photograph, without its pixels.

    Attributes:
        run: Name of the run it belongs to.
        image_id: Stable id within the run: the same on every reading of the same source.
        location: Where the bytes are, in words only the run's reader understands.
        file_name: Name shown to people and written into exports.
        camera: Camera id as the run writes it; empty when unknown.
        view: Camera role, e.g. ``"dropper"`` or ``"global"``; empty when unknown.
        mast: Support the shot belongs to, or None.
        kilometre_m: Kilometre post in metres, or None.
        taken_at: Local wall-clock time of the shot (no zone is recorded), or None.
    """

    run: str
    image_id: str
    location: str
    file_name: str
    camera: str = ""
    view: str = ""
    mast: Mast | None = None
    kilometre_m: float | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded photograph.

    Attributes:
        ref: Which photograph.
        pixels: (height, width) uint8, grey.
    """

    ref: ImageRef
    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Refuse anything but a non-empty grey uint8 image."""
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 2 or 0 in self.pixels.shape:
            shape, dtype = self.pixels.shape, self.pixels.dtype
            raise ValueError(f"frame needs (height, width) uint8 pixels, got {shape} {dtype}")


class Outcome(StrEnum):
    """What became of a photograph in a scan; each ends in exactly one."""

    DONE = "done"  # judged
    UNUSABLE = "unusable"  # decoded, but too poor to judge: reported, never "no defect"
    FAILED = "failed"  # cannot be read or decoded


@dataclass(frozen=True, slots=True)
class FrameResult:
    """How the scan of one photograph ended, without its findings.

    Attributes:
        outcome: Done, unusable or failed.
        reason: Short stable code, e.g. ``"too_dark"`` or ``"truncated"``; empty when done.
        note: The reason in words; empty when done.
        width: Pixels; 0 when not decoded.
        height: Pixels; 0 when not decoded.
        seconds: Processor time spent on it.
    """

    outcome: Outcome
    reason: str = ""
    note: str = ""
    width: int = 0
    height: int = 0
    seconds: float = 0.0
