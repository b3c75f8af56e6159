from dataclasses import replace

import pytest

from catenary.domain.finding import NORMAL
from catenary.evaluation.calibration import Sample
from catenary.evaluation.precedence import Order, chosen, found
from catenary.models.fusion import Fusion, Voices


def samples(rows: list[tuple[float | None, float | None, bool]]) -> list[Sample]:
    """Return insulators: what network and rule say of a missing shed, and whether one is."""
    return [
        Sample(
            "insulator",
            f"mast {number}",
            {"shed_missing": Voices(network, rule)},
            "shed_missing" if is_defect else NORMAL,
        )
        for number, (network, rule, is_defect) in enumerate(rows)
    ]


def order(rows: list[tuple[float | None, float | None, bool]]) -> Order:
    return chosen(samples(rows), [Fusion()] * len(rows), photographs=len(rows))


def first(rows: list[tuple[float | None, float | None, bool]]) -> float | None:
    return order(rows).rules_first


def ranked(rows: list[tuple[float | None, float | None, bool]], score: float | None) -> list[bool]:
    """Return which parts are defects, the most suspect first."""
    fusion = Fusion(rules_first=score)
    said = [fusion.strongest(one.said) for one in samples(rows)]
    order = sorted(range(len(rows)), key=lambda at: -(said[at] or ("", 0.0))[1])
    return [rows[at][2] for at in order]


# A rule tells the defects well, a little below its limit too; the network calls all else damaged.
LOUD = [(0.1, 0.9, True), (0.1, 0.45, True), (0.2, 0.4, True), *[(0.97, 0.3, False)] * 20]
# A network tells the defects, which the rule measures as sound as the rest.
SURE = [*[(0.95, 0.2, True)] * 3, *[(0.1, 0.3, False)] * 10, *[(0.1, 0.6, False)] * 10]


def test_rules_go_first_where_a_network_that_knows_nothing_takes_their_places():
    score = first(LOUD)
    assert score == pytest.approx(0.3)
    assert ranked(LOUD, None)[:3] != [True] * 3
    assert ranked([*LOUD[:3], (0.97, 0.2, False)], 0.3)[:3] == [True] * 3


def test_the_joint_form_is_left_alone_where_the_network_finds_more():
    assert first(SURE) is None
    assert ranked(SURE, None)[:3] == [True] * 3


def test_what_is_found_at_the_budget_in_use_counts_as_much_as_all_up_to_a_half():
    # Joined, five defects stand before all normal parts, which a rule suspects too; with the rules
    # first these come before them, but so do more of the defects before the rest.
    rows = [
        *[(0.99, 0.31, True)] * 5,
        *[(0.05, 0.31, True)] * 3,
        *[(0.1, 0.4, False)] * 2,
        *[(0.3, 0.2, False)] * 28,
    ]
    parts, fusions = samples(rows), [Fusion()] * len(rows)

    def judged(order: Order, in_use: float | None) -> float:
        return found(parts, fusions, order, len(rows), in_use)

    joined, first = Order(), Order(rules_first=0.3)
    assert judged(joined, 0.02) == pytest.approx((judged(joined, None) + 5 / 8) / 2)
    assert judged(first, 0.02) == pytest.approx(judged(first, None) / 2)  # none without an alarm
    assert judged(first, None) > judged(joined, None)
    assert judged(first, 0.02) < judged(joined, 0.02)
    assert chosen(parts, fusions, len(rows), 0.02).rules_first is None


def test_parts_that_no_rule_could_judge_come_after_those_that_one_measured():
    rows = [*[(0.99, None, False)] * 10, *[(0.3, 0.4, True)] * 2, *[(0.3, 0.35, False)] * 10]
    score = first(rows)
    assert score == pytest.approx(0.35)
    assert ranked(rows, score)[:2] == [True, True]


@pytest.mark.parametrize("rows", [[], LOUD[:3]])
def test_without_normal_parts_there_is_nothing_to_tell_by(rows):
    assert first(rows) is None


def test_before_there_is_a_defect_the_rules_keep_what_they_raise_at_the_smallest_budget():
    sound = [(0.9, 0.02 * number, False) for number in range(30)]
    assert first(sound) == pytest.approx(0.02 * (29 - 3))  # 3 of 30 photographs
    assert first([(0.9, 0.04, False)] * 30) is None  # the rules measure nothing


def test_of_scores_that_find_as_much_the_highest_is_taken():
    sound = [0.1 + 0.01 * number for number in range(20)]
    rows = [*[(None, 0.9, True)] * 120, *[(None, rule, False) for rule in sound]]
    second = int(0.1 * 140)  # false findings of the rules alone at the first of the places
    assert first(rows) == pytest.approx(sorted(sound, reverse=True)[second])


@pytest.mark.parametrize(("network", "is_first"), [(0.95, False), (0.2, True)])
def test_a_network_earns_its_place_by_defects_that_the_rules_measure_as_sound(network, is_first):
    rows = [*[(0.6, 0.9, True)] * 180, *[(network, 0.2, True)] * 20, *[(0.3, 0.3, False)] * 20]
    assert (first(rows) is not None) is is_first


@pytest.mark.parametrize(("count", "is_first"), [(150, False), (250, True)])
def test_what_finds_a_hundredth_more_at_most_is_not_told_from_chance(count, is_first):
    # 1 / 150 found and one known before: 2 / 150 is more than a hundredth, 2 / 250 is not.
    rows = [*[(0.6, 0.9, True)] * (count - 1), (0.95, 0.2, True), *[(0.3, 0.3, False)] * 20]
    assert (first(rows) is not None) is is_first


def test_of_many_defects_of_which_both_find_as_much_the_order_of_the_rules_is_taken():
    rows = [*[(None, 0.9, True)] * 120, *[(None, 0.3, False)] * 20]
    assert first(rows) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("network", "behind", "is_first"),
    [
        (0.95, 8, False),  # less than a defect, and the network tells the others
        (0.95, 14, True),  # a whole one: never found with half a false finding a photograph
        (0.5, 8, True),  # 8 of 20 normal parts are as suspect to the network: chance
    ],
)
def test_of_few_defects_rules_first_has_to_find_one_more_where_the_network_tells_them(
    network, behind, is_first
):
    # The rule alone sets the last defect apart; joined, so many normal parts come before it.
    loud = [*[(0.9, 0.1, False)] * behind, *[(0.01, 0.1, False)] * (20 - behind)]
    rows = [*[(network, 0.9, True)] * 5, (0.02, 0.4, True), *loud]
    assert (first(rows) is not None) is is_first


# The rule takes sound parts for damaged ones, which the network knows better.
SHADOWS = [*[(0.6, 0.7, True)] * 5, *[(0.02, 0.9, False)] * 10, *[(0.02, 0.1, False)] * 10]


def test_a_network_may_speak_against_a_rule_where_that_finds_more_on_masts_left_out():
    assert order(SHADOWS) == Order(None, is_bound=False)
    free = Order(None, is_bound=False).given_to(Fusion())
    said = [free.strongest(one.said) for one in samples(SHADOWS)]
    assert min(value for _, value in said[:5]) > max(value for _, value in said[5:])


def test_where_it_finds_no_more_it_may_not():
    assert order([*[(0.95, 0.2, True)] * 3, *[(0.1, 0.3, False)] * 20]) == Order()


def test_defects_that_were_drawn_do_not_count():
    drawn = [replace(one, is_drawn=True) for one in samples([(0.999, 0.2, True)] * 30)]
    mixed = [*samples(LOUD), *drawn]
    assert chosen(mixed, [Fusion()] * len(mixed), len(LOUD)) == order(LOUD)
    counted = [replace(one, is_drawn=False) for one in mixed]
    assert chosen(counted, [Fusion()] * len(mixed), len(LOUD)).rules_first is None
