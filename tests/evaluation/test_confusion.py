from catenary.evaluation.confusion import confusion
from catenary.evaluation.predictions import Part
from tests.evaluation.sets import box, label, part, photograph


def table(labels, parts) -> dict[tuple[str, str], int]:
    one = confusion([photograph(0, labels, parts)], "dropper")
    return {
        (truth, answer): count
        for truth, row in zip(one.truths, one.counts, strict=True)
        for answer, count in zip(one.answers, row, strict=True)
        if count
    }


def test_each_dropper_is_counted_once_for_what_it_was_taken_for():
    labels = [label(0, "broken"), label(200, "broken"), label(400), label(600)]
    blurred = Part("dropper", box(600), 0.9, "cannot_judge")
    parts = [part(0, 0.9), part(200, 0.8, "slack"), part(400, 0.1), blurred]
    assert table(labels, parts) == {
        ("broken", "broken"): 1,
        ("broken", "slack"): 1,
        ("normal", "normal"): 1,
        ("normal", "cannot_judge"): 1,
    }


def test_a_dropper_nobody_found_and_a_box_on_nothing_are_told_apart():
    assert table([label(0, "broken")], [part(500, 0.9)]) == {
        ("broken", "not_located"): 1,
        ("no_part", "broken"): 1,
    }


def test_ignored_droppers_are_in_no_row():
    assert table([label(0, is_ignored=True)], [part(0, 0.9)]) == {}
