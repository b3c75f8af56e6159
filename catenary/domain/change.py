"""What became of the parts and defects of a mast between two runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from catenary.domain.finding import Component, Verdict
from catenary.domain.geometry import Box

LIKENESS = "likeness"  # unit of a correlation of two pictures; a change where it is below its limit


@dataclass(frozen=True, slots=True)
class Part:
    """A located part of one photograph, and what was said of it.

    Attributes:
        component: Kind, box and detector score.
        verdict: None where nobody judges this kind.
        condition: As in a finding, or empty.
        probability: Of a defect in [0, 1], or None.
        beyond: Of rules that raised it: measurement to how far it lies beyond its limit, in limits.
    """

    component: Component
    verdict: Verdict | None = None
    condition: str = ""
    probability: float | None = None
    beyond: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """The parts of one photograph.

    Attributes:
        parts: Every located part.
        width: Of the photograph, px.
        height: Of the photograph, px.
    """

    parts: tuple[Part, ...]
    width: int
    height: int


class Change(StrEnum):
    """What became of a part or of a defect."""

    GONE = "gone"
    NEW = "new"
    MOVED = "moved"
    TURNED = "turned"
    GROWN = "grown"
    SHRUNK = "shrunk"
    ALTERED = "altered"  # it is where it was, and looks like another thing
    UNCHANGED = "unchanged"
    NOT_COMPARABLE = "not_comparable"


class Incomparable(StrEnum):
    """Why a part or a defect cannot be compared."""

    OUTSIDE = "outside"  # its place is not in the other photograph
    NEAR_EDGE = "near_edge"  # of a photograph, where a part may be cut
    WEAK = "weak"  # the detector was not sure of it
    OTHER_KIND = "other_kind"  # something of another kind is located at its place
    STILL_SEEN = "still_seen"  # the other photograph shows the same there
    OTHER_CONDITION = "other_condition"  # the part had another defect before
    WITHIN_NOISE = "within_noise"  # of the probability
    NOT_JUDGED = "not_judged"  # in the other photograph
    NOT_LOCATED = "not_located"  # in the other photograph


class Uncompared(StrEnum):
    """Why a photograph is not compared."""

    NO_MAST = "no_mast"
    NO_EARLIER = "no_earlier"  # photograph of this mast by this camera
    NO_LATER = "no_later"
    POOR = "poor"  # unusable, failed or not scanned yet
    POOR_BEFORE = "poor_before"
    FEW_PARTS = "few_parts"
    NOT_ALIKE = "not_alike"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True, slots=True)
class PartChange:
    """What became of one part.

    Attributes:
        change: What.
        kind: Component id.
        earlier: Its box in the earlier photograph; None for what is new.
        later: Its box in the later photograph; None for what is gone.
        place: Where it is, or would be, in the later photograph.
        score: Of the detector where it was found; the lower of two.
        value: How much, in ``unit``; None where nothing was measured.
        limit: What unchanged parts stay below, in ``unit``, but for a stated chance.
        unit: ``"px"`` of the later photograph, ``"deg"``, ``"1"`` for a ratio of sizes, or
            `LIKENESS` of the two pictures.
        reason: Why it cannot be compared; else None.
        earlier_score: Of the detector in the earlier photograph; None for what is new.
    """

    change: Change
    kind: str
    earlier: Box | None
    later: Box | None
    place: Box
    score: float
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    reason: Incomparable | None = None
    earlier_score: float | None = None


@dataclass(frozen=True, slots=True)
class DefectChange:
    """What became of one defect.

    Attributes:
        change: New, gone, grown, unchanged or not comparable.
        kind: Component id.
        condition: Of the later finding, or of the earlier where it is gone.
        earlier: The part in the earlier photograph, or None.
        later: The part in the later photograph, or None.
        place: Where it is in the later photograph; None where the two could not be laid over
            each other and it was seen in the earlier only.
        reason: Why it cannot be compared; else None.
    """

    change: Change
    kind: str
    condition: str
    earlier: Part | None
    later: Part | None
    place: Box | None
    reason: Incomparable | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of the findings that comparisons raise on a run.

    Attributes:
        added: New ones.
        stayed: Told before, and again; what was decided on them stays.
        put_aside: Told before, and not any more.
        known: Not raised, since the scan found a defect of the part already.
    """

    added: int = 0
    stayed: int = 0
    put_aside: int = 0
    known: int = 0
