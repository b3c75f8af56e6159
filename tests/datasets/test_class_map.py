from dataclasses import replace
from pathlib import Path

import pytest

from catenary import config
from catenary.datasets import class_map
from catenary.datasets.labels import Label, LabelledSet, Rejected, Rejection
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from tests.datasets import drawn

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
BOX = Box(0, 0, 10, 10)


def parsed(**classes: object) -> class_map.ClassMap:
    return class_map.parse({"classes": classes}, TAXONOMY, "map.yaml")


def only(labelled) -> tuple[Label, ...]:
    return labelled.images[0].labels


def test_the_shipped_example_is_valid():
    path = config.bundled("configs/class_map.example.yaml")
    classes = class_map.parse(config.read_yaml(path), TAXONOMY, str(path)).classes
    assert classes["吊弦断裂"] == class_map.Meaning("dropper", "broken")


def test_names_are_ours_and_theirs_again():
    classes = parsed(吊弦="dropper", 吊弦断裂="dropper.broken", 断的="dropper.broken", 树="ignore")
    theirs = [Label("吊弦", BOX), Label("吊弦断裂", BOX), Label("insulator", BOX), Label("树", BOX)]
    mapped = class_map.to_ours(drawn.one_set([theirs]), classes, TAXONOMY)
    ours = (Label("dropper", BOX), Label("dropper", BOX, "broken"), Label("insulator", BOX))
    assert only(mapped.labelled) == ours
    assert mapped.dropped == {"树": 1}
    assert only(class_map.to_theirs(mapped.labelled, classes)) == tuple(theirs[:3])


def refused(*names: str) -> LabelledSet:
    (image,) = drawn.one_set([[]]).images
    rows = tuple(Rejection(name, BOX, Rejected.NO_PART) for name in names)
    return LabelledSet(Path("set"), (replace(image, rejections=rows),))


def test_rejections_are_renamed_dropped_and_refused_as_labels_are():
    classes = parsed(吊弦断裂="dropper.broken", 树="ignore")
    mapped = class_map.to_ours(refused("吊弦断裂", "树", "bolt"), classes, TAXONOMY)
    kept = mapped.labelled.images[0].rejections
    assert [one.component for one in kept] == ["dropper", "bolt"]
    assert mapped.dropped == {"树": 1}
    with pytest.raises(ConfigError, match=r"鸟: not in the class map .*\(2 labels\)"):
        class_map.to_ours(refused("鸟", "鸟"), classes, TAXONOMY)


def test_a_condition_that_no_name_tells_is_left_for_the_format_to_hold():
    ours = drawn.one_set([[Label("dropper", BOX, "slack")]])
    theirs = class_map.to_theirs(ours, parsed(吊弦="dropper"))
    assert only(theirs) == (Label("吊弦", BOX, "slack"),)


def test_names_that_mean_nothing_are_told_with_their_counts():
    rows = [
        Label("鸟", BOX),
        Label("鸟", BOX),
        Label("dropper", BOX, "rusty"),
        Label("断", BOX, "slack"),
    ]
    with pytest.raises(ConfigError) as caught:
        class_map.to_ours(drawn.one_set([rows]), parsed(断="dropper.broken"), TAXONOMY)
    message = str(caught.value)
    for part in (
        "鸟: not in the class map and no component (2 labels)",
        "dropper: dropper has no condition rusty (1 labels)",
        "断: its name says broken, the label slack (1 labels)",
        "map them to `ignore`",
    ):
        assert part in message


def test_every_mistake_of_a_class_map_is_told_at_once():
    content = {"classes": {"a": "droper", "b": "dropper.brokn", "c": None}, "more": 1}
    with pytest.raises(ConfigError) as caught:
        class_map.parse(content, TAXONOMY, "map.yaml")
    message = str(caught.value)
    for part in (
        "a: no component 'droper'",
        "b: taxonomy 1 has no dropper.brokn",
        "c: no comp",
        "more:",
    ):
        assert part in message


@pytest.mark.parametrize("content", [None, [], {"classes": []}, {"classes": {}}])
def test_what_is_no_class_map_is_refused(content):
    with pytest.raises(ConfigError, match="needs `classes:` with names below"):
        class_map.parse(content, TAXONOMY, "map.yaml")


def test_classes_are_numbered_by_the_map_whatever_parts_a_set_holds():
    classes = parsed(z="dropper", a="insulator", x="ignore")
    labelled = drawn.one_set([[Label("a", BOX), Label("clamp", BOX)]])
    assert class_map.names_in_order(labelled, classes) == ("z", "a", "clamp")
