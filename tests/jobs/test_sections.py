"""Leave one section out, through the command that a user types."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from catenary import cli, config
from catenary.datasets import coco, held_out
from catenary.datasets.held_out import Shares
from catenary.datasets.labels import LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind
from catenary.jobs.benches import sections, sections_table
from catenary.jobs.benches.sections import Counted, Done, FoldResult, SectionBench, pooled
from tests.training.sets import drawn_set

QUARTERS = Shares(0.25, 0.25, 0.25, 0.25)
SMALL = {
    "train": ["replaced.json"],
    "validation": ["replaced.json"],
    "output": "replaced",
    "epochs": 1,
    "steps_per_epoch": 2,
    "batch": 2,
    "picture_px": 64,
    "long_side_px": 128,
    "warmup_steps": 1,
    "weights": "random",
    "augment": 0.0,
    "ema_decay": 0.5,
}


def image(section: str, number: str, direction: Direction = Direction.UP) -> LabelledImage:
    mast = Mast("线", direction, section, number)
    name = f"{section}-{direction}-{number}"
    return LabelledImage(ImageRef("run", name, name, f"{name}.png", mast=mast), 9, 9, ())


def two_sections(*more: LabelledImage) -> LabelledSet:
    images = [image(section, f"D{n}") for section in ("甲", "乙") for n in range(8)]
    return held_out.joined([LabelledSet(Path("/set"), (*images, *more))])


def test_every_mast_is_unseen_once_and_nowhere_else_in_that_fold():
    labelled = two_sections(image("甲", "D1", Direction.DOWN))
    folds = list(held_out.folds(labelled, QUARTERS))
    assert [fold.section for fold in folds] == ["线/乙", "线/甲"]
    for fold in folds:
        parts = fold.parts()
        names = [one.ref.image_id for own in parts.values() for one in own.images]
        assert sorted(names) == sorted(one.ref.image_id for one in labelled.images)
        assert {held_out.section_of(one) for one in fold.unseen.images} == {fold.section}
        known = {held_out.section_of(one) for one in fold.train.images}
        assert fold.section not in known
    assert len(folds[1].unseen.images) == 9  # both tracks are left out together


def test_an_image_without_a_section_is_named():
    lost = replace(image("甲", "D9"), ref=ImageRef("run", "lost", "lost", "lost.png"))
    nameless = image("", "D10")
    with pytest.raises(ConfigError, match=r"2 images tell no section .*run/lost, run/-up-D10"):
        list(held_out.folds(two_sections(lost, nameless), QUARTERS))


def test_one_section_cannot_be_left_out():
    alone = held_out.joined([LabelledSet(Path("/set"), (image("甲", "D1"),))])
    with pytest.raises(ConfigError, match=r"two or more, got \['线/甲'\]"):
        list(held_out.folds(alone, QUARTERS))


def test_a_changed_copy_in_another_section_is_a_leak():
    copied = replace(image("乙", "D99"), source="甲-up-D0")
    with pytest.raises(ConfigError, match=r"share 1 photographs"):
        list(held_out.folds(two_sections(copied), QUARTERS))


def test_pictures_that_look_the_same_in_two_sections_are_named():
    with pytest.raises(ConfigError, match=r"1 pairs of copies .*甲-up-D0 and run/乙-up-D0"):
        list(held_out.folds(two_sections(), QUARTERS, [(0, 8)]))


def test_a_fold_with_an_empty_part_is_refused_before_anything_is_trained():
    few = [image(section, f"D{n}") for section in ("甲", "乙") for n in range(3)]
    labelled = held_out.joined([LabelledSet(Path("/set"), tuple(few))])
    with pytest.raises(ConfigError, match=r"no mast for \w+: label more masts"):
        list(held_out.folds(labelled, QUARTERS))


def test_shares_that_make_no_whole_are_refused():
    with pytest.raises(ValueError, match=r"sum to 1, got 1\.5"):
        Shares(train=1.1)


def test_counts_are_added_and_a_condition_may_be_lacking():
    one = Counted(4, 2, Share(1, 2), Share(3, 4), Share(1, 2), Share(2, 4), {"a.b": Share(1, 2)})
    other = Counted(6, 3, Share(2, 2), Share(5, 8), Share(0, 2), Share(1, 6), {"a.c": Share(2, 2)})
    total = pooled([one, other])
    assert total.by_condition == {"a.b": Share(1, 2), "a.c": Share(2, 2)}
    assert (total.images, total.masts, total.false_per_image) == (10, 5, 0.1)
    assert (total.detection, total.located) == (Share(3, 4), Share(8, 12))


def test_the_table_states_the_gap_with_counts_and_intervals():
    unseen = Counted(50, 9, Share(48, 80), Share(9, 10), Share(5, 53), Share(9, 50), {})
    in_domain = Counted(20, 4, Share(56, 70), Share(9, 10), Share(1, 57), Share(8, 20), {})
    done = Done(Path(), DataKind.REAL, (FoldResult("线/甲站", unseen, in_domain, 0.5, None),))
    words = "\n".join(sections_table.lines(done))
    assert "defects found: unseen 48/80 = 60.0 % [49.0, 70.0]" in words
    # Newcombe's own example, the other way round: 0.2 [0.0524, 0.3339].
    assert "in domain 56/70 = 80.0 % [69.2, 87.7]; gap -20 [-33, -5]" in words
    assert "unseen 5 in 50 photographs (100 per 1,000), of all alarms 5/53" in words
    (row,) = sections_table.record(done)["sections"]
    assert (row["unseen"]["false_per_image"], row["map50_in_domain"]) == (0.1, None)
    assert row["detection_gap"]["low"] == pytest.approx(-0.3339, abs=1e-4)
    assert sections_table.page(done).chapters[0].grids[0].rows[-1][-1] == "-20 [-33, -5]"


def placed_set(folder: Path, names: tuple[str, ...], masts: int = 8) -> Path:
    """Write the drawn set with a mast for each photograph, dealt to sections in turn."""
    path = drawn_set(folder, masts * len(names), seed=3)
    drawn = coco.read(path)
    images = []
    for number, one in enumerate(drawn.images):
        # Whole and cut droppers alternate: pairs of photographs go to each section in turn.
        mast = Mast("线", Direction.UP, names[number // 2 % len(names)], f"D{number}")
        images.append(replace(one, ref=replace(one.ref, mast=mast)))
    coco.write(LabelledSet(folder, tuple(images)), path)
    return path


def recipe(folder: Path, labels: Path, **changes: object) -> Path:
    """Write a recipe with tiny networks."""
    for kind in ("detector", "classifier", "refiner"):
        own = {"kind": kind} | ({"proposer": "replaced"} if kind == "refiner" else {})
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(own | SMALL))
    content = {
        "labels": [str(labels)],
        "output": str(folder / "bench"),
        "detector": str(folder / "detector.yaml"),
        "classifier": str(folder / "classifier.yaml"),
        "refiner": str(folder / "refiner.yaml"),
        "shares": QUARTERS.by_part(),
        "with_copies": False,  # of pictures that are nearly all noise
        "data_kind": "simulated",
        "device": "cpu",
    }
    path = folder / "sections.yaml"
    path.write_text(yaml.safe_dump(content | changes), encoding="utf-8")
    return path


def catenary(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_sample_recipe_is_valid():
    path = config.bundled("configs/bench/sections.yaml")
    assert config.load(path, SectionBench) == replace(
        config.load(path, SectionBench), shares=Shares(), trusts_start=False
    )


@pytest.mark.parametrize("start", ["start=some/detector.safetensors", "weights=some/backbone.pth"])
def test_weights_that_may_have_seen_the_section_are_refused(tmp_path, start):
    path = recipe(tmp_path, tmp_path / "labels.json", training=[start])
    with pytest.raises(ConfigError, match=r"starts from some/\w+\.\w+, which may have seen"):
        sections.bench(path, (), lambda *_: None)


@pytest.mark.slow
def test_the_command_leaves_each_section_out_and_goes_on_where_it_was_stopped(
    tmp_path, monkeypatch
):
    path = recipe(tmp_path, placed_set(tmp_path / "set", ("甲站", "乙站")))
    second = sections.learn.calibrate_bundle
    calls = []

    def stopped(*arguments: object) -> object:
        calls.append(arguments[0])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return second(*arguments)

    monkeypatch.setattr(sections.learn, "calibrate_bundle", stopped)
    with pytest.raises(KeyboardInterrupt):
        sections.bench(path, (), lambda *_: None)
    kept = (tmp_path / "bench" / "01-线-乙站" / "fold.json").read_bytes()
    assert not (tmp_path / "bench" / "02-线-甲站" / "fold.json").exists()
    trained = (tmp_path / "bench" / "02-线-甲站" / "detector" / "last.ckpt").stat().st_mtime_ns

    told = json.loads(catenary("bench", "sections", str(path), "--json"))
    assert [one["section"] for one in told["sections"]] == ["线/乙站", "线/甲站"]
    for one in told["sections"]:
        assert one["unseen"]["images"] == 8
        assert one["in_domain"]["images"] == 2
        assert one["unseen"]["detection"]["total"] == 4  # every second dropper is cut
    assert told["pooled"]["unseen"]["located"]["total"] == 32
    assert len(calls) == 3  # the first fold was not calibrated again
    assert (tmp_path / "bench" / "01-线-乙站" / "fold.json").read_bytes() == kept
    folder = tmp_path / "bench" / "02-线-甲站"
    assert (folder / "detector" / "last.ckpt").stat().st_mtime_ns == trained
    assert (folder / "unseen.html").is_file()

    words = catenary("bench", "sections", str(path))  # all is done: only told again
    assert len(calls) == 3
    assert "线/甲站:" in words
    page = (tmp_path / "bench" / "sections.html").read_text(encoding="utf-8")
    assert "线/甲站" in page
    assert json.loads((tmp_path / "bench" / "sections.json").read_bytes()) == told
    with pytest.raises(ConfigError, match="holds folds of other settings"):
        sections.bench(path, ("false_per_image=0.5",), lambda *_: None)
