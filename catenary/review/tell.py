"""Items as the client sees them: the words, what may be done, all views of a part."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection

from catenary.domain import finding as findings_domain
from catenary.domain import review
from catenary.domain.finding import Component, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.place import Mast, format_kilometre
from catenary.domain.review import WAITING, Decision, Origin, Reader, SecondReading
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import lexicon, words
from catenary.reports.data import ReportFinding, ReportPart, ReportView, alone
from catenary.reports.pictures import OTHER_COLOUR, ROLE_COLOURS, lines_of
from catenary.review import answers, blind
from catenary.store import (
    defects,
    findings,
    parts,
    photographs,
    queue_inherit,
    review_items,
    reviews,
)
from catenary.store.database import Database
from catenary.store.findings import CropFile, StoredFinding
from catenary.store.photographs import Photograph
from catenary.store.review_items import Item

CONTEXT = 0.35  # around a part, as a share of its longer side; that of the stored pictures
EARLIER = 3  # runs that are looked back
_NOBODY = lexicon.Words("", "")


@dataclass(frozen=True, slots=True)
class Seen:
    """A view of an item with its photograph and picture.

    Attributes:
        photograph: Which.
        box: Full-frame pixels; that of the leading view is as it was corrected.
        verdict: Of this view.
        condition: Of this view.
        probability: Of a defect in [0, 1], or None.
        crop: Stored picture, or None.
        found: Its finding, or None.
    """

    photograph: Photograph
    box: Box
    verdict: Verdict
    condition: str
    probability: float | None
    crop: CropFile | None
    found: StoredFinding | None


@dataclass(frozen=True, slots=True)
class _Others:
    """What other runs tell of an item."""

    known: tuple[answers.KnownDefect, ...] = ()
    earlier: tuple[answers.Earlier, ...] = ()
    change: answers.Since | None = None


@dataclass(frozen=True, slots=True)
class _Own:
    """What a reader did with an item: a decision to undo, a second reading that they undid."""

    can_undo: bool
    has_read: bool


def both(told: lexicon.Words) -> answers.Words:
    """Return words as an answer holds them."""
    return answers.Words(zh=told.zh, en=told.en)


def window(box: Box, context: float, width: int, height: int) -> answers.Crop:
    """Return the pixels of a photograph around a box, as `catenary.imaging.crops.cut` takes them.

    Args:
        box: Full-frame pixels.
        context: Added on each side, as a share of the longer side.
        width: Of the photograph; 0 when it is not known.
        height: The same.

    Raises:
        ValueError: If the box lies outside.
    """
    right, low = width or math.inf, height or math.inf
    inside = box.clipped(right, low)
    if inside is None:
        raise ValueError(f"box {box} lies outside a photograph of {width} x {height} px")
    outer = inside.grown(context * max(inside.width, inside.height)).clipped(right, low) or inside
    x0, y0 = int(outer.x0), int(outer.y0)
    return answers.Crop(
        x0=x0, y0=y0, width=math.ceil(outer.x1) - x0, height=math.ceil(outer.y1) - y0
    )


class Teller:
    """Makes answers of items."""

    def __init__(
        self,
        db: Database,
        taxonomy: Taxonomy,
        clock: Callable[[], datetime],
        second: SecondReading,
    ) -> None:
        """Keep what all answers need.

        Args:
            db: Of the workspace.
            taxonomy: Names of kinds and conditions.
            clock: Returns UTC.
            second: What is read again where there are accounts.
        """
        self._db, self._taxonomy, self._clock, self._second = db, taxonomy, clock, second

    def as_seen(self, connection: Connection, items: Sequence[Item], reader: Reader) -> list[Item]:
        """Return items as a reader may see them."""
        return blind.as_seen(connection, items, reader, self._clock(), self._second)

    def items_now(self, ids: Sequence[int], reader: Reader | None) -> list[answers.Item]:
        """Return items as they stand now."""
        with self._db.read() as connection:
            return self.items(connection, review_items.by_ids(connection, ids), reader)

    def items(
        self, connection: Connection, items: Sequence[Item], reader: Reader | None
    ) -> list[answers.Item]:
        """Return items as lists show them, to a reader as far as they may know."""
        if reader is None:
            return [self._item(one, None, False) for one in items]
        shown = self.as_seen(connection, items, reader)
        mine = self._undoable(connection, shown, reader)
        return [self._item(one, reader, one.id in mine) for one in shown]

    def detail(self, connection: Connection, item: Item, reader: Reader) -> answers.ItemDetail:
        """Return all that a triage screen shows of an item, as far as a reader may know."""
        return self.details(connection, [item], reader, is_brief=False)[0][0]

    def details(
        self, connection: Connection, items: Sequence[Item], reader: Reader, *, is_brief: bool
    ) -> list[tuple[answers.ItemDetail, Seen]]:
        """Return all that a triage screen shows of some items, each with its leading view.

        Args:
            connection: Database.
            items: Items.
            reader: Who looks.
            is_brief: Leave out what other runs tell, which a contact sheet does not show.
        """
        seen_as = self.as_seen(connection, items, reader)
        shown = [blind.in_triage(one) for one in seen_as]
        mine = self._undoable(connection, shown, reader)
        views = [seen_in(connection, one) for one in shown]
        pairs = [] if is_brief else [(one, seen[0]) for one, seen in zip(shown, views, strict=True)]
        others = self._others(connection, pairs, reader)
        again = {
            one.id
            for one in seen_as
            if blind.is_second_reading(one) and reviews.was_read_second(connection, one.id, reader)
        }
        return [
            (
                self._detail(
                    connection, one, reader, _Own(one.id in mine, one.id in again), seen, others
                ),
                seen[0],
            )
            for one, seen in zip(shown, views, strict=True)
        ]

    def _detail(
        self,
        connection: Connection,
        item: Item,
        reader: Reader,
        own: _Own,
        seen: list[Seen],
        others: Mapping[int, _Others],
    ) -> answers.ItemDetail:
        lead, other = seen[0], others.get(item.id, _Others())
        versions = reviews.versions_of(connection, item)
        return answers.ItemDetail(
            **dict(self._item(item, reader, own.can_undo)),
            defect=_defect(connection, item),
            known=list(other.known),
            read_before=own.has_read,
            why=both(self._why(item, lead)),
            views_say=both(self._views_say(item, seen)),
            crop=self._window(lead),
            seen_in=[self._view(item, one) for one in seen],
            earlier=list(other.earlier),
            change=other.change,
            decisions=[_made(one) for one in self._decisions(connection, item)],
            inherited=[_inherited(one) for one in self._traces(connection, item)],
            versions=answers.Versions(
                model=versions.model, rules=versions.rules, taxonomy=versions.taxonomy
            ),
        )

    def _others(
        self, connection: Connection, pairs: Sequence[tuple[Item, Seen]], reader: Reader
    ) -> dict[int, _Others]:
        """Return what other runs tell of some items; what is alike of all is read at once."""
        before = {item.id: self._before(connection, item, lead) for item, lead in pairs}
        alike = {item.id: self._alike(connection, item) for item, _ in pairs}
        same = {one.id: one for found in before.values() for _, _, own in found for one in own}
        told = {one.id: one for one in self.items(connection, list(same.values()), reader)}
        ids = sorted({one for own in alike.values() for one in own})
        known = {one.id: one for one in defects.by_ids(connection, ids)} if ids else {}
        now = self._clock()
        return {
            item.id: _Others(
                tuple(_known(known[one], now) for one in alike[item.id] if one in known),
                tuple(
                    _earlier(photo, box, [told[one.id] for one in own])
                    for photo, box, own in before[item.id]
                ),
                self._change(connection, item),
            )
            for item, _ in pairs
        }

    def _decisions(self, connection: Connection, item: Item) -> list[reviews.Made]:
        is_told = item.version and not item.is_masked
        return reviews.decisions_of(connection, item.id) if is_told else []

    def _alike(self, connection: Connection, item: Item) -> list[int]:
        """Return earlier defects that may be seen again here, the likeliest first.

        None once it was decided: then the defect itself tells.
        """
        is_waiting = item.standing.state in WAITING
        return defects.earlier_alike(connection, item)[:EARLIER] if is_waiting else []

    def _traces(self, connection: Connection, item: Item) -> list[queue_inherit.Trace]:
        is_told = item.version and not item.is_masked
        return queue_inherit.of_item(connection, item.id) if is_told else []

    def _undoable(self, connection: Connection, items: Sequence[Item], reader: Reader) -> set[int]:
        decided = [one.id for one in items if one.version and not one.is_masked]
        mine = reviews.undoable(connection, decided, reader) if decided else set()
        masked = {one.id for one in items if one.is_masked and one.standing.reviewer == reader.name}
        return mine | masked

    def _item(self, item: Item, reader: Reader | None, can_undo: bool) -> answers.Item:
        now, standing = self._clock(), item.standing
        holder = item.holder(now)
        is_allowed = reader is not None and review.refusal(reader, standing) is None
        is_allowed = is_allowed and item.merged_into is None
        return answers.Item(
            id=item.id,
            version=item.version,
            run=item.run,
            run_id=item.run_id,
            origin=item.origin,
            state=standing.state,
            component=item.component,
            condition=standing.condition,
            grade=standing.grade,
            verdict=item.verdict,
            probability=item.probability,
            box=corners(standing.box),
            frame_id=item.frame_id,
            camera=item.camera,
            view=item.view,
            file_name=item.file_name,
            frame_width=item.width,
            frame_height=item.height,
            mast=mast_of(item.mast, item.frame_id),
            kilometre_m=item.kilometre_m,
            kilometre=kilometre(item.kilometre_m),
            views=item.views,
            entered_at=item.entered_at,
            reviewer=standing.reviewer,
            decided_at=standing.decided_at,
            note=standing.note,
            held_by=None if reader is not None and holder == reader.name else holder,
            merged_into=item.merged_into,
            allowed=list(Decision) if is_allowed else [],
            can_undo=can_undo,
        )

    def _why(self, item: Item, lead: Seen) -> lexicon.Words:
        if item.origin is Origin.MANUAL:
            return lexicon.DRAWN
        return words.why(self._finding(item, lead), self._taxonomy)

    def _finding(self, item: Item, lead: Seen) -> Finding:
        """Return the finding of an item, or for a sample one that says it is normal."""
        if lead.found is not None:
            return lead.found.finding
        component = Component(item.component, item.standing.box, 1.0)
        nobody = findings_domain.Versions("", "", "")
        return Finding(
            lead.photograph.ref.image_id,
            component,
            Verdict.NORMAL,
            findings_domain.NORMAL,
            item.probability,
            None,
            (),
            nobody,
        )

    def _views_say(self, item: Item, seen: Sequence[Seen]) -> lexicon.Words:
        if len(seen) < 2 or seen[0].found is None:
            return _NOBODY
        told = [self._report_view(one) for one in seen]
        lead = self._report_finding(seen[0].found)
        return words.views(ReportPart(item.name, lead, item.standing.grade, tuple(told)))

    def _report_view(self, one: Seen) -> ReportView:
        if one.found is not None:
            return alone(self._report_finding(one.found))
        names = words.names(self._taxonomy, "", one.condition)
        ref = one.photograph.ref
        return ReportView(ref, one.verdict, names, one.probability, one.box)

    def _report_finding(self, found: StoredFinding) -> ReportFinding:
        kind, condition = found.finding.component.kind, found.finding.condition
        return ReportFinding(found.ref, found.finding, words.names(self._taxonomy, kind, condition))

    def _window(self, one: Seen) -> answers.Crop:
        return window(one.box, CONTEXT, one.photograph.width, one.photograph.height)

    def _view(self, item: Item, one: Seen) -> answers.View:
        photo = one.photograph
        evidence = [] if one.found is None else one.found.finding.evidence
        return answers.View(
            frame_id=photo.id,
            camera=photo.ref.camera,
            view=photo.ref.view,
            file_name=photo.ref.file_name,
            frame_width=photo.width,
            frame_height=photo.height,
            verdict=one.verdict,
            condition=one.condition,
            probability=one.probability,
            box=corners(one.box),
            crop=self._window(one),
            leads=photo.id == item.frame_id,
            evidence=[self._evidence(each, one) for each in evidence],
        )

    def _evidence(self, one: findings_domain.Evidence, seen: Seen) -> answers.Evidence:
        finding = seen.found.finding if seen.found is not None else None
        is_network = words.is_network(one) and finding is not None
        shown = [
            words.share_of(cast(Finding, finding), each, self._taxonomy)
            if is_network
            else words.shown(each, one.source)
            for each in one.measurements
        ]
        return answers.Evidence(
            source=one.source,
            label=both(words.source(one)),
            condition=one.condition,
            verdict=one.verdict,
            score=one.score,
            reason=both(words.reason(one) if one.reason else _NOBODY),
            measurements=[
                answers.Measurement(
                    name=both(each.name),
                    value=both(each.value),
                    limit=None if each.limit is None else both(each.limit),
                )
                for each in shown
            ],
            lines=[
                answers.Line(
                    role=trace.role,
                    label=both(words.role(trace.role)),
                    colour=ROLE_COLOURS.get(trace.role, OTHER_COLOUR),
                    points=list(trace.points),
                )
                for trace in lines_of([one])
            ],
        )

    def _before(
        self, connection: Connection, item: Item, lead: Seen
    ) -> list[tuple[Photograph, Box, list[Item]]]:
        """Return earlier photographs of the mast, where to look, and all items of the kind."""
        found = []
        for photo in photographs.earlier(connection, lead.photograph, EARLIER):
            same = review_items.of_mast(connection, photo.run_id, photo.ref.mast, item.component)
            box = _nearest(item.standing.box, [one for one in same if one.frame_id == photo.id])
            if box.clipped(photo.width, photo.height) is not None:
                found.append((photo, box, same))
            # Else a smaller photograph: there is nothing to show at that place.
        return found

    def _change(self, connection: Connection, item: Item) -> answers.Since | None:
        if item.finding_id is None:
            return None
        told = findings.change_of(connection, item.finding_id)
        if told is None:
            return None
        return answers.Since(
            change=str(told.change),
            label=both(lexicon.CHANGES[told.change]),
            earlier_run=told.earlier_run,
        )


def seen_in(connection: Connection, item: Item) -> list[Seen]:
    """Return the views of an item, the leading one first."""
    joined = parts.named(connection, item.run_id, item.name)
    if joined is None:
        return [_only(connection, item)]
    ids = [one.view.finding_id for one in joined.views]
    found = findings.by_ids(connection, [one for one in ids if one is not None])
    photos = photographs.by_image_ids(
        connection, item.run_id, [one.ref.image_id for one in joined.views]
    )
    seen = []
    for one in joined.views:
        view, photo = one.view, photos[one.ref.image_id]
        own = None if view.finding_id is None else found.get(view.finding_id)
        box = item.standing.box if photo.id == item.frame_id else view.box
        crop = own.crop if own is not None else view.crop
        told = (view.verdict, view.condition, view.probability)
        seen.append(Seen(photo, box, *told, crop, own))
    return sorted(seen, key=lambda one: one.photograph.id != item.frame_id)


def _only(connection: Connection, item: Item) -> Seen:
    found = None
    if item.finding_id is not None:
        found = findings.by_ids(connection, [item.finding_id]).get(item.finding_id)
    condition = item.standing.condition if found is None else found.finding.condition
    return Seen(
        photographs.photograph(connection, item.frame_id),
        item.standing.box,
        item.verdict,
        condition,
        item.probability,
        None if found is None else found.crop,
        found,
    )


def _nearest(box: Box, others: Sequence[Item]) -> Box:
    """Return the box whose centre is nearest, or the box itself where there is none."""
    x, y = box.centre

    def distance(one: Item) -> float:
        other_x, other_y = one.standing.box.centre
        return math.hypot(x - other_x, y - other_y)

    return min(others, key=distance).standing.box if others else box


def corners(box: Box) -> tuple[float, float, float, float]:
    """Return a box as answers hold it."""
    return box.x0, box.y0, box.x1, box.y1


def kilometre(metres: float | None) -> str:
    """Return a kilometre post, or an empty text."""
    return "" if metres is None else format_kilometre(metres)


def mast_name(mast: Mast | None) -> answers.MastName | None:
    """Return what names a mast."""
    if mast is None:
        return None
    return answers.MastName(
        line=mast.line,
        direction=str(mast.direction),
        section=mast.section,
        number=mast.number,
    )


def mast_of(mast: Mast | None, frame_id: int) -> answers.Mast | None:
    """Return a mast as a photograph of it names it."""
    name = mast_name(mast)
    return None if name is None else answers.Mast(id=frame_id, **dict(name))


def _defect(connection: Connection, item: Item) -> answers.DefectLink | None:
    if (
        not item.version or item.is_masked
    ):  # nobody decided: no defect, and no query for the next in the queue
        return None
    found = defects.of_items(connection, [item.id]).get(item.id)
    if found is None:
        return None
    state = found.standing.state
    label = both(lexicon.LOOP_STATES[state])
    return answers.DefectLink(id=found.id, state=state, state_label=label)


def _known(one: defects.Defect, now: datetime) -> answers.KnownDefect:
    standing = one.standing
    return answers.KnownDefect(
        id=one.id,
        state=standing.state,
        state_label=both(lexicon.LOOP_STATES[standing.state]),
        run=one.item.run,
        condition=standing.condition,
        grade=standing.grade,
        item=one.item.id,
        registered_at=standing.registered_at,
        due=standing.due,
        overdue=standing.is_overdue(now),
    )


def _earlier(photo: Photograph, box: Box, items: list[answers.Item]) -> answers.Earlier:
    return answers.Earlier(
        run=photo.ref.run,
        run_id=photo.run_id,
        date=photo.date,
        frame_id=photo.id,
        camera=photo.ref.camera,
        frame_width=photo.width,
        frame_height=photo.height,
        box=corners(box),
        crop=window(box, CONTEXT, photo.width, photo.height),
        items=items,
    )


def _standing(one: review.Standing) -> answers.Standing:
    return answers.Standing(
        state=one.state,
        condition=one.condition,
        grade=one.grade,
        box=corners(one.box),
        reviewer=one.reviewer,
    )


def _inherited(one: queue_inherit.Trace) -> answers.Inheritance:
    return answers.Inheritance(
        made_at=one.made_at,
        kind=one.kind,
        label=both(lexicon.INHERITED[one.kind]),
        item=one.item_id,
        other=one.other,
        from_part=one.from_name,
        to_part=one.to_name,
    )


def _made(one: reviews.Made) -> answers.Made:
    return answers.Made(
        id=one.id,
        made_at=one.made_at,
        made_by=one.made_by,
        role=one.role,
        stage=one.stage,
        decision=one.act,
        note=one.note,
        version=one.version,
        before=_standing(one.before),
        after=_standing(one.after),
        undone=one.is_undone,
        blind=one.is_blind,
        model=one.versions.model,
        rules=one.versions.rules,
        taxonomy=one.versions.taxonomy,
    )
