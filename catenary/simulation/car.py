"""The cameras of a run over its masts: bolted on a car, or another one for every frame."""

from dataclasses import dataclass, replace

import numpy as np

from catenary.simulation.cameras import Camera, mast_camera
from catenary.simulation.draws import Purpose, generator
from catenary.simulation.masts import Places
from catenary.simulation.scene import point
from catenary.simulation.settings import CarCamera, Role, SimulationSettings

# A mast of middle sizes on the left: what a car's cameras are aimed at when they are bolted on.
_NOMINAL = Places(
    side=1.0,
    contact_height=5600.0,
    flat_insulator=point(0, 2500, 6850),
    inclined_insulator=point(0, 2450, 5350),
    seat=point(0, 200, 6950),
    steady=point(0, -100, 5850),
    joints=(point(0, 300, 6850), point(0, 1500, 5950)),
    droppers=((point(0, 0, 6600), point(0, 0, 5590)),),
    mast=point(0, 3000, 0),
    plate=None,
    suspension=None,
)
_DROPPERS = "droppers"
_ON_DROPPERS = (Role.DROPPER, Role.DROPPER_UPPER, Role.DROPPER_LOWER)
_WIDER = 0.6  # a bolted camera cannot follow its part, so it must see more around it
_TUNED = 0.3  # a bolted camera was focused with care
_SWAY_MM = (25.0, 12.0, 6.0)  # trigger scatter along the track, sway across, bounce; our values
_MOST_SMEAR_PX = 4.0  # a flash is chosen so that parts stay sharp, as far as the lamps can
_PIXEL_MM = 0.00345 * 2448  # of a sensor, over its width in px: the same lens for every sensor


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn frame ``index`` is.

    Attributes:
        index: Of the frame.
        settings: Of the run.
    """

    index: int
    settings: SimulationSettings

    @property
    def mast(self) -> int:
        """Number of the mast, from 0."""
        return self.index // self.settings.frames_per_mast

    @property
    def number(self) -> int:
        """Number of the camera, from 0; a camera listed twice keeps its first."""
        car = self.settings.car
        return car.index(self.taker)

    @property
    def taker(self) -> CarCamera:
        """The camera."""
        car = self.settings.car
        return car[self.index % len(car)]

    def own(self, purpose: Purpose) -> np.random.Generator:
        """Return random numbers of the camera where cameras are bolted on, else of the frame."""
        number = self.number if self.settings.is_rigid else self.index
        return generator(self.settings.seed, number, purpose)

    def frame(self, purpose: Purpose) -> np.random.Generator:
        """Return random numbers of the frame."""
        return generator(self.settings.seed, self.index, purpose)

    @property
    def lap(self) -> int:
        """Which of the rounds of all cameras at its mast, from 0."""
        return self.index % self.settings.frames_per_mast // len(self.settings.car)

    @property
    def exposure(self) -> int:
        """Number of the exposure at its mast, from 0.

        Cameras of a car that look from one side flash together, and so do those on droppers.
        """
        groups = list(dict.fromkeys(_flashing_with(one) for one in self.settings.car))
        return self.lap * len(groups) + groups.index(_flashing_with(self.taker))

    def together(self, purpose: Purpose) -> np.random.Generator:
        """Return random numbers of the exposure: the car moves with all that is bolted to it."""
        return np.random.default_rng([self.settings.seed, self.mast, purpose, self.exposure])

    def span(self, purpose: Purpose) -> np.random.Generator:
        """Return random numbers of the mast and its span."""
        return generator(self.settings.seed, self.mast, purpose)


def _flashing_with(taker: CarCamera) -> str:
    """Name the cameras that flash with one: those of its side, those on droppers, or it alone."""
    if taker.role in _ON_DROPPERS:
        return _DROPPERS
    return str(taker.facing or taker.id)


def camera_of(turn: Turn, places: Places) -> Camera:
    """Return the camera that takes a frame of a mast."""
    settings, taker, random = turn.settings, turn.taker, turn.own(Purpose.VIEW)
    size = (taker.width, taker.height)
    if settings.is_rigid:
        camera = mast_camera(taker.role, taker.facing, _NOMINAL, size, random)
        if taker.role is not Role.GLOBAL:
            camera = replace(camera, focal_px=camera.focal_px * _WIDER)
    else:
        camera = mast_camera(taker.role, taker.facing, places, size, random)
    camera = _with_flash(_with_lens(camera, settings, random), settings, random)
    return _triggered(camera, turn, places) if settings.is_rigid else camera


def _with_lens(camera: Camera, settings: SimulationSettings, random: np.random.Generator) -> Camera:
    """Add distortion, an aperture of f/2.8 to f/8, and a focus that is near the part it is for."""
    k1 = settings.distortion * random.uniform(-1, 1)
    focal_mm = camera.focal_px * _PIXEL_MM / camera.full[0]
    stop = np.exp(random.uniform(np.log(2.8), np.log(8)))
    miss = random.normal() * (0.35 if random.random() < 0.08 else 0.07)
    if settings.is_rigid:
        miss *= _TUNED
    focus = camera.lens.focus_mm * float(np.exp(miss))
    lens = replace(camera.lens, k1=k1, k2=0.15 * k1, aperture_mm=focal_mm / stop, focus_mm=focus)
    return replace(camera, lens=lens)


def _with_flash(
    camera: Camera, settings: SimulationSettings, random: np.random.Generator
) -> Camera:
    """Add the way of the car during a flash."""
    shortest, longest = settings.pulse_us
    pulse = float(np.exp(random.uniform(np.log(shortest), np.log(longest))))
    speed = settings.speed_kmh / 3600  # mm per microsecond
    target = camera.position + camera.rotation[2] * camera.lens.focus_mm
    smear = replace(camera, travel_mm=speed * pulse).smear_px(target)
    pulse = max(shortest, pulse * min(1, _MOST_SMEAR_PX / max(smear, 1e-6)))
    return replace(camera, travel_mm=speed * pulse)


def _triggered(camera: Camera, turn: Turn, places: Places) -> Camera:
    """Move a bolted camera to where it was triggered, on the side of the mast.

    Its picture of a mast on the right is the mirror image of its stand on the left: the same
    camera of the set for the other side.
    """
    random = turn.together(Purpose.TRIGGER)
    at = camera.position + random.normal(size=3) * _SWAY_MM
    rotation = camera.rotation.copy()
    if places.side < 0:
        at[1] *= -1
        rotation[:, 1] *= -1
        rotation[0] *= -1  # right stays right
    if turn.taker.role in _ON_DROPPERS:
        at[0] += places.droppers[turn.lap % len(places.droppers)][0][0]
    return replace(camera, position=at, rotation=rotation)
