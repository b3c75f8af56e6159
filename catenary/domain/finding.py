"""What was seen on one component: evidence, verdict and the finding they end in."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from catenary.domain.geometry import Box, Polyline

NORMAL = "normal"  # the condition of a healthy component; never a taxonomy id
UNUSUAL = "unusual"  # unlike normal parts, in whatever way; never a taxonomy id


class Verdict(StrEnum):
    """Outcome of judging one component; CANNOT_JUDGE is an answer, not a failure."""

    NORMAL = "normal"
    DEFECT = "defect"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True, slots=True)
class Component:
    """A located part, healthy or not.

    Attributes:
        kind: Component id of the taxonomy.
        box: Full-frame pixels.
        score: Detector score in [0, 1].
        orientation_deg: Angle of the part's long axis from the image x axis, clockwise,
            in [0, 180); None when not known.
    """

    kind: str
    box: Box
    score: float
    orientation_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One named number of a rule, as a reviewer reads it.

    Attributes:
        name: Snake-case name, e.g. ``"longest_gap"``.
        value: Measured value in ``unit``.
        unit: ``"1"`` for a ratio, ``"px"``, ``"deg"``.
        limit: Value at which the rule's verdict changes, in ``unit``; None when it has none.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one rule or model says about one condition of one component.

    Attributes:
        source: Name and version of the rule or model, e.g. ``"dropper_continuity/1"``.
        condition: Taxonomy condition it speaks about, or `UNUSUAL`.
        verdict: What this source alone says.
        score: How strongly it speaks for the condition, in [0, 1]; None exactly when it
            cannot judge.
        measurements: Named numbers behind the score.
        traces: Lines to draw, in the pixels of the image the source was given.
        reason: Why it cannot be judged, a code of `catenary.domain.refusal.Unjudged` (English
            words in what was stored before there were codes); else empty.
        beside: Earlier photograph that the part was held against, as run and file name; else
            empty.
    """

    source: str
    condition: str
    verdict: Verdict
    score: float | None
    measurements: tuple[Measurement, ...] = ()
    traces: tuple[Polyline, ...] = ()
    reason: str = ""
    beside: str = ""

    def __post_init__(self) -> None:
        """Refuse a verdict without a score, or a refusal without a reason."""
        unjudged = self.verdict is Verdict.CANNOT_JUDGE
        if unjudged != (self.score is None) or unjudged != bool(self.reason):
            raise ValueError(
                f"cannot_judge needs a reason and no score, others the reverse: {self}"
            )
        if self.score is not None and not 0 <= self.score <= 1:
            raise ValueError(f"score must be in [0, 1], got {self.score}")

    def shifted(self, dx: float, dy: float) -> Self:
        """Return this evidence with its traces moved by (dx, dy) pixels."""
        return replace(self, traces=tuple(trace.shifted(dx, dy) for trace in self.traces))


@dataclass(frozen=True, slots=True)
class Versions:
    """What produced a finding, so that it can be repeated.

    Attributes:
        model: Bundle name and hash prefix.
        rules: Version of the rule limits file.
        taxonomy: Version of the taxonomy file.
    """

    model: str
    rules: str
    taxonomy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one component, with everything a reviewer needs to check it.

    Attributes:
        image_id: Photograph it was seen in.
        component: The part and where it is.
        verdict: Fused verdict.
        condition: Taxonomy condition when DEFECT, ``"normal"`` when NORMAL, the condition
            that could not be excluded when CANNOT_JUDGE (`UNUSUAL` for a part that nobody judges,
            but that is unlike the normal ones).
        probability: Calibrated probability of a defect in [0, 1], that of the most probable
            condition; None when no source could give one.
        grade: 1, 2 or 3 from the taxonomy when DEFECT; else None.
        evidence: What each rule and model said, traces in full-frame pixels.
        versions: Model, rules and taxonomy.
        reason: Why it could not be judged, as in the evidence; `catenary.reports.words` makes
            sentences of a finding when it is read.
    """

    image_id: str
    component: Component
    verdict: Verdict
    condition: str
    probability: float | None
    grade: int | None
    evidence: tuple[Evidence, ...]
    versions: Versions
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse a defect without probability or grade, and a normal part with a defect."""
        is_defect = self.verdict is Verdict.DEFECT
        if is_defect != (self.grade is not None) or (is_defect and self.probability is None):
            raise ValueError(f"a defect needs a grade and a probability, others no grade: {self}")
        if (self.verdict is Verdict.NORMAL) != (self.condition == NORMAL):
            raise ValueError(f"verdict {self.verdict} and condition {self.condition!r} disagree")
