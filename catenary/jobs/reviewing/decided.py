"""What people decided, in reports: beside the findings of the scan, or instead of them."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.finding import NORMAL, Component, Finding, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import Frame
from catenary.domain.review import WAITING, Origin, Standing, State
from catenary.imaging import decode
from catenary.jobs import evidence
from catenary.reports import words
from catenary.reports.data import (
    CropImage,
    PartDecision,
    ReportData,
    ReportFinding,
    ReportPart,
    ReportView,
    Review,
    alone,
)
from catenary.runs import discover
from catenary.runs.source import Source
from catenary.store import defects, review_figures, review_items, reviews, settled
from catenary.store.photographs import Photograph
from catenary.store.review_items import Item
from catenary.store.settled import Settled

log = logging.getLogger(__name__)


def with_decisions(
    connection: Connection, run_id: int, data: ReportData, only: frozenset[str] | None = None
) -> ReportData:
    """Return the data of a report with what people decided; as it is before anybody did.

    Args:
        connection: Database.
        run_id: Run.
        data: As scanned.
        only: Names of the parts that it is about; None for all.
    """
    states = review_figures.states(connection, run_id)
    if not any(count for state, count in states.items() if state not in WAITING):
        return data  # without reading every item
    items = [
        one
        for one in review_items.of_run(connection, run_id)
        if _counts(one) and (only is None or one.name in only)
    ]
    final = [one for one in items if _is_final(one)]
    if not final:
        return data
    due = defects.of_items(connection, [one.id for one in final])
    decisions = {
        one.name: PartDecision(
            standing.state,
            ", ".join(_readers(standing)),
            standing.decided_at,
            standing.note,
            standing.condition,
            standing.grade,
            due[one.id].standing.due if one.id in due else None,
        )
        for one, standing in zip(items, _told(connection, items), strict=True)
    }
    times = sorted(at for one in final if (at := one.standing.decided_at) is not None)
    return replace(data, decisions=decisions, review=_review(items, final, times))


def _told(connection: Connection, items: Sequence[Item]) -> list[Standing]:
    """Return what stands on items as reports tell it.

    What waits for a second reader is as the scan said, and nobody's: whoever makes the report may
    be that reader, and what one reader alone said is no result.
    """
    waiting = [one for one in items if one.standing.state is State.SECOND]
    scanned = reviews.as_scanned(connection, waiting)
    return [
        replace(scanned[one.id], state=State.SECOND) if one.id in scanned else one.standing
        for one in items
    ]


def _review(items: Sequence[Item], final: Sequence[Item], times: Sequence[datetime]) -> Review:
    names = {name for one in final for name in _readers(one.standing)}
    return Review(
        len(final),
        len(items),
        sum(one.standing.state is State.CONFIRMED for one in final),
        tuple(sorted(names)),
        times[0] if times else None,
        times[-1] if times else None,
    )


def _readers(standing: Standing) -> list[str]:
    """Return who made the decision that stands: first and second reader, and who settled."""
    names = (standing.first_by, standing.second_by, standing.reviewer)
    return list(dict.fromkeys(name for name in names if name))


def _counts(one: Item) -> bool:
    """Tell whether an item asks for a decision, or has one; samples and unjudged parts ask not."""
    return one.verdict is Verdict.DEFECT or _is_final(one)


def _is_final(one: Item) -> bool:
    return one.standing.state not in WAITING


def limited(
    connection: Connection,
    run_id: int,
    data: ReportData,
    folder: Path,
    only: frozenset[str] | None = None,
) -> ReportData:
    """Return the data of a report with confirmed defects alone, as people decided them.

    Parts that could not be judged, and that nobody decided on, stay: they are not free of defects.

    Args:
        connection: Database.
        run_id: Run.
        data: With decisions.
        folder: Gets pictures of what the scan did not keep one of: of what people drew or moved.
        only: Names of the parts that it is about; None for all.
    """
    by_name, cutter = data.by_name(), _Cutter(folder)
    confirmed = [
        _part(connection, one, by_name.get(one.item.name), data, cutter)
        for one in settled.of_run(connection, run_id, [State.CONFIRMED])
        if only is None or one.item.name in only
    ]
    listed = [
        view.finding
        for part in confirmed
        for view in part.views
        if view.finding is not None and view.verdict is Verdict.DEFECT
    ]
    open_ = [part for part in by_name.values() if _is_open(part, data.decisions)]
    unsure = [
        view.finding
        for part in open_
        for view in part.views
        if view.finding is not None and view.verdict is Verdict.CANNOT_JUDGE
    ]
    review = None if data.review is None else replace(data.review, is_limited=True)
    joined = (*confirmed, *(one for one in open_ if len(one.views) > 1))
    return replace(data, findings=(*listed, *unsure), joined=joined, review=review)


def _is_open(part: ReportPart, decisions: Mapping[str, PartDecision]) -> bool:
    decided = decisions.get(part.name)
    is_unjudged = part.lead.finding.verdict is Verdict.CANNOT_JUDGE
    return is_unjudged and (decided is None or decided.state is State.CANNOT_JUDGE)


def _part(
    connection: Connection,
    one: Settled,
    scanned: ReportPart | None,
    data: ReportData,
    cutter: "_Cutter",
) -> ReportPart:
    item, photo = one.item, one.views[0].photograph
    views: tuple[ReportView, ...] = () if scanned is None else scanned.views
    base = next(
        (
            view.finding
            for view in views
            if view.finding is not None and view.ref.image_id == photo.ref.image_id
        ),
        None,
    )
    versions = reviews.versions_of(connection, item)
    lead = _lead(item, photo, base, versions, data)
    if lead.crop is None or item.standing.box != (base and base.finding.component.box):
        own = cutter.cut(photo, item.standing.box, f"item-{item.id}.jpg")
        lead = replace(lead, crop=own or lead.crop)
    others = [
        _as_decided(view, item, lead) for view in views if view.ref.image_id != photo.ref.image_id
    ]
    first = alone(lead)
    grade = item.standing.grade
    confidence = None if scanned is None else scanned.confidence
    return ReportPart(item.name, lead, grade, (first, *others), confidence if others else None)


def _lead(
    item: Item,
    photo: Photograph,
    base: ReportFinding | None,
    versions: Versions,
    data: ReportData,
) -> ReportFinding:
    """Return the decided finding of the photograph that people looked at."""
    standing = item.standing
    scanned = None if base is None else base.finding
    if base is None and item.origin is not Origin.MANUAL:
        part = Component(item.component, standing.box, 1.0)
        scanned = Finding(
            photo.ref.image_id, part, Verdict.NORMAL, NORMAL, item.probability, None, (), versions
        )
    score = 1.0 if base is None else base.finding.component.score
    tilt = None if base is None else base.finding.component.orientation_deg
    decided = Finding(
        photo.ref.image_id,
        Component(item.component, standing.box, score, tilt),
        Verdict.DEFECT,
        standing.condition,
        1.0 if item.probability is None else item.probability,
        standing.grade,
        () if base is None else base.finding.evidence,
        versions,
    )
    names = words.names(data.taxonomy, item.component, standing.condition)
    return ReportFinding(
        photo.ref,
        decided,
        names,
        None if base is None else base.crop,
        None if base is None else base.since,
        scanned,
        item.origin is Origin.MANUAL,
    )


def _as_decided(view: ReportView, item: Item, lead: ReportFinding) -> ReportView:
    """Return another view: one that raised the part raises what people made of it."""
    own = view.finding
    if own is None or view.verdict is not Verdict.DEFECT:
        return view
    grade, condition = item.standing.grade, item.standing.condition
    finding = replace(own.finding, condition=condition, grade=grade)
    return alone(replace(own, finding=finding, names=lead.names, scanned=own.finding))


class _Cutter:
    """Cuts pictures out of photographs, as long as these can be reached."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder to write to."""
        self._folder = folder
        self._sources: dict[str, Source] = {}

    def cut(self, photo: Photograph, box: Box, name: str) -> CropImage | None:
        """Return a picture around a box; None where the photograph cannot be read any more."""
        try:
            if photo.source not in self._sources:
                self._sources[photo.source] = discover.open_source(photo.source)
            pixels = decode.decode_gray(self._sources[photo.source].read(photo.ref))
        except (SourceError, UnreadableImageError) as error:
            log.warning("no picture of %s: %s", photo.ref.file_name, error)
            return None
        crop = evidence.picture(Frame(photo.ref, pixels), box, self._folder, name)
        return CropImage(self._folder / crop.name, crop.x0, crop.y0)
