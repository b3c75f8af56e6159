"""Evidence pictures: what is kept of a photograph around a part."""

import hashlib
from pathlib import Path

import cv2

from catenary.domain.errors import StoreError
from catenary.domain.geometry import Box
from catenary.domain.image import Frame
from catenary.imaging.crops import cut
from catenary.store.findings import CropFile

_MARGIN = 0.35  # around a part's box, as a share of its longer side


def picture(frame: Frame, box: Box, folder: Path, name: str) -> CropFile:
    """Write the surroundings of a box at full resolution.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    crop = cut(frame.pixels, box, _MARGIN)
    _, data = cv2.imencode(".jpg", crop.pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data.tobytes())
    except OSError as error:
        (folder / name).unlink(missing_ok=True)
        raise StoreError(
            f"cannot write {folder / name}: {error.strerror}; free some space and start again"
        ) from error
    return CropFile(name, crop.x0, crop.y0)


def digest(image_id: str) -> str:
    """Return a file name for a photograph: ids hold slashes and any script."""
    return hashlib.sha256(image_id.encode(errors="surrogateescape")).hexdigest()[:20]
