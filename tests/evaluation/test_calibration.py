import numpy as np
import pytest

from catenary.evaluation.calibration import Sample, fit


def samples(count: int, rule_helps: bool) -> list[Sample]:
    random = np.random.default_rng(0)
    truth = random.random(count) < 0.4
    noise = random.normal(0, 1.5, (count, 2))
    classifier = np.where(truth, 1.0, -1.0) + noise[:, 0]
    rule = (np.where(truth, 1.0, -1.0) if rule_helps else 0.0) + noise[:, 1]
    return [
        Sample(float(c), float(r), bool(t)) for c, r, t in zip(classifier, rule, truth, strict=True)
    ]


def test_probabilities_come_out_calibrated():
    rows = samples(4000, rule_helps=True)
    weights = fit(rows)["both"]
    total = [
        weights.intercept
        + weights.classifier * row.classifier_logit
        + weights.rule * row.rule_logit
        for row in rows
    ]
    said = 1 / (1 + np.exp(-np.array(total)))
    truth = np.array([row.is_defect for row in rows])
    for low in (0.1, 0.4, 0.7):
        inside = (said >= low) & (said < low + 0.2)
        assert truth[inside].mean() == pytest.approx(said[inside].mean(), abs=0.06)


def test_a_rule_that_says_nothing_gets_hardly_any_weight():
    weights = fit(samples(4000, rule_helps=False))["both"]
    assert weights.rule < 0.1 < weights.classifier


def test_too_few_breaks_are_not_fitted():
    assert fit(samples(4, rule_helps=True)) == {}


def test_a_source_that_is_always_silent_has_no_fit():
    rows = [Sample(row.classifier_logit, None, row.is_defect) for row in samples(400, True)]
    assert set(fit(rows)) == {"classifier"}


def test_rules_are_believed_where_boxes_of_no_part_are_known_by_their_score():
    random = np.random.default_rng(1)
    rows = [
        # On no part the rule is as loud as on a broken dropper, but the box is poor.
        *(Sample(None, random.normal(2, 1), False, random.normal(-2, 0.5)) for _ in range(200)),
        *(Sample(None, random.normal(-2, 1), False, random.normal(0, 0.5)) for _ in range(200)),
        *(Sample(None, random.normal(2, 1), True, random.normal(0, 0.5)) for _ in range(60)),
    ]
    weights = fit(rows)["rule"]
    assert weights.location > 1
    assert weights.rule > 0.5
    unknown = [Sample(None, row.rule_logit, row.is_defect) for row in rows]
    assert fit(unknown)["rule"].rule < weights.rule
