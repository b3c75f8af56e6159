"""scripts/label-real: the box of the dropper in a photograph of it at its wire."""

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from catenary.domain.geometry import Box

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "label-real"))


def test_the_box_holds_clamp_loop_and_dropper_and_not_the_wire(tmp_path):
    sky = np.full((300, 400), 210, np.uint8)
    cv2.line(sky, (0, 80), (399, 72), 20, 9)  # askew, from side to side
    sky[70:110, 180:212] = 20  # clamp
    sky[110:300, 194:199] = 20  # dropper, leaving the picture
    sky[150:220, 130:133] = 20  # the far side of its loop
    cv2.imwrite(str(tmp_path / "a.png"), sky)
    (image,) = SCRIPT["droppers"](tmp_path)
    (label,) = image.labels
    assert label.box == Box(130, 70, 212, 300)
    assert (label.component, label.condition) == ("dropper", "normal")


def test_a_folder_without_photographs_is_said(tmp_path):
    with pytest.raises(SystemExit, match=r"holds no \.png"):
        list(SCRIPT["droppers"](tmp_path))
    with pytest.raises(SystemExit, match=r"labels\.json is missing"):
        list(SCRIPT["strips"](tmp_path))
