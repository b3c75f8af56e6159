"""Write what reviewers decided as a labelled set that trainings take."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from catenary.datasets import coco, reviewed
from catenary.datasets.labels import LabelledSet
from catenary.datasets.reading import clean, relative
from catenary.datasets.reviewed import Said, SaidOf
from catenary.datasets.whole_file import whole_file
from catenary.domain.errors import ConfigError, StoreError, UnreadableImageError
from catenary.domain.finding import Verdict
from catenary.domain.review import NO_PART, State
from catenary.jobs import workspaces
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store import ledger, settled, summary
from catenary.store.photographs import Photograph
from catenary.store.settled import Settled, SettledView
from catenary.store.workspace import Workspace

IMAGES = "images"  # folder beside the labels for photographs that are no files of their own
_SETTLED = (State.CONFIRMED, State.REJECTED)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to write.

    Attributes:
        runs: Names of runs; empty means all.
        sure: Detector score from which a refused place is taken for a sound part, in [0, 1].
    """

    runs: tuple[str, ...]
    sure: float


@dataclass(frozen=True, slots=True)
class Collected:
    """What was written.

    Attributes:
        runs: With at least one photograph.
        photographs: How many.
        copied: Those of them whose bytes were written beside the labels.
        counts: (component, condition or reason) to number of labels and rejections.
        unsure: Refused parts that are left out; see `reviewed.Reviewed`.
        overruled: The same.
        unreadable: Photographs that are left out because they cannot be read any more.
        open: Items of these runs that nobody settled; nothing is said of them.
    """

    runs: int
    photographs: int
    copied: int
    counts: Mapping[tuple[str, str], int]
    unsure: int
    overruled: int
    unreadable: int
    open: int


def collect(
    workspace: Path | Workspace, output: Path, wish: Wish, progress: Callable[[int, int], None]
) -> Collected:
    """Write settled items of runs as labels; their photographs stay where they are.

    Photographs that are no files of their own (in a package, on another machine) are copied into
    a folder beside the labels.

    Args:
        workspace: Workspace, or its folder.
        output: COCO file to write, whole or not at all.
        wish: What to write.
        progress: Called with photographs done and photographs in all.

    Raises:
        StoreError: If there is no workspace or no such run, nothing was settled, or the file
            cannot be written.
        ConfigError: If the file exists.
        SourceError: If a run's folder cannot be reached.
    """
    if output.exists():
        raise ConfigError(f"{output} is there already; choose another name")
    decided, waiting = _decided(workspace, wish)
    if not decided:
        raise StoreError("nobody has confirmed or rejected anything in these runs yet")
    place = _Placing(output.resolve().parent)
    named: dict[int, str | None] = {}
    photos = {view.photograph.id: view.photograph for one in decided for view in one.views}
    for done, photo in enumerate(photos.values(), 1):
        named[photo.id] = place.name(photo)
        progress(done, len(photos))
    said = [each for one in decided for each in _said(one, named)]
    found = reviewed.labelled(said, wish.sure)
    coco.write(LabelledSet(output.parent, found.images), output)
    return Collected(
        len({one.ref.run for one in found.images}),
        len(found.images),
        place.copied,
        reviewed.counts(found.images),
        found.unsure,
        found.overruled,
        sum(name is None for name in named.values()),
        waiting,
    )


def _decided(place: Path | Workspace, wish: Wish) -> tuple[list[Settled], int]:
    """Return the settled items of the runs, and how many others there are."""
    decided: list[Settled] = []
    waiting = 0
    with workspaces.existing(place) as (db, _), db.read() as connection:
        names = wish.runs or [one.name for one in summary.runs(connection)]
        for run_id in [ledger.run_id_of(connection, name) for name in names]:
            decided += settled.of_run(connection, run_id, _SETTLED)
            others = [one for one in State if one not in _SETTLED]
            waiting += settled.count(connection, run_id, others)
    return decided, waiting


class _Placing:
    """Finds the files of photographs, and writes those that have none."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder that the label file will lie in."""
        self._folder = folder
        self._sources: dict[str, Source] = {}
        self.copied = 0

    def name(self, photo: Photograph) -> str | None:
        """Return the name of a photograph's file from the folder; None where it cannot be read."""
        there = Path(photo.source) / photo.ref.location
        if photo.ref.location and there.is_file():
            return relative(there.resolve(), self._folder)
        if photo.source not in self._sources:
            self._sources[photo.source] = discover.open_source(photo.source)
        try:
            content = self._sources[photo.source].read(photo.ref)
        except UnreadableImageError:
            return None
        ending = PurePosixPath(photo.ref.file_name).suffix or ".jpg"
        run = clean(photo.ref.run)
        path = self._folder / IMAGES / run / f"{photo.seq:07d}_{clean(photo.ref.camera)}{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(content)
        self.copied += 1
        return relative(path, self._folder)


def _said(one: Settled, named: Mapping[int, str | None]) -> Iterator[SaidOf]:
    item, standing = one.item, one.item.standing
    if standing.decided_at is None:
        return  # settled ones have a time
    said = Said.DEFECT
    if standing.state is State.REJECTED:
        said = Said.NO_PART if standing.condition == NO_PART else Said.SOUND
    mast = f"{item.mast}#" if item.mast is not None else ""
    for view in one.views:
        if (name := named[view.photograph.id]) is None:
            continue
        ref = replace(view.photograph.ref, location=name, file_name=name)
        yield SaidOf(
            ref,
            view.photograph.width,
            view.photograph.height,
            item.component,
            view.box,
            said,
            standing.condition,
            f"{mast}{item.name}",
            standing.decided_at,
            _shows(view),
            view.score,
        )


def _shows(view: SettledView) -> bool:
    """Tell whether a view shows what was decided: the one looked at, and those that raised it."""
    return view.leads or view.verdict is not Verdict.NORMAL


def lines(collected: Collected) -> Iterator[str]:
    """Yield what was written and what was not, in words."""
    yield (
        f"{sum(collected.counts.values())} labels on {collected.photographs} photographs of "
        f"{collected.runs} runs" + (f", {collected.copied} copied" if collected.copied else "")
    )
    for (component, told), count in sorted(collected.counts.items()):
        yield f"  {component} {told}: {count}"
    left: Sequence[tuple[int, str]] = (
        (collected.unsure, "rejected where the detector was not sure of a part"),
        (collected.overruled, "decided otherwise later at the same place"),
        (collected.open, "items that nobody confirmed or rejected"),
        (collected.unreadable, "photographs that cannot be read any more"),
    )
    yield from (f"  left out, {words}: {count}" for count, words in left if count)
    yield "  labelled in part only: to learn from, not to measure on"
