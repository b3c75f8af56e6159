"""Sheets of pictures on which a person sees what a network in training finds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.domain.geometry import Box

Colour = tuple[int, int, int]  # blue, green, red

TRUE: Colour = (60, 200, 60)  # green
FOUND: Colour = (0, 140, 255)  # orange
GIVEN: Colour = (170, 170, 170)  # grey: neither true nor found, e.g. ignored or proposed
_LINE_PX, _TEXT_PX = 14, 0.42  # height of a line of words; OpenCV's scale that fits into it


@dataclass(frozen=True, slots=True)
class Mark:
    """A box to draw, in pixels of its picture, and words beside it."""

    box: Box
    colour: Colour
    words: str = ""


def marked(pixels: NDArray[np.uint8], marks: Sequence[Mark], side: int) -> NDArray[np.uint8]:
    """Return a picture fitted into a square, with boxes; proportions stay.

    Words of what was found stand above its box, others below theirs.

    Args:
        pixels: (H, W).
        marks: Drawn in order, later ones over earlier ones.
        side: px.

    Returns:
        (side, side, 3), blue, green, red.
    """
    height, width = pixels.shape
    factor = side / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    square = np.zeros((side, side, 3), np.uint8)
    square[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=method)[..., None]
    for mark in marks:
        box = mark.box.scaled(factor)
        low, high = (round(box.x0), round(box.y0)), (round(box.x1), round(box.y1))
        cv2.rectangle(square, low, high, mark.colour, 1)
        y = low[1] - 3 if mark.colour == FOUND else high[1] + _LINE_PX - 3
        _write(square, mark.words, (low[0], y), mark.colour)
    return square


def captioned(
    pixels: NDArray[np.uint8], lines: Sequence[tuple[str, Colour]], side: int
) -> NDArray[np.uint8]:
    """Return a picture (H, W) as a square (side, side, 3) with lines of words below it."""
    room = len(lines) * _LINE_PX + 4
    picture = np.zeros((side, side, 3), np.uint8)
    picture[: side - room, : side - room] = marked(pixels, (), side - room)
    for number, (words, colour) in enumerate(lines):
        _write(picture, words, (2, side - room + (number + 1) * _LINE_PX), colour)
    return picture


def sheet(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pictures (S, S, 3) row by row on one sheet about as wide as high.

    Raises:
        ValueError: If there are none.
    """
    if not pictures:
        raise ValueError("a sheet needs at least one picture")
    side = len(pictures[0])
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    whole = np.zeros((rows * side, columns * side, 3), np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * side, number % columns * side
        whole[top : top + side, left : left + side] = picture
    return whole


def spread(count: int, most: int) -> list[int]:
    """Return at most ``most`` numbers below ``count``, evenly.

    >>> spread(10, 4), spread(2, 4), spread(0, 4)
    ([0, 3, 6, 9], [0, 1], [])
    """
    if count <= most:
        return list(range(count))
    return [int(one) for one in np.linspace(0, count - 1, most).round()]


def _write(picture: NDArray[np.uint8], words: str, place: tuple[int, int], colour: Colour) -> None:
    """Write words whose line starts at ``place`` (x, y), moved into the picture."""
    (width, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_PX, 1)
    height, whole = picture.shape[:2]
    at = max(0, min(place[0], whole - width)), min(max(place[1], _LINE_PX), height - 3)
    for own, thickness in (((0, 0, 0), 3), (colour, 1)):  # a dark rim, for words on a bright sky
        cv2.putText(
            picture, words, at, cv2.FONT_HERSHEY_SIMPLEX, _TEXT_PX, own, thickness, cv2.LINE_AA
        )
