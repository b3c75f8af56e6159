"""Why a part could not be judged: a closed set, so that every reason has words in both languages.

The words themselves are in `catenary.reports.lexicon`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from catenary.domain.finding import Evidence, Measurement, Verdict


class Unjudged(StrEnum):
    """Why a rule, or all sources together, could not judge; stored as it is.

    Where a comment names a quantity, the refusal's first measurement holds it with its limit.
    """

    TOO_SMALL = "too_small"  # shorter side
    TOO_SHORT = "too_short"  # length
    TOO_NARROW = "too_narrow"  # width
    LOW_CONTRAST = "low_contrast"  # contrast
    BLURRED = "blurred"  # blur
    CUT_OFF = "cut_off"  # at several sides
    CUT_OFF_TOP = "cut_off_top"
    CUT_OFF_BOTTOM = "cut_off_bottom"
    CUT_OFF_LEFT = "cut_off_left"
    CUT_OFF_RIGHT = "cut_off_right"
    LITTLE_WIRE = "little_wire"  # coverage
    FAINT_WIRE = "faint_wire"  # contrast
    NO_WIRE_END = "no_wire_end"
    WIRE_NOT_FOLLOWED = "wire_not_followed"  # coverage
    NO_SINGLE_LINE = "no_single_line"  # fit
    NO_ROW_OF_SHEDS = "no_row_of_sheds"
    FINE_SHEDS = "fine_sheds"  # period
    FAINT_SHEDS = "faint_sheds"  # contrast
    FEW_SHEDS = "few_sheds"  # sheds
    NO_SHED_LEARNT = "no_shed_learnt"
    UNLIKE_SHEDS = "unlike_sheds"  # likeness
    NO_OUTLINE = "no_outline"
    NO_LEGS = "no_legs"
    NO_HEAD = "no_head"
    NO_WIRE = "no_wire"
    THIN_WIRE = "thin_wire"  # width
    SHORT_WIRE = "short_wire"  # length
    SOFT_EDGES = "soft_edges"  # blur, as a share of the width
    FEW_EDGES = "few_edges"  # share of the wire on which edges are found
    UNEVEN_WIRE = "uneven_wire"  # change of the width
    NO_PLACE = "no_place"
    NO_FACE = "no_face"  # share of the wire's width that its brighter part takes
    NO_TUBE = "no_tube"
    NO_END = "no_end"
    THIN_TUBE = "thin_tube"  # width
    SHORT_TUBE = "short_tube"  # length
    CROWDED = "crowded"
    NO_THREAD = "no_thread"
    NUT_UNSEEN = "nut_unseen"
    NO_HOLE = "no_hole"
    NO_BOLT_SHAPE = "no_bolt_shape"  # outline
    NUT_ASIDE = "nut_aside"
    NO_MARKING = "no_marking"
    ONE_PIECE = "one_piece"
    UNFAMILIAR = "unfamiliar"  # unlikeness
    UNKNOWN_KIND = "unknown_kind"
    NO_SOURCE = "no_source"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule's answer where it cannot judge.

    Attributes:
        why: The reason.
        numbers: What was measured, against what was needed.
    """

    why: Unjudged
    numbers: tuple[Measurement, ...] = ()

    def evidence(self, source: str, condition: str) -> Evidence:
        """Return this answer of one rule on one condition."""
        verdict = Verdict.CANNOT_JUDGE
        return Evidence(source, condition, verdict, None, self.numbers, reason=self.why)


def refused(why: Unjudged, name: str, value: float, unit: str, needed: float) -> Refusal:
    """Return a refusal with the one number that it rests on."""
    return Refusal(why, (Measurement(name, value, unit, needed),))


def cut_off(sides: Collection[str]) -> Refusal | None:
    """Return the refusal of a part that goes on outside the picture, or None if it does not.

    Args:
        sides: Among ``top``, ``bottom``, ``left`` and ``right``.
    """
    if not sides:
        return None
    one = next(iter(sides)) if len(sides) == 1 else ""
    return Refusal(Unjudged(f"cut_off_{one}") if one else Unjudged.CUT_OFF)
