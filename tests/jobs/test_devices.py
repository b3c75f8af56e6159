"""The same photographs judged another way: several at once, cut on the device, on a GPU."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.domain.finding import Component
from catenary.domain.geometry import iou_matrix
from catenary.domain.image import Frame, ImageRef
from catenary.imaging.decode import decode_gray
from catenary.jobs.scanning import assemble
from catenary.jobs.scanning.assemble import Recipe, ScanSettings
from catenary.jobs.scanning.scan import SAMPLE_RUN
from catenary.pipeline.judge import Judge, Judgement

CPU = torch.device("cpu")
PLAIN = Recipe(device="cpu", precision="fp32")


@cache
def frames() -> tuple[Frame, ...]:
    paths = sorted(config.bundled(SAMPLE_RUN).rglob("*.jpg"))[:2]
    refs = [ImageRef("run", path.name, str(path), path.name) for path in paths]
    return tuple(Frame(ref, decode_gray(config.bundled(ref.location).read_bytes())) for ref in refs)


@cache
def judge() -> Judge:
    return assemble.judge(PLAIN)


@cache
def expected() -> tuple[Judgement, ...]:
    return tuple(judge()(frame) for frame in frames())


def compare(found: list[Judgement], *, overlap: float, share: float) -> None:
    """Fail unless components and findings are the same, overlap so much, and are as probable.

    Of those nearer to their floor than ``share`` some may be missing.
    """
    assert sum(len(one.findings) for one in found) > 2
    for own, other in zip(found, expected(), strict=True):
        for one, another in ((own, other), (other, own)):
            for finding in filter(lambda each: _is_sure(each.component, share), one.findings):
                twin = _twin(finding.component, [each.component for each in another.findings])
                require_same(finding.component, another.findings[twin].component, overlap, share)
                assert finding.verdict == another.findings[twin].verdict
                likely = another.findings[twin].probability
                assert finding.probability == pytest.approx(likely, abs=share)
            for part in filter(lambda each: _is_sure(each, share), one.located):
                require_same(part, another.located[_twin(part, another.located)], overlap, share)


def _is_sure(part: Component, share: float) -> bool:
    return part.score >= judge().floors.get(part.kind, 0.3) + share


def _twin(part: Component, others: Sequence[Component]) -> int:
    """Return which part of the same kind overlaps most."""
    same = [index for index, one in enumerate(others) if one.kind == part.kind]
    return max(same, key=lambda index: iou_matrix(_row(part), _row(others[index]))[0, 0])


def require_same(one: Component, other: Component, overlap: float, share: float) -> None:
    assert iou_matrix(_row(one), _row(other))[0, 0] >= overlap
    assert one.score == pytest.approx(other.score, abs=share)


def _row(component: Component) -> NDArray[np.float32]:
    box = component.box
    return np.array([[box.x0, box.y0, box.x1, box.y1]], np.float32)


@pytest.mark.slow
def test_photographs_judged_together_are_judged_as_one_by_one():
    compare(judge().together(frames()), overlap=0.999, share=1e-3)


@pytest.mark.slow
def test_photographs_cut_on_the_device_are_judged_as_those_cut_on_the_processor():
    compare(replace(judge(), device=CPU).together(frames()), overlap=0.9, share=0.05)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_judges_as_the_processor_does():
    compare(
        assemble.judge(replace(PLAIN, device="cuda:0")).together(frames()), overlap=0.9, share=0.05
    )


def test_each_gpu_gets_a_judge(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(assemble, "judge", lambda recipe: recipe.device)
    assert assemble.judges(replace(PLAIN, device="cuda")) == ["cuda:0", "cuda:1", "cuda:2"]
    assert assemble.judges(replace(PLAIN, device="auto")) == ["cuda:0", "cuda:1", "cuda:2"]
    assert assemble.judges(replace(PLAIN, device="cuda:2, cuda:0")) == ["cuda:2", "cuda:0"]
    assert assemble.judges(PLAIN) == ["cpu"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("cuda:0,cpu", "GPUs, each once, or cpu alone"),
        ("cuda:0,cuda:0", "each once"),
        ("cuda:7", "no GPU cuda:7 found"),
        ("cuda:0,", "must be auto, cpu, cuda or cuda:N"),
        ("disk", "must be auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_device_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, names: str, said: str):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match=said):
        assemble.devices(names)


def test_without_a_gpu_auto_is_the_processor(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert assemble.devices("auto") == (CPU,)


def test_no_photographs_together_are_refused():
    with pytest.raises(ValueError, match="together must be at least 1"):
        ScanSettings(together=0)
