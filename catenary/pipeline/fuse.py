"""Join what rules, classifier and anomaly scorer say of one component into one verdict.

Condition by condition; the formula is in `catenary.models.fusion`. The weights are fitted on
calibration scenes and travel in the model bundle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from catenary.domain.finding import NORMAL, UNUSUAL, Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Unjudged, refused
from catenary.models.detections import ConditionScores, Strangeness
from catenary.models.familiar import Familiar
from catenary.models.fusion import LEAST_THRESHOLD, Fusion, Voices

CLASSIFIER = "classifier/1"  # source of the classifier's evidence; rules have names of their own
ANOMALY = "anomaly/1"  # source of what the anomaly scorer says
UNLIKENESS = "unlikeness"  # of a picture from those that the fusion was fitted on
# What only a whole part shows: a bow is measured from end to end, and what is missing in the
# picture may be outside it.
_SEEN_WHOLE = frozenset({"slack", "missing"})
_CUT_OFF = frozenset(one for one in Unjudged if one.startswith("cut_off"))


@dataclass(frozen=True, slots=True)
class Fused:
    """The joint opinion on one component.

    Attributes:
        verdict: What all sources together say.
        condition: See `catenary.domain.finding.Finding`.
        probability: Of the strongest condition in [0, 1]; None when no source could judge.
        reason: Why it could not be judged, in codes of `Unjudged`; else empty.
    """

    verdict: Verdict
    condition: str
    probability: float | None
    reason: str


def classifier_evidence(scores: ConditionScores) -> Evidence:
    """Return the classifier's opinion in the form in which rules give theirs."""
    shares = zip(scores.conditions[1:], scores.probabilities[1:], strict=True)
    ranked = sorted(shares, key=lambda share: -share[1])
    score = min(max(1 - scores.probabilities[0], 0.0), 1.0)
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    numbers = tuple(Measurement(name, share, "1") for name, share in ranked)
    return Evidence(CLASSIFIER, ranked[0][0], verdict, score, numbers)


def as_heard(
    said: Evidence, by_rules: Sequence[Evidence], known: Familiar, distance: float
) -> Evidence:
    """Return what is heard of the classifier, given how unlike known pictures the picture is.

    In a picture unlike all that the fusion was fitted on nobody knows what its score is worth.
    There it is heard of the conditions that a rule measured beside it, so that each says what the
    other cannot; of others it may not raise an alarm by itself. Where no rule could judge the
    part, it is all there is, and is heard.

    Args:
        said: By the classifier.
        by_rules: What each rule says of the part.
        known: Pictures of such parts that the fusion was fitted on.
        distance: Of the picture from the nearest of them.

    Returns:
        The same evidence, or with the unlikeness and no more than the conditions that are heard;
        a refusal where that is none.
    """
    measured = {one.condition for one in by_rules if one.score is not None}
    if distance <= known.limit or not measured:
        return said
    told = refused(Unjudged.UNFAMILIAR, UNLIKENESS, distance, "1", known.limit)
    kept = tuple(one for one in said.measurements if one.name in measured)
    if not kept:
        return told.evidence(CLASSIFIER, by_rules[0].condition)
    numbers = (*kept, *told.numbers)
    if said.condition in measured:
        return replace(said, measurements=numbers)
    best = max(kept, key=lambda one: one.value)
    verdict = Verdict.DEFECT if best.value >= 0.5 else Verdict.NORMAL
    return Evidence(CLASSIFIER, best.name, verdict, best.value, numbers)


def anomaly_evidence(one: Strangeness) -> Evidence:
    """Return what the anomaly scorer says, with an outline of the strangest place of the crop."""
    box = one.worst
    corners = ((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1))
    return Evidence(
        ANOMALY,
        UNUSUAL,
        Verdict.DEFECT if one.distance >= one.limit else Verdict.NORMAL,
        one.score,
        (Measurement("distance", one.distance, "1", one.limit),),
        (Polyline(UNUSUAL, (*corners, corners[0])),),
    )


def voices(evidence: Sequence[Evidence], box: float) -> dict[str, Voices]:
    """Return what is said of each condition that the classifier or a rule could judge.

    Of the condition that the classifier names, it says how sure it is of any defect; of each other
    one its share. Of several rules on one condition the strongest is heard. Where a rule refused
    since the part goes on outside the picture, the classifier is not heard of what only a whole
    part shows. Where neither could judge any, the anomaly scorer alone is heard of what the rules
    were asked about.
    """
    ruled: dict[str, float] = {}
    for one in _rules(evidence):
        if one.score is not None:
            ruled[one.condition] = max(one.score, ruled.get(one.condition, 0.0))
    shares: dict[str, float] = {}
    for one in evidence:
        if one.source == CLASSIFIER and one.score is not None:
            shares = {share.name: share.value for share in one.measurements if share.limit is None}
            shares[one.condition] = one.score
    if any(one.reason in _CUT_OFF for one in _rules(evidence)):
        shares = {name: share for name, share in shares.items() if name not in _SEEN_WHOLE}
    is_unfamiliar = any(
        one.source == CLASSIFIER and any(number.name == UNLIKENESS for number in one.measurements)
        for one in evidence
    )
    anomaly = next((one.score for one in evidence if one.source == ANOMALY), None)
    asked = [] if anomaly is None else [one.condition for one in _rules(evidence)]
    return {
        name: Voices(shares.get(name), ruled.get(name), anomaly, box, is_unfamiliar)
        for name in dict.fromkeys((*shares, *ruled) or asked)
    }


def fuse(evidence: Sequence[Evidence], box: float, fusion: Fusion, threshold: float) -> Fused:
    """Join all sources of one component.

    A component is raised when the probability of its strongest condition reaches the threshold,
    and the least one there is.
    When it does not and every rule had to pass (blurred, cut off, too small), the part counts as
    not judged: the classifier alone never declares such a part healthy. The anomaly scorer raises
    and clears nothing by itself; where nobody else says anything the part counts as not judged,
    and the stranger it is, the more probable a defect.

    Args:
        evidence: One entry a rule, and one each of the classifier and the anomaly scorer where
            they know the kind.
        box: Score of the component's box in [0, 1].
        fusion: Of the component.
        threshold: Probability from which the component is raised.
    """
    if evidence and all(one.source == ANOMALY for one in evidence):
        return Fused(Verdict.CANNOT_JUDGE, UNUSUAL, None, Unjudged.UNKNOWN_KIND)
    said = voices(evidence, fusion.is_part(box))
    condition, value = fusion.strongest(said) or ("unknown", None)
    if value is not None and value >= max(threshold, LEAST_THRESHOLD):
        return Fused(Verdict.DEFECT, condition, value, "")
    rules = _rules(evidence)
    if value is None or (rules and all(one.score is None for one in rules)):
        reasons = "; ".join(dict.fromkeys(one.reason for one in rules))
        names = [one.condition for one in rules] or [condition]
        doubted = condition if condition in names else names[0]
        return Fused(Verdict.CANNOT_JUDGE, doubted, value, reasons or Unjudged.NO_SOURCE)
    return Fused(Verdict.NORMAL, NORMAL, value, "")


def _rules(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [one for one in evidence if one.source not in (CLASSIFIER, ANOMALY)]
