"""What the rules say of one photograph: from its pixels and what was located, without a network."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component, Evidence
from catenary.imaging.crops import cut
from catenary.rules import catalogue, long_tubes, long_wires
from catenary.rules.catalogue import FrameRule, Rule


@dataclass(frozen=True, slots=True)
class Located:
    """A photograph whose parts were located.

    Attributes:
        pixels: (height, width) uint8.
        components: In full-frame pixels.
    """

    pixels: NDArray[np.uint8]
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the rules say of a photograph.

    Attributes:
        components: Those that were located, then those that only rules find.
        evidence: Of each component, traces in full-frame pixels; none where no rule judges it.
        seconds: What that took.
    """

    components: tuple[Component, ...]
    evidence: tuple[tuple[Evidence, ...], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of a scan as a value that can be sent to another process.

    Attributes:
        rules: Component id to its rules, limits already filled in.
        frame_rules: Component id to the rule that supposes such parts in a whole photograph.
        margins: Component id to the margin of the crop that its rules look at, a share of the
            longer side of its box.
        usual_margin: Of the others.
        stretch_px: Length of the stretches in which wires are judged; None to look for none.
        tubes: Look for the tubes of cantilevers.
    """

    rules: Mapping[str, Sequence[Rule]]
    frame_rules: Mapping[str, FrameRule] = field(default_factory=dict)
    margins: Mapping[str, float] = field(default_factory=dict)
    usual_margin: float = 0.0
    stretch_px: float | None = None
    tubes: bool = False

    def __call__(self, one: Located) -> Ruled:
        """Find what only rules find in a photograph, and judge all that rules can judge."""
        started = time.perf_counter()
        found = one.components + self._wires(one) + self._tubes(one)
        supposed = [each for rule in self.frame_rules.values() for each in rule(one.pixels, found)]
        evidence = [self._evidence(one.pixels, part) for part in found]
        evidence += [(each.evidence,) for each in supposed]
        components = found + tuple(each.component for each in supposed)
        return Ruled(components, tuple(evidence), time.perf_counter() - started)

    def _wires(self, one: Located) -> tuple[Component, ...]:
        """Return stretches of wires, which no detector finds, where they are asked for."""
        if self.stretch_px is None:
            return ()
        droppers = [part.box for part in one.components if part.kind == "dropper"]
        return long_wires.located(one.pixels, droppers, self.stretch_px)

    def _tubes(self, one: Located) -> tuple[Component, ...]:
        """Return cantilever tubes, which no detector finds, where they are asked for."""
        if not self.tubes:
            return ()
        fittings = [part.box for part in one.components if part.kind in long_tubes.FITTINGS]
        arms = [part.box for part in one.components if part.kind == "steady_arm"]
        return long_tubes.located(one.pixels, fittings, arms)

    def _evidence(self, pixels: NDArray[np.uint8], part: Component) -> tuple[Evidence, ...]:
        if not (rules := self.rules.get(part.kind, ())):
            return ()
        usual = self.margins.get(part.kind, self.usual_margin)
        crop = cut(pixels, part.box, catalogue.CROP_MARGIN.get(part.kind, usual))
        return tuple(rule(crop).shifted(crop.x0, crop.y0) for rule in rules)
