"""What all parts of one mast share while it is built."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from zlib import crc32

import numpy as np

from catenary.simulation.scene import Item, Scene, State, Vector, unit
from catenary.simulation.settings import SimulationSettings

_GONE = {  # conditions without degrees
    ("dropper", "missing"),
    ("split_pin", "missing"),
    ("bolt", "bolt_missing"),
    ("number_plate", "missing"),
}


def drawn_state(
    rates: Mapping[str, Mapping[str, float]], component: str, random: np.random.Generator
) -> State:
    """Return a condition drawn at its rate, with a severity; 1 where the part is wholly gone."""
    names = list(rates.get(component, {}))
    draw, severity = random.random(), float(random.uniform(0.05, 1.0))
    for name in names:
        draw -= rates[component][name]
        if draw < 0:
            return State(name, 1.0 if (component, name) in _GONE else severity)
    return State()


class Cover(StrEnum):
    """What is over the track at a mast."""

    OPEN = "open"
    BRIDGE = "bridge"
    TUNNEL = "tunnel"


class Post(StrEnum):
    """What carries a cantilever."""

    H_STEEL = "h_steel"
    CONCRETE = "concrete"
    LATTICE = "lattice"
    DAVIT = "davit"  # 吊柱, from a tunnel's roof or a portal beam


_POSTS = {Post.H_STEEL: 0.5, Post.CONCRETE: 0.2, Post.LATTICE: 0.15, Post.DAVIT: 0.15}


@dataclass(frozen=True, slots=True, eq=False)
class Straight:
    """A straight piece of a tube, where things can sit.

    Attributes:
        part_id: Of the tube.
        start: (x, y, z) of one end, mm.
        end: Of the other, mm.
        radius: mm.
    """

    part_id: str
    start: Vector
    end: Vector
    radius: float

    def at(self, share: float) -> Vector:
        """Return the point of the axis at a share of the length."""
        return self.start + (self.end - self.start) * share

    @property
    def along(self) -> Vector:
        """Return the direction, of length 1."""
        return unit(self.end - self.start)


class Build:
    """One mast under construction.

    Attributes:
        scene: Filled.
        settings: Rates of conditions and shares of what stands around.
        random: Decides everything.
        ground: Item of what is drawn and not labelled.
        x: Of the cantilever along the track, mm; 0 is the mast.
        prefix: Of the names of the parts; tells a mast's second cantilever from its first.
        side: +1 or -1: the side of the mast.
        cover: What is over the track.
        post: What carries the cantilever.
        contact: Height of the contact wire at the mast, mm.
        system: Height of the messenger wire over the contact wire at the mast, mm.
        stagger: y of the contact wire at the mast, mm.
        mast_y: y of the mast, mm.
        tube_radius: Of the cantilever's tubes, mm.
        tube_material: Their material.
        plate: Middle of the number plate, (x, y, z) in mm; None on posts without.
        tubes: Straight pieces of the cantilevers' tubes so far.
        joints: Split pins so far, (x, y, z) in mm.
    """

    def __init__(
        self, settings: SimulationSettings, mast_id: str, random: np.random.Generator
    ) -> None:
        """Draw what decides the mast's shape."""
        self.scene, self.settings, self.mast_id, self.random = Scene(), settings, mast_id, random
        self.ground = self.scene.item(Item())
        self.x, self.prefix = 0.0, ""
        self.side = 1.0 if random.random() < 0.5 else -1.0
        self.cover, self.post = _drawn_place(settings, random)
        is_low, sizes = self.cover is Cover.TUNNEL, settings.geometry
        contact, system = sizes.contact_height_mm, sizes.system_height_mm
        if is_low:
            contact, system = sizes.tunnel_contact_height_mm, sizes.tunnel_system_height_mm
        self.contact, self.system = random.uniform(*contact), random.uniform(*system)
        self.stagger = self.side * random.uniform(-320, 320)
        self.mast_y = self.side * (
            random.uniform(2000, 2400) if is_low else random.uniform(2700, 3300)
        )
        self.tube_radius = random.uniform(24, 35)
        self.tube_material = str(random.choice(["aluminium", "steel"], p=[0.75, 0.25]))
        self.joints: list[Vector] = []
        self.plate: Vector | None = None
        self.tubes: list[Straight] = []
        self._root = int(random.integers(1 << 32))

    def own(self, part: str) -> np.random.Generator:
        """Return a part's own random numbers, whatever was drawn for the others.

        So a defect of one part changes no other part of the mast.
        """
        return np.random.default_rng([self._root, crc32(f"{self.prefix}{part}".encode())])

    def state(self, component: str, part: str) -> State:
        """Return the condition of a part, drawn at its rate, with a severity."""
        return drawn_state(self.settings.rates, component, self.own(f"{part}/{component}"))

    def name(self, part: str) -> str:
        """Return the identity of a part of this mast."""
        return f"{self.mast_id}#{self.prefix}{part}"

    def straights(self, name: str) -> list[Straight]:
        """Return the straight pieces of a tube of this cantilever, from the mast outwards."""
        return [one for one in self.tubes if one.part_id == self.name(name)]

    def second(self, x: float, prefix: str) -> Self:
        """Return the same mast, ready for a further cantilever at ``x`` mm along the track."""
        other = copy(self)
        other.x, other.prefix = x, prefix
        return other


def _drawn_place(settings: SimulationSettings, random: np.random.Generator) -> tuple[Cover, Post]:
    """Return what is over the track and what carries the cantilever there."""
    draw = random.random()
    post = list(_POSTS)[int(random.choice(len(_POSTS), p=list(_POSTS.values())))]
    if draw < settings.tunnel:
        return Cover.TUNNEL, Post.DAVIT
    return (Cover.BRIDGE if draw < settings.tunnel + settings.bridge else Cover.OPEN), post
