"""Defects injected into drawn crops: the edit is where it should be, and its control is none."""

import cv2
import numpy as np
import pytest

from catenary import config
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.imaging.crops import Crop
from catenary.rules.dropper import DropperLimits, continuity, slackness
from catenary.rules.insulator import shed_spacing
from catenary.rules.insulator_string import ShedLimits
from catenary.simulation.inject import CONTROL, METHODS, Edit, InjectionSettings, inject
from catenary.simulation.retouch import band, laid, without


def dropper(wire: float = 160, sky: float = 12) -> Crop:
    """Return a whole dropper of 400 px between two clamps, in sensor noise."""
    picture = np.full((480, 300), sky, np.float32)
    cv2.rectangle(picture, (142, 36), (158, 56), wire, -1)
    cv2.rectangle(picture, (142, 424), (158, 444), wire, -1)
    cv2.line(picture, (150, 40), (150, 440), wire, 4)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.8)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    return Crop(picture.clip(0, 255).astype(np.uint8), 0, 0, Box(140, 36, 160, 444))


def insulator(angle_deg: float = 0.0, count: int = 14, period: int = 18) -> Crop:
    """Return bright sheds, 60 px high, on a dark sky."""
    picture = np.full((420, 420), 8, np.float32)
    cv2.rectangle(picture, (70, 200), (98 + count * period, 220), 90, -1)
    for x in range(84, 84 + count * period, period):
        cv2.rectangle(picture, (x, 180), (x + 8, 240), 170, -1)
    turn = cv2.getRotationMatrix2D((210, 210), angle_deg, 1)
    picture = cv2.warpAffine(picture, turn, (420, 420), borderValue=8)
    picture = cv2.GaussianBlur(picture, (0, 0), 1.0)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    ys, xs = np.nonzero(picture > 60)
    box = Box(float(xs.min()), float(ys.min()), float(xs.max()) + 1, float(ys.max()) + 1)
    return Crop(picture.clip(0, 255).astype(np.uint8), 0, 0, box)


def pin() -> Crop:
    """Return a bright pin with two legs on a grey bolt end."""
    picture = np.full((80, 80), 90, np.float32)
    cv2.line(picture, (24, 40), (44, 40), 230, 4)
    cv2.line(picture, (44, 40), (56, 28), 230, 3)
    cv2.line(picture, (44, 40), (56, 52), 230, 3)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.8)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    return Crop(picture.clip(0, 255).astype(np.uint8), 0, 0, Box(20, 22, 60, 58))


def bolt(turns: int = 0) -> Crop:
    """Return a nut of 24 x 14 px on a tube, a thread of 14 x 12 px out of it, after turns."""
    picture = np.full((90, 90), 14, np.float32)
    picture[58:, :] = 120  # the tube
    picture[32:44, 38:52] = np.where(np.arange(12)[:, None] % 3 == 0, 70, 110)  # its ridges
    picture[44:58, 33:57] = 170
    picture = cv2.GaussianBlur(picture, (0, 0), 0.7)
    picture += np.random.default_rng(0).normal(0, 2, picture.shape)
    turned = np.ascontiguousarray(np.rot90(picture.clip(0, 255).astype(np.uint8), turns))
    where = np.zeros((90, 90), np.bool_)
    where[32:58, 32:58] = True
    ys, xs = np.nonzero(np.rot90(where, turns))
    box = Box(float(xs.min()), float(ys.min()), float(xs.max()) + 1, float(ys.max()) + 1)
    return Crop(turned, 0, 0, box)


def made(crop: Crop, component: str, condition: str, seed: int = 1, severity: float = 0.6) -> Edit:
    edit = inject(crop, component, condition, severity, np.random.default_rng(seed))
    assert isinstance(edit, Edit), edit
    return edit


def edited(crop: Crop, edit: Edit) -> Crop:
    return Crop(edit.pixels, 0, 0, crop.inner)


CROPS = {"dropper": dropper, "insulator": insulator, "split_pin": pin, "bolt": bolt}


@pytest.mark.parametrize(
    ("component", "condition"), [(kind, name) for kind, all_ in METHODS.items() for name in all_]
)
def test_an_edit_changes_what_its_mask_says_and_nothing_else(component, condition):
    crop = CROPS[component]()
    edit = made(crop, component, condition)
    assert np.array_equal(edit.pixels[~edit.mask], crop.pixels[~edit.mask])
    assert 0 < edit.mask.mean() < 0.5
    again = made(crop, component, condition)
    assert np.array_equal(edit.pixels, again.pixels)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("wire_and_sky", [(160, 12), (40, 190)])
def test_a_cut_dropper_is_found_broken_and_its_control_is_not(seed, wire_and_sky):
    crop = dropper(*wire_and_sky)
    cut = edited(crop, made(crop, "dropper", "broken", seed))
    assert continuity(cut, DropperLimits()).verdict is Verdict.DEFECT
    control = edited(crop, made(crop, "dropper", CONTROL, seed))
    assert continuity(control, DropperLimits()).verdict is Verdict.NORMAL


def test_a_bowed_dropper_is_found_slack():
    crop = dropper()
    bowed = edited(crop, made(crop, "dropper", "slack"))
    assert slackness(bowed, DropperLimits()).verdict is Verdict.DEFECT


@pytest.mark.parametrize("angle_deg", [0.0, 20.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_removed_shed_is_missed_and_a_copied_one_is_not(angle_deg, seed):
    crop = insulator(angle_deg)
    bare = edited(crop, made(crop, "insulator", "shed_missing", seed))
    assert shed_spacing(bare, ShedLimits()).verdict is Verdict.DEFECT
    control = edited(crop, made(crop, "insulator", CONTROL, seed))
    assert shed_spacing(control, ShedLimits()).verdict is Verdict.NORMAL


@pytest.mark.parametrize("seed", range(3))
def test_a_copied_shed_keeps_its_grain_on_the_grid_of_the_jpeg(seed):
    crop = insulator()
    edit = made(crop, "insulator", CONTROL, seed)
    middle = round(float(np.nonzero(edit.mask)[1].mean()))
    shed = edit.pixels[185:235, middle - 2 : middle + 3]
    same = [
        x - middle
        for x in range(80, 340)
        if np.array_equal(crop.pixels[185:235, x - 2 : x + 3], shed)
    ]
    assert len(same) == 1
    assert same[0] % 8 == 0
    assert same[0] != 0


def test_an_insulator_without_sheds_whole_blocks_apart_has_no_control():
    crop = insulator(count=5, period=21)
    refusal = inject(crop, "insulator", CONTROL, 0.5, np.random.default_rng(0))
    assert refusal == "no other shed stands whole JPEG blocks away"


def test_a_burnt_insulator_is_darker():
    crop = insulator()
    edit = made(crop, "insulator", "flashover")
    assert edit.pixels[edit.mask].mean() < 0.7 * crop.pixels[edit.mask].mean()


def test_a_removed_pin_leaves_no_bright_wire():
    crop = pin()
    edit = made(crop, "split_pin", "missing")
    assert edit.pixels.max() < 130 < crop.pixels.max()


@pytest.mark.parametrize("turns", range(4))
def test_a_removed_nut_leaves_the_bare_thread_before_the_sky(turns):
    crop = bolt(turns)
    edit = made(crop, "bolt", "nut_missing")
    upright = np.rot90(edit.pixels, -turns)
    before = np.rot90(crop.pixels, -turns)
    assert np.array_equal(upright[:40], before[:40])  # the free thread stays
    assert np.array_equal(upright[60:], before[60:])  # and what the nut sat on
    assert upright[40:56, 31:37].max() < 40 < 150 < np.median(before[46:56, 34:36])
    assert np.median(upright[46:56, 42:48]) == pytest.approx(
        np.median(before[34:42, 42:48]), abs=12
    )


def test_a_nut_that_is_put_back_is_where_it_was():
    crop = bolt()
    edit = made(crop, "bolt", CONTROL)
    assert edit.severity == 0
    nut = np.s_[46:54, 36:54]
    assert np.abs(edit.pixels[nut].astype(int) - crop.pixels[nut]).mean() < 8


def test_a_nut_before_something_else_than_its_thread_does_not_serve():
    crop = bolt()
    pixels = crop.pixels.copy()
    pixels[44:58, :33] = pixels[44:58, 57:] = 200  # a bright tube behind the nut
    refusal = inject(
        Crop(pixels, 0, 0, crop.inner), "bolt", "nut_missing", 1, np.random.default_rng(0)
    )
    assert refusal == "no thread is seen to come out of a nut"


def test_a_bolt_head_without_a_thread_does_not_serve():
    crop = bolt()
    crop = Crop(crop.pixels, 0, 0, Box(32, 44, 58, 58))
    refusal = inject(crop, "bolt", "nut_missing", 0.5, np.random.default_rng(0))
    assert refusal == "no thread is seen to come out of a nut"


def test_what_is_there_or_not_has_no_degree():
    assert made(bolt(), "bolt", "nut_missing", severity=0.2).severity == 1
    assert made(dropper(), "dropper", "slack", severity=0.2).severity == 0.2


def test_the_gap_of_a_cut_dropper_grows_with_its_severity():
    crop = dropper()
    lost = []
    for severity in (0.0, 0.5, 1.0):
        edit = made(crop, "dropper", "broken", 3, severity)
        lost.append(int((edit.pixels > 100).sum()))
    assert lost[0] > lost[1] + 100 > lost[2] + 200


def test_no_shed_is_taken_where_no_background_shows_between_them():
    picture = np.full((420, 420), 8, np.float32)
    picture[180:240, 80:340] = 120
    for x in range(84, 84 + 14 * 18, 18):
        cv2.rectangle(picture, (x, 180), (x + 8, 240), 170, -1)
    crop = Crop(
        cv2.GaussianBlur(picture, (0, 0), 1.0).astype(np.uint8), 0, 0, Box(80, 180, 340, 241)
    )
    refusal = inject(crop, "insulator", "shed_missing", 0.5, np.random.default_rng(0))
    assert isinstance(refusal, str)
    assert refusal.startswith("no background shows")


def test_a_part_that_does_not_serve_says_why():
    crop = Crop(dropper().pixels[:60], 0, 0, Box(140, 10, 160, 50))
    refusal = inject(crop, "dropper", "broken", 0.5, np.random.default_rng(0))
    assert refusal == "dropper is 40 px long, need 60 px"


def test_an_unknown_condition_is_refused():
    with pytest.raises(ValueError, match="no method makes dropper burnt"):
        inject(dropper(), "dropper", "burnt", 0.5, np.random.default_rng(0))


def test_what_is_taken_out_leaves_the_grain_of_its_surroundings():
    picture = np.random.default_rng(0).normal(100, 6, (200, 200)).clip(0, 255).astype(np.uint8)
    mask = np.zeros(picture.shape, np.bool_)
    mask[60:140, 95:105] = True
    picture[63:137, 98:102] = 250
    filled = without(picture, mask, np.random.default_rng(1))
    assert filled[mask].mean() == pytest.approx(100, abs=4)
    assert filled[mask].std() == pytest.approx(6, rel=0.5)


def test_a_wire_laid_on_its_own_path_is_itself():
    crop = dropper()
    path = np.array([[150.0, 100.0], [150.0, 300.0]])
    bare = without(crop.pixels, band(crop.pixels.shape, path, 6), np.random.default_rng(0))
    back = laid(bare, crop.pixels, path, path, 5)
    inner = np.s_[110:290, 148:153]
    assert np.abs(back[inner].astype(int) - crop.pixels[inner]).mean() < 4


def test_every_impossible_setting_is_named_at_once():
    with pytest.raises(ValueError, match=r"seed.*severity.*rates\.dropper: cannot make burnt"):
        InjectionSettings(-1, severity=(0.5, 0.2), rates={"dropper": {"burnt": 1}})


def test_the_shipped_settings_are_valid():
    config.load(config.bundled("configs/injection.yaml"), InjectionSettings)
