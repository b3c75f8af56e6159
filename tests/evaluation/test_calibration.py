import numpy as np
import pytest

from catenary.domain.finding import NORMAL
from catenary.evaluation.calibration import Sample, fit, left_out, part_odds
from catenary.models.fusion import DEFAULTS, Voices


def share(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))


def samples(count: int, rule_helps: bool = True, masts: int = 10, **odd: float) -> list[Sample]:
    """Return droppers, 40 % broken, with what network and rule say of ``broken``."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        is_broken = random.random() < 0.4
        network, rule = np.where(is_broken, 1.0, -1.0) + random.normal(0, 1.5, 2)
        rule = rule if rule_helps else random.normal(0, 1.5)
        heard = Voices(share(network), share(rule), odd.get("anomaly"), 0.9)
        condition = "broken" if is_broken else NORMAL
        made.append(Sample("dropper", f"mast {number % masts}", {"broken": heard}, condition))
    return made


def heard(one: Sample, **changed: float | None) -> Sample:
    voices = one.said["broken"]
    said = {"classifier": voices.classifier, "rule": voices.rule, "box": voices.box} | changed
    return Sample(one.component, one.group, {"broken": Voices(**said)}, one.condition)


def test_probabilities_come_out_calibrated():
    rows = samples(4000)
    weights = fit(rows, ["dropper"])["dropper"].conditions["broken"]["both"]
    suspected = [one for one in rows if max(one.said["broken"].terms[:2]) > 0]
    said = np.array([weights.probability(one.said["broken"]) for one in suspected])
    truth = np.array([one.condition == "broken" for one in suspected])
    for low in (0.2, 0.4, 0.7):
        inside = (said >= low) & (said < low + 0.2)
        assert truth[inside].mean() == pytest.approx(said[inside].mean(), abs=0.06)


def test_a_rule_that_says_nothing_gets_hardly_any_weight():
    weights = fit(samples(4000, rule_helps=False), ["dropper"])["dropper"].usual["both"]
    assert weights.rule < 0.1 < weights.classifier


def test_without_samples_the_documented_defaults_hold():
    fusion = fit([], ["dropper"])["dropper"]
    assert (fusion.usual, fusion.conditions) == (DEFAULTS, {})


def test_a_source_that_is_always_silent_keeps_its_defaults():
    rows = [heard(one, rule=None) for one in samples(400)]
    usual = fit(rows, ["dropper"])["dropper"].usual
    assert (usual["both"], usual["rule"]) == (DEFAULTS["both"], DEFAULTS["rule"])
    assert usual["classifier"] != DEFAULTS["classifier"]


def test_what_is_unusual_is_heard_only_where_it_tells_defects():
    told = samples(400)
    without = [heard(one, anomaly=0.7) for one in told]
    with_odd = [heard(one, anomaly=0.9 if one.condition == "broken" else 0.3) for one in told]
    weights = [
        fit(own, ["dropper"])["dropper"].usual["both"].anomaly for own in (without, with_odd)
    ]
    assert weights[0] < 0.3 < weights[1]


def test_how_strange_unsuspected_parts_are_counts_less_with_every_defect():
    normal = Sample("dropper", "m", {"broken": Voices(0.1, 0.1, 0.5)}, NORMAL)
    broken = Sample("dropper", "m", {"broken": Voices(0.9, 0.9, 0.5)}, "broken")
    for count, ordering in ((0, 0.25), (10, 0.125), (90, 0.025)):
        fitted = fit([normal, *[broken] * count], ["dropper"])["dropper"]
        assert fitted.usual["both"].ordering == pytest.approx(ordering)
    assert fitted.conditions["broken"]["both"].ordering == pytest.approx(0.025)


def test_few_defects_of_a_condition_move_it_little_from_its_component():
    many = samples(400)
    odd = Voices(share(-2), None, box=0.9)  # the network is blind to slack droppers
    few = [Sample("dropper", "m", {"slack": odd}, "slack") for _ in range(2)]
    fusion = fit([*many, *few], ["dropper"])["dropper"]
    own, usual = fusion.conditions["slack"]["classifier"], fusion.usual["classifier"]
    assert abs(own.classifier - usual.classifier) < 0.2
    assert set(fusion.conditions) == {"broken", "slack"}


def test_a_part_with_another_defect_teaches_nothing_about_a_condition():
    rows = samples(200)
    loud = {"broken": Voices(0.99, 0.99, box=0.9)}
    others = [Sample("dropper", "m", loud, "strand_broken") for _ in range(50)]
    assert fit([*rows, *others], ["dropper"]) == fit(rows, ["dropper"])


def test_normal_parts_that_are_called_by_a_condition_without_defects_tell_how_rare_it_is():
    false = [
        Sample("dropper", f"mast {number}", {"dirty": Voices(0.8, None, box=0.9)}, NORMAL)
        for number in range(40)
    ]
    few, many = (fit([*samples(400), *false[:count]], ["dropper"])["dropper"] for count in (5, 40))
    own, usual = many.conditions["dirty"]["classifier"], many.usual["classifier"]
    assert (own.classifier, own.anomaly, own.box) == (usual.classifier, usual.anomaly, usual.box)
    assert own.intercept < few.conditions["dirty"]["classifier"].intercept - 0.3
    assert few.conditions["dirty"]["classifier"].intercept < few.usual["classifier"].intercept


def test_normal_parts_alone_move_nothing():
    sound = [one for one in samples(100) if one.condition == NORMAL]
    assert fit(sound, ["dropper"])["dropper"].usual == DEFAULTS


def test_a_component_without_defects_takes_what_all_have_in_common():
    clamps = [
        Sample("clamp", one.group, {"off": one.said["broken"]}, NORMAL) for one in samples(50)
    ]
    fitted = fit([*samples(400), *clamps], ["dropper", "clamp"])
    assert fitted["clamp"].conditions == {}
    shared = fitted["clamp"].usual["both"]
    assert shared.classifier > DEFAULTS["both"].classifier + 0.1


def test_rules_are_believed_where_boxes_of_no_part_are_known_by_their_score():
    random = np.random.default_rng(1)

    def row(rule: float, box: float, condition: str) -> Sample:
        box = float(np.clip(random.normal(box, 0.05), 0.01, 1))
        said = {"broken": Voices(None, share(random.normal(rule, 1)), box=box)}
        return Sample("dropper", "m", said, condition)

    rows = [
        # On no part the rule is as loud as on a broken dropper, but the box is poor.
        *(row(2, 0.15, NORMAL) for _ in range(200)),
        *(row(-2, 0.6, NORMAL) for _ in range(200)),
        *(row(2, 0.6, "broken") for _ in range(60)),
    ]
    weights = fit(rows, ["dropper"])["dropper"].usual["rule"]
    assert weights.box > 1
    unknown = [heard(one, box=1.0) for one in rows]
    assert fit(unknown, ["dropper"])["dropper"].usual["rule"].rule < weights.rule


def test_no_mast_is_judged_by_weights_that_saw_it():
    rows = samples(60, masts=3)
    folds = dict(zip((one.group for one in rows), left_out(rows, ["dropper"]), strict=True))
    assert len(folds) == 3
    for group, fold in folds.items():
        others = [other for other in rows if other.group != group]
        assert fold == fit(others, ["dropper"])


def test_of_a_single_mast_nothing_can_be_left_out():
    rows = samples(60, masts=1)
    assert left_out(rows, ["dropper"]) == [fit(rows, ["dropper"])] * 60


def test_a_score_that_no_box_on_nothing_reaches_makes_sure_of_a_part():
    scores = [0.1, 0.12, 0.15, 0.2, 0.25, 0.3, *[0.4, 0.5, 0.6, 0.7, 0.8] * 8]
    odds = part_odds(scores, [score > 0.3 for score in scores])
    assert odds.probability(0.1) < 0.05
    assert odds.probability(0.5) > 0.9
    assert odds.probability(0.8) > odds.probability(0.5)


def test_a_score_that_tells_nothing_leaves_the_share_of_parts():
    scores = [0.5] * 100
    odds = part_odds(scores, [number < 80 for number in range(100)])
    assert odds.probability(0.5) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("is_part", [[], [True, True], [False, False]])
def test_where_all_boxes_are_on_parts_or_none_is_nothing_is_learnt_of_scores(is_part):
    assert part_odds([0.5] * len(is_part), is_part) is None
