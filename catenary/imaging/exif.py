"""Read the one EXIF tag that moves pixels, and turn pictures upright by it."""

import struct

import numpy as np
from numpy.typing import NDArray

_ORIENTATION_TAG = 0x0112
_ENTRY_BYTES = 12
_SHORT = 3  # TIFF type of the tag
_HEAD_BYTES = 1 << 17  # APP1 is at most 64 KiB and comes first or right after APP0


def jpeg_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 (upright) when it has none or it is damaged.

    Source: JEITA CP-3451 (EXIF 2.32), tag 0112; values 1-8.
    """
    start = data.find(b"Exif\0\0", 0, _HEAD_BYTES)
    if start < 0:
        return 1
    tiff = data[start + 6 : start + _HEAD_BYTES]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        return _tagged(tiff, order)
    except struct.error:  # an offset that points behind the end
        return 1


def _tagged(tiff: bytes, order: str) -> int:
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, directory)
    for index in range(entries):
        entry = directory + 2 + index * _ENTRY_BYTES
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == _ORIENTATION_TAG:
            return int(value) if kind == _SHORT and 1 <= value <= 8 else 1
    return 1


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return a (height, width) picture stored with an EXIF orientation as it was seen.

    Args:
        pixels: (height, width) uint8, as stored.
        orientation: 1-8.
    """
    if orientation == 1:
        return pixels
    turned = pixels.T if orientation >= 5 else pixels
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(turned[rows, columns])
