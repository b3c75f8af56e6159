"""Rules in processes: the same answers, whatever happens to a process, and nothing left behind."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from catenary import config
from catenary.domain.errors import CatenaryError
from catenary.domain.finding import Component
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome
from catenary.imaging.decode import decode_gray
from catenary.pipeline.rule_pool import TRIES, RulePool
from catenary.pipeline.rulebook import Located, Rulebook
from catenary.pipeline.scan import one_by_one, scan
from catenary.pipeline.workers import Workers
from catenary.rules import catalogue
from tests.pipeline import process_rules, test_scan
from tests.pipeline.process_rules import gone, one_pin

ROOT = Path(__file__).parents[2]
SAMPLE = sorted((ROOT / "samples/demo").rglob("*.jpg"))
LIMITS = config.load(config.bundled("configs/rules.yaml"), catalogue.RuleLimits)


def everything() -> Rulebook:
    """Return every rule of parts, wires and tubes, and one of whole photographs."""
    frame_rules = {"foreign_object": process_rules.brightest}
    return Rulebook(catalogue.rules(LIMITS), frame_rules, {}, 0.1, 320.0, tubes=True)


def sample(number: int, scale: int = 1) -> Located:
    """Return a sample photograph with a box of every kind at places of its own."""
    pixels = decode_gray(SAMPLE[number].read_bytes())[::scale, ::scale].copy()
    height, width = pixels.shape
    chance = np.random.default_rng(number)
    parts = []
    for kind in (*catalogue.rules(LIMITS), "clevis", "clamp"):
        x, y = map(float, chance.integers(0, (width - 60, height - 160)))
        parts.append(Component(kind, Box(x, y, x + 40 + number, y + 150), 0.9))
    return Located(pixels, tuple(parts))


def test_processes_say_what_a_thread_says_of_photographs_of_any_size():
    book = everything()
    some = [sample(0, 8), sample(1, 4), one_pin()]
    expected = [book(one) for one in some]
    assert any(evidence for one in expected for evidence in one.evidence)
    with RulePool(book, 2) as pool, ThreadPoolExecutor(2) as judges:
        for told in judges.map(pool, [some, some]):
            for one, other in zip(told, expected, strict=True):
                assert one is not None
                assert (one.components, one.evidence) == (other.components, other.evidence)
                assert one.seconds > 0


def test_a_scan_with_processes_gives_the_same_findings():
    judge = test_scan.judge(0.9, (process_rules.brightness,))
    refs = test_scan.refs(*("good.jpg", "text.jpg", "dark.jpg", "good.jpg") * 3)

    def rows(results):
        return [
            (one.ref, replace(one.result, seconds=0.0), one.findings, one.located)
            for one in results
        ]

    expected = rows(one_by_one(refs, test_scan.read, judge))
    with RulePool(judge.rulebook, 2) as pool:
        there = replace(judge, ruling=pool)
        told = list(scan(refs, test_scan.read, there, Workers(2, 2, together=2, rules=2)))
    assert rows(told) == expected
    assert "bright/1" in str(told[0].findings)
    assert told[0].stage_seconds["rules"] > 0


def test_a_photograph_whose_process_is_killed_is_judged_again(tmp_path, caplog):
    rule = partial(process_rules.dies, folder=tmp_path, times=TRIES - 1)
    with RulePool(Rulebook({"split_pin": (rule,)}), 1) as pool:
        told = pool([one_pin(number) for number in range(3)])
    assert [one.evidence[0][0].score for one in told if one] == [10 / 255, 11 / 255, 12 / 255]
    assert caplog.text.count("exit code -9") == TRIES - 1


def test_one_that_every_process_dies_of_fails_and_the_scan_goes_on(tmp_path):
    rule = partial(process_rules.dies, folder=tmp_path, times=TRIES)
    judge = test_scan.judge(0.9, (rule,))
    with RulePool(judge.rulebook, 1) as pool:
        refs = test_scan.refs("good.jpg", "good.jpg")
        told = scan(refs, test_scan.read, replace(judge, ruling=pool))  # either is the first
        lost, fine = sorted(told, key=lambda one: one.result.outcome is Outcome.DONE)
    assert (lost.result.outcome, lost.result.reason) == (Outcome.FAILED, "worker_lost")
    assert lost.findings == ()
    assert "3 processes" in lost.result.note
    assert (fine.result.outcome, len(fine.findings)) == (Outcome.DONE, 1)


def test_a_machine_on_which_all_processes_die_ends_the_scan(tmp_path, monkeypatch):
    monkeypatch.setattr("catenary.pipeline.rule_pool._LOST_MOST", 2)
    monkeypatch.setattr("catenary.pipeline.rule_pool.TRIES", 1)
    rule = partial(process_rules.dies, folder=tmp_path, times=99)
    with (
        RulePool(Rulebook({"split_pin": (rule,)}), 1) as pool,
        pytest.raises(CatenaryError, match="2 photographs in a row"),
    ):
        pool([one_pin(), one_pin()])


def test_one_that_hangs_is_replaced(monkeypatch):
    monkeypatch.setattr("catenary.pipeline.rule_pool._PATIENCE_S", 10.0)
    with RulePool(Rulebook({"split_pin": (process_rules.hangs,)}), 1) as pool:
        monkeypatch.setattr("catenary.pipeline.rule_pool._PATIENCE_S", 0.0)
        assert pool([one_pin()]) == [None]


def test_a_mistake_in_a_rule_ends_the_scan_with_its_trace():
    with (
        RulePool(Rulebook({"split_pin": (process_rules.fails,)}), 1) as pool,
        pytest.raises(RuntimeError, match=r"LookupError: no rule for \(20, 20\)"),
    ):
        pool([one_pin()])


def test_processes_end_with_the_pool_and_whoever_waits_is_told():
    with RulePool(Rulebook({"split_pin": (process_rules.brightness,)}), 2) as pool:
        pids = pool.pids
        assert len(set(pids)) == 2
    assert all(gone(pid) for pid in pids)
    with pytest.raises(RuntimeError):
        pool([one_pin()])


PARENT = """
import sys
from catenary.pipeline.rule_pool import RulePool
from catenary.pipeline.rulebook import Rulebook
from tests.pipeline.process_rules import brightness, one_pin
pool = RulePool(Rulebook({"split_pin": (brightness,)}), 2)
pool([one_pin(), one_pin()])
print(*pool.pids, flush=True)
sys.stdin.read()
"""


def test_a_kill_of_the_scan_leaves_no_process_and_no_shared_memory():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pids = [int(one) for one in parent.stdout.readline().split()]
        assert len(pids) == 2
        files = [str(one.readlink()) for one in Path(f"/proc/{pids[0]}/fd").iterdir()]
        # In no folder, so that it goes with the last process that has it.
        assert any("memfd:catenary-rules" in one and "(deleted)" in one for one in files)
        os.kill(pids[0], signal.SIGTERM)  # as a Ctrl-C, it is the scan's to decide
        os.kill(pids[0], signal.SIGINT)
        parent.kill()
    assert all(gone(pid) for pid in pids)


def test_a_process_for_rules_needs_no_network_library():
    program = "import sys, catenary.pipeline.rule_process; print('torch' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "False"
