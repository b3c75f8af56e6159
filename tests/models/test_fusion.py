import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.models.fusion import (
    DEFAULTS,
    LEAST_THRESHOLD,
    Contest,
    Form,
    Fusion,
    FusionWeights,
    Standing,
    Voices,
    logit,
)

ROUNDING = 1e-12  # the same sum in another order

share = st.floats(0, 1)
silent = st.none() | share
quiet = st.none() | st.floats(0, 0.5)
weight = st.floats(0, 5)
weights = st.builds(FusionWeights, st.floats(-10, 10), weight, weight, weight, weight, weight)
fusions = st.builds(
    lambda form, both, classifier, rule: Fusion(
        form, {"both": both, "classifier": classifier, "rule": rule}
    ),
    st.sampled_from(Form),
    weights,
    weights,
    weights,
)


def test_a_probability_is_worked_out_by_hand():
    fitted = FusionWeights(-0.5, 0.4, 0.3, anomaly=0.1, box=2.0)
    heard = Voices(0.9, 0.2, 0.8, box=0.5)
    measured = math.log(0.77 / 0.23)  # of a rule that errs on 5 % whatever it measures
    odds = -0.5 + 0.4 * math.log(9) - 0.3 * measured + 0.1 * math.log(4) - 2 * math.log(2)
    assert fitted.probability(heard) == pytest.approx(1 / (1 + math.exp(-odds)))


@given(st.tuples(share, share))
def test_a_rule_never_counts_for_more_than_its_lapses_allow_and_keeps_its_order(pair):
    low, high = (Fusion().probability("broken", Voices(None, one)) for one in sorted(pair))
    assert low <= high <= 0.95 + ROUNDING
    assert Voices(None, 0.0).terms[1] == pytest.approx(-math.log(19))
    assert Fusion().probability("broken", Voices(None, 0.999)) < Fusion().probability(
        "broken", Voices(None, 1.0)
    )


def test_what_nobody_suspects_is_worked_out_by_hand():
    fitted = FusionWeights(0.0, 1.0, 1.0)
    assert fitted.probability(Voices(0.5, 0.5)) == pytest.approx(0.5 / 11)


def test_the_stranger_of_two_that_nobody_suspects_comes_first():
    heard = Voices(0.5, 0.5, 0.9)
    odds = 0.25 * (math.log(9) - math.log(0.9999 / 0.0001))  # the strangest keeps its odds
    said = 1 / (1 + math.exp(-odds))
    assert Fusion().probability("broken", heard) == pytest.approx(said / (1 + said / 0.05))


def test_what_is_only_unusual_stands_at_the_lowest_threshold_before_that_is_heard():
    odds = math.log(0.05 / 0.95) + 0.25 * (math.log(9) - math.log(0.9999 / 0.0001))
    said = 1 / (1 + math.exp(-odds))
    value = Fusion().probability("broken", Voices(None, None, 0.9))
    assert value == pytest.approx(said / (1 + said / 0.05))
    assert Fusion().probability("broken", Voices(None, None)) is None


@given(share, quiet, quiet, share, st.floats(0, 5))
def test_what_is_unusual_suspects_nothing_by_itself(anomaly, classifier, rule, box, weight):
    usual = {key: FusionWeights(9.0, 1.0, 1.0, weight, 1.0) for key in DEFAULTS}
    value = Fusion(usual=usual).probability("broken", Voices(classifier, rule, anomaly, box))
    assert value is None or value < LEAST_THRESHOLD


@given(fusions, silent, silent, silent, st.tuples(share, share), st.integers(0, 3))
def test_no_stronger_voice_and_no_better_box_lowers_the_probability(
    fusion, classifier, rule, anomaly, pair, place
):
    said = [classifier, rule, anomaly, 0.7]
    said[place] = min(pair)
    low = fusion.probability("broken", Voices(*said))
    said[place] = max(pair)
    high = fusion.probability("broken", Voices(*said))
    assert (low is None) == (high is None)
    assert low is None or low <= high + ROUNDING


@given(fusions, silent, silent, share)
def test_a_box_only_lowers_the_probability(fusion, classifier, rule, box):
    some, certain = (
        fusion.probability("broken", Voices(classifier, rule, box=one)) for one in (box, 1.0)
    )
    assert some is None or some <= certain + ROUNDING


@given(fusions, quiet, quiet, quiet, share)
def test_what_every_source_calls_normal_is_never_raised(fusion, classifier, rule, anomaly, box):
    value = fusion.probability("broken", Voices(classifier, rule, anomaly, box))
    assert value is None or value < LEAST_THRESHOLD


@given(weights, weights, weights, share, st.floats(0.5, 1, exclude_min=True), share)
def test_a_network_never_silences_a_rule_that_measured_a_defect(
    both, classifier, rule, network, measured, box
):
    fusion = Fusion(usual={"both": both, "classifier": classifier, "rule": rule})
    alone = fusion.probability("broken", Voices(None, measured, box=box))
    assert fusion.probability("broken", Voices(network, measured, box=box)) >= alone


def test_where_rules_go_first_the_probability_is_worked_out_by_hand():
    fusion = Fusion(usual={**DEFAULTS, "rule": FusionWeights(-1.0, 0.0, 0.5)}, rules_first=0.2)
    limit = 1 / (1 + math.exp(1 + 0.5 * math.log(0.77 / 0.23)))  # of a rule that says 0.2
    assert fusion.probability("broken", Voices(0.1, 0.2)) == pytest.approx(limit)
    said = 1 / (1 + math.exp(-0.5 * (math.log(9) - math.log(0.86 / 0.14))))  # network 0.9, rule 0.1
    behind = fusion.probability("broken", Voices(0.9, 0.1))
    assert behind == pytest.approx(said / (1 + said / limit))
    assert behind < limit


@given(fusions, st.floats(0.05, 1), share, st.builds(Voices, silent, silent, silent), silent)
def test_where_rules_go_first_nobody_else_comes_before_them_or_changes_their_order(
    fusion, first, rule, other, network
):
    ranked = replace(fusion, form=Form.JOINT, rules_first=first)
    score = max(rule, first)
    measured = ranked.probability("broken", Voices(network, score, network))
    assert measured == ranked.probability("broken", Voices(None, score))
    second = ranked.probability("broken", other)
    if second is not None:
        assert second <= measured if (other.rule or 0.0) <= score else second >= measured


def test_a_member_alone_is_told_no_order():
    fusion = Fusion(rules_first=0.3)
    assert fusion.as_member(Form.JOINT) is fusion
    assert fusion.as_member(Form.CLASSIFIER).rules_first is None


def test_a_rule_that_measured_the_wire_straight_counts_against_the_network():
    network = Voices(0.92, None, box=0.42)
    straight = Voices(0.92, 0.001, box=0.42)
    assert Fusion().probability("slack", network) > 0.5 > 0.3
    assert Fusion().probability("slack", straight) < 0.3


def test_the_strongest_condition_is_the_part_and_doubts_are_not_added_up():
    doubts = {name: Voices(0.4, None) for name in ("broken", "slack", "missing", "clamp_off")}
    condition, value = Fusion().strongest({**doubts, "strand_broken": Voices(0.45, None)})
    assert condition == "strand_broken"
    assert value < LEAST_THRESHOLD
    assert Fusion().strongest({}) is None
    assert Fusion().strongest({"broken": Voices(None, None)}) is None


def test_a_condition_with_weights_of_its_own_uses_them():
    own = {"rule": FusionWeights(-2.0, 0.0, 1.0)}
    fusion = Fusion(conditions={"slack": own})
    assert fusion.probability("slack", Voices(None, 0.9)) == pytest.approx(
        1 / (1 + math.exp(2 - logit(0.86)))
    )
    assert fusion.probability("broken", Voices(None, 0.9)) == pytest.approx(0.86)


def test_where_the_network_found_more_alone_the_rule_is_heard_only_without_it():
    fusion = Fusion(Form.CLASSIFIER)
    assert fusion.probability("broken", Voices(0.7, 0.99)) == pytest.approx(0.7)
    assert fusion.probability("broken", Voices(None, 0.99)) == pytest.approx(0.941)


def test_a_source_that_was_never_fitted_speaks_for_itself():
    assert Fusion().usual == DEFAULTS
    assert Fusion().probability("broken", Voices(0.8, None, box=1.0)) == pytest.approx(0.8)
    assert Fusion().probability("broken", Voices(None, 0.8, box=1.0)) == pytest.approx(0.77)


@pytest.mark.parametrize(
    ("joint", "classifier", "best"),
    [((5, 6), (5, 6), Form.JOINT), ((5, 6), (6, 6), Form.CLASSIFIER), ((6, 6), (7, 4), Form.JOINT)],
)
def test_the_form_that_finds_most_is_used_and_the_joint_one_where_others_equal_it(
    joint, classifier, best
):
    standings = {
        Form.CLASSIFIER: Standing(classifier, 0.5),
        Form.JOINT: Standing(joint, 0.5),
        Form.RULE: Standing((0, 0), 0.0),
    }
    assert Contest((0.1, 1.0), 9, 5, standings).best is best


def test_in_an_unfamiliar_picture_no_network_silences_a_rule():
    free = Fusion(is_bound=False)
    near, far = Voices(0.01, 0.8), Voices(0.01, 0.8, is_unfamiliar=True)
    joint = 1 / (1 + math.sqrt(99 * 0.23 / 0.77))
    assert free.probability("broken", near) == pytest.approx(joint)
    assert free.probability("broken", far) == pytest.approx(0.77)
    assert Fusion().probability("broken", near) == pytest.approx(0.77)


def test_in_an_unfamiliar_picture_a_network_can_still_add_to_what_a_rule_measured():
    quiet, loud = (
        Fusion().probability("broken", Voices(said, 0.4, is_unfamiliar=True)) for said in (0.2, 0.9)
    )
    assert quiet < LEAST_THRESHOLD < loud


def test_in_an_unfamiliar_picture_a_network_raises_nothing_that_a_rule_measured_sound():
    near, far = (Voices(0.9, 0.02, is_unfamiliar=one) for one in (False, True))
    assert Fusion().probability("broken", far) < LEAST_THRESHOLD
    assert Fusion().probability("broken", near) > LEAST_THRESHOLD


@given(fusions, st.tuples(share, share), share)
def test_in_an_unfamiliar_picture_no_network_falls_below_the_order_of_the_rules(
    fusion, pair, network
):
    joint = replace(fusion, form=Form.JOINT)
    low, high = sorted(pair)
    alone = joint.probability("broken", Voices(None, low))
    heard = joint.probability("broken", Voices(network, high, is_unfamiliar=True))
    assert heard >= alone - ROUNDING


@given(fusions, st.tuples(share, share), silent, st.booleans(), st.booleans())
def test_no_stronger_rule_lowers_the_probability_whether_or_not_it_is_bound(
    fusion, pair, network, is_bound, is_unfamiliar
):
    low, high = (
        replace(fusion, is_bound=is_bound).probability(
            "broken", Voices(network, rule, 0.7, 0.9, is_unfamiliar)
        )
        for rule in sorted(pair)
    )
    assert low <= high
