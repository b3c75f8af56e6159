"""Join the views of each physical part of a run, mast by mast; safe to kill and start again."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

import numpy as np

from catenary.domain.errors import SourceGoneError, UnreadableImageError
from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import Frame, ImageRef
from catenary.domain.part import part_name
from catenary.domain.place import Mast
from catenary.imaging import decode
from catenary.jobs import evidence
from catenary.pipeline import clocks, exposures, joining, transfers, views
from catenary.pipeline.joining import Learnt
from catenary.pipeline.transfers import Place
from catenary.store import ledger, packs, parts, shards
from catenary.store.database import Database
from catenary.store.findings import CropFile
from catenary.store.packs import PackFile
from catenary.store.parts import FindingRow, JoinedPart, JudgedFrame, View
from catenary.store.shards import ComponentRow
from catenary.store.workspace import Workspace

Read = Callable[[ImageRef], bytes]

log = logging.getLogger(__name__)

_LEARNT_FROM = 60  # masts, evenly over the run; our starting value
_TOGETHER = 20  # masts that are held in memory and written at once
_EDGE_PX = 2.0  # a box that ends so near an edge of the picture is cut by it


@dataclass(frozen=True, slots=True)
class _Seen:
    """A located part with its photograph."""

    frame: JudgedFrame
    row: ComponentRow
    place: Place

    @property
    def box(self) -> Box:
        return Box(self.row.x0, self.row.y0, self.row.x1, self.row.y1)


def join_run(db: Database, workspace: Workspace, run_id: int, read: Read) -> int:
    """Join the views at all masts whose judged photographs changed; return how many masts.

    Masts are written in small groups, each whole or not at all: what a kill leaves out is due
    again. Memory does not grow with the run.

    Args:
        db: Of the workspace.
        workspace: Holds the shards, gets evidence pictures of views that call a part normal.
        run_id: Run.
        read: Returns the encoded bytes of a photograph, for those pictures.

    Raises:
        StoreError: If the workspace cannot be read or written.
    """
    with db.read() as connection:
        left = parts.due(connection, run_id)
        everywhere = [one.mast for one in parts.masts(connection, run_id)] if left else []
        name = ledger.record_of(connection, run_id).name
    if not left:
        return 0
    taught_by = everywhere[:: max(1, -(-len(everywhere) // _LEARNT_FROM))]
    late = _late(db, run_id, taught_by)
    learnt = _learnt(_seen(db, workspace, run_id, taught_by, late))
    for start in range(0, len(left), _TOGETHER):
        some = left[start : start + _TOGETHER]
        seen = _seen(db, workspace, run_id, [one.mast for one in some], late)
        with db.read() as connection:
            found = parts.findings_of(connection, run_id, [one.mast for one in some])
        joiner = _Joiner(found, learnt, read)
        joined = [(one, list(joiner.parts(seen.get(one.mast, ())))) for one in some]
        pack = packs.write(workspace.evidence(name), "views", joiner.pictures)
        with db.write() as tx:
            for state, told in joined:
                parts.replace(tx, run_id, state, [_placed(one, pack) for one in told])
            packs.record(tx, run_id, pack)
    log.info(
        "joined views run=%d masts=%d camera pairs=%d at one dropper=%d late=%d geometries=%d",
        run_id,
        len(left),
        len(learnt.transfers.modes),
        len(learnt.together.trust),
        len(late),
        len(learnt.rigs),
    )
    return len(left)


def _late(db: Database, run_id: int, masts: Sequence[Mast]) -> dict[str, timedelta]:
    """Return by how much later some cameras stamp than those they flash with."""
    stamps: dict[Mast | None, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    with db.read() as connection:
        for one in parts.frames_of(connection, run_id, masts):
            if one.ref.camera and one.ref.taken_at is not None:
                stamps[one.ref.mast][one.ref.camera].append(one.ref.taken_at)
    return clocks.late(stamps.values())


def _learnt(found: Mapping[Mast, Sequence[_Seen]]) -> Learnt:
    """Learn from masts evenly over the run."""
    # Where nobody judges what stands in rows, as in most scans, nothing of it becomes an item.
    has_rows = any(_is_in_row(one) and one.row.verdict for seen in found.values() for one in seen)
    places = ([one.place for one in seen] for seen in found.values())
    return joining.learn(places, has_rows=has_rows)


def _is_in_row(one: _Seen) -> bool:
    return one.row.component in joining.IN_ROWS


def _seen(
    db: Database,
    workspace: Workspace,
    run_id: int,
    masts: Sequence[Mast],
    late: Mapping[str, timedelta],
) -> dict[Mast, list[_Seen]]:
    """Return everything that was located at some masts; photographs without a camera tell nothing.

    Which photograph of its camera one is, is told by time, then by name.
    """
    with db.read() as connection:
        frames = list(parts.frames_of(connection, run_id, masts))
        ids = {one.ref.image_id for one in frames}
        rows = list(shards.components_of_images(connection, workspace, run_id, ids))
    slots, moments = _slots(frames), _moments(frames, late)
    by_id = {one.ref.image_id: one for one in frames if one.width and one.ref.camera}
    numbers: dict[str, Iterator[int]] = defaultdict(count)
    found: dict[Mast, list[_Seen]] = {}
    for row in rows:
        frame = by_id.get(row.image_id)
        if frame is None or frame.ref.mast is None:
            continue
        key = f"{row.image_id}\n{next(numbers[row.image_id]):06d}"
        place = replace(
            _place(key, slots[row.image_id], frame, row), moment=moments.get(row.image_id)
        )
        found.setdefault(frame.ref.mast, []).append(_Seen(frame, row, place))
    return found


def _slots(frames: Sequence[JudgedFrame]) -> dict[str, transfers.Slot]:
    def order(one: JudgedFrame) -> tuple[str, str]:
        taken = one.ref.taken_at.isoformat() if one.ref.taken_at else ""
        return taken, one.ref.image_id

    numbers: dict[tuple[Mast | None, str], Iterator[int]] = defaultdict(count)
    return {
        one.ref.image_id: (one.ref.camera, next(numbers[one.ref.mast, one.ref.camera]))
        for one in sorted(frames, key=order)
    }


def _moments(frames: Sequence[JudgedFrame], late: Mapping[str, timedelta]) -> dict[str, int]:
    taken: dict[Mast | None, dict[str, datetime | None]] = defaultdict(dict)
    for one in frames:
        taken[one.ref.mast][one.ref.image_id] = clocks.set_right(
            one.ref.taken_at, one.ref.camera, late
        )
    return {
        image: number
        for times in taken.values()
        for image, number in exposures.moments(times).items()
    }


def _place(key: str, slot: transfers.Slot, frame: JudgedFrame, row: ComponentRow) -> Place:
    width, height = frame.width, frame.height
    is_cut = (
        min(row.x0, row.y0) < _EDGE_PX or row.x1 > width - _EDGE_PX or row.y1 > height - _EDGE_PX
    )
    x, y = (row.x0 + row.x1) / 2 / width, (row.y0 + row.y1) / 2 / width
    return Place(key, slot, row.component, x, y, is_cut, tall=(row.y1 - row.y0) / width)


def _placed(part: JoinedPart, pack: PackFile | None) -> JoinedPart:
    """Return a part that tells where the pictures of its views are, now that they are written."""
    if pack is None:
        return part
    views = (
        replace(one, crop=replace(one.crop, name=pack.name_of(one.crop.name))) if one.crop else one
        for one in part.views
    )
    return replace(part, views=tuple(views))


class _Joiner:
    """Joins the views of one mast after another; keeps the photograph it read last.

    Attributes:
        pictures: Of views that deny a defect, by their names; not written yet.
    """

    def __init__(self, found: Sequence[FindingRow], learnt: Learnt, read: Read) -> None:
        self._learnt, self._read = learnt, read
        self.pictures: dict[str, bytes] = {}
        self._findings = {_key(one.image_id, one.component, one.box): one for one in found}
        self._opened: tuple[str, Frame | None] = ("", None)

    def parts(self, seen: Sequence[_Seen]) -> Iterator[JoinedPart]:
        """Yield the parts with a finding that two or more photographs show."""
        told = [one for one in seen if self._finding(one)]
        if not told:
            return
        by_key = {one.place.key: one for one in seen}
        learnt = self._learnt if any(map(_is_in_row, told)) else replace(self._learnt, rigs=())
        for part in joining.join((one.place for one in seen), learnt):
            members = [by_key[key] for key in part.keys if by_key[key].row.verdict]
            if part.confidence is None or len(members) < 2:
                continue
            if any(self._finding(one) for one in members):
                yield self._part(members, part.confidence)

    def _finding(self, one: _Seen) -> FindingRow | None:
        return self._findings.get(_key(one.row.image_id, one.row.component, one.box))

    def _part(self, members: Sequence[_Seen], confidence: float) -> JoinedPart:
        known = [self._finding(one) for one in members]
        said = [
            (_verdict(one, own), one.row.probability, own.grade if own else None)
            for one, own in zip(members, known, strict=True)
        ]
        all_say = views.opinion(said)
        told = [
            self._view(one, own, is_shown=bool(all_say.raised))
            for one, own in zip(members, known, strict=True)
        ]
        lead, first = told[all_say.lead], members[0]
        return JoinedPart(
            part_name(first.row.image_id, first.row.component, first.box),
            first.row.component,
            lead.verdict,
            lead.condition,
            lead.probability,
            all_say.grade,
            confidence,
            tuple(told),
        )

    def _view(self, one: _Seen, finding: FindingRow | None, *, is_shown: bool) -> View:
        """Return a view; one that denies a defect gets an evidence picture too."""
        row, crop = one.row, None
        frame = self._frame(one.frame.ref) if is_shown and finding is None else None
        if frame is not None:
            name = f"{evidence.digest(row.image_id)}-{row.x0:.0f}-{row.y0:.0f}.jpg"
            drawn = evidence.picture_of(frame, one.box)
            self.pictures[name] = drawn.jpeg
            crop = CropFile(name, drawn.x0, drawn.y0)
        own = finding.id if finding else None
        return View(
            row.image_id, one.box, _verdict(one, finding), row.condition, row.probability, own, crop
        )

    def _frame(self, ref: ImageRef) -> Frame | None:
        """Return the photograph, None where it cannot be read any more."""
        if self._opened[0] != ref.image_id:
            try:
                frame = Frame(ref, decode.decode_gray(self._read(ref)))
            except (UnreadableImageError, SourceGoneError) as error:
                log.warning("no picture of a normal view: %s", error)
                frame = None
            self._opened = (ref.image_id, frame)
        return self._opened[1]


def _key(image_id: str, component: str, box: Box) -> tuple[str, str, tuple[float, ...]]:
    """Return what a finding and its row of a shard, which keeps 32 bits, have in common."""
    corners = (box.x0, box.y0, box.x1, box.y1)
    return image_id, component, tuple(float(np.float32(one)) for one in corners)


def _verdict(one: _Seen, finding: FindingRow | None) -> Verdict:
    return Verdict(one.row.verdict) if finding else Verdict.NORMAL
