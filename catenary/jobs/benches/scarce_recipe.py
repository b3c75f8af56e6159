"""What ``catenary bench scarce`` reads: what is learnt, what is compared, on which photographs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from catenary.domain.errors import ImpossibleSettingsError
from catenary.evaluation.predictions import DataKind


class Arm(StrEnum):
    """What is compared."""

    DETECTOR = "detector alone"
    CLASSIFIER = "classifier alone"
    ANOMALY = "anomaly alone"
    RULES = "rules alone"
    HYBRID = "hybrid"
    INJECTED = "hybrid, injected defects too"


class Boxes(StrEnum):
    """Who locates the parts of test photographs."""

    LABELS = "labels"  # the true boxes, missed a little
    DETECTOR = "detector"  # a bundle's detector and refiner


@dataclass(frozen=True, slots=True)
class ScarceTest:
    """Photographs to measure on.

    Attributes:
        name: In the table.
        labels: Labelled set of masts that nothing is learnt from.
        data_kind: What kind of photographs it is.
        boxes: Who locates the parts for all judges but the detector alone.
    """

    name: str
    labels: Path
    data_kind: DataKind
    boxes: Boxes = Boxes.LABELS


@dataclass(frozen=True, slots=True)
class ScarceBench:
    """What ``catenary bench scarce`` reads from a file.

    Attributes:
        labels: Labelled sets to learn from, files or folders.
        tests: To measure on.
        output: Folder to fill; goes on where it was stopped.
        component: Component id.
        conditions: Condition ids that count as the defect, all as one class.
        detector: Training settings; sets, components, seed, split and output are replaced.
        classifier: The same; starts from no weights that saw defects.
        anomaly: The same.
        counts: Defects to learn from, 0 or more than the folds.
        seeds: Each takes other defects, deals masts otherwise and trains anew.
        budgets: False alarms a photograph.
        normals: Photographs without a defect that are learnt from, at most.
        folds: Parts of the masts; a model for each is learnt from the others.
        injected: Conditions that are injected into normal parts, with their weights.
        injected_from: Photographs that they are injected into, at most.
        variants: Changed pictures of each part that all trainings of a command draw from, kept in
            memory; 0 changes it anew for each step.
        training: ``key=value`` settings of every training.
        model: Bundle whose detector locates parts; None is the shipped one.
    """

    labels: tuple[Path, ...]
    tests: tuple[ScarceTest, ...]
    output: Path
    component: str
    conditions: tuple[str, ...]
    detector: Path
    classifier: Path
    anomaly: Path
    counts: tuple[int, ...] = (0, 5, 10, 20, 50, 100)
    seeds: tuple[int, ...] = (1, 2, 3)
    budgets: tuple[float, ...] = (0.1, 0.5, 1.0)
    normals: int = 200
    folds: int = 3
    injected: Mapping[str, float] = field(default_factory=dict)
    injected_from: int = 60
    variants: int = 0
    training: tuple[str, ...] = ()
    model: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, all at once."""
        few = [count for count in self.counts if 0 < count < self.folds or count < 0]
        names = [test.name for test in self.tests]
        rules = (
            (bool(self.labels), "labels", "needs at least one labelled set"),
            (bool(self.tests), "tests", "needs at least one labelled set"),
            (len(set(names)) == len(names), "tests", "need different names"),
            (bool(self.conditions), "conditions", "needs at least one"),
            (bool(self.counts), "counts", "needs at least one"),
            (not few, "counts", f"must be 0 or at least as many as the folds, got {few}"),
            (bool(self.seeds) and min(self.seeds, default=0) >= 0, "seeds", "one or more, from 0"),
            (bool(self.budgets), "budgets", "needs at least one"),
            (min(self.budgets, default=0) >= 0, "budgets", "must be at least 0"),
            (self.normals >= 1, "normals", "must be at least 1"),
            (self.injected_from >= 1, "injected_from", "must be at least 1"),
            (self.variants >= 0, "variants", "must be at least 0"),
            (self.folds >= 2, "folds", "must be at least 2"),
        )
        if mistakes := [(name, words) for is_right, name, words in rules if not is_right]:
            raise ImpossibleSettingsError(mistakes)
