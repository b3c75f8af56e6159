"""What several pictures show tells where a further one shows it, without focal length or stand."""

import numpy as np
import pytest

from catenary.pipeline import adjustment
from catenary.pipeline.adjustment import Model, Sightings, Terms
from tests.pipeline.rows_scene import FRONTS, shown


def test_the_reference_shows_a_point_at_its_own_place():
    points = np.array([[0.2, 0.3, 0.01], [0.8, 0.5, -0.02]])
    cameras = np.tile(adjustment.reference(), (2, 1))
    assert adjustment.project(cameras, points) == pytest.approx(points[:, :2])


def test_a_lens_that_distorts_pushes_outward_from_the_middle():
    camera = adjustment.reference()
    camera[11] = 0.1
    (seen,) = adjustment.project(camera[None], np.array([[0.8, 0.8, 0.0]]))
    # 0.3 and 0.4 from the middle: r squared 0.25, so 2.5 % further out.
    assert seen == pytest.approx((0.5 + 0.3 * 1.025, 0.4 + 0.4 * 1.025))


def test_a_way_of_the_car_moves_near_parts_more_than_far_ones():
    """Worked by hand for a metric camera: u = x / z, v = y / z, and k = 1 / z less c."""
    c = 0.2
    at = np.array([[0.5, -0.4, 4.0], [0.5, -0.4, 8.0]])  # x, y, z in metres
    gone = np.array([0.3, 0.1, 0.5])

    def framed(xyz: np.ndarray) -> np.ndarray:
        return np.stack([xyz[:, 0], xyz[:, 1], 1 - c * xyz[:, 2]], axis=1) / xyz[:, 2:]

    horizon = np.array([0.0, 0.0, 1 / c])
    way = np.array([c * gone[0], c * gone[1], -(c**2) * gone[2]])
    # The third of (u, v, 1, k) grows by gone / z, so all is divided by it again.
    moved = adjustment.moved(framed(at), np.tile(way, (2, 1)), horizon)
    assert moved == pytest.approx(framed(at + gone))
    assert (np.abs(moved - framed(at))[0] > np.abs(moved - framed(at))[1])[:2].all()


def test_cameras_are_found_that_show_a_point_they_did_not_learn_from():
    random = np.random.default_rng(2)
    spots = random.uniform((-300, -200, 5600), (300, 2300, 7000), (60, 3))
    still = np.zeros(3)
    seen = np.array([[shown(camera, one, still) for one in spots] for camera in FRONTS])
    learnt = np.arange(60) < 50
    flat = [np.linalg.lstsq(np.c_[np.ones(60), seen[0]], one, rcond=None)[0].T for one in seen]
    cameras = np.zeros((3, adjustment.TERMS))
    cameras[:, :6] = [one.ravel() for one in flat]
    cameras[1:, 9] = 0.5  # what parallax does is only guessed
    points = np.c_[seen[0], seen[1, :, 0] - seen[1, :, 0].mean()]
    points[:, 2] = (seen[1, :, 0] - (np.c_[np.ones(60), seen[0]] @ flat[1].T)[:, 0]) / 0.5
    model = Model(cameras, points, np.zeros((0, 3)), np.zeros(3))

    def sightings(some: np.ndarray, views: int) -> Sightings:
        camera, point = (one.ravel() for one in np.meshgrid(np.arange(views), np.flatnonzero(some)))
        noise = np.full(len(point), 1e-3)
        return Sightings(camera, point, np.full(len(point), -1), seen[camera, point], noise)

    whole = adjustment.adjust(model, sightings(learnt, 3), Terms(0), rounds=200)
    told = adjustment.adjust(whole, sightings(~learnt, 2), Terms(None), rounds=200)
    assert (told.cameras == whole.cameras).all()
    third = np.tile(told.cameras[2], (10, 1))
    missed = adjustment.project(third, told.points[~learnt]) - seen[2, ~learnt]
    assert np.abs(missed).max() < 1e-3
    at_first = adjustment.project(np.tile(cameras[2], (10, 1)), points[~learnt]) - seen[2, ~learnt]
    assert np.abs(at_first).max() > 1e-2
