from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.refusal import Unjudged
from catenary.models.detections import ConditionScores, Strangeness
from catenary.models.familiar import Familiar
from catenary.models.fusion import LEAST_THRESHOLD, Fusion, FusionWeights, PartOdds, Voices
from catenary.pipeline.fuse import (
    anomaly_evidence,
    as_heard,
    classifier_evidence,
    fuse,
    voices,
)

FITTED = Fusion(
    usual={
        "both": FusionWeights(-0.1, 0.2, 0.2, box=2.0),
        "classifier": FusionWeights(-0.2, 0.25, 0.0, box=2.0),
        "rule": FusionWeights(-0.5, 0.0, 0.25, box=1.75),
    }
)
share = st.floats(0, 1)


def rule(score: float | None, reason: str = "", condition: str = "broken") -> Evidence:
    if score is None:
        return Evidence("some_rule/1", condition, Verdict.CANNOT_JUDGE, None, reason=reason)
    verdict = Verdict.DEFECT if score > 0.5 else Verdict.NORMAL
    return Evidence("some_rule/1", condition, verdict, score)


def classifier(broken: float, slack: float = 0.0) -> Evidence:
    scores = ConditionScores(("normal", "broken", "slack"), (1 - broken - slack, broken, slack))
    return classifier_evidence(scores)


def anomaly(score: float) -> Evidence:
    patches = np.ones((1, 1), np.float32)
    return anomaly_evidence(Strangeness(score, 3 * score, 2.0, patches, Box(0, 0, 8, 8)))


def test_each_condition_is_heard_by_itself():
    heard = voices(
        [rule(0.9), rule(0.3), rule(0.1, condition="slack"), classifier(0.2, 0.5), anomaly(0.8)],
        0.6,
    )
    assert heard["slack"] == Voices(pytest.approx(0.7), 0.1, 0.8, 0.6)  # named: of any defect
    assert heard["broken"] == Voices(pytest.approx(0.2), 0.9, 0.8, 0.6)  # the strongest rule


def test_a_condition_that_only_a_rule_knows_is_heard():
    assert voices([rule(0.9, condition="bent"), classifier(0.2)], 1.0)["bent"].classifier is None


def test_two_sources_that_agree_raise_a_break():
    fused = fuse([rule(0.9), classifier(0.9)], 0.9, FITTED, 0.3)
    assert (fused.verdict, fused.condition) == (Verdict.DEFECT, "broken")


def test_the_strongest_condition_is_named():
    fused = fuse([rule(0.1), classifier(0.05, slack=0.94)], 0.9, Fusion(), 0.5)
    assert (fused.verdict, fused.condition) == (Verdict.DEFECT, "slack")


def test_a_healthy_dropper_is_normal():
    fused = fuse([rule(0.05), classifier(0.05)], 0.9, FITTED, 0.5)
    assert (fused.verdict, fused.condition) == (Verdict.NORMAL, "normal")


@given(st.floats(0, 0.5), st.floats(0, 0.5), share)
def test_a_part_that_all_call_normal_is_never_raised_on_its_box(ruled, said, box):
    fused = fuse([rule(ruled), classifier(said)], box, FITTED, LEAST_THRESHOLD)
    assert fused.verdict is Verdict.NORMAL


def test_a_slack_dropper_of_the_network_is_not_raised_where_the_rule_measured_it_straight():
    said, threshold = classifier(0.004, slack=0.99), 0.35
    alone = fuse([rule(None, "too_short", "slack"), said], 0.6, FITTED, threshold)
    assert (alone.verdict, alone.condition) == (Verdict.DEFECT, "slack")
    measured = fuse([rule(0.001, condition="slack"), said], 0.6, FITTED, threshold)
    assert measured.verdict is Verdict.NORMAL
    assert measured.probability < alone.probability


@pytest.mark.parametrize("side", ["cut_off", "cut_off_bottom", "cut_off_left"])
def test_of_a_part_that_leaves_the_picture_no_network_tells_what_only_the_whole_shows(side):
    slack, broken = classifier(0.004, slack=0.99), classifier(0.99, slack=0.004)
    refusals = [rule(None, side), rule(None, side, "slack")]
    bow = fuse([*refusals, slack], 1.0, FITTED, 0.3)
    assert (bow.verdict, bow.reason) == (Verdict.CANNOT_JUDGE, side)
    assert bow.probability < LEAST_THRESHOLD
    assert fuse([*refusals, broken], 1.0, FITTED, 0.3).condition == "broken"


def test_what_a_rule_measured_on_a_part_that_leaves_the_picture_is_heard():
    measured = [rule(None, "cut_off_top"), rule(0.9, condition="slack")]
    heard = voices([*measured, classifier(0.0, slack=0.9)], 1.0)
    assert heard["slack"] == Voices(None, 0.9)


def test_a_rule_on_another_condition_does_not_speak_against_the_network():
    said = classifier(0.004, slack=0.99)
    with_rule, alone = (
        fuse(own, 0.6, FITTED, 0.3).probability for own in ([rule(0.001), said], [said])
    )
    assert with_rule == alone


def test_what_a_rule_sees_where_hardly_a_part_is_counts_less():
    assert fuse([rule(0.9)], 0.2, FITTED, 0.3).verdict is Verdict.NORMAL
    assert fuse([rule(0.9)], 0.9, FITTED, 0.3).verdict is Verdict.DEFECT


def test_a_blurred_part_is_not_healthy_because_the_classifier_says_so():
    fused = fuse([rule(None, "blurred"), classifier(0.05)], 0.9, FITTED, 0.5)
    assert (fused.verdict, fused.reason) == (Verdict.CANNOT_JUDGE, "blurred")
    assert fused.probability < LEAST_THRESHOLD


def test_a_blurred_part_that_the_classifier_calls_broken_is_raised():
    fused = fuse([rule(None, "blurred"), classifier(0.97)], 0.9, FITTED, 0.5)
    assert fused.verdict is Verdict.DEFECT


def test_of_conditions_that_no_rule_could_judge_the_suspected_one_is_named():
    refusals = [rule(None, "faint_wire"), rule(None, "faint_wire", "slack")]
    fused = fuse([*refusals, classifier(0.0, slack=0.9)], 0.2, FITTED, 0.5)
    assert (fused.verdict, fused.condition) == (Verdict.CANNOT_JUDGE, "slack")
    assert fuse(refusals, 0.2, FITTED, 0.5).condition == "broken"


def test_without_any_voice_nothing_is_claimed():
    fused = fuse([rule(None, "too small")], 0.5, FITTED, 0.5)
    assert (fused.verdict, fused.probability) == (Verdict.CANNOT_JUDGE, None)


def test_a_part_too_small_for_all_sources_says_so():
    fused = fuse([], 0.5, FITTED, 0.5)
    assert (fused.verdict, fused.reason) == (Verdict.CANNOT_JUDGE, Unjudged.NO_SOURCE)


@given(said=share, ruled=st.none() | share, score=share, threshold=share)
def test_what_is_unusual_changes_no_verdict_without_a_weight(said, ruled, score, threshold):
    heard = (rule(ruled, "" if ruled is not None else "too small"), classifier(said))
    alone, beside = (
        fuse(evidence, 0.7, FITTED, threshold) for evidence in (heard, (*heard, anomaly(score)))
    )
    assert replace(beside, probability=None) == replace(alone, probability=None)
    if alone.probability >= LEAST_THRESHOLD:
        assert beside == alone


@given(score=share, threshold=share)
def test_of_parts_that_no_judge_could_judge_the_stranger_comes_first(score, threshold):
    refused = rule(None, "cut_off", "slack")
    usual, strange = (
        fuse((refused, anomaly(one)), 0.9, FITTED, threshold) for one in (score / 2, score)
    )
    assert (strange.verdict, strange.condition) == (Verdict.CANNOT_JUDGE, "slack")
    assert strange.reason == "cut_off"
    assert usual.probability <= strange.probability < LEAST_THRESHOLD


@given(score=share)
def test_a_part_that_only_the_scorer_knows_is_never_raised_nor_cleared(score):
    fused = fuse((anomaly(score),), 0.9, FITTED, threshold=0.0)
    assert (fused.verdict, fused.condition) == (Verdict.CANNOT_JUDGE, "unusual")
    assert fused.reason == Unjudged.UNKNOWN_KIND
    assert fused.probability is None


NIGHT = Familiar(usual=(40.0,), spread=(10.0,), seen=((0.0,), (1.0,)), limit=1.5)


def test_of_an_unfamiliar_picture_the_network_is_heard_only_of_what_a_rule_measured():
    ruled, said = [rule(0.1)], classifier(0.2, slack=0.7)
    told = as_heard(said, ruled, NIGHT, NIGHT.distance((150.0,)))
    assert (told.condition, told.score, told.verdict) == ("broken", 0.2, Verdict.NORMAL)
    assert [(one.name, one.value, one.limit) for one in told.measurements] == [
        ("broken", 0.2, None),
        ("unlikeness", 10.0, 1.5),
    ]
    assert voices([*ruled, told], 1.0) == {"broken": Voices(0.2, 0.1, is_unfamiliar=True)}
    assert fuse([*ruled, told], 1.0, FITTED, 0.3).verdict is Verdict.NORMAL
    assert fuse([*ruled, said], 1.0, FITTED, 0.3).verdict is Verdict.DEFECT  # slack, by itself


def test_a_network_that_names_what_a_rule_measured_keeps_how_sure_it_is_of_any_defect():
    told = as_heard(classifier(0.6, slack=0.3), [rule(0.1)], NIGHT, 99.0)
    assert voices([rule(0.1), told], 1.0)["broken"].classifier == pytest.approx(0.9)


def test_a_network_that_knows_nothing_of_what_was_measured_refuses():
    told = as_heard(classifier(0.9), [rule(0.1, condition="bent")], NIGHT, 99.0)
    assert (told.score, told.reason) == (None, Unjudged.UNFAMILIAR)
    heard = voices([rule(0.1, condition="bent"), told], 1.0)
    assert heard == {"bent": Voices(None, 0.1, is_unfamiliar=True)}


def test_the_network_is_heard_of_familiar_pictures_and_where_no_rule_could_judge():
    said = classifier(0.1, slack=0.7)
    assert as_heard(said, [rule(0.1)], NIGHT, NIGHT.distance((64.9,))) is said
    assert as_heard(said, [rule(None, "blurred")], NIGHT, 99.0) is said
    assert as_heard(said, [], NIGHT, 99.0) is said


@given(share, share, share)
def test_a_box_that_no_box_on_nothing_reaches_takes_nothing_from_the_odds(score, ruled, said):
    sure = replace(FITTED, part=PartOdds(60.0, 1.0))
    certain = fuse([rule(ruled), classifier(said)], 1.0, FITTED, 0.3)
    assert fuse([rule(ruled), classifier(said)], score, sure, 0.3).probability == pytest.approx(
        certain.probability, abs=1e-6
    )
