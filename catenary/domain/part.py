"""The name of a physical part in reports, which has no number of its own on the railway."""

import hashlib

from catenary.domain.geometry import Box


def part_name(image_id: str, kind: str, box: Box) -> str:
    """Return the name of the part whose first view this is; 12 hexadecimal digits.

    It is the same on every scan that finds this view again at the same place, to the pixel.

    Args:
        image_id: Photograph of the first view.
        kind: Component id.
        box: Of the part there, full-frame pixels.
    """
    text = f"{image_id}\n{kind}\n{box.x0:.0f}\n{box.y0:.0f}"
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]
