"""Join what the rules and the classifier say of one component into one probability.

Method: logistic regression on the log-odds of the sources (Platt 1999 for one source), a
separate fit for each set of sources that could judge, so that a silent source neither helps
nor harms. The weights are fitted on calibration scenes and travel in the model bundle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catenary.domain.finding import NORMAL, UNUSUAL, Evidence, Measurement, Verdict
from catenary.domain.geometry import Polyline
from catenary.domain.refusal import Unjudged
from catenary.models.bundle import FusionWeights
from catenary.models.detections import ConditionScores, Strangeness

CLASSIFIER = "classifier/1"  # source of the classifier's evidence; rules have names of their own
ANOMALY = "anomaly/1"  # source of what the anomaly scorer says; not a voice of the fusion
_EDGE = 1e-4  # scores nearer to 0 or 1 than this say no more than this


@dataclass(frozen=True, slots=True)
class Fused:
    """The joint opinion on one component.

    Attributes:
        verdict: What all sources together say.
        condition: See `catenary.domain.finding.Finding`.
        probability: Of a defect in [0, 1]; None when no source could judge.
        reason: Why it could not be judged, in codes of `Unjudged`; else empty.
    """

    verdict: Verdict
    condition: str
    probability: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Voices:
    """The strength of the two kinds of source.

    Attributes:
        classifier: Probability of any defect by the classifier in [0, 1], or None.
        rule: Strongest rule score in [0, 1], or None when no rule could judge.
        location: Score in [0, 1] of the box itself; 0.5 speaks neither way.
    """

    classifier: float | None
    rule: float | None
    location: float = 0.5

    @property
    def key(self) -> str:
        """Name of the set of sources that judged, as in the fusion weights; empty when none."""
        if self.classifier is None:
            return "rule" if self.rule is not None else ""
        return "both" if self.rule is not None else "classifier"


def classifier_evidence(scores: ConditionScores) -> Evidence:
    """Return the classifier's opinion in the form in which rules give theirs."""
    shares = zip(scores.conditions[1:], scores.probabilities[1:], strict=True)
    ranked = sorted(shares, key=lambda share: -share[1])
    score = min(max(1 - scores.probabilities[0], 0.0), 1.0)
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    numbers = tuple(Measurement(name, share, "1") for name, share in ranked)
    return Evidence(CLASSIFIER, ranked[0][0], verdict, score, numbers)


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


def voices(evidence: Sequence[Evidence], location: float) -> Voices:
    """Return the strongest score of the classifier and of the rules, beside that of the box."""
    by_classifier = [one.score for one in evidence if one.source == CLASSIFIER]
    by_rule = [one.score for one in _rules(evidence) if one.score is not None]
    return Voices(next(iter(by_classifier), None), max(by_rule, default=None), location)


def logit(score: float) -> float:
    """Return the log-odds of a score in [0, 1], bounded to about ±9.2."""
    bounded = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(bounded / (1 - bounded))


def probability(weights: Mapping[str, FusionWeights], heard: Voices) -> float | None:
    """Return the calibrated probability of a defect in (0, 1).

    Where both sources judged, it is not below what the rules alone would say: a network that sees
    pictures unlike those it learnt from calls nearly everything normal, and must not silence a rule
    that measured a defect. Thresholds are chosen on this value, so the alarm budget holds.

    Args:
        weights: Fusion weights by set of sources; a set that was not fitted falls back to
            its strongest source.
        heard: What the sources say.

    Returns:
        None when no source could judge.
    """
    if not heard.key:
        return None
    fitted = weights.get(heard.key)
    if fitted is None:
        return max(score for score in (heard.classifier, heard.rule) if score is not None)
    joint = _weighed(fitted, heard)
    alone = weights.get("rule") if heard.key == "both" else None
    return joint if alone is None else max(joint, _weighed(alone, heard))


def _weighed(fitted: FusionWeights, heard: Voices) -> float:
    """Return the logistic function of the voices; one with no weight is not heard."""
    total = fitted.intercept + fitted.location * logit(heard.location)
    for weight, score in ((fitted.classifier, heard.classifier), (fitted.rule, heard.rule)):
        if score is not None:
            total += weight * logit(score)
    return 1 / (1 + math.exp(-total))


def fuse(
    evidence: Sequence[Evidence],
    location: float,
    weights: Mapping[str, FusionWeights],
    threshold: float,
) -> Fused:
    """Join all sources of one component.

    A component is raised when the joint probability reaches the threshold. When it does not
    and every rule had to pass (blurred, cut off, too small), the part counts as not judged:
    the classifier alone never declares such a part healthy. What the anomaly scorer says is not
    calibrated: it neither raises a part nor clears one, and where nobody else says anything the
    part counts as not judged.

    Args:
        evidence: One entry a rule, and one each of the classifier and the anomaly scorer where
            they know the kind.
        location: Score of the component's box in [0, 1].
        weights: Fusion weights by set of sources.
        threshold: Probability from which the component is raised.
    """
    if evidence and all(one.source == ANOMALY for one in evidence):
        return Fused(Verdict.CANNOT_JUDGE, UNUSUAL, None, Unjudged.UNKNOWN_KIND)
    heard = voices(evidence, location)
    value = probability(weights, heard)
    if value is not None and value >= threshold:
        return Fused(Verdict.DEFECT, _condition(evidence), value, "")
    rules = _rules(evidence)
    if value is None or (rules and heard.rule is None):
        reasons = "; ".join(dict.fromkeys(one.reason for one in rules))
        condition = rules[0].condition if rules else "unknown"
        return Fused(Verdict.CANNOT_JUDGE, condition, value, reasons or Unjudged.NO_SOURCE)
    return Fused(Verdict.NORMAL, NORMAL, value, "")


def _rules(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [one for one in evidence if one.source not in (CLASSIFIER, ANOMALY)]


def _condition(evidence: Sequence[Evidence]) -> str:
    """Return the condition with the strongest joint voice."""
    strength: dict[str, float] = {}
    for one in evidence:
        if one.source == CLASSIFIER:
            for share in one.measurements:
                strength[share.name] = strength.get(share.name, 0.0) + share.value
        elif one.source != ANOMALY and one.score is not None:
            strength[one.condition] = strength.get(one.condition, 0.0) + one.score
    return max(strength, key=lambda name: strength[name])
