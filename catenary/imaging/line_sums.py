"""What lies along the straight lines of a picture, summed (Radon, Ber. Sächs. Akad. 69 (1917) 262).

Sums along a blurred picture are the blurred sums of the picture itself. So each place that holds
something is counted once a direction, by its distance from a point: the picture is neither blurred
nor turned, and when something is taken out of it only that is counted again.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.float64]

_FINER = 4  # distances a px that are told apart before they are blurred
_BORDER = 12  # px beyond the picture in which blurred sums end


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """The places of a picture that hold something.

    Attributes:
        places: (N,) index of each in the picture, row after row.
        x: (N,) px from the point.
        y: (N,) px from the point.
        amounts: (N,) what each holds.
    """

    places: NDArray[np.int64]
    x: Floats
    y: Floats
    amounts: Numbers

    def where(self, keep: NDArray[np.bool_]) -> "_Held":
        """Return those where ``keep`` (N,) is True."""
        return _Held(self.places[keep], self.x[keep], self.y[keep], self.amounts[keep])


class LineSums:
    """Sums along the lines of a picture, by their direction and distance from a point."""

    def __init__(self, picture: Floats, centre: tuple[float, float]) -> None:
        """Take a picture (H, W), 0 where nothing is, and a point (x, y) in it.

        Pixel centres are whole.
        """
        (x, y), (height, width) = centre, picture.shape
        self.reach = math.ceil(math.hypot(max(x, width - x), max(y, height - y))) + _BORDER
        places = np.flatnonzero(picture)
        rows, columns = np.divmod(places, width)
        from_x, from_y = np.asarray(columns - x, np.float32), np.asarray(rows - y, np.float32)
        self._held = _Held(places, from_x, from_y, picture.ravel()[places].astype(np.float64))
        self._sums: dict[float, Numbers] = {}

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
        is_gone = places.ravel()[self._held.places]
        gone, self._held = self._held.where(is_gone), self._held.where(~is_gone)
        for angle_deg, sums in self._sums.items():
            sums -= self._counted(gone, angle_deg)

    def _of(self, angle_deg: float) -> Numbers:
        if angle_deg not in self._sums:
            self._sums[angle_deg] = self._counted(self._held, angle_deg)
        return self._sums[angle_deg]

    def _counted(self, held: _Held, angle_deg: float) -> Numbers:
        """Return what some places add to the sums along lines of a direction, finely."""
        turn = math.radians(angle_deg)
        beside = held.y * np.float32(_FINER * math.cos(turn))
        beside -= held.x * np.float32(_FINER * math.sin(turn))
        beside += np.float32(_FINER * self.reach + 0.5)  # positive: rounds to the nearest bin
        bins = beside.astype(np.int32)
        sums = np.bincount(bins, held.amounts, 2 * _FINER * self.reach + 1)
        return np.asarray(sums, np.float64)
