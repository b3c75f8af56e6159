"""Few defects to learn from, through the command that a user types."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from catenary import cli, config
from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.evaluation.intervals import Share
from catenary.evaluation.predictions import DataKind
from catenary.evaluation.scarcity import AtBudget
from catenary.imaging.crops import Crop
from catenary.jobs.benches import bench_folder, scarce, scarce_given, scarce_table
from catenary.jobs.benches.scarce import Cell, Done, Measured, Tried
from catenary.jobs.benches.scarce_given import Part as Work
from catenary.jobs.benches.scarce_judges import Strange, Target
from catenary.jobs.benches.scarce_parts import Looked, Part
from catenary.jobs.benches.scarce_recipe import Arm, Boxes, ScarceBench, ScarceTest
from catenary.jobs.data import inject
from catenary.models.fusion import LEAST_THRESHOLD, Form
from catenary.reports.figure import write_figure
from tests.jobs.bundles import random_bundle
from tests.training.sets import drawn_set

SMALL = {
    "train": ["replaced"],
    "validation": [],
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


def placed_set(folder: Path, count: int, seed: int, first: int = 0) -> Path:
    """Write the drawn set, every second dropper cut, each photograph of a mast of its own."""
    path = drawn_set(folder, count, seed=seed)
    images = []
    for number, one in enumerate(coco.read(path).images):
        mast = Mast("线", Direction.UP, "甲站", f"D{first + number}")
        images.append(replace(one, ref=replace(one.ref, run=folder.name, mast=mast)))
    coco.write(LabelledSet(folder, tuple(images)), path)
    return path


def recipe(folder: Path, labels: Path, test: Path, **changes: object) -> Path:
    """Write a recipe with tiny networks."""
    for kind in ("detector", "classifier", "anomaly"):
        own = {"kind": kind} | SMALL
        if kind == "anomaly":
            own |= {"memory_patches": 20, "held_out": 0.5}
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(own))
    tests = [
        {"name": "drawn", "labels": str(test), "data_kind": "simulated"},
        {
            "name": "located",
            "labels": str(test),
            "data_kind": "simulated",
            "boxes": "detector",
        },
    ]
    content = {
        "labels": [str(labels)],
        "tests": tests,
        "output": str(folder / "bench"),
        "component": "dropper",
        "conditions": ["broken"],
        "detector": str(folder / "detector.yaml"),
        "classifier": str(folder / "classifier.yaml"),
        "anomaly": str(folder / "anomaly.yaml"),
        "counts": [0, 4],
        "seeds": [1],
        "budgets": [0.1, 1.0],
        "normals": 44,
        "folds": 2,
        "injected": {"broken": 1},
        "injected_from": 4,
        "model": str(random_bundle(folder / "model")),
    }
    path = folder / "scarce.yaml"
    path.write_text(yaml.safe_dump(content | changes, allow_unicode=True), encoding="utf-8")
    return path


def catenary(*arguments: str) -> str:
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def nothing(*_: object) -> None:
    """Take progress and tables, and do nothing with them."""


@pytest.mark.parametrize(
    "name",
    [f"{gpu}{kind}" for gpu in ("scarce", "scarce_gpu") for kind in ("", "_pins", "_insulators")],
)
def test_the_shipped_recipes_are_valid(name):
    found = config.load(config.bundled(f"configs/bench/{name}.yaml"), ScarceBench)
    assert found.counts == (0, 5, 10, 20, 50, 100)
    assert found.budgets == (0.1, 0.5, 1.0)
    scarce_given._trainings(found)  # each of its own kind, from no weights that saw defects
    made = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    assert {*found.conditions, *found.injected} <= set(made.components[found.component].conditions)


@pytest.mark.slow
def test_the_command_measures_every_judge_and_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    home, moved = tmp_path / "here", tmp_path / "there"
    home.mkdir()
    monkeypatch.chdir(home)
    labels = placed_set(Path("set"), 88, seed=3)
    test = placed_set(Path("test"), 8, seed=4, first=500)
    path = recipe(Path(), labels, test)
    usual, calls = scarce.judges.detector_of, []

    def stopped(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return usual(*arguments)

    monkeypatch.setattr(scarce.judges, "detector_of", stopped)
    with pytest.raises(KeyboardInterrupt):
        scarce.bench(path, (), nothing, nothing)
    learnt = Path("bench") / "seed-1" / "n-4" / "classifier" / "fold-0" / "run"
    trained = (learnt / "classifier.safetensors").stat().st_mtime_ns
    assert not (learnt / "last.ckpt").exists()

    told = json.loads(catenary("bench", "scarce", str(path), "--json"))
    assert (learnt / "classifier.safetensors").stat().st_mtime_ns == trained
    assert (told["available"], told["normals"]) == (44, 44)
    none, four = told["cells"]
    arms = [one["arm"] for one in none["measured"] if one["test"] == "drawn"]
    assert set(arms) == {"rules alone", "anomaly alone", "hybrid", "hybrid, injected defects too"}
    by_arm = {(one["arm"], one["test"]): one for one in four["measured"]}
    assert {arm for arm, _ in by_arm} == {str(arm) for arm in Arm}
    for one in by_arm.values():
        for at in one["own"]:
            assert at["detection"]["total"] == 4
            assert at["false"] <= at["budget"] * 8
    # A random bundle locates no dropper: only the detector alone has boxes there.
    assert [one["parts"] for one in told["tests"]] == [8, 0]
    assert by_arm["rules alone", "located"]["own"][0]["detection"]["hits"] == 0
    for name in ("scarce.md", "scarce.svg", "scarce.json"):
        assert (home / "bench" / name).is_file()

    # Moved with its photographs, it is judged anew: nothing is learnt or injected again.
    home.rename(moved)
    monkeypatch.chdir(moved)
    for one in Path("bench").rglob("figures.json"):
        one.unlink()
    monkeypatch.setattr(scarce.judges.learn, "finished", None)
    monkeypatch.setattr(inject, "inject_set", None)
    monkeypatch.setattr(scarce.judges, "strangeness", None)
    again = json.loads(catenary("bench", "scarce", str(path), "--json"))
    assert again == told

    monkeypatch.setattr(scarce.judges, "classifier_scores", None)
    assert "| 0.1 | hybrid |" in catenary("bench", "scarce", str(path))
    with pytest.raises(ConfigError, match="holds trainings of other settings"):
        scarce.bench(path, ("normals=40",), nothing, nothing)


@pytest.mark.slow
def test_what_another_machine_learnt_is_judged_as_if_it_had_been_learnt_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = placed_set(Path("set"), 88, seed=3)
    test = placed_set(Path("test"), 8, seed=4, first=500)
    tests = [{"name": "drawn", "labels": str(test), "data_kind": "simulated"}]
    injected = {"slack": 1, "broken": 1}
    path = recipe(Path(), labels, test, tests=tests, variants=2, injected=injected)
    here = json.loads(catenary("bench", "scarce", str(path), "--json"))

    assert "Packed: " in catenary("bench", "scarce-pack", str(path), "-o", "carried")
    for folder in ("set", "test", "model", "bench/injected"):  # the other machine lacks all this
        Path(folder).rename(f"{folder}-away")
    monkeypatch.setattr(inject, "inject_set", None)
    learnt = ("bench", "scarce", "carried/scarce.yaml", "--only", "learn")
    assert "Learnt: " in catenary(*learnt, "--set", "counts=[4]")

    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    for folder in ("set", "test", "model", "bench/injected"):
        Path(f"{folder}-away").rename(folder)
    anew = ("bench", "scarce", str(path), "--only", "judge", "--json", "--set", "output=judged")
    judging = (path, ("output=judged",), nothing, nothing, Work.JUDGE)
    with pytest.raises(ConfigError, match="nothing was learnt there"):
        scarce.bench(*judging)
    for one in Path("carried/bench").rglob("*.*"):
        if one.name in {"learnt-of.txt", *scarce.SAID}:
            target = "judged" / one.relative_to("carried/bench")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(one.read_bytes())
    monkeypatch.setattr(scarce.judges.learn, "finished", None)
    judged = json.loads(catenary(*anew))
    none, four = here["cells"]
    # Without a defect, no network is heard, but of injected ones, which was not learnt.
    rest = [one for one in none["measured"] if one["arm"] != Arm.INJECTED]
    assert judged["cells"] == [none | {"measured": rest}, four]
    assert judged["tests"] == here["tests"]
    Path("judged/learnt-of.txt").write_text("other parts\n")
    with pytest.raises(ConfigError, match="said of other photographs or labels"):
        scarce.bench(*judging)


def test_labels_have_one_fingerprint_wherever_their_photographs_lie(tmp_path):
    path = placed_set(tmp_path / "set", 4, seed=3)
    images = coco.read(path).images
    ref = replace(images[0].ref, file_name="/elsewhere/a.png", location="/elsewhere/a.png")
    usual = bench_folder.fingerprint(images)
    assert bench_folder.fingerprint([replace(images[0], ref=ref), *images[1:]]) == usual
    assert bench_folder.fingerprint([replace(images[0], labels=()), *images[1:]]) != usual
    assert bench_folder.fingerprint(images[::-1]) != usual


def test_masts_that_are_learnt_from_are_refused_as_a_test(tmp_path):
    labels = placed_set(tmp_path / "set", 8, seed=3)
    test = placed_set(tmp_path / "test", 4, seed=4, first=4)
    with pytest.raises(ConfigError, match="share 4 masts"):
        scarce.bench(recipe(tmp_path, labels, test, counts=[2]), (), nothing, nothing)


def test_more_defects_than_there_are_is_one_clear_error(tmp_path):
    labels = placed_set(tmp_path / "set", 8, seed=3)
    test = placed_set(tmp_path / "test", 2, seed=4, first=500)
    path = recipe(tmp_path, labels, test, counts=[50])
    with pytest.raises(ConfigError, match=r"50 photographs with one dropper broken, .* show 4"):
        scarce.bench(path, (), nothing, nothing)


@pytest.mark.parametrize("setting", ["start=some/classifier.safetensors", "weights=some/b.pth"])
def test_a_classifier_that_may_have_seen_defects_is_refused(tmp_path, setting):
    path = recipe(tmp_path, tmp_path / "no.json", tmp_path / "no.json", training=[setting])
    with pytest.raises(ConfigError, match=r"classifier.yaml starts from some/.*more defects"):
        scarce.bench(path, (), nothing, nothing)


def test_all_mistakes_of_a_recipe_are_told(tmp_path):
    path = recipe(tmp_path, tmp_path, tmp_path, counts=[1], seeds=[], budgets=[-0.1])
    with pytest.raises(ConfigError) as told:
        scarce.bench(path, (), nothing, nothing)
    for words in ("counts: must be 0 or at least", "seeds: one or more", "budgets: must be at"):
        assert words in str(told.value)


def part(number: int, is_defect: bool, *said: Evidence) -> Part:
    box = Box(10, 10, 50, 90)
    crop = Crop(np.zeros((80, 40), np.uint8), 10, 10, Box(0, 0, 40, 80))
    return Part(number, box, crop, said, is_defect)


def parts(*rows: tuple[bool, float | None, float]) -> Looked:
    """Return one dropper a photograph and mast: is it broken, what rule and anomaly scorer say."""
    images, found = [], []
    for number, (is_defect, ruled, strange) in enumerate(rows):
        label = Label("dropper", Box(10, 10, 50, 90), "broken" if is_defect else "normal")
        mast = Mast("线", Direction.UP, "甲站", f"D{number}")
        ref = ImageRef("run", f"i{number}", "", "", mast=mast)
        images.append(LabelledImage(ref, 100, 100, (label,)))
        refused = "cut_off" if ruled is None else ""
        verdict = Verdict.CANNOT_JUDGE if ruled is None else Verdict.NORMAL
        judged = Evidence("rule/1", "broken", verdict, ruled, reason=refused)
        found.append(part(number, is_defect, judged, Strange(strange, 2 * strange).evidence))
    return Looked("dropper", tuple(images), tuple(found))


def test_without_a_defect_to_learn_from_what_no_rule_can_judge_is_ranked_by_how_strange_it_is():
    looked = parts((False, 0.4, 0.1), (False, None, 0.2), (False, None, 0.9), (True, 0.9, 0.5))
    target = Target("dropper", "broken")
    said = scarce.judges.opinions(looked, target, None, looked)
    weights = scarce.judges.fusion(looked.only(looked.images[:3]), said[:3], target, 3)
    scores = scarce.judges.fused(weights, said)
    assert scores[1] < scores[2] < LEAST_THRESHOLD < scores[3]
    assert scores[3] == pytest.approx(0.05 + 0.9 * 0.9)  # rules err on 5 %
    assert weights.form is Form.JOINT


def test_where_the_classifier_finds_more_on_masts_left_out_it_is_heard_alone():
    """The rule misses 4 of 12 and calls 6 of 12 normal ones broken; the classifier is right."""
    rows = [(True, 0.99, 0.5)] * 8 + [(True, 0.01, 0.5)] * 4
    rows += [(False, 0.99, 0.5)] * 6 + [(False, 0.01, 0.5)] * 6
    looked, target = parts(*rows), Target("dropper", "broken")
    told: list[float | None] = [0.7] * 12 + [0.6] * 12
    said = scarce.judges.opinions(looked, target, told, looked)
    weights = scarce.judges.fusion(looked, said, target, len(looked.images))
    assert (weights.form, weights.contest.defects) == (Form.CLASSIFIER, 12)
    assert weights.contest.standings[Form.CLASSIFIER].found == (12, 12, 12)


def test_what_is_said_of_several_conditions_is_said_of_the_first():
    own = Evidence("rule/1", "flashover", Verdict.DEFECT, 0.9)
    other = Evidence("rule/2", "contaminated", Verdict.DEFECT, 0.8)
    image = parts((True, 0.1, 0.5)).images[0]
    looked = Looked("insulator", (image,), (part(0, True, own, other),))
    (told,) = looked.as_one(("shed_missing", "flashover")).parts
    assert [one.condition for one in told.said] == ["shed_missing", "contaminated"]


def point(hits: int, budget: float = 0.1, false: int = 3) -> AtBudget:
    return AtBudget(budget, 0.5, Share(hits, 50), false)


def some_done() -> Done:
    """Return two seeds of one count: 40 and 46 of 50 defects by the hybrid, 45 by the rules."""
    test = ScarceTest("far", Path("labels.json"), DataKind.SIMULATED, Boxes.DETECTOR)
    settings = ScarceBench(
        labels=(Path("labels.json"),),
        tests=(test,),
        output=Path(),
        component="dropper",
        conditions=("broken",),
        detector=Path(),
        classifier=Path(),
        anomaly=Path(),
        counts=(10, 20),
        budgets=(0.1,),
    )
    cells = tuple(
        Cell(
            10,
            seed,
            (
                Measured(Arm.RULES, "far", (point(45),), (point(30, false=60),)),
                Measured(Arm.HYBRID, "far", (point(hits),), (point(hits, false=30),)),
            ),
        )
        for seed, hits in ((1, 40), (2, 46))
    )
    return Done(settings, 200, 110, (Tried(test, 60, 50, 100, 49),), cells)


def test_the_table_tells_seeds_apart_from_the_interval():
    words = list(scarce_table.lines(some_done()))
    # Wilson of 43 in 50, the mean of 40 and 46: [73.8, 93.0].
    assert "| 0.1 | hybrid | 86.0 [74-93] (80-92) |" in words
    assert "| 0.1 | rules alone | 90.0 [79-96] (90-90) |" in words
    assert "| 0.1 | hybrid | 86.0 at 0.50 |" in words  # 30 false alarms in 60 photographs
    assert "A hybrid below a part: N = 10, 0.1: hybrid 43 of 50, rules alone 45." in words
    assert "| meant | judge | N = 10 (2 of 3 seeds) |" in words
    assert "defects among them 49/50 = 98 % [90-100]" in "\n".join(words)


def test_the_plot_has_a_line_for_each_judge():
    (chart,) = scarce_table.plots(some_done())
    assert [(one.name, one.points) for one in chart.lines] == [
        ("rules alone", [(10.0, 0.9)]),
        ("hybrid", [(10.0, 0.86)]),
    ]


def test_a_judge_has_one_colour_in_the_plots_of_all_tests(tmp_path):
    write_figure("", list(scarce_table.plots(some_done())), tmp_path / "plot.svg")
    drawn = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    arms = [str(one) for one in Arm]
    rules, hybrid = arms.index("rules alone"), arms.index("hybrid")
    lines = re.findall(r'<polyline class="line c(\d)"', drawn)
    keys = re.findall(r'class="line c(\d)"[^>]*/><text[^>]*>([^<]+)', drawn)
    assert list(map(int, lines)) == [rules, hybrid]
    assert keys == [(str(rules), "rules alone"), (str(hybrid), "hybrid")]
