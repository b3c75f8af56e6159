"""The pixels of a run that was scanned, as long as its photographs are still there."""

import logging

import numpy as np
from numpy.typing import NDArray

from catenary.domain.errors import CatenaryError
from catenary.domain.image import ImageRef
from catenary.imaging.decode import decode_gray
from catenary.runs import discover
from catenary.runs.source import Source

Pixels = NDArray[np.uint8]

log = logging.getLogger(__name__)


class Photographs:
    """The pixels of a run, as long as its source is still there; one is kept."""

    def __init__(self, run: str, source: str | None) -> None:
        """Open the source of a run; with None, or where it is not there, there are no pixels."""
        self._last: tuple[str, Pixels | None] = ("", None)
        self._source: Source | None = None
        if source is not None:
            try:
                self._source = discover.open_source(source)
            except CatenaryError as error:
                log.warning("run=%s pictures=none reason=%s", run, error)

    def pixels(self, ref: ImageRef) -> Pixels | None:
        """Return (height, width) grey levels, or None where they cannot be read any more."""
        if self._source is None:
            return None
        if self._last[0] != ref.image_id:
            try:
                pixels = decode_gray(self._source.read(ref))
            except CatenaryError as error:
                log.warning("image=%r picture=none reason=%s", ref.image_id, error)
                pixels = None
            self._last = (ref.image_id, pixels)
        return self._last[1]
