"""Photographs for the screen: decoded once, cut into tiles and crops many times."""

import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.geometry import Box, Polyline
from catenary.imaging import decode, packed, pyramid, resize, tone
from catenary.imaging.pyramid import Pyramid
from catenary.reports.pictures import BOX_COLOUR, OTHER_COLOUR, ROLE_COLOURS
from catenary.review import answers
from catenary.review.memory import Memory
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store.findings import CropFile
from catenary.store.photographs import Photograph
from catenary.store.workspace import Workspace

T = TypeVar("T")
V = TypeVar("V")
_CUTTERS = 4  # threads at most that make the pictures of a sheet; our starting value


class Photos:
    """Reads, decodes and cuts; keeps what was used last."""

    def __init__(self, workspace: Workspace, decoded_mb: int, tiles_mb: int) -> None:
        """Keep where evidence pictures are, and how much memory may be taken, megabytes."""
        self._workspace = workspace
        self._decoded: Memory[int, Pyramid] = Memory(decoded_mb * 10**6, lambda one: one.nbytes)
        self._tiles: Memory[tuple[int, int, int, int], bytes] = Memory(tiles_mb * 10**6, len)
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="photograph")
        cutters = min(_CUTTERS, os.cpu_count() or 1)
        self._cutters = ThreadPoolExecutor(cutters, thread_name_prefix="cutter")
        self._newest = 0

    def whole(self, photo: Photograph) -> Pyramid:
        """Return a photograph in all sizes.

        Raises:
            UnreadableImageError: If it is missing or damaged.
            SourceError: If its run cannot be reached.
        """
        return self._decoded.get(photo.id, lambda: self._read(photo))

    def prepare(self, photo: Photograph) -> None:
        """Begin to decode a photograph, since it is looked at next; of several the newest."""
        with self._lock:
            self._newest = photo.id
        self._ahead.submit(self._decode_ahead, photo)

    def _decode_ahead(self, photo: Photograph) -> None:
        if not photo.width or photo.id != self._newest:
            return
        with suppress(UnreadableImageError, SourceError):  # whoever looks at it is told
            self.whole(photo)

    def close(self) -> None:
        """End what was begun."""
        self._ahead.shutdown(cancel_futures=True)
        self._cutters.shutdown(cancel_futures=True)

    def side_by_side(self, make: Callable[[T], V], ones: Sequence[T]) -> list[V]:
        """Return what is made of each, on a few threads that all requests share."""
        return list(self._cutters.map(make, ones))

    def _read(self, photo: Photograph) -> Pyramid:
        try:
            data = self._source(photo.source).read(photo.ref)
        except SourceError:
            with self._lock:
                self._sources.pop(photo.source, None)  # it may come back as another mount
            raise
        return pyramid.build(decode.decode_gray(data))

    def _source(self, location: str) -> Source:
        with self._lock:
            if location not in self._sources:
                self._sources[location] = discover.open_source(location)
            return self._sources[location]

    def tile(self, photo: Photograph, level: int, column: int, row: int) -> bytes | None:
        """Return a tile as JPEG; None where there is none.

        Raises:
            UnreadableImageError: See `whole`.
            SourceError: See `whole`.
        """
        there = pyramid.min_level(photo.height, photo.width) if photo.width else 0
        if level < there:
            return None
        key = (photo.id, level, column, row)
        found = self._tiles.get(key, lambda: self._tile(photo, level, column, row))
        return found or None

    def _tile(self, photo: Photograph, level: int, column: int, row: int) -> bytes:
        pixels = self.whole(photo).tile(level, column, row)
        return b"" if pixels is None else pyramid.jpeg(pixels)

    def from_evidence(
        self, photo: Photograph, wanted: answers.Crop, crop: CropFile | None
    ) -> NDArray[np.uint8] | None:
        """Return pixels of a photograph out of a stored picture; None where it lacks some."""
        stored = self._stored(photo, crop)
        if stored is None or crop is None or not _holds(stored, crop, wanted):
            return None
        x, y = wanted.x0 - crop.x0, wanted.y0 - crop.y0
        return stored[y : y + wanted.height, x : x + wanted.width]

    def part(
        self, photo: Photograph, wanted: answers.Crop, crop: CropFile | None = None
    ) -> NDArray[np.uint8]:
        """Return pixels of a photograph.

        Out of the stored evidence picture where that holds them all, which is much quicker; and
        as much of it as there is when the photograph cannot be reached.

        Args:
            photo: Photograph.
            wanted: Which pixels; within it.
            crop: Stored evidence picture, or None.

        Raises:
            UnreadableImageError: If neither can be read.
            SourceError: If there is no stored picture and the run cannot be reached.
        """
        stored = self.from_evidence(photo, wanted, crop)
        if stored is not None:
            return stored
        try:
            full = self.whole(photo).levels[0]
        except (UnreadableImageError, SourceError):
            if (rest := self._stored(photo, crop)) is None:
                raise
            return rest
        rows = slice(wanted.y0, wanted.y0 + wanted.height)
        return full[rows, wanted.x0 : wanted.x0 + wanted.width]

    def _stored(self, photo: Photograph, crop: CropFile | None) -> NDArray[np.uint8] | None:
        if crop is None:
            return None
        path = self._workspace.picture(photo.ref.run, crop.name)
        try:
            return decode.decode_gray(packed.read(path))
        except (OSError, UnreadableImageError):
            return None


def _holds(stored: NDArray[np.uint8], crop: CropFile, wanted: answers.Crop) -> bool:
    height, width = stored.shape
    return (
        crop.x0 <= wanted.x0
        and crop.y0 <= wanted.y0
        and wanted.x0 + wanted.width <= crop.x0 + width
        and wanted.y0 + wanted.height <= crop.y0 + height
    )


def shrunk(pixels: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """Return a picture whose longer side is at most ``max_side`` px; 0 leaves it as it is."""
    height, width = pixels.shape[:2]
    if not max_side or max(height, width) <= max_side:
        return pixels
    scale = max_side / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    # OpenCV halves in a tenth of the time that another ratio takes.
    half = resize.halved(pixels, int(-math.log2(scale))) if min(size) > 1 else pixels
    return np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_AREA), np.uint8)


def brightened(
    pixels: NDArray[np.uint8], inner: NDArray[np.uint8], own: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return a picture in which its ``inner`` part is seen well, be it dark or glaring.

    ``own`` (N,) are the grey levels of what was measured of it, if anything was.
    """
    return tone.table_for(inner, own)[pixels]


def drawn(
    pixels: NDArray[np.uint8], box: Box, lines: list[Polyline], scale: float
) -> NDArray[np.uint8]:
    """Return a picture in colour with a box and lines drawn in.

    Args:
        pixels: (height, width) uint8.
        box: Pixels of the picture before it was scaled.
        lines: The same.
        scale: How much it was scaled.
    """
    canvas = np.repeat(pixels[:, :, None], 3, axis=2)
    x0, y0, x1, y1 = (round(each * scale) for each in (box.x0, box.y0, box.x1, box.y1))
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), _rgb(BOX_COLOUR), 1)
    for line in lines:
        colour = _rgb(ROLE_COLOURS.get(line.role, OTHER_COLOUR))
        points = np.array([(x * scale, y * scale) for x, y in line.points]).round().astype(np.int32)
        if len(points) == 1:
            cv2.circle(canvas, points[0].tolist(), 3, colour, 1, cv2.LINE_AA)
        else:
            cv2.polylines(canvas, [points], False, colour, 2, cv2.LINE_AA)
    return canvas


def _rgb(colour: str) -> tuple[int, int, int]:
    """Return the channels of a colour such as ``#ff5a4d``."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
