"""What a simulated set consists of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from catenary.domain.errors import ImpossibleSettingsError, Mistake
from catenary.domain.place import Direction
from catenary.simulation.geometry import Geometry


class Role(StrEnum):
    """Camera roles of an inspection car, and close views for training."""

    GLOBAL = "global"  # 全局
    CANTILEVER_FLAT = "cantilever_flat"  # 平腕臂
    CANTILEVER_INCLINED = "cantilever_inclined"  # 斜腕臂
    MESSENGER_SEAT = "messenger_seat"  # 承力索底座
    STEADY_ARM = "steady_arm"  # 定位
    JOINT = "joint"  # 中间局部: one double-ear clevis with its pin
    DROPPER = "dropper"  # 吊弦, both ends
    DROPPER_UPPER = "dropper_upper"  # messenger-side clamp
    DROPPER_LOWER = "dropper_lower"  # contact-side clamp
    STRING = "string"  # one long insulator string alone; no camera of the car
    ADDITIONAL_SUSPENSION = "additional_suspension"  # 附加悬挂, at the head of the mast
    NUMBER_PLATE = "number_plate"  # 杆号牌


class Facing(StrEnum):
    """From which side of the mast a camera looks at it."""

    FRONT = "front"  # 正面: before the mast, looking the way the car goes
    BACK = "back"  # 反面: past the mast, looking back


class Weather(StrEnum):
    """The air between camera and mast."""

    CLEAR = "clear"
    FOG = "fog"
    RAIN = "rain"


class Element(StrEnum):
    """A part of the realism that can be left out, to measure what it is worth."""

    SHADOWS = "shadows"  # no shadow rays
    NOISE = "noise"  # no photon, read or fixed-pattern noise
    DISTRACTORS = "distractors"  # nothing that only looks like a defect
    TEXTURE = "texture"  # materials without blotches, backgrounds without structure


class Light(StrEnum):
    """What lights the scene."""

    NIGHT = "night"  # lamps beside the camera, black sky
    DUSK = "dusk"  # lamps beside the camera, a weak sky
    SKY = "sky"  # day against a bright sky: dark parts
    CLUTTER = "clutter"  # daylight before a busy background


MADE = {  # conditions that the scenes can show, by component
    "dropper": ("broken", "slack", "missing", "strand_broken", "clamp_off"),
    "split_pin": ("missing", "loose", "not_opened"),
    "insulator": ("shed_missing", "shed_broken", "flashover", "contaminated", "foreign_object"),
    "bolt": ("nut_missing", "bolt_missing", "loose"),
    "messenger_wire": ("strand_broken", "burned"),
    "contact_wire": ("burned", "worn", "kinked"),
    "steady_arm": ("off", "bent"),
    "clamp": ("off",),
    "cantilever": ("bent",),
    "messenger_seat": ("off",),
    "clevis": ("off",),
    "number_plate": ("missing", "unreadable"),
    "foreign_object": ("nest", "film", "branch"),
}


def _light() -> dict[Light, float]:
    return {Light.NIGHT: 0.70, Light.DUSK: 0.06, Light.SKY: 0.09, Light.CLUTTER: 0.15}


def _weather() -> dict[Weather, float]:
    return {Weather.CLEAR: 0.86, Weather.FOG: 0.07, Weather.RAIN: 0.07}


def _rates() -> dict[str, dict[str, float]]:
    return {
        "dropper": {
            "broken": 0.16,
            "slack": 0.05,
            "missing": 0.04,
            "strand_broken": 0.04,
            "clamp_off": 0.03,
        },
        "split_pin": {"missing": 0.16, "loose": 0.06, "not_opened": 0.06},
        "insulator": {
            "shed_missing": 0.12,
            "shed_broken": 0.1,
            "flashover": 0.08,
            "contaminated": 0.05,
            "foreign_object": 0.02,
        },
        "bolt": {"nut_missing": 0.02, "bolt_missing": 0.01, "loose": 0.02},
        "messenger_wire": {"strand_broken": 0.03, "burned": 0.02},
        "contact_wire": {"burned": 0.02, "worn": 0.02, "kinked": 0.02},
        "steady_arm": {"off": 0.02, "bent": 0.02},
        "clamp": {"off": 0.02},
        "cantilever": {"bent": 0.01},
        "messenger_seat": {"off": 0.01},
        "clevis": {"off": 0.01},
        "number_plate": {"missing": 0.03, "unreadable": 0.04},
        "foreign_object": {"nest": 0.01, "film": 0.01, "branch": 0.01},
    }


_LEAST = {
    "count": 1,
    "width": 128,
    "height": 64,
    "frames_per_mast": 1,
    "samples": 1,
    "first_mast": 0,
    "seed": 0,
}
_SHARES = ("crossing", "misexposed", "anywhere", "double", "bridge", "tunnel", "distractors")


@dataclass(frozen=True, slots=True)
class CarCamera:
    """One camera on the roof of the car.

    Attributes:
        id: As the run writes it, e.g. ``"07"``.
        role: What it looks at.
        facing: From which side; None: now one, now the other, or abeam.
        width: Pixels of its sensor.
        height: Pixels of its sensor.
    """

    id: str
    role: Role
    facing: Facing | None = None
    width: int = 2448
    height: int = 2048

    @property
    def view(self) -> str:
        """Role and facing, as `ImageRef.view` has them, e.g. ``"steady_arm_front"``."""
        return str(self.role) if self.facing is None else f"{self.role}_{self.facing}"


_ROLE_IDS = {role: f"{number:02d}" for number, role in enumerate(Role, start=1)}


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """A simulated run. All shares and ranges are our starting values.

    Attributes:
        seed: Decides everything; another seed gives other masts.
        count: Frames.
        width: Pixels of the cameras that ``roles`` stands for.
        height: Pixels of the cameras that ``roles`` stands for.
        frames_per_mast: Consecutive frames that show the same mast and span.
        roles: Short for ``cameras``: one camera of the same size for each role; repeat a role to
            see it more often. Neither of the two: every role once.
        cameras: Frame i is taken by ``cameras[i % len(cameras)]``.
        is_rigid: Cameras are bolted on: each keeps stand, aim, lens and lamps over all masts, and
            the dropper cameras of one round see the same dropper. Otherwise every frame has a
            camera of its own, the wider spread for training.
        light: Share of each kind of light; must sum to 1.
        weather: Share of each kind of weather; must sum to 1. All frames of a mast agree.
        rates: Probability of each condition of a part, by component.
        geometry: Sizes of what is built.
        crossing: Share of spans with a wire that crosses in front of a dropper.
        double: Share of masts with two cantilevers, each with its own wires (overlap sections).
        bridge: Share of masts beside an overbridge.
        tunnel: Share of masts in a tunnel; davits carry the cantilevers there.
        distractors: Probability of each kind of thing that looks like a defect and is none.
        samples: Rays a pixel where something is seen.
        jpeg_quality: Lowest and highest JPEG quality.
        exposure: Spread of the exposure, as the standard deviation of its natural logarithm.
        misexposed: Share of frames that are far over- or under-exposed.
        distortion: Largest radial distortion k1 of a lens, either sign.
        speed_kmh: Of the car.
        pulse_us: Shortest and longest flash, in microseconds; with the speed it gives the blur.
        tile: Side in px of the tile around a part that is rendered instead of each frame; 0: none.
        anywhere: Share of tiles that lie anywhere in the frame, mostly on background.
        without: Elements of realism that are left out.
        line: 线路 of the masts.
        direction: 行别.
        sections: 站区; masts are dealt to them in turn.
        first_mast: Number of the first mast; also sets the kilometre post.
        date: Day of the inspection, ISO.
    """

    seed: int = 1
    count: int = 24
    width: int = 2448
    height: int = 2048
    frames_per_mast: int = 8
    roles: tuple[Role, ...] = ()
    cameras: tuple[CarCamera, ...] = ()
    is_rigid: bool = False
    light: Mapping[Light, float] = field(default_factory=_light)
    weather: Mapping[Weather, float] = field(default_factory=_weather)
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=_rates)
    geometry: Geometry = field(default_factory=Geometry)
    crossing: float = 0.35
    double: float = 0.15
    bridge: float = 0.06
    tunnel: float = 0.08
    distractors: float = 0.3
    samples: int = 3
    jpeg_quality: tuple[int, int] = (75, 95)
    exposure: float = 0.45
    misexposed: float = 0.06
    distortion: float = 0.08
    speed_kmh: float = 80.0
    pulse_us: tuple[float, float] = (20.0, 150.0)
    tile: int = 0
    anywhere: float = 0.1
    without: tuple[Element, ...] = ()
    line: str = "模拟线"
    direction: Direction = Direction.UP
    sections: tuple[str, ...] = ("甲站", "甲站-乙站", "乙站")
    first_mast: int = 1
    date: str = "2026-03-06"

    def __post_init__(self) -> None:
        """Refuse impossible settings, naming every mistake."""
        checks = (
            self._number_mistakes,
            self._list_mistakes,
            self._camera_mistakes,
            self._share_mistakes,
            self._rate_mistakes,
        )
        if mistakes := tuple(one for check in checks for one in check()):
            raise ImpossibleSettingsError(mistakes)

    @property
    def car(self) -> tuple[CarCamera, ...]:
        """The cameras, also where only roles are given."""
        return self.cameras or tuple(
            CarCamera(_ROLE_IDS[role], role, None, self.width, self.height)
            for role in self.roles or Role
        )

    def _number_mistakes(self) -> Iterator[Mistake]:
        for name, low in _LEAST.items():
            if getattr(self, name) < low:
                reason = " to hold a component" if name in ("width", "height") else ""
                yield name, f"must be at least {low}{reason}, got {getattr(self, name)}"
        for name in ("exposure", "speed_kmh"):
            if not getattr(self, name) >= 0:
                yield name, f"must be at least 0, got {getattr(self, name):g}"
        if not 0 <= self.distortion <= 0.1:
            yield "distortion", f"must be in [0, 0.1], got {self.distortion:g}"

    def _list_mistakes(self) -> Iterator[Mistake]:
        for name, least, most in (("jpeg_quality", 1, 100), ("pulse_us", 1, 10_000)):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                yield name, f"must rise within {least}-{most}, got {low}, {high}"
        if not self.sections:
            yield "sections", "needs at least one entry"
        try:
            date.fromisoformat(self.date)
        except ValueError:
            yield "date", f"must be a day like 2026-03-06, got {self.date!r}"

    def _camera_mistakes(self) -> Iterator[Mistake]:
        if self.roles and self.cameras:
            yield "roles", "is short for cameras: give one of the two"
        known: dict[str, CarCamera] = {}
        for number, one in enumerate(self.cameras):
            if one.width < _LEAST["width"] or one.height < _LEAST["height"]:
                least = f"{_LEAST['width']} x {_LEAST['height']}"
                yield f"cameras.{number}", f"must be at least {least} px to hold a component"
            if known.setdefault(one.id, one) != one:
                yield f"cameras.{number}.id", f"is that of another camera, {one.id}"
        side = min(min(one.width, one.height) for one in self.car)
        if self.tile and not 64 <= self.tile <= side:
            yield "tile", f"must be 0 or from 64 to the smallest side, {side} px, got {self.tile}"

    def _share_mistakes(self) -> Iterator[Mistake]:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                yield name, f"must be in [0, 1], got {getattr(self, name):g}"
        if self.bridge + self.tunnel > 1:
            given = f"{self.bridge:g} and {self.tunnel:g}"
            yield "tunnel", f"and bridge exclude each other and must sum to at most 1, got {given}"
        for name in ("light", "weather"):
            shares: Mapping[str, float] = getattr(self, name)
            if not abs(sum(shares.values()) - 1) <= 1e-6 or min(shares.values()) < 0:
                given = ", ".join(f"{kind} {share:g}" for kind, share in shares.items())
                yield name, f"must be shares that sum to 1, got {given or 'none'}"

    def _rate_mistakes(self) -> Iterator[Mistake]:
        for component, rates in self.rates.items():
            if component not in MADE:
                known = ", ".join(MADE)
                yield f"rates.{component}", f"unknown component; can make: {known}"
                continue
            for condition, rate in rates.items():
                place = f"rates.{component}.{condition}"
                if condition not in MADE[component]:
                    known = ", ".join(MADE[component])
                    yield place, f"unknown condition; can make: {known}"
                elif not 0 <= rate <= 1:
                    yield place, f"must be in [0, 1], got {rate:g}"
            if sum(rates.values()) > 1 + 1e-9:
                total = sum(rates.values())
                yield f"rates.{component}", f"must sum to at most 1, got {total:g}"
