"""What lies along the straight lines of a picture, summed (Radon, Ber. Sächs. Akad. 69 (1917) 262).

Sums along a blurred picture are the blurred sums of the picture itself. So each place that holds
something is counted once a direction, by its distance from a point: the picture is neither blurred
nor turned, and when something is taken out of it only that is counted again.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

_FINER = 4  # distances a px that are told apart before they are blurred
_BORDER = 12  # px beyond the picture in which blurred sums end


class LineSums:
    """Sums along the lines of a picture, by their direction and distance from a point."""

    def __init__(self, picture: Floats, centre: tuple[float, float]) -> None:
        """Take a picture (H, W), 0 where nothing is, and a point (x, y) in it.

        Pixel centres are whole.
        """
        (x, y), (height, width) = centre, picture.shape
        self.reach = math.ceil(math.hypot(max(x, width - x), max(y, height - y))) + _BORDER
        self._picture, self._centre = picture, centre
        self._sums: dict[float, Numbers] = {}
        self._points = self._held(picture)

    def along(self, angles_deg: Numbers, blur: float) -> Floats:
        """Return the sums along lines of some directions in the blurred picture.

        Args:
            angles_deg: (A,) from the x axis, clockwise on the screen.
            blur: Standard deviation, px.

        Returns:
            (A, 2 * reach + 1): of lines from ``-reach`` to ``reach`` px beside the point, rising
            to the right of who looks along them.
        """
        sums = np.stack([self._of(float(one)) for one in angles_deg]).astype(np.float32)
        width = 2 * math.ceil(4 * blur * _FINER) + 1
        soft = cv2.GaussianBlur(sums, (width, 1), blur * _FINER)
        return np.asarray(_FINER * soft[:, ::_FINER], np.float32)

    def take(self, places: NDArray[np.bool_]) -> None:
        """Take out of the picture what some places (H, W) hold."""
        gone = self._held(np.where(places, self._picture, 0))
        self._picture = np.where(places, 0, self._picture)
        self._points = self._held(self._picture)
        for angle_deg, sums in self._sums.items():
            sums -= self._counted(gone, angle_deg)

    def _of(self, angle_deg: float) -> Numbers:
        if angle_deg not in self._sums:
            self._sums[angle_deg] = self._counted(self._points, angle_deg)
        return self._sums[angle_deg]

    def _held(self, picture: Floats) -> tuple[Floats, Floats, Numbers]:
        """Return (N,) x and y from the point, and what is there, of the places that hold some."""
        rows, columns = np.nonzero(picture)
        x, y = (
            np.asarray(one - middle, np.float32)
            for one, middle in zip((columns, rows), self._centre, strict=True)
        )
        return x, y, picture[rows, columns].astype(np.float64)

    def _counted(self, points: tuple[Floats, Floats, Numbers], angle_deg: float) -> Numbers:
        """Return what some places add to the sums along lines of a direction, finely."""
        x, y, held = points
        turn = math.radians(angle_deg)
        beside = y * np.float32(_FINER * math.cos(turn)) - x * np.float32(_FINER * math.sin(turn))
        beside += np.float32(_FINER * self.reach + 0.5)  # to the nearest one, of positive ones
        bins = beside.astype(np.int32)
        sums: Numbers = np.bincount(bins, held, 2 * _FINER * self.reach + 1)
        return sums
