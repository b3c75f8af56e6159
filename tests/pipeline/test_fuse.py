import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.models.bundle import FusionWeights
from catenary.models.detections import ConditionScores, Strangeness
from catenary.pipeline.fuse import Voices, anomaly_evidence, classifier_evidence, fuse, probability

WEIGHTS = {
    "both": FusionWeights(-1.0, 0.6, 0.5),
    "classifier": FusionWeights(0.0, 1.0, 0.0),
    "rule": FusionWeights(0.0, 0.0, 1.0),
}
share = st.floats(0, 1)


def rule(score: float | None, reason: str = "") -> Evidence:
    if score is None:
        return Evidence("dropper_continuity/1", "broken", Verdict.CANNOT_JUDGE, None, reason=reason)
    verdict = Verdict.DEFECT if score > 0.5 else Verdict.NORMAL
    return Evidence("dropper_continuity/1", "broken", verdict, score)


def classifier(broken: float, slack: float = 0.0) -> Evidence:
    scores = ConditionScores(("normal", "broken", "slack"), (1 - broken - slack, broken, slack))
    return classifier_evidence(scores)


@given(low=share, high=share, other=share)
def test_a_stronger_voice_never_lowers_the_probability(low, high, other):
    low, high = sorted((low, high))
    assert probability(WEIGHTS, Voices(low, other)) <= probability(WEIGHTS, Voices(high, other))
    assert probability(WEIGHTS, Voices(other, low)) <= probability(WEIGHTS, Voices(other, high))


@given(low=share, high=share, rule=share)
def test_a_better_box_never_lowers_the_probability(low, high, rule):
    low, high = sorted((low, high))
    weights = {"rule": FusionWeights(0.0, 0.0, 1.0, location=0.7)}
    assert probability(weights, Voices(None, rule, low)) <= probability(
        weights, Voices(None, rule, high)
    )


def test_what_a_rule_sees_where_hardly_a_part_is_counts_less():
    weights = {"rule": FusionWeights(0.0, 0.0, 1.0, location=1.0)}
    assert fuse([rule(0.7)], 0.1, weights, 0.5).verdict is Verdict.NORMAL
    assert fuse([rule(0.7)], 0.6, weights, 0.5).verdict is Verdict.DEFECT


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_network_never_silences_a_rule(network, rule, location):
    alone = probability(WEIGHTS, Voices(None, rule, location))
    assert alone is not None
    assert probability(WEIGHTS, Voices(network, rule, location)) >= alone


def test_two_sources_that_agree_raise_a_break():
    fused = fuse([rule(0.9), classifier(0.9)], 0.5, WEIGHTS, 0.5)
    assert (fused.verdict, fused.condition) == (Verdict.DEFECT, "broken")


def test_the_strongest_voice_names_the_condition():
    assert fuse([rule(0.1), classifier(0.05, slack=0.94)], 0.5, {}, 0.5).condition == "slack"


def test_a_healthy_dropper_is_normal():
    fused = fuse([rule(0.05), classifier(0.05)], 0.5, WEIGHTS, 0.5)
    assert (fused.verdict, fused.condition) == (Verdict.NORMAL, "normal")


def test_a_blurred_part_is_not_healthy_because_the_classifier_says_so():
    fused = fuse([rule(None, "blurred"), classifier(0.05)], 0.5, WEIGHTS, 0.5)
    assert (fused.verdict, fused.reason) == (Verdict.CANNOT_JUDGE, "blurred")
    assert fused.probability == pytest.approx(0.05)


def test_a_blurred_part_that_the_classifier_calls_broken_is_raised():
    fused = fuse([rule(None, "blurred"), classifier(0.9)], 0.5, WEIGHTS, 0.5)
    assert fused.verdict is Verdict.DEFECT


def test_without_any_voice_nothing_is_claimed():
    fused = fuse([rule(None, "too small")], 0.5, WEIGHTS, 0.5)
    assert (fused.verdict, fused.probability) == (Verdict.CANNOT_JUDGE, None)


def test_a_part_too_small_for_all_sources_says_so():
    fused = fuse([], 0.5, WEIGHTS, 0.5)
    assert (fused.verdict, fused.reason) == (Verdict.CANNOT_JUDGE, Unjudged.NO_SOURCE)


def test_sources_that_were_never_fitted_speak_for_themselves():
    assert probability({}, Voices(0.3, 0.8)) == 0.8


def anomaly(score: float):
    patches = np.ones((1, 1), np.float32)
    return anomaly_evidence(Strangeness(score, 3 * score, 2.0, patches, Box(0, 0, 8, 8)))


@given(said=share, ruled=st.none() | share, score=share, threshold=share)
def test_what_is_unusual_has_no_voice_yet(said, ruled, score, threshold):
    heard = (rule(ruled, "" if ruled is not None else "too small"), classifier(said))
    alone, beside = (
        fuse(evidence, 0.7, WEIGHTS, threshold) for evidence in (heard, (*heard, anomaly(score)))
    )
    assert beside == alone


@given(score=share)
def test_a_part_that_only_the_scorer_knows_is_never_raised_nor_cleared(score):
    fused = fuse((anomaly(score),), 0.9, WEIGHTS, threshold=0.0)
    assert (fused.verdict, fused.condition) == (Verdict.CANNOT_JUDGE, "unusual")
    assert fused.reason == Unjudged.UNKNOWN_KIND
    assert fused.probability is None
