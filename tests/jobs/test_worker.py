"""A worker of a cluster, called in this process."""

from dataclasses import replace
from pathlib import Path

import pytest

from catenary.domain.errors import ConfigError, SourceError, SourceGoneError
from catenary.domain.image import Outcome
from catenary.jobs.scanning import assemble
from catenary.jobs.scanning.assemble import Recipe
from catenary.jobs.scanning.engines.kept import keep
from catenary.jobs.scanning.engines.worker import Order, Worker
from catenary.pipeline.scan import Opening, one_by_one
from catenary.pipeline.workers import Workers
from catenary.runs import discover
from tests.jobs import quick
from tests.jobs.quick import photographs


@pytest.fixture
def order(tmp_path: Path) -> Order:
    run = photographs(tmp_path / "run", 5)
    (run / "003.jpg").write_bytes(b"")
    judge = quick.judge(Recipe())
    return Order(str(run), lambda: judge, Opening, judge.versions, Workers(), 0.0)


def test_a_worker_keeps_what_one_by_one_is_found_and_of_which_bytes(order: Order):
    source = discover.open_source(order.source)
    refs = tuple(source.frames())
    worker = Worker(order)
    assert worker.ready().startswith("process ")
    kept = worker.scan(refs)
    for one, scanned in zip(kept, one_by_one(refs, source.read, order.build()), strict=True):
        same = keep(scanned, one.origin)
        assert (one.raised, one.rows) == (same.raised, same.rows)
        assert (one.result.outcome, one.result.reason) == (
            same.result.outcome,
            same.result.reason,
        )
        assert one.origin.stamp == source.stamp(one.ref)
        assert len(one.origin.sha256) == 64
    assert [one.result.outcome for one in kept].count(Outcome.FAILED) == 1
    assert all(one.raised for one in kept if one.result.outcome is Outcome.DONE)
    assert worker.sign() == ""


def test_a_worker_that_would_judge_otherwise_refuses(order: Order):
    other = replace(order, versions=replace(order.versions, model="another-2"))
    with pytest.raises(
        ConfigError, match=r"process \d+ on .* judges with model quick-1.*another-2"
    ):
        Worker(other).ready()


def test_a_worker_that_does_not_reach_the_run_says_so(order: Order, tmp_path: Path):
    with pytest.raises(SourceError, match="no such folder"):
        Worker(replace(order, source=str(tmp_path / "elsewhere"))).ready()


def test_a_worker_tells_what_it_waits_for(order: Order, tmp_path: Path):
    refs = tuple(discover.open_source(order.source).frames())
    worker = Worker(order)
    worker.ready()
    (tmp_path / "run").rename(tmp_path / "away")
    with pytest.raises(SourceGoneError):
        worker.scan(refs)
    assert "cannot be reached" in worker.sign()
    (tmp_path / "away").rename(tmp_path / "run")
    worker.scan(refs)
    assert worker.sign() == ""


def test_settings_that_were_read_are_not_read_again(tmp_path: Path):
    settings = replace(Recipe().settings(), batch=3)
    recipe = Recipe(settings_file=tmp_path / "of another machine.yaml", given=settings)
    assert recipe.settings() == settings


def test_what_a_judge_will_be_is_told_without_its_networks():
    recipe = Recipe(device="cpu")
    told, judge = assemble.described(recipe), assemble.judge(recipe)
    assert (told.versions, told.thresholds) == (judge.versions, judge.thresholds)
