import pytest

from catenary.evaluation.compared import Compared
from catenary.evaluation.figures import evaluation
from catenary.evaluation.intervals import Share
from tests.evaluation.sets import drawn_at_random, label, part, photograph, predictions


def figures(*photographs: Compared, **more):
    return evaluation(photographs, predictions(list(photographs)), **more)


def test_false_alarms_of_each_component_stand_apart():
    own = figures(
        photograph(0, [label(0, "broken")], [part(0, 0.9), part(300, 0.9, component="insulator")]),
        photograph(1, [], []),
    )
    assert own.by_component["dropper"].false_alarms == Share(0, 1)
    assert own.by_component["insulator"].false_per_image == 0.5
    assert own.measured.rates.raised_images == Share(1, 2)


def test_the_budget_asked_for_is_one_of_those_stated():
    own = figures(*drawn_at_random(0), budgets=(0.02, 0.5))
    assert set(own.measured.at_budget) == {0.02, 0.5}


def test_a_budget_of_all_components_together_is_shared_by_them():
    broken = [label(0, "broken"), label(0, "broken", "insulator")]
    own = figures(
        photograph(
            0, broken, [part(0, 0.9), part(300, 0.6), part(600, 0.4, component="insulator")]
        ),
        photograph(1, [], [part(0, 0.8, component="insulator")]),
        photograph(2, broken, [part(0, 0.7, component="insulator"), part(300, 0.5)]),
        budgets=(0.4, 1.0),
    )
    # False at 0.8, 0.6, 0.5, 0.4; right at 0.9 and 0.7; one of three photographs may be false.
    one = own.measured.at_total[0.4]
    assert (one.detection, one.false_alarms) == (Share(2, 4), Share(1, 3))
    assert one.raised_images == Share(3, 3)
    assert own.measured.at_total[1.0].false_alarms == Share(3, 5)
    assert own.measured.at_budget[0.4].false_alarms.hits == 2  # one of each


@pytest.mark.parametrize("seed", range(4))
def test_recall_at_a_budget_lies_on_the_froc_curve(seed: int):
    own = figures(*drawn_at_random(seed))
    for budget, at in own.measured.at_budget.items():
        for name, share in at.by_condition.items():
            within = [found for false, found in own.conditions[name].froc if false <= budget]
            assert share.hits / share.total == pytest.approx(within[-1])


def test_a_kind_that_is_only_ignored_has_no_precision_and_spoils_no_mean():
    own = figures(
        photograph(0, [label(0), label(0, component="clamp", is_ignored=True)], [part(0)])
    )
    assert own.components["clamp"].ap50 is None
    assert own.map50 == 1.0
