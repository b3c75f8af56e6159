"""Decode JPEGs on a GPU with nvImageCodec, where that is installed; all else on the processor.

Slower than 16 cores beside an H200 (docs/scan-speed.md). Its inverse transform may round a grey
level other than libjpeg-turbo's, and what it makes of damaged data inside a JPEG is its own affair:
so it is used only if asked for.
"""

import importlib
import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from catenary.imaging import decode, exif
from catenary.imaging.decode import DecodeLimits

log = logging.getLogger(__name__)

Decode = Callable[[bytes], NDArray[np.uint8]]
_PACKAGE = "nvidia.nvimgcodec"
_BASELINE, _SCAN, _END = b"\xff\xc0", b"\xff\xda", b"\xff\xd9"


def decoder(device_id: int) -> Decode:
    """Return a decoder like `decode.decode_gray` that uses a GPU for what it can.

    That of the processor where the package or the GPU is missing; one line of the log says so.

    Args:
        device_id: Number of the GPU.
    """
    try:
        codec = importlib.import_module(_PACKAGE)
        own = _OnGpu(codec, device_id)
    except (ImportError, RuntimeError) as error:
        log.warning("decoding on the processor, not on the GPU: %s", error)
        return decode.decode_gray
    log.info("decoding baseline JPEGs on GPU %d", device_id)
    return own


class _OnGpu:
    """A decoder of nvImageCodec for each thread that reads."""

    def __init__(self, codec: Any, device_id: int) -> None:  # noqa: ANN401 - an optional package
        """Open the first, to know that it can be done.

        Raises:
            RuntimeError: If there is no such GPU.
        """
        self._codec, self._device_id = codec, device_id
        self._wish = codec.DecodeParams(
            apply_exif_orientation=False, color_spec=codec.ColorSpec.GRAY
        )
        self._own = threading.local()
        self._decoder()

    def __call__(self, data: bytes) -> NDArray[np.uint8]:
        """See `decode.decode_gray`, which is asked for whatever is not a whole baseline JPEG."""
        if not _is_whole_baseline(data):
            return decode.decode_gray(data)
        image = self._decoder().decode(data, params=self._wish)
        pixels = None if image is None else np.asarray(image.cpu())
        if pixels is None or pixels.dtype != np.uint8 or pixels.shape[:2] != _shape(data):
            return decode.decode_gray(data)  # which says what is wrong, if anything is
        return exif.upright(pixels.reshape(pixels.shape[:2]), exif.jpeg_orientation(data))

    def _decoder(self) -> Any:  # noqa: ANN401 - of an optional package
        if not hasattr(self._own, "decoder"):
            self._own.decoder = self._codec.Decoder(device_id=self._device_id)
        return self._own.decoder


def _is_whole_baseline(data: bytes) -> bool:
    """Tell whether this is a JPEG of eight bits, not progressive, with an end, of a usual size."""
    shape = _shape(data)
    limits = DecodeLimits()
    start = data.find(_BASELINE, 0, decode.HEAD_BYTES)
    return (
        data.startswith(b"\xff\xd8")
        and data.rstrip(b"\0").endswith(_END)
        and 0 <= start < data.find(_SCAN)
        and 0 < shape[0] * shape[1] <= limits.max_pixels
        and max(shape) <= limits.max_side_px
    )


def _shape(data: bytes) -> tuple[int, int]:
    """Return height and width from the header, (0, 0) where it has none."""
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return 0, 0
    return height, width
