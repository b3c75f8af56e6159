"""One simulated frame: which mast, which camera, which light; every frame on its own."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.image import ImageRef
from catenary.domain.place import Mast
from catenary.simulation.cameras import Camera, mast_camera, string_camera
from catenary.simulation.distractors import shade_insulator
from catenary.simulation.labels import labels
from catenary.simulation.masts import mast_scene
from catenary.simulation.render import Lamp, render
from catenary.simulation.roof import car_roof
from catenary.simulation.scene import Scene, point, unit
from catenary.simulation.sensor import background, exposed
from catenary.simulation.settings import Light, Role, SimulationSettings
from catenary.simulation.strings import string_scene

_CAMERA_IDS = {role: f"{number:02d}" for number, role in enumerate(Role, start=1)}
_MAST_SPACING_M = 50.0
_BOUNCED = 0.06  # light from all sides in a tunnel, by power of the lamps; our starting value


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFrame:
    """A rendered frame.

    Attributes:
        ref: ``file_name`` is the path below the set's folder.
        pixels: (height, width) uint8.
        labels: Every part that can be seen.
        jpeg_quality: At which it is to be written.
    """

    ref: ImageRef
    pixels: NDArray[np.uint8]
    labels: tuple[Label, ...]
    jpeg_quality: int


def render_frame(settings: SimulationSettings, index: int) -> SimulatedFrame:
    """Render frame ``index`` of a set, whatever was rendered before.

    The mast depends on the seed and the mast's number only, so that all its views agree; the
    camera, light and sensor depend on the seed and the frame's index.
    """
    random = np.random.default_rng([settings.seed, index])
    ref = _ref(settings, index)
    role = settings.roles[index % len(settings.roles)]
    light = list(settings.light)[
        int(random.choice(len(settings.light), p=list(settings.light.values())))
    ]
    scene, camera = _scene(settings, index, role, random)
    if scene.is_enclosed:
        light = Light.NIGHT
    if light is Light.NIGHT and role is not Role.STRING and random.random() < 0.5:
        car_roof(scene, camera, random)
    lamps, ambient = _lamps(light, camera, settings.exposure, random)
    if scene.is_enclosed:
        ambient += _BOUNCED * sum(lamp.power for lamp in lamps)
    if light is Light.NIGHT and random.random() < settings.distractors:
        shade_insulator(scene, lamps[0].position, random.spawn(1)[0])
    picture = render(scene, camera, lamps, ambient, settings.samples, random)
    behind = background(light, camera.height, camera.width, random)
    pixels = exposed(picture.radiance + (1 - picture.cover) * behind, random)
    low, high = settings.jpeg_quality
    quality = int(random.integers(low, high + 1))
    return SimulatedFrame(ref, pixels, labels(scene, picture.items, camera, pixels), quality)


def _ref(settings: SimulationSettings, index: int) -> ImageRef:
    number = settings.first_mast + index // settings.frames_per_mast
    section = settings.sections[number % len(settings.sections)]
    mast = Mast(settings.line, settings.direction, section, f"{number:03d}")
    role = settings.roles[index % len(settings.roles)]
    seconds = timedelta(seconds=3 * number, milliseconds=37 * (index % settings.frames_per_mast))
    name = f"images/{index:06d}.jpg"
    return ImageRef(
        f"simulated-{settings.seed}",
        f"{settings.seed}-{index:06d}",
        name,
        name,
        _CAMERA_IDS[role],
        str(role),
        mast,
        number * _MAST_SPACING_M + 100_000,
        datetime.fromisoformat(f"{settings.date}T01:00:00") + seconds,
    )


def _scene(
    settings: SimulationSettings, index: int, role: Role, random: np.random.Generator
) -> tuple[Scene, Camera]:
    size = (settings.width, settings.height)
    ref = _ref(settings, index)
    if role is Role.STRING:
        # Half of the strings fill a flat frame, as rectified strips of insulators do.
        if random.random() < 0.5:
            size = (settings.width, max(64, int(settings.width * random.uniform(0.06, 0.25))))
        scene, length, radius = string_scene(settings.rates, f"string-{ref.image_id}", random)
        return scene, string_camera(length, radius, size, random)
    number = index // settings.frames_per_mast
    mast_random = np.random.default_rng([settings.seed, number, 1])
    scene, places = mast_scene(settings, str(ref.mast), mast_random)
    return scene, mast_camera(role, places, size, random)


def _lamps(
    light: Light, camera: Camera, spread: float, random: np.random.Generator
) -> tuple[list[Lamp], float]:
    """Return the lamps and the light from all sides."""
    if light is Light.NIGHT:
        strength = 3.0 * np.exp(random.normal() * spread)
        right, down, forward = camera.rotation
        lamps = []
        for _ in range(int(random.integers(1, 4))):
            beside = right * random.uniform(-1300, 1300) + down * random.uniform(-100, 250)
            at = camera.position + beside + forward * random.uniform(-300, 300)
            lamps.append(Lamp(at, strength * random.uniform(0.4, 1)))
        return lamps, 0.0
    sun = camera.position + unit(random.normal(size=3) + point(0, -0.5, 1.2)) * 1e6
    is_dark = light is Light.SKY
    ambient = random.uniform(0, 0.25) if is_dark else random.uniform(0.25, 1.0)
    power = random.uniform(0.1, 1.2) * (0.1 if is_dark else 1.0) * (1e6 / 5000) ** 2
    return [Lamp(sun, power)], ambient


def encoded(frame: SimulatedFrame) -> bytes:
    """Return the frame as a grey JPEG at its quality."""
    _, data = cv2.imencode(".jpg", frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, frame.jpeg_quality])
    return data.tobytes()
