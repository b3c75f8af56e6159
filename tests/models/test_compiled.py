"""Compiled networks answer as they did; what does not compile runs as it was."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from catenary import config
from catenary.domain.geometry import iou_matrix
from catenary.imaging import resize
from catenary.imaging.decode import decode_gray
from catenary.jobs.scanning.assemble import SHIPPED_BUNDLE
from catenary.models import bundle as bundles
from catenary.models.bundle import Bundle
from catenary.models.compiled import Compiled, compile_networks
from catenary.models.detections import Detections, Proposed

# Inductor sums in another order, in bfloat16: what is surely there stays within these.
SURE, IOU, SCORE, BOX_PX = 0.3, 0.8, 0.05, 2.0
SAMPLE = sorted((Path(__file__).parents[2] / "samples/demo").rglob("*.jpg"))


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def shipped() -> Bundle:
    return bundles.load(config.bundled(SHIPPED_BUNDLE), torch.device("cpu"))


def picture(height: int, width: int) -> np.ndarray:
    chance = np.random.default_rng(height)
    pixels = chance.integers(0, 60, (height, width)).astype(np.uint8)
    pixels[20:-20, width // 2 : width // 2 + 3] = 220
    pixels[height // 2 : height // 2 + 12, 10:40] = 200
    return pixels


def require_same_conditions(plain: Bundle, compiled: Bundle) -> None:
    crops = [picture(60, 40 + number) for number in range(3)]
    kinds = ["dropper", "split_pin", "dropper"]
    told = zip(plain.classifier(crops, kinds), compiled.classifier(crops, kinds), strict=True)
    for one, other in told:
        assert other.probabilities == pytest.approx(one.probabilities, abs=SCORE)


def test_a_compiled_classifier_says_what_it_did():
    plain, compiled = shipped(), shipped()
    compile_networks(compiled, "eager")
    require_same_conditions(plain, compiled)
    assert isinstance(compiled.classifier.network.forward, Compiled)
    assert not isinstance(plain.classifier.network.forward, Compiled)


def require_found(some: Detections, others: Detections) -> int:
    """Require what is surely found among others too; return how many that are."""
    sure = some.where(some.scores >= SURE)
    fits = iou_matrix(sure.boxes, others.boxes) >= IOU
    fits &= sure.labels[:, None] == others.labels
    fits &= np.abs(sure.scores[:, None] - others.scores) <= SCORE
    assert fits.any(axis=1).all()
    return len(sure.scores)


@pytest.mark.slow  # compiles for a minute or more
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiled_networks_find_and_say_what_they_did(backend):
    plain, compiled = shipped(), shipped()
    compile_networks(compiled, backend)
    sure = 0
    for number in (0, 1):
        seen = resize.reduced(decode_gray(SAMPLE[number].read_bytes()), 640).pixels[number * 64 :]
        (expected,), (found,) = (one.detector([seen]) for one in (plain, compiled))
        sure += require_found(expected, found) + require_found(found, expected)
    assert sure
    require_same_conditions(plain, compiled)
    boxes = np.array([[20, 20, 40, 90], [60, 10, 110, 40]], np.float32)
    asked = Proposed(picture(128, 160), boxes, ["dropper", "split_pin"])
    assert plain.refiner is not None
    assert compiled.refiner is not None
    for one, other in zip(
        plain.refiner.together([asked])[0], compiled.refiner.together([asked])[0], strict=True
    ):
        assert other == pytest.approx(one, abs=BOX_PX)


def test_what_does_not_compile_runs_as_it_is_with_one_warning(caplog):
    asked = []

    def refuses(graph, inputs):
        asked.append(graph)
        raise LookupError("no compiler on this machine")

    doubled = Compiled(lambda one: 2 * one, "detector", refuses)
    with caplog.at_level(logging.WARNING):
        assert [doubled(torch.tensor(number)).item() for number in (1, 2, 3)] == [2, 4, 6]
    assert len(asked) == 1
    (told,) = [one for one in caplog.records if one.name == "catenary.models.compiled"]
    assert "the detector cannot be compiled here and runs as it is" in told.getMessage()
    assert "no compiler on this machine" in told.getMessage()
    assert "\n" not in told.getMessage()


def test_an_error_of_the_function_itself_is_raised():
    def fails(one: torch.Tensor) -> torch.Tensor:
        return one @ torch.ones(3, 3)

    with pytest.raises(RuntimeError):
        Compiled(fails, "detector", "eager")(torch.ones(2, 2))
