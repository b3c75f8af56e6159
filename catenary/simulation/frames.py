"""One simulated frame: which mast, which camera, which light; every frame on its own."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets.labels import Label
from catenary.domain.image import ImageRef
from catenary.domain.place import Mast
from catenary.simulation import lighting, tiles, weather
from catenary.simulation.backgrounds import background
from catenary.simulation.cameras import Camera, string_camera
from catenary.simulation.car import Turn, camera_of
from catenary.simulation.distractors import shade_insulator
from catenary.simulation.draws import Purpose, generator
from catenary.simulation.labels import labels
from catenary.simulation.lens import defocused
from catenary.simulation.masts import Places, mast_scene
from catenary.simulation.render import Caster, Clock, Rendered, render, untimed
from catenary.simulation.roof import car_roof
from catenary.simulation.scene import Scene
from catenary.simulation.sensor import exposed
from catenary.simulation.settings import Element, Light, Role, SimulationSettings, Weather
from catenary.simulation.shading import Air, Lighting
from catenary.simulation.strings import string_scene

Floats = NDArray[np.float32]

_MAST_SPACING_M = 50.0
_TUNED = 0.4  # lamps that are bolted on were set to suit their camera: they spread less
_ROOF_SHARE = 0.5  # of night cameras that see parts of their own car
_BOUNCED = 0.06  # light from all sides in a tunnel, by power of the lamps; our starting value


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFrame:
    """A rendered frame, or the tile of it that was wanted.

    Attributes:
        ref: ``file_name`` is the path below the set's folder.
        pixels: (height, width) uint8.
        labels: Every part that can be seen, in pixels of this picture.
        jpeg_quality: At which it is to be written.
    """

    ref: ImageRef
    pixels: NDArray[np.uint8]
    labels: tuple[Label, ...]
    jpeg_quality: int


@dataclass(frozen=True, slots=True)
class _Conditions:
    """Light and weather of a frame."""

    light: Light
    weather: Weather
    air: Air


@dataclass(frozen=True, slots=True, eq=False)
class _Set:
    """What stands before the camera, in its light, ready to be rendered."""

    scene: Scene
    caster: Caster
    camera: Camera
    conditions: _Conditions
    lighting: Lighting


def render_frame(
    settings: SimulationSettings, index: int, clock: Clock = untimed
) -> SimulatedFrame:
    """Render frame ``index`` of a set, whatever was rendered before.

    The mast and its weather depend on the seed and the mast's number only, so that all its views
    agree; camera, light and sensor on the seed and the frame's index or, where cameras are bolted
    on, the camera's number.

    Args:
        settings: Of the set.
        index: Of the frame.
        clock: Times the stages, for `scripts/bench-simulate`.
    """
    turn = Turn(index, settings)
    with clock("scene"):
        stage = _stage(turn)
    with clock("embree build"):
        stage.caster.build()
    conditions, camera, lit = stage.conditions, stage.camera, stage.lighting
    if settings.tile:
        with clock("tile"):
            camera = _tile(turn, stage)
    rays = turn.frame(Purpose.RAYS)
    picture = render(stage.caster, camera, lit, settings.samples, rays, clock)
    random = turn.frame(Purpose.SENSOR)
    low, high = settings.jpeg_quality
    quality, gain = int(random.integers(low, high + 1)), _gain(settings, random)
    with clock("lens and weather"):
        light = _seen(turn, conditions, picture, camera, lit)
    with clock("sensor"):
        has_noise = Element.NOISE not in settings.without
        pattern = turn.own(Purpose.PATTERN)
        pixels = exposed(light * np.float32(gain), camera, random, pattern, has_noise)
    with clock("labels"):
        found = labels(stage.scene, picture.items, camera, pixels, stage.caster)
    return SimulatedFrame(_ref(turn), pixels, found, quality)


def _ref(turn: Turn) -> ImageRef:
    settings, index = turn.settings, turn.index
    number = settings.first_mast + turn.mast
    name = f"images/{index:06d}.jpg"
    view = turn.taker.view
    return ImageRef(
        f"simulated-{settings.seed}",
        f"{settings.seed}-{index:06d}",
        name,
        name,
        turn.taker.id,
        f"{view}_tile" if settings.tile else view,
        _mast(turn),
        number * _MAST_SPACING_M + 100_000,
        taken_at(turn),
    )


def taken_at(turn: Turn) -> datetime:
    """Return when a frame was taken; bolted cameras that flash together tell the same time."""
    settings = turn.settings
    number = settings.first_mast + turn.mast
    shot = turn.exposure if settings.is_rigid else turn.index % settings.frames_per_mast
    passed = timedelta(seconds=3 * number, milliseconds=(97 if settings.is_rigid else 37) * shot)
    return datetime.fromisoformat(f"{settings.date}T01:00:00") + passed


def _mast(turn: Turn) -> Mast:
    settings = turn.settings
    number = settings.first_mast + turn.mast
    section = settings.sections[number % len(settings.sections)]
    return Mast(settings.line, settings.direction, section, f"{number:03d}")


def _conditions(turn: Turn) -> _Conditions:
    settings, span = turn.settings, turn.span(Purpose.WEATHER)
    is_shared = settings.is_rigid  # one mast of one car stands in one light
    random = turn.span(Purpose.LIGHT) if is_shared else turn.frame(Purpose.LIGHT)
    light = lighting.drawn(settings.light, random)
    kind = lighting.drawn(settings.weather, span)
    return _Conditions(light, kind, weather.air(kind, light, span))


def _stage(turn: Turn) -> _Set:
    """Return scene, camera and light; masts are kept between their frames."""
    conditions = _conditions(turn)
    if turn.taker.role is Role.STRING:
        scene, camera = _string(turn)
        lit = _lighting(turn, conditions, camera)
        if conditions.light is Light.NIGHT:
            _add_shade(turn, scene, lit)
        return _Set(scene, Caster(scene, turn.index), camera, conditions, lit)
    built = _built(_Key.of(turn))
    scene, caster, camera = built.scene, built.caster, camera_of(turn, built.places)
    if scene.is_enclosed:  # neither daylight nor weather gets in
        conditions = _Conditions(Light.NIGHT, Weather.CLEAR, Air())
    lit = _lighting(turn, conditions, camera)
    if scene.is_enclosed:
        bounced = _BOUNCED * sum(lamp.power for lamp in lit.lamps)
        lit = replace(lit, ambient=lit.ambient + bounced)
    if conditions.light is Light.NIGHT:
        scene = replace(scene, items=[*scene.items], bodies=[*scene.bodies])
        _add_roof(turn, scene, camera)
        _add_shade(turn, scene, lit)
        if len(scene.bodies) > len(built.scene.bodies):
            caster = Caster(scene, caster.seed)
    return _Set(scene, caster, camera, conditions, lit)


def _add_roof(turn: Turn, scene: Scene, camera: Camera) -> None:
    """Let some cameras see their own car."""
    random = turn.own(Purpose.ROOF)
    if random.random() < _ROOF_SHARE:
        car_roof(scene, camera, random)


def _add_shade(turn: Turn, scene: Scene, lit: Lighting) -> None:
    """Throw a shadow across an insulator in a share of the frames."""
    random = turn.frame(Purpose.SHADE)
    if random.random() < _plain(turn.settings).distractors:
        shade_insulator(scene, lit.lamps[0].position, random)


def _string(turn: Turn) -> tuple[Scene, Camera]:
    settings, random = turn.settings, turn.frame(Purpose.STRING)
    width, height = turn.taker.width, turn.taker.height
    # Half of the strings fill a flat frame, as rectified strips of insulators do.
    if random.random() < 0.5:
        height = max(64, int(width * random.uniform(0.06, 0.25)))
    name = f"string-{settings.seed}-{turn.index:06d}"
    scene, length, radius = string_scene(settings.rates, name, random)
    return scene, string_camera(length, radius, (width, height), random)


@dataclass(frozen=True, slots=True)
class _Key:
    """What a mast depends on: masts of equal ``text`` are equal."""

    text: str
    turn: Turn = field(compare=False)

    @classmethod
    def of(cls, turn: Turn) -> "_Key":
        return cls(f"{turn.mast} {turn.settings!r}", turn)


@dataclass(frozen=True, slots=True, eq=False)
class _Built:
    scene: Scene
    places: Places
    caster: Caster


@lru_cache(maxsize=1)
def _built(key: _Key) -> _Built:
    """Build a mast once for the frames of it that one process renders in a row."""
    turn = key.turn
    settings = turn.settings
    random = generator(settings.seed, turn.mast, Purpose.MAST)
    scene, places = mast_scene(_plain(settings), str(_mast(turn)), random)
    return _Built(scene, places, Caster(scene, turn.mast))


def _plain(settings: SimulationSettings) -> SimulationSettings:
    """Return the settings without what only looks like a defect, where it is left out."""
    if Element.DISTRACTORS in settings.without:
        return replace(settings, crossing=0.0, distractors=0.0)
    return settings


def _tile(turn: Turn, stage: _Set) -> Camera:
    random = turn.frame(Purpose.TILE)
    spot = None
    if random.random() >= turn.settings.anywhere:
        spot = tiles.part_spot(stage.scene, stage.caster, stage.camera, random)
    return tiles.window(stage.camera, turn.settings.tile, spot, random)


def _lighting(turn: Turn, conditions: _Conditions, camera: Camera) -> Lighting:
    without = turn.settings.without
    spread = turn.settings.exposure
    if turn.settings.is_rigid:
        spread *= _TUNED
    lamps, ambient = lighting.lamps(conditions.light, camera, spread, turn.own(Purpose.LAMPS))
    return Lighting(
        lamps,
        ambient,
        conditions.air,
        conditions.weather is Weather.RAIN,
        Element.SHADOWS not in without,
        Element.TEXTURE not in without,
    )


def _gain(settings: SimulationSettings, random: np.random.Generator) -> float:
    """Return the factor of the exposure: 1, or far from it in a share of the frames."""
    is_off, far = random.random() < settings.misexposed, random.uniform(1.0, 2.2)
    sign = random.choice([-1, 1])
    return float(np.exp(sign * far)) if is_off else 1.0


def _seen(
    turn: Turn, conditions: _Conditions, picture: Rendered, camera: Camera, lit: Lighting
) -> Floats:
    """Return the light on the sensor (H, W)."""
    has_texture = Element.TEXTURE not in turn.settings.without
    behind = background(
        conditions.light, camera, turn.frame(Purpose.BACKGROUND), has_texture=has_texture
    )
    radiance, cover = defocused(
        picture.radiance, picture.cover, picture.depth, camera.lens, camera.focal_px
    )
    if conditions.air.extinction:
        behind = weather.through_air(behind, conditions.air)
    light: Floats = radiance + (1 - cover) * behind
    if conditions.air.extinction:
        light += weather.glow(camera, lit)
    if conditions.weather is Weather.RAIN:
        random = turn.frame(Purpose.GLASS)
        light += weather.rain(camera, lit, picture.depth, random)
        light = weather.through_drops(light, camera, random)
    return light


def encoded(frame: SimulatedFrame) -> bytes:
    """Return the frame as a grey JPEG at its quality."""
    _, data = cv2.imencode(".jpg", frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, frame.jpeg_quality])
    return data.tobytes()
