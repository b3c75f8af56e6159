"""What holds for every rule of the table, whatever a crop shows."""

import cv2
import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.imaging.crops import cut
from catenary.rules import catalogue

LIMITS = catalogue.RuleLimits("test")
EVERY = [
    rule
    for table in (catalogue.rules(LIMITS), catalogue.unproven(LIMITS))
    for rules in table.values()
    for rule in rules
]
NAMES = st.sampled_from(["plain", "noise", "smooth", "stripes", "ramp"])


def picture(name: str, height: int, width: int, seed: int) -> np.ndarray:
    """Draw what a crop may hold by accident; not even lit."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    grey = {
        "plain": np.full((height, width), seed % 256),
        "noise": random.integers(0, 256, (height, width)),
        "smooth": cv2.blur(random.integers(0, 256, (height, width)).astype(np.uint8), (5, 5)),
        "stripes": 128 + 120 * np.sin((x * (seed % 7) + y * (seed % 5)) / 4),
        "ramp": (x + y) * 255 / (height + width),
    }[name]
    return np.asarray(grey, np.uint8).reshape(height, width)


@settings(max_examples=15, deadline=None)
@given(
    name=NAMES,
    size=st.tuples(st.integers(1, 140), st.integers(1, 140)),
    corner=st.tuples(st.floats(-0.2, 0.6), st.floats(-0.2, 0.6)),
    share=st.tuples(st.floats(0.3, 1.0), st.floats(0.3, 1.0)),
    seed=st.integers(0, 9999),
)
@example("stripes", (130, 90), (0.1, 0.1), (0.8, 0.8), 9)
def test_any_crop_gets_one_answer_and_is_not_written_to(name, size, corner, share, seed):
    height, width = size
    frame = picture(name, height, width, seed)
    x, y = corner[0] * width, corner[1] * height
    box = Box(x, y, x + share[0] * width + 0.5, y + share[1] * height + 0.5)
    crop = cut(frame, box, margin=0.3)
    before = frame.copy()
    for rule in EVERY:
        evidence: Evidence = rule(crop)
        assert (evidence.score is None) == (evidence.verdict is Verdict.CANNOT_JUDGE)
        assert evidence.score is None or 0 <= evidence.score <= 1
        assert np.isfinite([one.value for one in evidence.measurements]).all()
        # Another object with the same pixels: nothing kept from the first may decide.
        assert rule(cut(frame.copy(), box, margin=0.3)) == evidence
    assert np.array_equal(frame, before)
