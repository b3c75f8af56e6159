import pytest

from catenary.domain.errors import ConfigError
from catenary.jobs.learning import over_masts
from catenary.training.settings import RANDOM, Kind, TrainingSettings
from tests.training.sets import drawn_set


def plan(folder, **changes) -> over_masts.Plan:
    train, validation, test = (drawn_set(folder / f"set-{n}", 4, seed=n) for n in range(3))
    settings = TrainingSettings(
        kind=changes.pop("kind", Kind.DETECTOR),
        train=(train,),
        validation=(validation,),
        output=folder / "replaced",
        epochs=1,
        steps_per_epoch=1,
        batch=2,
        picture_px=64,
        long_side_px=128,
        weights=RANDOM,
    )
    sets = {"train": (train,), "validation": (validation,), "test": (test,)} | changes
    return over_masts.Plan(folder / "out", settings, shares=(0.5, 1.0), **sets)


@pytest.mark.slow
def test_each_part_is_trained_once_and_stands_in_table_and_plot(tmp_path):
    own = plan(tmp_path)
    half, whole = over_masts.points(own)
    assert (half.masts, half.images, whole.masts) == (2, 2, 4)
    assert whole.located.shares["all"].total == 8
    table = (tmp_path / "out" / over_masts.TABLE).read_text(encoding="utf-8").splitlines()
    assert table[0].endswith("on 4 photographs; Wilson 95 % intervals; 1 steps each.")
    assert [row.split(" | ")[0] for row in table[4:]] == ["| 2", "| 4"]
    assert "all" in (tmp_path / "out" / over_masts.PLOT).read_text(encoding="utf-8")
    weights = tmp_path / "out" / "share-1-seed-1" / "detector" / "detector.safetensors"
    written = weights.stat().st_mtime_ns
    over_masts.points(own)
    assert weights.stat().st_mtime_ns == written


def test_a_test_photograph_that_is_learnt_from_is_refused(tmp_path):
    own = plan(tmp_path)
    leaking = over_masts.Plan(own.folder, own.training, own.train, own.validation, own.train)
    with pytest.raises(ConfigError, match="share 4 image files"):
        over_masts.points(leaking)


def test_only_a_detector_is_measured(tmp_path):
    with pytest.raises(ConfigError, match="not of a classifier"):
        over_masts.points(plan(tmp_path, kind=Kind.CLASSIFIER))
