"""Sizes that differ from mast to mast, as ranges that the settings may change."""

from collections.abc import Iterator
from dataclasses import dataclass

from catenary.domain.errors import ImpossibleSettingsError, Mistake

_CLEVIS_METAL_MM = 3.0  # that an ear keeps on both sides of its pin's hole; our starting value

# Beyond these the scenes make no sense: wires are drawn up to 24 m off, cameras stand up to 4.5 m
# high, and the messenger wire, a little lower than its nominal height, needs room for its sag.
_LIMITS = {
    "span_m": (26.0, 100.0),
    "contact_height_mm": (4800.0, 7000.0),
    "system_height_mm": (500.0, 3000.0),
    "tunnel_contact_height_mm": (4800.0, 5700.0),  # over both, the roof is 7.2 m high at a davit
    "tunnel_system_height_mm": (500.0, 1300.0),
    "pin_mm": (6.0, 60.0),
}


@dataclass(frozen=True, slots=True)
class Geometry:
    """Ranges (lowest, highest) of what a mast is built from; all are our starting values.

    Attributes:
        span_m: Distance to the next mast.
        contact_height_mm: Of the contact wire over the rail.
        system_height_mm: Of the messenger wire over the contact wire, at the mast.
        tunnel_contact_height_mm: Of the contact wire over the rail, in tunnels.
        tunnel_system_height_mm: Of the messenger wire over the contact wire, in tunnels.
        pin_mm: Diameter of the pins of double-ear clevises 双耳.
        clevis_ear_mm: Width of the ears that the pins go through; one value.
    """

    span_m: tuple[float, float] = (45.0, 62.0)
    contact_height_mm: tuple[float, float] = (5250.0, 6000.0)
    system_height_mm: tuple[float, float] = (1000.0, 1600.0)
    tunnel_contact_height_mm: tuple[float, float] = (5250.0, 5600.0)
    tunnel_system_height_mm: tuple[float, float] = (800.0, 1150.0)
    pin_mm: tuple[float, float] = (17.0, 24.0)
    clevis_ear_mm: float = 38.0

    def __post_init__(self) -> None:
        """Refuse impossible sizes, naming every mistake."""
        if mistakes := tuple(self._mistakes()):
            raise ImpossibleSettingsError(mistakes)

    def _mistakes(self) -> Iterator[Mistake]:
        for name, (least, most) in _LIMITS.items():
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                yield name, f"must rise within {least:g}-{most:g}, got {low:g}, {high:g}"
        need = self.pin_mm[1] + 2 * _CLEVIS_METAL_MM
        if not self.clevis_ear_mm >= need:
            yield (
                "pin_mm",
                f"a pin of {self.pin_mm[1]:g} mm needs clevis_ear_mm of at least {need:g}, "
                f"got {self.clevis_ear_mm:g}",
            )
