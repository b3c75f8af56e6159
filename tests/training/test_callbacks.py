"""Choosing a round, counting steps, and what a round leaves behind."""

import csv
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.training.modules import DetectorModule
from catenary.training.run import read_record, train
from catenary.training.settings import Keep, Kind
from catenary.training.trainer import Share
from tests.training.sets import drawn_sets, small_settings

TAXONOMY = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return drawn_sets(tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def own(labels, tmp_path):
    return small_settings(Kind.DETECTOR, labels, tmp_path / "run")


def scripted(monkeypatch, recalls):
    """Let the rounds reach these recalls; return the averaged weights measured in each."""
    measured, left = [], iter(recalls)

    def measure(self):
        measured.append({k: v.clone() for k, v in self.network.state_dict().items()})
        return {"recall": next(left), "score_limit": 0.5}

    monkeypatch.setattr(DetectorModule, "measure", measure)
    return measured


def test_the_best_round_is_kept_and_patience_ends_the_training(own, monkeypatch):
    measured = scripted(monkeypatch, [0.2, 0.6, 0.6, 0.4, 0.9])
    train(replace(own, epochs=5, steps_per_epoch=1, keep=Keep.BEST, patience=2), TAXONOMY)
    record = read_record(own.output)
    assert len(measured) == 4
    assert (record.kept_round, record.metrics["recall"]) == (2, 0.6)
    exported = load_file(own.output / "detector.safetensors")
    assert all(torch.equal(exported[name], measured[1][name]) for name in exported)


def test_patience_alone_exports_the_last_round(own, monkeypatch):
    measured = scripted(monkeypatch, [0.5, 0.4, 0.9])
    train(replace(own, epochs=3, steps_per_epoch=1, patience=1), TAXONOMY)
    record = read_record(own.output)
    assert (record.kept_round, record.metrics["recall"]) == (2, 0.4)
    exported = load_file(own.output / "detector.safetensors")
    assert all(torch.equal(exported[name], measured[1][name]) for name in exported)


def test_a_training_that_had_ended_early_does_not_go_on_when_resumed(own, monkeypatch):
    measured = scripted(monkeypatch, [0.5, 0.4, 0.9])
    early = replace(own, epochs=3, steps_per_epoch=1, keep=Keep.BEST, patience=1)
    train(early, TAXONOMY)
    first = read_record(own.output)
    (own.output / "training.json").unlink()  # as if killed just before its end
    train(early, TAXONOMY, resume=True)
    assert len(measured) == 2
    assert read_record(own.output) == first


def test_validation_frames_without_parts_cannot_choose(own, monkeypatch):
    monkeypatch.setattr(DetectorModule, "measure", lambda self: {})
    with pytest.raises(ConfigError, match="keep: best and patience compare rounds"):
        train(replace(own, keep=Keep.BEST), TAXONOMY)


@pytest.mark.parametrize("change", [{"keep": Keep.BEST}, {"patience": 1}, {"grid_every": 1}])
def test_what_needs_validation_frames_is_refused_without(own, change):
    with pytest.raises(ValueError, match="need validation frames"):
        replace(own, validation=(), **change)


def test_impossible_sharing_is_refused_with_the_other_mistakes(own):
    with pytest.raises(ValueError, match=r"memory_share.*multiple of accumulate x devices.*clip"):
        replace(own, steps_per_epoch=6, accumulate=2, devices=2, clip=-1.0, memory_share=0.0)


def test_schedule_and_average_count_steps_of_the_optimizer(own):
    train(replace(own, steps_per_epoch=4, accumulate=2), TAXONOMY)
    state = torch.load(own.output / "last.ckpt", weights_only=True)
    assert state["global_step"] == 4
    assert state["callbacks"]["WeightAverage"]["steps"] == 4
    assert state["lr_schedulers"][0]["last_epoch"] == 4
    assert state["lr_schedulers"][0]["_last_lr"] == [0.0, 0.0]  # the half cosine is at its end


def test_clipping_to_nearly_nothing_stops_learning_and_none_is_no_clipping(own):
    def learnt(name, clip):
        one = replace(own, output=own.output / name, clip=clip, epochs=1, steps_per_epoch=1)
        train(one, TAXONOMY)
        return torch.load(one.output / "last.ckpt", weights_only=True)

    free, wide, none = learnt("0", 0.0), learnt("9", 1e9), learnt("1", 1e-12)
    moments = [one["optimizer_states"][0]["state"][0]["exp_avg"] for one in (free, wide, none)]
    assert torch.equal(moments[0], moments[1])
    assert moments[2].norm() <= 1e-12 < moments[0].norm()


def test_deterministic_training_gives_the_same_bits_and_leaves_torch_as_it_was(own):
    seen, usual = [], DetectorModule.training_step

    def step(self, *rest: object):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return usual(self, *rest)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DetectorModule, "training_step", step)
        runs = [
            train(replace(own, output=own.output / name, deterministic=True, epochs=1), TAXONOMY)
            for name in ("a", "b")
        ]
    first, second = (load_file(run / "detector.safetensors") for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert seen == [True] * 6
    assert not torch.are_deterministic_algorithms_enabled()


def test_tensorboard_shows_what_the_lines_say(own):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(replace(own, tensorboard=True, grid_every=1), TAXONOMY)
    events = EventAccumulator(str(own.output / "tensorboard"))
    events.Reload()
    with (own.output / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for name in ("centre_loss", "recall"):
        shown = [(one.step, one.value) for one in events.Scalars(name)]
        assert [step for step, _ in shown] == [3, 6]
        assert [value for _, value in shown] == pytest.approx(
            [float(row[name]) for row in rows], abs=1e-5
        )
    assert [one.step for one in events.Images("grid")] == [3, 6]


def test_a_missing_tensorboard_is_said_before_anything_is_made(own, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install 'catenary\[tensorboard\]'"):
        train(replace(own, tensorboard=True), TAXONOMY)
    assert not own.output.exists()


def test_missing_gpus_are_said(own, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=r"devices: 3 needs as many GPUs, torch finds 1"):
        train(replace(own, device="cuda", devices=3), TAXONOMY)


def test_devices_share_a_round_without_rest_or_overlap():
    shares = [Share(list("abcdef"), rank, 3) for rank in range(3)]
    assert [[share[number] for number in range(len(share))] for share in shares] == [
        ["a", "d"],
        ["b", "e"],
        ["c", "f"],
    ]
    with pytest.raises(IndexError):
        shares[0][2]
    with pytest.raises(ValueError, match="5 batches cannot be shared by 3"):
        Share(list("abcde"), 0, 3)
