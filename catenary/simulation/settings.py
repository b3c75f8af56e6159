"""What a simulated set consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from catenary.domain.place import Direction


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


class Light(StrEnum):
    """What lights the scene."""

    NIGHT = "night"  # lamps beside the camera, black sky
    SKY = "sky"  # dusk or day against a bright sky: dark parts
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


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """A simulated run. All shares and ranges are our starting values.

    Attributes:
        seed: Decides everything; another seed gives other masts.
        count: Frames.
        width: Pixels of a frame.
        height: Pixels of a frame.
        frames_per_mast: Consecutive frames that show the same mast and span.
        roles: Frame i has the role ``roles[i % len(roles)]``; repeat one to see it more often.
        light: Share of each kind of light; must sum to 1.
        rates: Probability of each condition of a part, by component.
        crossing: Share of spans with a wire that crosses in front of a dropper.
        samples: Rays a pixel where something is seen.
        jpeg_quality: Lowest and highest JPEG quality.
        exposure: Spread of the exposure, as the standard deviation of its natural logarithm.
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
    roles: tuple[Role, ...] = tuple(Role)
    light: Mapping[Light, float] = field(
        default_factory=lambda: {Light.NIGHT: 0.76, Light.SKY: 0.09, Light.CLUTTER: 0.15}
    )
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=_rates)
    crossing: float = 0.35
    samples: int = 3
    jpeg_quality: tuple[int, int] = (75, 95)
    exposure: float = 0.45
    line: str = "模拟线"
    direction: Direction = Direction.UP
    sections: tuple[str, ...] = ("甲站", "甲站-乙站", "乙站")
    first_mast: int = 1
    date: str = "2026-03-06"

    def __post_init__(self) -> None:
        """Refuse impossible settings, naming every mistake."""
        if mistakes := [*self._number_mistakes(), *self._rate_mistakes()]:
            raise ValueError("; ".join(mistakes))

    def _number_mistakes(self) -> list[str]:
        least = {
            "count": 1,
            "width": 128,
            "height": 64,
            "frames_per_mast": 1,
            "samples": 1,
            "first_mast": 0,
            "seed": 0,
        }
        mistakes = [
            f"{name} must be at least {low}, got {getattr(self, name)}"
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        low, high = self.jpeg_quality
        if not 1 <= low <= high <= 100:
            mistakes.append(f"jpeg_quality must rise within 1-100, got {low}, {high}")
        if not self.roles or not self.sections:
            mistakes.append("roles and sections need at least one entry each")
        if not 0 <= self.crossing <= 1 or self.exposure < 0:
            mistakes.append("crossing must be in [0, 1] and exposure at least 0")
        if abs(sum(self.light.values()) - 1) > 1e-6 or min(self.light.values()) < 0:
            mistakes.append(f"light must be shares that sum to 1, got {dict(self.light)}")
        return mistakes

    def _rate_mistakes(self) -> list[str]:
        mistakes = []
        for component, rates in self.rates.items():
            unknown = [name for name in rates if name not in MADE.get(component, ())]
            if unknown:
                known = ", ".join(MADE.get(component, ())) or "none"
                mistakes.append(
                    f"rates.{component}: cannot make {', '.join(unknown)}; can make: {known}"
                )
            if min(rates.values(), default=0) < 0 or sum(rates.values()) > 1:
                mistakes.append(f"rates.{component} must be at least 0 and sum to at most 1")
        return mistakes
