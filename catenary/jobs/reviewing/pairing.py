"""Which photograph of a run shows what one of an earlier run shows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from sqlalchemy import Connection

from catenary.domain.change import Part, Shot, Uncompared
from catenary.domain.finding import Component, Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome
from catenary.domain.place import Mast
from catenary.pipeline.history import CompareSettings
from catenary.pipeline.registration import Registration, located, register, same
from catenary.reports.comparison import Suggestion
from catenary.store import findings, ledger, shards
from catenary.store.ledger import Entry
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

_Key = tuple[Mast, str, str]  # mast, camera, view
_MOST_SHOTS = 8  # of one mast by one camera in a run that are all tried with each other
_NEIGHBOURS = 2  # masts on either side that a badly fitting photograph is tried with
_LEAST_STRANGE = 2  # photographs of a mast that fit another, or half of those it has
_LEAST_FIT = 5  # parts, and
_LEAST_FIT_SHARE = 0.7  # share of them, from which a photograph fits another mast


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One run in memory: its photographs and what is located in them."""

    name: str
    source: str
    entries: tuple[Entry, ...]
    shots: Mapping[str, Shot]

    def by_place(self) -> dict[_Key, list[Entry]]:
        """Return the photographs of each mast and camera, in order."""
        places: dict[_Key, list[Entry]] = defaultdict(list)
        for one in self.entries:
            if one.ref.mast is not None:
                places[one.ref.mast, one.ref.camera, one.ref.view].append(one)
        return places


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """A photograph with its earlier one; either may be missing."""

    later: Entry | None
    earlier: Entry | None
    result: Registration | Uncompared


def read(connection: Connection, workspace: Workspace, name: str) -> Run:
    """Read a run with every located part.

    Raises:
        StoreError: If there is no such run, or a shard is missing or damaged.
    """
    run_id = ledger.run_id_of(connection, name)
    entries = tuple(ledger.entries(connection, run_id))
    beyond = {
        (one.ref.image_id, one.finding.component.kind, corner(one.finding.component.box)): _beyond(
            one.finding.evidence
        )
        for one in findings.of_run(connection, run_id, findings.Filter(Verdict.DEFECT))
    }
    parts: dict[str, list[Part]] = defaultdict(list)
    for row in shards.components_of_run(connection, workspace, run_id):
        box = Box(row.x0, row.y0, row.x1, row.y1)
        rules = beyond.get((row.image_id, row.component, corner(box)), {})
        parts[row.image_id].append(_part(row, box, rules))
    shots = {
        one.ref.image_id: Shot(tuple(parts.get(one.ref.image_id, ())), one.width, one.height)
        for one in entries
    }
    return Run(name, ledger.record_of(connection, run_id).source, entries, shots)


def _part(row: ComponentRow, box: Box, beyond: Mapping[str, float]) -> Part:
    verdict = Verdict(row.verdict) if row.verdict else None
    component = Component(row.component, box, row.score)
    return Part(component, verdict, row.condition, row.probability, beyond or None)


def corner(box: Box) -> tuple[float, ...]:
    """Return the corners as shards round them, to find the same box in both."""
    return tuple(float(np.float32(value)) for value in (box.x0, box.y0, box.x1, box.y1))


def _beyond(evidence: Iterable[Evidence]) -> dict[str, float]:
    """Return how far beyond its limit each measurement of a rule lies that raised a finding."""
    return {
        f"{one.source}.{each.name}": abs(each.value - each.limit) / abs(each.limit)
        for one in evidence
        if one.verdict is Verdict.DEFECT
        for each in one.measurements
        if each.limit
    }


def matches(before: Run, after: Run, settings: CompareSettings) -> Iterator[Match]:
    """Yield every photograph of the later run, then what only the earlier one has.

    Two result sets of one source hold the same photographs: these are known by their ids, and
    need no mast.
    """
    if before.source == after.source:
        yield from _same_photographs(before, after, settings)
        return
    old, new = before.by_place(), after.by_place()
    for entry in after.entries:
        if entry.ref.mast is None:
            yield Match(entry, None, Uncompared.NO_MAST)
    for key, entries in new.items():
        yield from _matched(old.get(key, []), entries, before, after, settings)
    for key in old.keys() - new.keys():
        for entry in old[key]:
            yield Match(None, entry, Uncompared.NO_LATER)


def _same_photographs(before: Run, after: Run, settings: CompareSettings) -> Iterator[Match]:
    old = {one.ref.image_id: one for one in before.entries}
    for entry in after.entries:
        earlier = old.pop(entry.ref.image_id, None)
        if entry.outcome is not Outcome.DONE:
            yield Match(entry, earlier, Uncompared.POOR)
        elif earlier is None:
            yield Match(entry, None, Uncompared.NO_EARLIER)
        elif earlier.outcome is not Outcome.DONE:
            yield Match(entry, earlier, Uncompared.POOR_BEFORE)
        else:
            yield Match(entry, earlier, _registered(earlier, entry, before, after, settings))
    for earlier in old.values():
        yield Match(None, earlier, Uncompared.NO_LATER)


def _matched(
    old: Sequence[Entry],
    new: Sequence[Entry],
    before: Run,
    after: Run,
    settings: CompareSettings,
) -> Iterator[Match]:
    """Pair the photographs of one mast and camera, those that fit best first."""
    poor = [one for one in new if one.outcome is not Outcome.DONE]
    yield from (Match(one, None, Uncompared.POOR) for one in poor)
    good = [one for one in new if one.outcome is Outcome.DONE]
    usable = [one for one in old if one.outcome is Outcome.DONE]
    if not usable:
        reason = Uncompared.POOR_BEFORE if old else Uncompared.NO_EARLIER
        yield from (Match(one, None, reason) for one in good)
        return
    tried = [
        Match(two, one, _registered(one, two, before, after, settings))
        for one, two in product(usable[:_MOST_SHOTS], good[:_MOST_SHOTS])
    ]
    best = list(_best(tried))
    yield from best
    taken = {id(one.earlier) for one in best} | {id(one.later) for one in best}
    yield from (Match(one, None, Uncompared.NO_EARLIER) for one in good if id(one) not in taken)
    if not poor:  # else it may be that one that has no outcome
        yield from (Match(None, one, Uncompared.NO_LATER) for one in old if id(one) not in taken)


def _best(tried: Sequence[Match]) -> Iterator[Match]:
    """Yield each photograph once, those that fit best first."""
    taken: set[int] = set()
    for match in sorted(tried, key=_fit, reverse=True):
        pair = {id(match.earlier), id(match.later)}
        if not pair & taken:
            taken |= pair
            yield match


def _fit(match: Match) -> tuple[float, ...]:
    if isinstance(match.result, Registration):
        return (match.result.is_exact, len(match.result.pairs), match.result.share)
    return (0, 0, 0)


def _registered(
    one: Entry, two: Entry, before: Run, after: Run, settings: CompareSettings
) -> Registration | Uncompared:
    earlier, later = before.shots[one.ref.image_id], after.shots[two.ref.image_id]
    if one.sha256 and one.sha256 == two.sha256:
        return same(located(earlier), located(later), settings.registration)
    return register(located(earlier), located(later), settings.registration)


def suggestions(
    matches: Sequence[Match], before: Run, after: Run, settings: CompareSettings
) -> Iterator[Suggestion]:
    """Yield masts some of whose photographs fit a neighbour's earlier ones, and not their own."""
    old, order = before.by_place(), list(dict.fromkeys(key[0] for key in before.by_place()))
    shots: dict[Mast, list[Match]] = defaultdict(list)
    for match in matches:
        if match.later and match.later.ref.mast and match.later.outcome is Outcome.DONE:
            shots[match.later.ref.mast].append(match)
    for mast, own in shots.items():
        strange = [one for one in own if not isinstance(one.result, Registration)]
        if mast not in order or not strange:
            continue
        at = order.index(mast)
        near = order[max(at - _NEIGHBOURS, 0) : at + _NEIGHBOURS + 1]
        fits = {
            other: tuple(
                one.later.ref.file_name
                for one in strange
                if one.later and _fits(one.later, other, old, before, after, settings)
            )
            for other in near
            if other != mast
        }
        better = max(fits, key=lambda other: len(fits[other]), default=None)
        if better is not None and len(fits[better]) >= min(_LEAST_STRANGE, (len(own) + 1) // 2):
            yield Suggestion(mast, better, fits[better], len(own))


def _fits(
    later: Entry,
    mast: Mast,
    old: Mapping[_Key, Sequence[Entry]],
    before: Run,
    after: Run,
    settings: CompareSettings,
) -> bool:
    for entry in old.get((mast, later.ref.camera, later.ref.view), [])[:_MOST_SHOTS]:
        result = _registered(entry, later, before, after, settings)
        if isinstance(result, Registration) and (
            len(result.pairs) >= _LEAST_FIT and result.share >= _LEAST_FIT_SHARE
        ):
            return True
    return False
