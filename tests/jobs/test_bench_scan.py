"""Speed beside the peers: what is told must be what was measured, in pairs."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary.domain.errors import ConfigError
from catenary.jobs.benches import scan as bench_scan
from catenary.jobs.benches.scan import Figure, Wish

ROOT = Path(__file__).parents[2]
# Answers each line with two seconds an image, except that the third image takes eight.
FAKE = """
import json, sys
seen = 0
for line in sys.stdin:
    paths = json.loads(line)
    seconds = sum(8 if path.endswith("2.jpg") else 2 for path in paths)
    told = {"seconds": seconds, "processor_s": 2 * seconds, "peak_mib": 100 + seen}
    print(json.dumps(told | {"stages": {"detect": 1.0}}), flush=True)
    seen += 1
"""


@pytest.fixture
def photographs(tmp_path):
    paths = []
    for number in range(4):
        path = tmp_path / f"{number}.jpg"
        picture = np.random.default_rng(number).integers(0, 255, (120, 160), np.uint8)
        path.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        paths.append(path)
    return tuple(paths)


def entrants(**frames_by_name: int):
    def started(wish):
        for name, frames in frames_by_name.items():
            yield bench_scan._Entrant(name, [sys.executable, "-c", FAKE], frames)

    return started


def test_every_round_asks_for_the_next_photographs_and_counts_them(photographs, monkeypatch):
    monkeypatch.setattr(bench_scan, "_entrants", entrants(cascade=2, slow=1))
    steps = []
    wish = Wish(photographs, (0.0192,), rounds=3, frames=2)
    figures = bench_scan.measure(wish, lambda done, total: steps.append((done, total)))
    ours, slow = figures
    assert ours.rates == pytest.approx((2 / 4, 2 / 10, 2 / 4))  # photographs 0 1, 2 3, 0 1
    assert slow.rates == pytest.approx((1 / 2, 1 / 2, 1 / 8))  # 0, 1, 2
    assert ours.processor_s == pytest.approx(2 * 18 / 6)
    assert ours.stages == {"detect": pytest.approx(1000 * 3 / 6)}
    assert ours.peak_mib == 103  # the last it told, after one to warm up
    assert steps[-1] == (6, 6)
    # Rounds in pairs: 1, 0.4 and 4 times as fast.
    assert bench_scan.ratio(figures, "slow", 0.0192) == pytest.approx(1.0)
    table = list(bench_scan.lines(wish, figures))
    assert "| slow, 0.0192 MP | 0.5 (0.125 to 0.5) | 1 | 8 | 103 | detect 1000 |" in table


def test_the_ratio_is_of_the_same_size_only():
    figures = [
        Figure(name, size, rates, 0.0, {}, 0.0)
        for name, size, rates in (
            ("cascade", 5.0, (4.0, 2.0, 8.0)),
            ("slow", 5.0, (1.0, 1.0, 1.0)),
            ("cascade", 29.0, (3.0, 3.0, 3.0)),
            ("slow", 29.0, (0.1, 0.1, 0.1)),
        )
    ]
    assert bench_scan.ratio(figures, "slow", 5.0) == 4.0
    assert bench_scan.ratio(figures, "slow", 29.0) == pytest.approx(30.0)


def test_photographs_are_brought_to_a_size(photographs, tmp_path):
    wish = Wish(photographs)
    (bigger, *_) = bench_scan._brought_to(wish, 0.08, tmp_path)
    assert cv2.imread(str(bigger), cv2.IMREAD_GRAYSCALE).size == pytest.approx(80_000, rel=0.02)
    assert bench_scan._brought_to(wish, 0.0195, tmp_path) == list(photographs)


def test_an_entrant_that_ends_is_an_error(photographs, monkeypatch):
    def started(wish):
        yield bench_scan._Entrant("cascade", [sys.executable, "-c", "raise SystemExit(7)"], 1)

    monkeypatch.setattr(bench_scan, "_entrants", started)
    with pytest.raises(ConfigError, match="cascade ended with exit code 7"):
        bench_scan.measure(Wish(photographs), lambda done, total: None)


def test_nothing_to_measure_is_refused(photographs):
    with pytest.raises(ConfigError, match="name images and sizes"):
        Wish(())
    with pytest.raises(ConfigError, match="greater than 0"):
        Wish(photographs, rounds=0)


def test_an_entrant_of_ours_answers_a_line_with_a_line(photographs):
    asked = json.dumps([str(one) for one in photographs[:2]])
    done = subprocess.run(
        [sys.executable, "-m", "catenary.jobs.benches.scan_entrant", "decode", "cpu"],
        input=f"{asked}\n{asked}\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = map(json.loads, done.stdout.splitlines())
    assert set(first) == {"seconds", "processor_s", "stages", "peak_mib"}
    assert first["seconds"] > 0
    assert second["peak_mib"] >= first["peak_mib"] > 0
