"""How the opinions on one condition of a part become one probability: the formula and its weights.

Method: logistic regression on the log-odds of the sources (Platt 1999 for one source), a
separate fit for each set of sources that could judge, so that a silent source neither helps
nor harms. What a rule says is bounded by the share of parts on which it errs whatever it measures,
as lapses bound a psychometric function (Wichmann and Hill, Perception & Psychophysics 63 (2001)
1293-1313): one part that it misjudges must not cost it all its weight. A reviewer can work it out
by hand from the card; no torch here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from pydantic import ConfigDict

from catenary.models.familiar import Familiar

# A part that the sources, all in all, do not suspect stays below it; no threshold is lower.
LEAST_THRESHOLD = 0.05
# Weight of the anomaly score among parts that nobody suspects, where no defect taught another: it
# only puts them in order. Chosen on training masts of catenary bench scarce (docs/scarce.md).
ORDERING = 0.25
_LEAST_RULE = 0.05  # weight of a rule that goes first, so that its order is kept
_EDGE = 1e-4  # scores nearer to 0 or 1 than this say no more than this
# Share of parts that a rule is taken to misjudge whatever it measures. A score of 0.000 means far
# below the limit, not one defect in ten thousand: a bow towards the camera is straight in the
# picture. Chosen on calibration masts and on training masts of catenary bench scarce, where 0.02 to
# 0.2 do alike (docs/scarce.md).
_LAPSE = 0.05
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


class Form(StrEnum):
    """Who is heard where classifier and rule could both judge; elsewhere whoever could is."""

    JOINT = "joint"
    CLASSIFIER = "classifier"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Voices:
    """What the sources say of one condition; 0.5 speaks neither way.

    Attributes:
        classifier: In [0, 1]; None where it could not judge.
        rule: Strongest score in [0, 1] of the rules that judge this condition, or None.
        anomaly: Share of normal parts in [0, 1] that are less strange, or None.
        box: Probability in [0, 1] that the box holds a part of its kind.
        is_unfamiliar: Whether the picture is unlike all that the fusion was fitted on.
    """

    classifier: float | None
    rule: float | None
    anomaly: float | None = None
    box: float = 1.0
    is_unfamiliar: bool = False

    @property
    def key(self) -> str:
        """Name of the set of sources that judged; empty when none did."""
        if self.classifier is None:
            return "rule" if self.rule is not None else ""
        return "both" if self.rule is not None else "classifier"

    def alone(self, form: Form) -> "Voices":
        """Return these voices with only one judge heard; all of them for the joint form."""
        if form is Form.JOINT:
            return self
        if form is Form.CLASSIFIER:
            return replace(self, rule=None)
        return replace(self, classifier=None)

    @property
    def terms(self) -> tuple[float, float, float, float]:
        """What the weights of classifier, rule, anomaly and box are multiplied with."""
        measured = None if self.rule is None else _LAPSE + (1 - 2 * _LAPSE) * self.rule
        said = (self.classifier, measured, self.anomaly)
        classifier, rule, anomaly = (0.0 if score is None else logit(score) for score in said)
        return classifier, rule, anomaly, math.log(max(self.box, _EDGE))


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Weights for one set of sources; none but the intercept is negative.

    Attributes:
        intercept: Log-odds of a defect when every source says 0.5 and the box is certain.
        classifier: Weight of the classifier's log-odds; 0 where it is not a source.
        rule: Weight of the rule's log-odds; 0 where it is not a source.
        anomaly: Weight of the log-odds of the anomaly score.
        box: The odds are multiplied to this power by the probability that there is a part, so a
            box can only lower them: where there is none, rule and classifier look at something
            else and often call it damaged.
        ordering: Least weight of the anomaly score among parts that neither classifier nor rule
            suspects.
    """

    __pydantic_config__ = _STRICT
    intercept: float
    classifier: float
    rule: float
    anomaly: float = 0.0
    box: float = 0.0
    ordering: float = 0.0

    def probability(self, heard: Voices) -> float:
        """Return the probability of the condition in (0, 1).

        Where neither classifier nor rule suspects it (is above 0.5 and has a weight), it is below
        every threshold, see `unsuspected`: what is only unusual is no sign of this condition. In
        an unfamiliar picture both together must suspect it: there a network outweighs no rule that
        measured the part sound.
        """
        classifier, rule, anomaly, box = heard.terms
        judged = (self.classifier * classifier, self.rule * rule)
        odds = self.intercept + sum(judged) + self.anomaly * anomaly + self.box * box
        if (sum(judged) if heard.is_unfamiliar else max(judged)) > 0:
            return _share(odds)
        return unsuspected(odds, heard.anomaly, max(self.ordering - self.anomaly, 0.0))

    def measured(self, rule: float, box: float) -> float:
        """Return the probability in (0, 1) that a rule's score alone gives, rising with it."""
        heard = Voices(None, rule, None, box).terms
        return _share(self.intercept + max(self.rule, _LEAST_RULE) * heard[1] + self.box * heard[3])


def unsuspected(odds: float, anomaly: float | None, weight: float) -> float:
    """Return a probability below every threshold, that keeps parts in order.

    It is p / (1 + p / 0.05), where p is lowered the less the stranger the part is: nobody else
    tells these parts apart.

    Args:
        odds: Log-odds of what else is known.
        anomaly: Share of normal parts that are less strange, or None.
        weight: Of its log-odds, at least 0; the strangest part of all keeps its odds.
    """
    if anomaly is not None:
        odds += weight * (logit(anomaly) - logit(1.0))
    said = _share(odds)
    return said / (1 + said / LEAST_THRESHOLD)


@dataclass(frozen=True, slots=True)
class PartOdds:
    """How a detector's score of a box tells whether there is a part: log-odds, a straight line.

    Method: Platt 1999. A score that no box on nothing reaches makes sure of a part, however far
    below 1 it is.

    Attributes:
        intercept: Log-odds of a part where the score is 0.5.
        slope: Weight of the score's log-odds, at least 0.
    """

    __pydantic_config__ = _STRICT
    intercept: float
    slope: float

    def probability(self, score: float) -> float:
        """Return the probability in (0, 1) of a part in a box with a score in [0, 1].

        >>> round(PartOdds(2.0, 2.0).probability(0.5), 3)
        0.881
        """
        return _share(self.intercept + self.slope * logit(score))


# Where nothing could be fitted: a source alone speaks for itself, two count half each.
DEFAULTS: Mapping[str, FusionWeights] = MappingProxyType(
    {
        "both": FusionWeights(0.0, 0.5, 0.5, box=1.0, ordering=ORDERING),
        "classifier": FusionWeights(0.0, 1.0, 0.0, box=1.0, ordering=ORDERING),
        "rule": FusionWeights(0.0, 0.0, 1.0, box=1.0, ordering=ORDERING),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one did on masts whose weights were fitted without them.

    Attributes:
        found: Physical defects found at each alarm budget of the contest.
        area: Mean share found at 0 to 1 false findings a photograph, in [0, 1].
    """

    __pydantic_config__ = _STRICT
    found: tuple[int, ...]
    area: float


@dataclass(frozen=True, slots=True)
class Contest:
    """The joint form against each of its members alone, on the calibration photographs.

    Attributes:
        budgets: False findings of the component a photograph.
        defects: Physical defects there are.
        masts: Masts they were looked for on; below 2 the weights had seen them.
        standings: By form.
    """

    __pydantic_config__ = _STRICT
    budgets: tuple[float, ...]
    defects: int
    masts: int
    standings: Mapping[Form, Standing]

    @property
    def best(self) -> Form:
        """The form that finds most at all budgets together; the joint one where others equal it."""
        order = [one for one in Form if one in self.standings]
        return max(order, key=lambda one: sum(self.standings[one].found), default=Form.JOINT)


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the sources of one component are joined.

    Attributes:
        form: Who is heard where classifier and rule could both judge.
        usual: Weights by set of sources (``both``, ``classifier``, ``rule``), of all conditions
            that have none of their own.
        conditions: Condition id to its own weights, of those with defects to fit them on.
        contest: What the form was chosen by; None where nothing was calibrated.
        rules_first: Rule score from which a part comes before all that are not measured so, in
            the order of the rules, whoever else says what; None where the rules have no such
            precedence. Below 0.5 it takes the place of the rules' own limits.
        is_bound: Whether what a rule measured as a defect is never less probable than this rule
            alone says. In a picture unlike all that it was fitted on it is so anyway.
        part: How sure a box's score makes of a part; None where its score is taken for that.
        familiar: Pictures that it was fitted on; None where that is not known.
    """

    __pydantic_config__ = _STRICT
    form: Form = Form.JOINT
    usual: Mapping[str, FusionWeights] = field(default_factory=lambda: dict(DEFAULTS))
    conditions: Mapping[str, Mapping[str, FusionWeights]] = field(default_factory=dict)
    contest: Contest | None = None
    rules_first: float | None = None
    is_bound: bool = True
    part: PartOdds | None = None
    familiar: Familiar | None = None

    def is_part(self, score: float) -> float:
        """Return the probability in [0, 1] that a box with a detector score holds a part."""
        return score if self.part is None else self.part.probability(score)

    def as_member(self, form: Form) -> "Fusion":
        """Return it as it is in a contest, where the voices of a member are heard alone."""
        return self if form is Form.JOINT else replace(self, rules_first=None)

    def probability(self, condition: str, heard: Voices) -> float | None:
        """Return the calibrated probability of a condition in (0, 1); None when nobody could judge.

        A part that nobody could judge, but whose anomaly score is known, has one below every
        threshold, as if it stood at the lowest one before the score was heard.

        In a picture unlike those that it was fitted on, it is not below what a rule alone would
        say: there a network calls nearly everything normal, and must not silence it. In other
        pictures it is so where `is_bound` says so and the rule measured a defect. Thresholds are
        chosen on this value, so the budget holds.

        Where the rules go first, what they measured has the probability that they alone give, and
        p of all else becomes p / (1 + p / q), q being that of a rule just there, of such a box.
        """
        weights = self.conditions.get(condition, self.usual)
        first, measured = self.rules_first, weights["rule"].measured
        if first is None or self.form is not Form.JOINT:
            return self._joined(weights, heard)
        if heard.rule is not None and heard.rule >= first:
            return measured(heard.rule, heard.box)
        value = self._joined(weights, heard)
        return None if value is None else value / (1 + value / measured(first, heard.box))

    def _joined(self, weights: Mapping[str, FusionWeights], heard: Voices) -> float | None:
        if not heard.key:
            if heard.anomaly is None:
                return None
            return unsuspected(logit(LEAST_THRESHOLD) + heard.terms[-1], heard.anomaly, ORDERING)
        if heard.key == "both":
            heard = heard.alone(self.form)
        value = weights[heard.key].probability(heard)
        if heard.key != "both" or heard.rule is None:
            return value
        if heard.is_unfamiliar or (self.is_bound and heard.rule > 0.5):
            return max(value, weights["rule"].probability(heard.alone(Form.RULE)))
        return value

    def strongest(self, said: Mapping[str, Voices]) -> tuple[str, float] | None:
        """Return the most probable condition of a part and its probability; None without any.

        The part is as suspect as that condition. Conditions are not added up: their opinions come
        from the same sources and the same pixels, and five doubts are no defect.
        """
        judged = ((name, self.probability(name, heard)) for name, heard in said.items())
        known = [(name, value) for name, value in judged if value is not None]
        return max(known, key=lambda one: one[1], default=None)


def _share(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def logit(score: float) -> float:
    """Return the log-odds of a score in [0, 1], bounded to about ±9.2."""
    bounded = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(bounded / (1 - bounded))
