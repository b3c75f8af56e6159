"""The wires of a span, their sag, and where the droppers hang."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catenary.simulation.build import Build
from catenary.simulation.contact_wire import contact_wire
from catenary.simulation.droppers import dropper
from catenary.simulation.messenger_wire import messenger_wire
from catenary.simulation.scene import Vector, point, unit
from catenary.simulation.wires import Lengths, Run

_X = point(1, 0, 0)
_GRAVITY = 9.81  # m/s²
_SEEN_MM = 24e3  # wires are drawn to this distance from the mast, and droppers to 4 m less
_SHORTEST_MM = 320.0  # of the droppers at mid-span; the span is made short enough for it
_SHORTEST = 0.43  # the same by system height, where that is low


@dataclass(frozen=True, slots=True, eq=False)
class Wires:
    """The wires of a cantilever, for what hangs on them.

    Attributes:
        messenger: (P, 3) points in mm, by increasing x.
        contact: (P, 3), at the same x.
        droppers: Upper and lower end of each, (x, y, z) in mm.
    """

    messenger: Vector
    contact: Vector
    droppers: tuple[tuple[Vector, Vector], ...]

    def at(self, x: float) -> tuple[Vector, Vector]:
        """Return the messenger and the contact wire at ``x`` mm along the track."""
        first, second = (
            np.array([np.interp(x, line[:, 0], line[:, axis]) for axis in range(3)])
            for line in (self.messenger, self.contact)
        )
        return first, second


@dataclass(frozen=True, slots=True)
class Span:
    """A span between two masts.

    Attributes:
        length: mm.
        sag: Of the messenger wire at mid-span, mm.
        presag: Of the contact wire at mid-span, mm.
        first: Distance of the first dropper from the mast, mm.
        widest: Spacing of droppers that is not exceeded, mm.
    """

    length: float
    sag: float
    presag: float
    first: float
    widest: float

    def droppers(self) -> Vector:
        """Return the distances of the droppers from the mast, equally spaced, mm."""
        between = self.length - 2 * self.first
        return np.linspace(
            self.first, self.length - self.first, int(np.ceil(between / self.widest)) + 1
        )

    def hanging(
        self, root: Vector, depth: float, distance: Lengths | float, ahead: float
    ) -> Vector:
        """Return points (N, 3) of a wire that hangs as a parabola.

        Args:
            root: (x, y, z) of the wire at the mast, mm.
            depth: Its sag at mid-span, mm.
            distance: (N,) from the mast, mm; a single number gives one point (3,).
            ahead: +1 or -1, the direction along the track.
        """
        share = distance / self.length  # 0 at this mast, 1 at the next, staggered the other way
        fall = 4 * depth * share * (1 - share)
        return np.stack(
            [root[0] + ahead * distance, root[1] * (1 - 2 * share), root[2] - fall], axis=-1
        )


def sag(load: float, span: float, tension: float) -> float:
    """Return the sag at mid-span in mm of a wire that hangs as a parabola: w L² / (8 T).

    Args:
        load: w in N/m.
        span: L in mm.
        tension: T in N.

    >>> round(sag(24.5, 55e3, 20e3))
    463
    """
    return load * span**2 / (8 * tension) / 1000


def carried_sag(
    weights: tuple[float, float], tensions: tuple[float, float], span: float, presag: float
) -> float:
    """Return the sag in mm of a messenger wire that carries a contact wire.

    It carries both weights, less what the contact wire's pre-sag d carries: 8 T d / L².

    Args:
        weights: Of messenger and contact wire, N/m.
        tensions: Of both, N.
        span: L in mm.
        presag: d in mm.
    """
    own = 8 * tensions[1] * presag / span**2 * 1000  # N/m
    return sag(sum(weights) - own, span, tensions[0])


def drawn_span(system: float, span_m: tuple[float, float], random: np.random.Generator) -> Span:
    """Return a span whose sag follows from its wires, short enough for its system height.

    Our starting values: wires of 1.0-1.4 kg/m, tensions of 15-25 kN, a pre-sag of up to 0.5 ‰ of
    the span, first droppers 4-5.5 m from the mast and 6-9.5 m between droppers.

    Args:
        system: Height of the messenger wire over the contact wire at the mast, mm.
        span_m: Shortest and longest distance of the masts, m.
        random: Decides the rest.
    """
    messenger, contact = (float(kg) * _GRAVITY for kg in random.uniform(1.0, 1.4, 2))  # N/m
    pull, contact_pull = (float(newton) for newton in random.uniform(15e3, 25e3, 2))
    tautness = random.uniform(0, 0.0005)
    # With the most load, the shortest dropper is system - L² w / (8 T).
    room = system - min(_SHORTEST_MM, _SHORTEST * system)
    longest = np.sqrt(8 * pull * room * 1000 / (messenger + contact))
    length = min(random.uniform(*span_m) * 1000, float(longest))
    presag = length * tautness
    depth = carried_sag((messenger, contact), (pull, contact_pull), length, presag)
    return Span(length, depth, presag, random.uniform(4000, 5500), random.uniform(6000, 9500))


def add_wires(build: Build, seat: Vector) -> Wires:
    """Add both wires with their sag, and the droppers."""
    random = build.random
    contact = point(build.x, build.stagger, build.contact)
    system, span_m = float(seat[2]) - build.contact, build.settings.geometry.span_m
    spans = {ahead: drawn_span(system, span_m, random) for ahead in (1, -1)}

    def upper(xs: Lengths) -> Vector:
        return _hung(spans, seat, {ahead: span.sag for ahead, span in spans.items()}, xs)

    def lower(xs: Lengths) -> Vector:
        return _hung(spans, contact, {ahead: span.presag for ahead, span in spans.items()}, xs)

    stands = tuple(
        build.x + ahead * float(distance)
        for ahead, span in spans.items()
        for distance in span.droppers()
        if distance < _SEEN_MM - 4e3
    )
    xs = build.x + np.linspace(-_SEEN_MM, _SEEN_MM, 65)
    near = (build.x, *stands)
    messenger_wire(build, Run(upper, xs, _spot(build, stands, "upper"), near))
    contact_wire(build, Run(lower, xs, _spot(build, stands, "lower"), near))
    ends = tuple(zip(*(wire(np.array(stands)) for wire in (upper, lower)), strict=True))
    for number, (top, bottom) in enumerate(ends, start=1):
        name = f"dropper-{number}"
        down, lean = unit(bottom - top), _X * random.uniform(-15, 15)
        first, last = top + down * 14, bottom - down * 12 + lean
        state, own = build.state("dropper", name), build.own(name)
        dropper(build.scene, first, last, build.name(name), state, own)
    return Wires(upper(xs), lower(xs), ends)


def _hung(
    spans: Mapping[int, Span], root: Vector, depths: Mapping[int, float], xs: Lengths
) -> Vector:
    """Return points (N, 3) in mm of a wire over the spans on both sides of a mast."""
    points = np.empty((len(xs), 3))
    for ahead, span in spans.items():
        own = (xs >= root[0]) == (ahead > 0)
        points[own] = span.hanging(root, depths[ahead], np.abs(xs[own] - root[0]), ahead)
    return points


def _spot(build: Build, stands: tuple[float, ...], name: str) -> float:
    """Return where a wire may be damaged: near the cantilever, or near a dropper, in mm."""
    random = build.own(f"spot-{name}")
    away = random.choice([-1.0, 1.0])
    if random.random() < 0.5:
        return build.x + float(away * random.uniform(400, 1600))
    return float(random.choice(stands) + away * random.uniform(250, 450))
