"""The table of rules: which component kind is judged by which, with which limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from catenary.domain.finding import Evidence
from catenary.imaging.crops import Crop
from catenary.rules import dropper, insulator, split_pin
from catenary.rules.dropper import DropperLimits
from catenary.rules.insulator import ShedLimits
from catenary.rules.split_pin import SplitPinLimits

Rule = Callable[[Crop], Evidence]


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What ``configs/rules.yaml`` holds.

    Attributes:
        version: Written into every finding.
        dropper: Limits of the dropper rules.
        insulator: Limits of the insulator rule.
        split_pin: Limits of the split-pin rule.
    """

    version: str
    dropper: DropperLimits = field(default_factory=DropperLimits)
    insulator: ShedLimits = field(default_factory=ShedLimits)
    split_pin: SplitPinLimits = field(default_factory=SplitPinLimits)


def rules(limits: RuleLimits) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each component id, limits filled in.

    `split_pin.legs_opened` is left out: on simulated night pins it does not tell opened legs from
    closed ones.
    """
    return {
        "dropper": (
            partial(dropper.continuity, limits=limits.dropper),
            partial(dropper.free_end, limits=limits.dropper),
            partial(dropper.slackness, limits=limits.dropper),
        ),
        "insulator": (partial(insulator.shed_spacing, limits=limits.insulator),),
        "split_pin": (partial(split_pin.presence, limits=limits.split_pin),),
    }
