"""What two photographs themselves say of parts whose boxes were compared.

Boxes tell that a part is gone or has moved; the pictures confirm it or take it back. That a compact
part turned where it is, or looks like another thing now, is seen in the pictures alone.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catenary.domain.change import LIKENESS, Change, Incomparable, PartChange
from catenary.pipeline import arm_turn
from catenary.pipeline.defect_history import HistorySettings
from catenary.pipeline.registration import Registration, RegistrationSettings
from catenary.pipeline.resemblance import Turn, resemblance, turn_of

Pixels = NDArray[np.uint8]
_MOST_LEARNT, _LEAST_LEARNT = 12, 3  # unchanged parts whose likeness is the usual one
_LEAST_GAIN = 0.1  # of the correlation by a turn; noise alone gains less
_LEAST_TURNED = 0.6  # correlation of a part turned back, below which it is not known to be it
_OPEN = (Incomparable.WEAK, Incomparable.OTHER_KIND)  # reasons that a look may settle
_LOST = (Change.GONE, Change.NEW)
_OTHERWISE = (Change.MOVED, Change.TURNED, Change.GROWN, Change.SHRUNK)


def is_due(one: PartChange, settings: HistorySettings) -> bool:
    """Tell whether the pictures say more of a part than the boxes."""
    if one.change in (*_LOST, *_OTHERWISE):
        return True
    return _is_close(one, settings) or is_arm(one, settings)


def is_arm(one: PartChange, settings: HistorySettings) -> bool:
    """Tell whether a part was likely a steady arm before: how it hangs is measured in pictures."""
    is_known = one.earlier is not None and one.kind == arm_turn.KIND
    return is_known and one.kind in settings.watched and _was_there(one, settings)


def _was_there(one: PartChange, settings: HistorySettings) -> bool:
    return one.earlier_score is not None and one.earlier_score >= settings.likely


def _is_close(one: PartChange, settings: HistorySettings) -> bool:
    """Tell whether a part was likely there and may be another thing now.

    What is damaged the detector is often less sure of: the earlier score counts alone.
    """
    is_open = one.change is Change.UNCHANGED or one.reason in _OPEN
    return is_open and _was_there(one, settings) and one.kind in settings.compact


def looked_at(
    parts: tuple[PartChange, ...],
    registered: Registration,
    pixels: tuple[Pixels, Pixels],
    registering: RegistrationSettings,
    settings: HistorySettings,
    arm_deg: float | None = None,
) -> tuple[PartChange, ...]:
    """Return what became of the parts after a look at both photographs.

    Args:
        parts: As the boxes tell it.
        registered: How the earlier photograph lies on the later.
        pixels: (height, width) uint8 of the earlier and of the later photograph.
        registering: Settings of the registration.
        settings: When a change is reported.
        arm_deg: Turn that steady arms of the run stay below; None where it is not known.
    """
    look = _Look(registered, pixels, registering, settings)
    look.arm_deg = arm_deg
    look.learn(parts)
    return tuple(look.at(one) for one in parts)


class _Look:
    """Two photographs that lie on each other."""

    def __init__(
        self,
        registered: Registration,
        pixels: tuple[Pixels, Pixels],
        registering: RegistrationSettings,
        settings: HistorySettings,
    ) -> None:
        self.there, self.settings = registered.transform, settings
        self.before, self.after = pixels
        # Farther away there is often something alike, e.g. the next bolt of a row.
        floor = registering.floor * max(self.after.shape)
        self.reach_px = 2 * registered.error_px + floor
        self.usual = 0.0
        self.arm_deg: float | None = None

    def learn(self, parts: tuple[PartChange, ...]) -> None:
        """Learn how alike unchanged parts are: in another light less than in the same."""
        same = [one for one in parts if one.change is Change.UNCHANGED]
        found = [self._likeness(one) for one in same[:_MOST_LEARNT]]
        known = [one for one in found if one is not None]
        self.usual = float(np.median(known)) if len(known) >= _LEAST_LEARNT else 0.0

    def _likeness(self, one: PartChange) -> float | None:
        if one.earlier is not None:
            return resemblance(self.before, one.earlier, self.after, self.there, self.reach_px)
        back = self.there.inverse()
        return resemblance(self.after, one.place, self.before, back, self.reach_px)

    def at(self, one: PartChange) -> PartChange:
        """Return what became of one part."""
        if is_arm(one, self.settings) and (told := self._arm(one)) is not None:
            return told
        if one.change in (*_LOST, *_OTHERWISE):
            return self._confirmed(one)
        return self._closely(one) if _is_close(one, self.settings) else one

    def _confirmed(self, one: PartChange) -> PartChange:
        """Take back a change where the other photograph shows the same at the place."""
        found = self._likeness(one)
        if found is None:
            return one
        if found >= self.settings.alike:
            return replace(one, change=Change.NOT_COMPARABLE, reason=Incomparable.STILL_SEEN)
        if one.change in _LOST:
            return replace(one, value=found, limit=self.settings.alike, unit=LIKENESS)
        return one

    def _arm(self, one: PartChange) -> PartChange | None:
        """Return what became of a steady arm, None where the pictures do not tell."""
        if one.earlier is None or self.arm_deg is None:
            return None
        found = arm_turn.arm_turn(self.before, one.earlier, self.after, self.there)
        if found is None:
            return None
        limit = max(self.settings.turned_deg, self.arm_deg)
        if abs(found.deg) >= limit:
            # A box that was located stays: defects of the later photograph are known by it.
            turned = replace(one, later=one.later or found.box)
            return _told(turned, Change.TURNED, abs(found.deg), limit, "deg")
        if found.is_held and one.change in (*_LOST, *_OTHERWISE):
            return replace(one, change=Change.NOT_COMPARABLE, reason=Incomparable.STILL_SEEN)
        return None

    def _closely(self, one: PartChange) -> PartChange:
        """Look whether a part that is where it was has turned, or looks like another thing."""
        if one.earlier is None:
            return one
        turn = turn_of(self.before, one.earlier, self.after, self.there, self.reach_px)
        if turn is None:
            return one
        if self._has_turned(turn):
            limit = self.settings.turned_deg
            return _told(one, Change.TURNED, abs(turn.deg), limit, "deg")
        least = self.settings.altered
        if self.usual >= self.settings.alike and turn.likeness < least:
            return _told(one, Change.ALTERED, turn.likeness, least, LIKENESS)
        return one

    def _has_turned(self, turn: Turn) -> bool:
        """Tell whether the part fits turned, and clearly better than as it was."""
        gain = turn.likeness - turn.unturned
        is_alike = turn.likeness >= _LEAST_TURNED
        return abs(turn.deg) >= self.settings.turned_deg and is_alike and gain >= _LEAST_GAIN


def _told(one: PartChange, change: Change, value: float, limit: float, unit: str) -> PartChange:
    return replace(one, change=change, value=value, limit=limit, unit=unit, reason=None)
