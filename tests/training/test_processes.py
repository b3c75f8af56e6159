"""Trainings by the command a user types: killed and resumed, and in several processes."""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from catenary import config
from catenary.training.run import read_record, train
from catenary.training.settings import Keep, Kind
from tests.training.sets import drawn_sets, small_settings, written

pytestmark = pytest.mark.slow

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
ROOT = Path(__file__).parents[2]

# The command, killed by the system after step 8, which is in the third round of three steps.
KILLED_IN_A_ROUND = """
import os, signal
from catenary.cli import main
from catenary.training.callbacks import WeightAverage

usual = WeightAverage.on_train_batch_end

def killing(self, trainer, *rest):
    usual(self, trainer, *rest)
    if trainer.global_step == 8:
        os.kill(os.getpid(), signal.SIGKILL)

WeightAverage.on_train_batch_end = killing
main()
"""

# Killed when the third round has its line in metrics.csv, but is not yet in the checkpoint.
KILLED_AFTER_A_ROUND = """
import os, signal
from catenary.cli import main
from catenary.training.callbacks import Choice

usual = Choice.on_train_epoch_end

def killing(self, trainer, module):
    if trainer.current_epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    usual(self, trainer, module)

Choice.on_train_epoch_end = killing
main()
"""

# Each process writes which batches it took, and at the end its weights.
NOTING = """
import os
from pathlib import Path
import torch
from catenary.cli import main
from catenary.training.callbacks import WeightAverage
from catenary.training.detector_data import DetectorBatches

here = Path(__file__).parent
usual = DetectorBatches.__getitem__

def noting(self, number):
    with (here / f"batches-{os.environ.get('LOCAL_RANK', 0)}").open("a") as file:
        file.write(f"{self._epoch} {number}\\n")
    return usual(self, number)

def keeping(self, trainer, module):
    state = {"average": self.average, "network": module.network.state_dict()}
    torch.save(state, here / f"weights-{trainer.global_rank}")

DetectorBatches.__getitem__ = noting
WeightAverage.on_train_end = keeping
main()
"""


def command(script: str, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "command.py"
    path.write_text(script, encoding="utf-8")
    return subprocess.run(
        [sys.executable, path, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def lines(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return drawn_sets(tmp_path_factory.mktemp("drawn"))


def lasting(labels, output):
    """The classifier: its dropout draws random numbers in each step."""
    return replace(
        small_settings(Kind.CLASSIFIER, labels, output),
        epochs=4,
        threads=1,
        augment=1.0,
        keep=Keep.BEST,
        patience=4,
        tensorboard=True,
    )


@pytest.fixture(scope="module")
def whole(labels, tmp_path_factory):
    return train(lasting(labels, tmp_path_factory.mktemp("whole") / "run"), TAXONOMY)


@pytest.mark.parametrize("script", [KILLED_IN_A_ROUND, KILLED_AFTER_A_ROUND])
def test_a_killed_training_goes_on_bit_for_bit(script, whole, labels, tmp_path):
    run = tmp_path / "run"
    file = written(lasting(labels, run), tmp_path / "classifier.yaml")
    killed = command(script, "train", file, folder=tmp_path)
    assert killed.returncode == -9
    assert not (run / "training.json").exists()
    resumed = command(
        "from catenary.cli import main\nmain()", "train", file, "--resume", folder=tmp_path
    )
    assert resumed.returncode == 0, resumed.stderr
    first, second = (
        torch.load(one / "last.ckpt", weights_only=True)["state_dict"] for one in (whole, run)
    )
    exported, again = (load_file(one / "classifier.safetensors") for one in (whole, run))
    assert all(torch.equal(exported[name], again[name]) for name in exported)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert lines(run) == lines(whole)
    assert len(lines(run)) == 4
    assert replace(read_record(run), created="") == replace(read_record(whole), created="")
    assert logged(run) == logged(whole)


def logged(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what TensorBoard would show."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return {
        name: [(one.step, one.value) for one in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_two_processes_share_each_round_and_end_alike(labels, tmp_path):
    run = tmp_path / "run"
    own = replace(
        small_settings(Kind.DETECTOR, labels, run),
        steps_per_epoch=4,
        devices=2,
        threads=1,
        augment=1.0,
        grid_every=1,
    )
    done = command(NOTING, "train", written(own, tmp_path / "own.yaml"), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained:") == 1
    assert not done.stderr
    taken = [
        {
            tuple(map(int, line.split()))
            for line in (tmp_path / f"batches-{rank}").read_text().splitlines()
        }
        for rank in (0, 1)
    ]
    assert taken[0] == {(epoch, number) for epoch in (0, 1) for number in (0, 2)}
    assert taken[1] == {(epoch, number) for epoch in (0, 1) for number in (1, 3)}
    first, second = (torch.load(tmp_path / f"weights-{rank}") for rank in (0, 1))
    for part in ("average", "network"):
        assert all(torch.equal(first[part][name], second[part][name]) for name in first[part])
    exported = load_file(run / "detector.safetensors")
    assert all(torch.equal(exported[name], first["average"][name]) for name in exported)
    assert [line["step"] for line in lines(run)] == ["2", "4"]
    assert sorted(path.name for path in (run / "grids").iterdir()) == [
        "round-0001.png",
        "round-0002.png",
    ]
    alone = replace(own, output=tmp_path / "alone", devices=1, accumulate=2, grid_every=0)
    train(alone, TAXONOMY)
    for name in ("centre_loss", "box_loss"):
        together, one_by_one = float(lines(run)[0][name]), float(lines(alone.output)[0][name])
        assert together == pytest.approx(one_by_one, rel=1e-3)
