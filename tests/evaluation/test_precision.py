import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from catenary.domain.geometry import Box
from catenary.evaluation import precision
from catenary.evaluation.compared import Compared
from tests.evaluation.sets import drawn_at_random, label, part, photograph


def ap50(*photographs: Compared) -> float:
    return precision.located(photographs, "dropper", 0.5).average_precision()


def test_hit_false_hit_with_three_droppers_is_worked_out_by_hand():
    one = photograph(
        0, [label(0), label(200), label(400)], [part(0, score=0.9), part(200, score=0.5)]
    )
    two = photograph(1, [], [part(0, score=0.7)])
    # Precision 1 up to recall 1/3 (34 of the 101 points), 2/3 up to 2/3 (33), then nothing.
    assert ap50(one, two) == pytest.approx((34 * 1 + 33 * 2 / 3) / 101)


def test_every_dropper_found_and_nothing_else_is_one():
    assert ap50(photograph(0, [label(0), label(200)], [part(0), part(200)])) == 1.0


def test_nothing_found_is_zero_and_nothing_to_find_is_no_number():
    assert ap50(photograph(0, [label(0)], [])) == 0.0
    assert np.isnan(ap50(photograph(0, [], [part(0)])))


def test_a_second_box_on_one_dropper_is_false():
    one = photograph(0, [label(0), label(200)], [part(0), part(5, score=0.8), part(200, score=0.7)])
    ranking = precision.located([one], "dropper", 0.5)
    assert ranking.is_hit.tolist() == [True, False, True]


def test_an_ignored_dropper_is_neither_to_be_found_nor_false():
    one = photograph(0, [label(0), label(200, is_ignored=True)], [part(0), part(200)])
    ranking = precision.located([one], "dropper", 0.5)
    assert (ranking.is_hit.tolist(), ranking.truths.sum()) == ([True], 1)


def test_a_condition_must_be_named_rightly_to_count_for_it():
    one = photograph(0, [label(0, "broken")], [part(0, 0.9, "slack")])
    assert precision.raised([one], "dropper", "broken").average_precision() == 0.0
    assert precision.raised([one], "dropper").average_precision() == 1.0


def test_a_break_that_a_view_does_not_show_counts_in_no_ranking():
    one = photograph(0, [label(0, "broken", is_evident=False)], [part(0, 0.9)])
    ranking = precision.raised([one], "dropper", "broken")
    assert (len(ranking.scores), ranking.truths.sum()) == (0, 0)


def test_a_mast_that_counts_twice_is_a_mast_that_stands_twice():
    photographs = [p for p in drawn_at_random(3) if p.labels]
    doubled = [*photographs, *[one for one in photographs if one.group == photographs[0].group]]
    ranking = precision.located(photographs, "dropper", 0.5)
    weights = np.ones(len(ranking.truths))
    weights[0] = 2
    assert ranking.average_precision(weights) == pytest.approx(ap50(*doubled))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("component", ["dropper", "insulator"])
def test_average_precision_is_that_of_an_independent_coco_evaluation(seed: int, component: str):
    photographs = drawn_at_random(seed, images=30)
    own = [
        precision.located(photographs, component, iou).average_precision()
        for iou in precision.COCO_IOUS
    ]
    theirs = coco_precision(photographs, component)
    assert own == pytest.approx(theirs, abs=1e-9)


def coco_precision(photographs, component: str) -> list[float]:
    """Return the average precision at ten IoUs by faster-coco-eval."""
    annotations = [
        {"image_id": number, "iscrowd": int(one.is_ignored), **_box(one.box)}
        for number, photo in enumerate(photographs)
        for one in photo.labels
        if one.component == component
    ]
    results = [
        {"image_id": number, "score": one.score, **_box(one.box)}
        for number, photo in enumerate(photographs)
        for one in photo.parts(component)
    ]
    truth = COCO(
        {
            "info": {},
            "images": [{"id": n, "width": 4000, "height": 3000} for n in range(len(photographs))],
            "categories": [{"id": 1, "name": component}],
            "annotations": [row | {"id": n} for n, row in enumerate(annotations, 1)],
        }
    )
    evaluation = COCOeval_faster(truth, truth.loadRes(results), "bbox", print_function=str)
    evaluation.evaluate()
    evaluation.accumulate()
    table = evaluation.eval["precision"]  # (IoUs, recalls, categories, areas, most parts)
    return table[:, :, 0, 0, -1].mean(axis=1).tolist()


def _box(own: Box) -> dict[str, object]:
    sides = [own.x0, own.y0, own.width, own.height]
    return {"category_id": 1, "bbox": sides, "area": own.area}
