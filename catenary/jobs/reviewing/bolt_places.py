"""Find bolts missing where the same fitting shows one on the other masts of a run."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from catenary import config
from catenary.domain.finding import Component, Finding
from catenary.domain.image import Frame, Outcome
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs import evidence, workspaces
from catenary.jobs.evidence import Picture
from catenary.jobs.reviewing import pairing
from catenary.jobs.reviewing.pairing import Run
from catenary.jobs.reviewing.photographs import Photographs
from catenary.pipeline import constellation, empty_places
from catenary.pipeline.constellation import BOLT, Fitting
from catenary.pipeline.empty_places import PlaceSettings, Seen, State
from catenary.reports import bolt_places
from catenary.reports.bolt_places import PlaceCount, Told, ToldPlace
from catenary.reports.wording import printable
from catenary.store import ledger, packs, raised
from catenary.store.ledger import Entry
from catenary.store.workspace import Workspace

Progress = Callable[[int, int], None]

_STRETCH = 300  # photographs of a camera whose fittings are held in memory and laid on each other
_ASKED, _ALONE = "asked", "alone"  # fittings; the other counts are places by their state


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Attributes:
        run: A run that was scanned.
        csv: Table to write, or None.
        overrides: ``key=value`` settings over configs/bolt_places.yaml.
        is_raising: Raise missing bolts as findings of the run.
    """

    run: str
    csv: Path | None = None
    overrides: tuple[str, ...] = ()
    is_raising: bool = False


def missing_bolts(place: Path | Workspace, request: Request, progress: Progress) -> Told:
    """Return where bolts are expected in a run, and where an empty hole is seen instead.

    The located parts of the run are held in memory, and fittings of a few hundred photographs.

    Args:
        place: Workspace, or its folder.
        request: What.
        progress: Called with photographs read and photographs in all.

    Raises:
        StoreError: If the workspace or the run is not there, or a file cannot be written.
        ConfigError: If a setting is wrong.
    """
    settings = config.load(
        config.bundled("configs/bolt_places.yaml"), PlaceSettings, request.overrides
    )
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    with workspaces.existing(place) as (db, workspace):
        with db.read() as connection:
            run = pairing.read(connection, workspace, request.run)
        seeker = _Seeker(run, settings, taxonomy)
        stretches = list(_stretches(run, settings))
        total, done = sum(map(len, stretches)), 0
        for some in stretches:
            for _ in seeker.ask(some):
                done += 1
                progress(done, total)
        kept = None
        if request.is_raising:
            folder = workspace.evidence(run.name)
            pack, placed = evidence.packed_with(folder, "places", seeker.raised)
            with db.write() as tx:
                run_id = ledger.run_id_of(tx, run.name)
                kept = raised.replace(tx, run_id, placed, empty_places.SOURCES)
                packs.record(tx, run_id, pack)
    told = Told(seeker.counts(), tuple(seeker.told), taxonomy, kept)
    if request.csv:
        bolt_places.write_csv(told, request.csv)
    return told


def _stretches(run: Run, settings: PlaceSettings) -> Iterator[list[Entry]]:
    """Yield photographs that show fittings, of one camera and view, in the order of the run."""
    cameras: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for one in run.entries:
        is_asked = one.outcome is Outcome.DONE and one.ref.mast is not None
        if is_asked and _fittings(run, one, settings):
            cameras[one.ref.camera, one.ref.view].append(one)
    for _, entries in sorted(cameras.items()):
        count = math.ceil(len(entries) / _STRETCH)
        edges = [len(entries) * number // count for number in range(count + 1)]
        yield from (entries[low:high] for low, high in pairwise(edges))


def _fittings(run: Run, entry: Entry, settings: PlaceSettings) -> list[Component]:
    learning = settings.learning
    parts = [one.component for one in run.shots[entry.ref.image_id].parts]
    return [one for one in parts if one.kind in learning.kinds and one.score >= learning.likely]


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    """What one fitting tells of one place; a second fitting may tell of the same."""

    fitting: Fitting
    seen: Seen


class _Seeker:
    """Asks stretch after stretch; what is found gathers."""

    def __init__(self, run: Run, settings: PlaceSettings, taxonomy: Taxonomy) -> None:
        self.run, self.settings, self.taxonomy = run, settings, taxonomy
        self.photographs = Photographs(run.name, run.source)
        self.names = {one.ref.image_id: one.ref.file_name for one in run.entries}
        self.tally: Counter[tuple[str, str, str, str]] = Counter()
        self.told: list[ToldPlace] = []
        self.raised: list[tuple[Finding, Picture]] = []

    def ask(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Ask photographs of one camera; yields after each that was read."""
        camera = entries[0].ref.camera, entries[0].ref.view
        by_kind: dict[str, list[Fitting]] = defaultdict(list)
        for entry in entries:
            for one in _fittings(self.run, entry, self.settings):
                found = self._cut(entry, one)
                if found is None:
                    self.tally[*camera, one.kind, _ALONE] += 1
                else:
                    by_kind[one.kind].append(found)
            yield
        claims: dict[str, list[_Claim]] = defaultdict(list)
        for fittings in by_kind.values():
            for claim in self._claims(camera, fittings):
                claims[claim.fitting.image_id].append(claim)
        for entry in entries:
            for claim in _settled(claims[entry.ref.image_id]):
                self.tally[*camera, claim.fitting.component.kind, claim.seen.state] += 1
                self._tell(entry, claim)

    def _claims(self, camera: tuple[str, str], fittings: Sequence[Fitting]) -> Iterator[_Claim]:
        """Yield what fittings of one kind tell of their places."""
        learning, looks = self.settings.learning, constellation.described(fittings)
        for row, one in enumerate(fittings):
            others = constellation.like(row, fittings, looks, learning)
            is_known = len(others) >= learning.least_masts
            self.tally[*camera, one.component.kind, _ASKED if is_known else _ALONE] += 1
            for place in constellation.places(others, learning):
                yield _Claim(one, empty_places.seen(one, place, self.settings.look))

    def _cut(self, entry: Entry, one: Component) -> Fitting | None:
        pixels = self.photographs.pixels(entry.ref)
        if pixels is None or entry.ref.mast is None:
            return None
        parts = [part.component for part in self.run.shots[entry.ref.image_id].parts]
        bolts = [part for part in parts if part.kind == BOLT]
        facts = entry.ref.image_id, entry.ref.mast
        return constellation.fitting(*facts, pixels, one, bolts, self.settings.learning)

    def _tell(self, entry: Entry, claim: _Claim) -> None:
        seen = claim.seen
        beside = printable(f"{self.run.name}/{self.names[seen.beside]}")
        told = replace(seen.evidence, beside=beside)
        kind, place = claim.fitting.component.kind, seen.place
        masts = len(place.showing), place.asked
        is_located = seen.state is State.LOCATED
        self.told.append(ToldPlace(entry.ref, kind, seen.box, *masts, told, is_located))
        pixels = self.photographs.pixels(entry.ref) if seen.state is State.MISSING else None
        box = seen.box.clipped(entry.width, entry.height)
        if pixels is not None and box is not None:
            found = empty_places.finding(entry.ref.image_id, box, place, told, self.taxonomy)
            self.raised.append((found, evidence.picture_of(Frame(entry.ref, pixels), box)))

    def counts(self) -> tuple[PlaceCount, ...]:
        """Return what the places came to, by camera and kind of fitting."""
        keys = sorted({key[:3] for key in self.tally})
        counted = _ASKED, _ALONE, State.LOCATED, State.MISSING, State.UNJUDGED
        return tuple(PlaceCount(*key, *(self.tally[*key, one] for one in counted)) for key in keys)


_FIRST = (State.LOCATED, State.MISSING, State.UNJUDGED)  # which of two claims on a place holds


def _settled(claims: Sequence[_Claim]) -> list[_Claim]:
    """Return one claim a place: two fittings may have a bolt in common."""
    kept: list[_Claim] = []
    for one in sorted(claims, key=lambda claim: _FIRST.index(claim.seen.state)):
        if not any(constellation.is_same(one.seen.box, other.seen.box) for other in kept):
            kept.append(one)
    return kept
