"""What every reader of labels shares: mistakes told together, and nothing left out in silence."""

import json
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from PIL import Image

from catenary.datasets.labels import LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef

SHOWN_MISTAKES = 50
IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
IMAGE_FOLDERS = ("images", "JPEGImages")
_EDGE_PX = 0.5  # a box may reach this far over the edge by rounding; our starting value
_ORIENTATION = 0x0112  # EXIF; 5 to 8 are turned by a quarter

Point = tuple[float, float]
Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Reading:
    """A labelled set as a file tells it.

    Attributes:
        labelled: Component names are still those of the file; see `class_map`.
        left_out: What the file says and we have no place for, with counts.
    """

    labelled: LabelledSet
    left_out: Mapping[str, int]


@dataclass(slots=True)
class Notes:
    """What a reader writes down while it reads.

    Attributes:
        mistakes: One line each.
        left_out: See `Reading`.
    """

    mistakes: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Turn an error of the block into a mistake at ``place`` and go on."""
        try:
            yield
        except KeyError as error:
            self.mistakes.append(f"  {place}: {error} is missing")
        except (TypeError, ValueError, AttributeError) as error:
            self.mistakes.append(f"  {place}: {error}")

    def refuse_mistakes(self, path: Path) -> None:
        """Raise a ConfigError that tells the first 50 mistakes, if there are any."""
        if self.mistakes:
            more = len(self.mistakes) - SHOWN_MISTAKES
            shown = self.mistakes[:SHOWN_MISTAKES] + ([f"  and {more} more"] if more > 0 else [])
            raise ConfigError("\n".join([f"{path} is not a valid labelled set:", *shown]))


def read_text(path: Path) -> str:
    """Return the text of a label file.

    Raises:
        ConfigError: If it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except IsADirectoryError as error:
        raise ConfigError(f"{path} is a folder; name the label file in it") from error
    except OSError as error:
        raise ConfigError(f"cannot read labels {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error}") from error


def read_json(path: Path) -> object:
    """Return the content of a JSON file.

    Raises:
        ConfigError: If it cannot be read, is cut short or nested without end.
    """
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}") from error


def number(value: object, name: str) -> float:
    """Return a finite number from text or a number.

    Raises:
        ValueError: If it is none.
    """
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return found


def share(value: object, name: str) -> float:
    """Return a number in [0, 1]; see `number`."""
    found = number(value, name)
    if not 0 <= found <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {found}")
    return found


def positive_size(width: object, height: object) -> Size:
    """Return width and height in pixels, both at least 1; ValueError when not."""
    size = int(number(width, "width")), int(number(height, "height"))
    if min(size) < 1:
        raise ValueError(f"size {size[0]} x {size[1]}")
    return size


def inside(corners: Sequence[float], size: Size, notes: Notes) -> Box:
    """Return the box (x0, y0, x1, y1), cut at the picture's edge; how many were cut is noted.

    Raises:
        ValueError: If it is empty, inverted, not finite or wholly outside.
    """
    whole = Box(*corners)
    box = whole.clipped(*size)
    if box is None:
        raise ValueError(f"box {tuple(corners)} lies outside the picture of {size[0]} x {size[1]}")
    if max(box.x0 - whole.x0, box.y0 - whole.y0, whole.x1 - box.x1, whole.y1 - box.y1) > _EDGE_PX:
        notes.left_out["box over the picture's edge, cut there"] += 1
    return box


def around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Return the bounds x0, y0, x1, y1 of points; a straight line is made 1 px wide."""
    if not points:
        raise ValueError("a shape needs points")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x0, y0, x1, y1 = min(xs), min(ys), max(xs), max(ys)
    wide, high = (0.0 if x0 < x1 else 0.5), (0.0 if y0 < y1 else 0.5)
    return x0 - wide, y0 - high, x1 + wide, y1 + high


def new_ref(root: Path, file_name: str) -> ImageRef:
    """Return the identity of an image whose file name is all that is known."""
    return ImageRef(root.name, file_name, file_name, file_name)


def found_below(root: Path, candidates: Sequence[Path]) -> str | None:
    """Return the first candidate that exists, relative to ``root`` with ``/``; None if none."""
    for candidate in candidates:
        if candidate.is_file():
            return relative(candidate, root)
    return None


def relative(path: Path, root: Path) -> str:
    """Return a path relative to ``root``, which need not hold it, with ``/``."""
    return Path(os.path.relpath(path, root)).as_posix()


def image_size(path: Path) -> Size:
    """Return width and height of the upright picture from the file's header.

    Raises:
        ValueError: If it is missing or no picture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                width, height = image.size
                is_turned = image.getexif().get(_ORIENTATION, 1) >= 5
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"the size of {path.name} cannot be read: {error}") from error
    return (height, width) if is_turned else (width, height)


def stem_in_set(file_name: str) -> str:
    """Return where below a label folder an image's label file belongs, without ending.

    >>> stem_in_set("JPEGImages/甲站/1.jpg"), stem_in_set("../other/2.png")
    ('甲站/1', 'other/2')
    """
    return PurePosixPath(clean(file_name)).with_suffix("").as_posix()


def clean(file_name: str) -> str:
    """Return a file name that stays below its folder, without a leading image folder.

    >>> clean("../../etc/x.jpg"), clean("images/a/1.jpg"), clean("C:/a/1.jpg")
    ('etc/x.jpg', 'a/1.jpg', 'a/1.jpg')
    """
    parts = [
        part
        for part in PurePosixPath(file_name.replace("\\", "/")).parts
        if part not in ("/", "..", ".") and not part.endswith(":")
    ]
    if len(parts) > 1 and parts[0] in IMAGE_FOLDERS:
        parts = parts[1:]
    return "/".join(parts)
