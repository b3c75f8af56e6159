"""Two photographs of one drawn mast, with the noise of a detector's boxes."""

from collections.abc import Sequence

import numpy as np

from catenary.domain.change import Part, Shot
from catenary.domain.finding import Component
from catenary.domain.geometry import Box, Similarity

WIDTH, HEIGHT = 2448, 2048
SIZES = {
    "bolt": (30, 30),
    "clevis": (80, 60),
    "dropper": (24, 700),
    "insulator": (400, 150),
    "clamp": (60, 70),
    "steady_arm": (600, 90),
    "messenger_seat": (200, 160),
}
# x, y of the middles; a mast with two bolts that look alike.
MAST = (
    ("insulator", 500, 600),
    ("insulator", 520, 1500),
    ("clevis", 1200, 610),
    ("clevis", 1000, 1150),
    ("messenger_seat", 1900, 560),
    ("clamp", 2000, 1300),
    ("steady_arm", 1700, 1250),
    ("dropper", 1500, 1000),
    ("bolt", 1185, 570),
    ("bolt", 985, 1110),
)


def part(
    kind: str,
    x: float,
    y: float,
    score: float = 0.9,
    size: float = 1.0,
) -> Part:
    width, height = (side * size for side in SIZES[kind])
    box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Part(Component(kind, box, score))


def shot(parts: Sequence[Part]) -> Shot:
    return Shot(tuple(parts), WIDTH, HEIGHT)


def mast() -> list[Part]:
    return [part(kind, x, y) for kind, x, y in MAST]


def random_mast(random: np.random.Generator, count: int) -> list[Part]:
    kinds = random.choice([kind for kind, _, _ in MAST], count, replace=False)
    return [part(str(kind), random.uniform(400, 2050), random.uniform(450, 1600)) for kind in kinds]


def moved(
    parts: Sequence[Part],
    transform: Similarity,
    random: np.random.Generator | None = None,
    noise_px: float = 2.0,
) -> list[Part]:
    """Return the parts as a camera sees them that stands a little elsewhere."""
    placed = [Part(_seen(one.component, transform, random, noise_px)) for one in parts]
    return [
        Part(new.component, old.verdict, old.condition, old.probability, old.beyond)
        for new, old in zip(placed, parts, strict=True)
    ]


def _seen(
    one: Component, transform: Similarity, random: np.random.Generator | None, noise_px: float
) -> Component:
    box = transform.placed(one.box)
    if random is not None:
        (x, y), width, height = box.centre, box.width, box.height
        x += random.normal() * np.hypot(noise_px, 0.03 * width)
        y += random.normal() * np.hypot(noise_px, 0.03 * height)
        width *= np.exp(random.normal() * 0.05)
        height *= np.exp(random.normal() * 0.05)
        box = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    return Component(one.kind, box, one.score)
