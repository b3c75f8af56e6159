"""The table of rules: which component kind is judged by which, with which limits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from catenary.domain.finding import Component, Evidence
from catenary.imaging.crops import Crop
from catenary.rules import (
    bolt,
    bolt_hole,
    bolt_marking,
    cantilever,
    contact_wire,
    dropper,
    dropper_strands,
    foreign_object,
    insulator,
    insulator_dirt,
    insulator_foreign,
    insulator_outline,
    messenger_wire,
    running_face,
    split_pin,
    split_pin_shank,
    steady_arm,
)
from catenary.rules.bolt import BoltLimits
from catenary.rules.bolt_hole import HoleLimits
from catenary.rules.bolt_marking import MarkingLimits
from catenary.rules.cantilever import CantileverLimits
from catenary.rules.contact_wire import ContactLimits
from catenary.rules.dropper import DropperLimits
from catenary.rules.dropper_spacing import SpacingLimits
from catenary.rules.foreign_object import ForeignLimits
from catenary.rules.insulator_dirt import DirtLimits
from catenary.rules.insulator_foreign import ForeignBodyLimits
from catenary.rules.insulator_outline import OutlineLimits
from catenary.rules.insulator_string import ShedLimits
from catenary.rules.messenger_wire import MessengerLimits
from catenary.rules.running_face import FaceLimits
from catenary.rules.split_pin import SplitPinLimits
from catenary.rules.steady_arm import SteadyArmLimits
from catenary.rules.supposed import Supposed

Rule = Callable[[Crop], Evidence]
# Of the pixels of a whole photograph, (height, width) uint8, and what was located in it.
FrameRule = Callable[[NDArray[np.uint8], Sequence[Component]], tuple[Supposed, ...]]

# Margin of the crops whose rules need more of the surroundings than the classifier does, as a share
# of the longer side of the box: a stretch of wire is compared with what is beside it, and a tube
# must be seen to end in its box.
CROP_MARGIN: Mapping[str, float] = MappingProxyType(
    {"messenger_wire": 1.0, "contact_wire": 1.0, "steady_arm": 0.15, "cantilever": 0.15}
)


@dataclass(frozen=True, slots=True)
class RuleLimits:
    """What ``configs/rules.yaml`` holds.

    Attributes:
        version: Written into every finding.
        dropper: Limits of the dropper rules.
        insulator: Limits of how an insulator's sheds are found, and of the rules on these.
        insulator_outline: Limits of the rule of chipped sheds.
        insulator_dirt: Limits of the rule of dirt on insulators.
        insulator_foreign: Limits of the rule of foreign bodies on insulators.
        split_pin: Limits of the split-pin rule.
        messenger_wire: Limits of the messenger wire's rules.
        contact_wire: Limits of the contact wire's rules.
        running_face: Limits of the rule of its running face.
        steady_arm: Limits of the steady arm's rules.
        cantilever: Limits of the cantilever's rule.
        bolt: Limits of the bolt rules.
        bolt_hole: Limits of the rule of empty holes.
        bolt_marking: Limits of the rule of marking lines.
        foreign_object: Limits of the rule of foreign objects.
        dropper_spacing: Limits of the rule of rows of droppers.
    """

    version: str
    dropper: DropperLimits = field(default_factory=DropperLimits)
    insulator: ShedLimits = field(default_factory=ShedLimits)
    insulator_outline: OutlineLimits = field(default_factory=OutlineLimits)
    insulator_dirt: DirtLimits = field(default_factory=DirtLimits)
    insulator_foreign: ForeignBodyLimits = field(default_factory=ForeignBodyLimits)
    split_pin: SplitPinLimits = field(default_factory=SplitPinLimits)
    messenger_wire: MessengerLimits = field(default_factory=MessengerLimits)
    contact_wire: ContactLimits = field(default_factory=ContactLimits)
    running_face: FaceLimits = field(default_factory=FaceLimits)
    steady_arm: SteadyArmLimits = field(default_factory=SteadyArmLimits)
    cantilever: CantileverLimits = field(default_factory=CantileverLimits)
    bolt: BoltLimits = field(default_factory=BoltLimits)
    bolt_hole: HoleLimits = field(default_factory=HoleLimits)
    bolt_marking: MarkingLimits = field(default_factory=MarkingLimits)
    foreign_object: ForeignLimits = field(default_factory=ForeignLimits)
    dropper_spacing: SpacingLimits = field(default_factory=SpacingLimits)


def rules(limits: RuleLimits) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each component id that have proven themselves, limits filled in."""
    sheds = limits.insulator
    return {
        "dropper": (
            partial(dropper.continuity, limits=limits.dropper),
            partial(dropper.free_end, limits=limits.dropper),
            partial(dropper.slackness, limits=limits.dropper),
        ),
        "insulator": (
            partial(insulator.shed_spacing, limits=sheds),
            partial(insulator.surface, limits=sheds),
            partial(insulator_outline.chipped, sheds=sheds, limits=limits.insulator_outline),
            partial(insulator_dirt.blotched, sheds=sheds, limits=limits.insulator_dirt),
            partial(insulator_foreign.hanging, sheds=sheds, limits=limits.insulator_foreign),
        ),
        "split_pin": (
            partial(split_pin.presence, limits=limits.split_pin),
            partial(split_pin_shank.loose, limits=limits.split_pin),
        ),
        "messenger_wire": (
            partial(messenger_wire.thinning, limits=limits.messenger_wire),
            partial(messenger_wire.strands, limits=limits.messenger_wire),
            partial(messenger_wire.burned, limits=limits.messenger_wire),
        ),
        "contact_wire": (
            partial(contact_wire.worn, limits=limits.contact_wire),
            partial(running_face.widened, limits=limits.running_face),
            partial(contact_wire.kinked, limits=limits.contact_wire),
            partial(contact_wire.burned, limits=limits.contact_wire),
        ),
        "steady_arm": (
            partial(steady_arm.shape, limits=limits.steady_arm),
            partial(steady_arm.slope, limits=limits.steady_arm),
            partial(steady_arm.ends, limits=limits.steady_arm),
        ),
        "cantilever": (partial(cantilever.shape, limits=limits.cantilever),),
        "bolt": (
            partial(bolt_hole.empty, limits=limits.bolt_hole),
            partial(bolt_marking.turned, limits=limits.bolt_marking),
        ),
    }


def unproven(limits: RuleLimits) -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of each component id that a scan runs only if asked to.

    `split_pin.legs_opened` does not tell opened legs from closed ones on simulated night pins.
    `dropper.absence` raised on simulated calibration frames a sound dropper and none of five
    missing ones. With `dropper_strands.strands` the whole product found no more of them and
    `catenary bench scarce` fewer broken droppers. Of simulated missing and loose nuts `bolt.nut`
    and `bolt.seat` see hardly any.
    """
    return {
        "dropper": (
            partial(dropper.absence, limits=limits.dropper),
            partial(dropper_strands.strands, limits=limits.dropper),
        ),
        "split_pin": (partial(split_pin.legs_opened, limits=limits.split_pin),),
        "bolt": (
            partial(bolt.nut, limits=limits.bolt),
            partial(bolt.seat, limits=limits.bolt),
        ),
    }


def frame_rules(limits: RuleLimits) -> Mapping[str, FrameRule]:
    """Return the rules that look at a whole photograph, by the id of what they suppose there."""
    return {"foreign_object": partial(foreign_object.located, limits=limits.foreign_object)}
