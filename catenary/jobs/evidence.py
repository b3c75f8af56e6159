"""Evidence pictures: what is kept of a photograph around a part."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from catenary.domain.finding import Finding
from catenary.domain.geometry import Box
from catenary.domain.image import Frame
from catenary.imaging import packed
from catenary.imaging.crops import cut
from catenary.store import durable, packs
from catenary.store.findings import CropFile
from catenary.store.packs import PackFile

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
MARGIN = 0.35  # around a part's box, as a share of its longer side


@dataclass(frozen=True, slots=True)
class Picture:
    """The surroundings of a part, not written yet.

    Attributes:
        jpeg: The picture as a file holds it.
        x0: Frame column of its first column.
        y0: Frame row of its first row.
    """

    jpeg: bytes
    x0: int
    y0: int


def picture_of(frame: Frame, box: Box) -> Picture:
    """Return the surroundings of a box at full resolution."""
    crop = cut(frame.pixels, box, MARGIN)
    _, data = cv2.imencode(".jpg", crop.pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return Picture(data.tobytes(), crop.x0, crop.y0)


def write(one: Picture, folder: Path, name: str) -> CropFile:
    """Write a picture.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    durable.write(folder / name, one.jpeg)
    return CropFile(name, one.x0, one.y0)


def picture(frame: Frame, box: Box, folder: Path, name: str) -> CropFile:
    """Write the surroundings of a box at full resolution; see `write`."""
    return write(picture_of(frame, box), folder, name)


def packed_with(
    folder: Path, name: str, drawn: Sequence[tuple[Finding, Picture]]
) -> tuple[PackFile | None, list[tuple[Finding, CropFile | None]]]:
    """Write the pictures of findings as one pack; return it, and each finding with its picture.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    names = [f"{digest(one.image_id)}-{name}-{row}.jpg" for row, (one, _) in enumerate(drawn)]
    pictures = {each: picture.jpeg for each, (_, picture) in zip(names, drawn, strict=True)}
    pack = packs.write(folder, name, pictures)
    placed = [
        (one, CropFile(pack.name_of(each), picture.x0, picture.y0) if pack else None)
        for each, (one, picture) in zip(names, drawn, strict=True)
    ]
    return pack, placed


def is_whole(path: Path) -> bool:
    """Tell whether a picture is there, in its pack or not, from its first to its last bytes."""
    try:
        content = packed.read(path)
    except OSError:
        return False
    return content.startswith(_JPEG_START) and content.endswith(_JPEG_END)


def digest(image_id: str) -> str:
    """Return a file name for a photograph: ids hold slashes and any script."""
    return hashlib.sha256(image_id.encode(errors="surrogateescape")).hexdigest()[:20]
