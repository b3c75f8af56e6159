"""Routes of the closed loop: lists, counts, one defect, steps."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AfterValidator, AwareDatetime, StringConstraints
from pydantic import Field as Bounded
from sqlalchemy import Connection

from catenary.domain import defect_loop as loop
from catenary.domain.defect_loop import LISTED, Conclusion, LoopStanding, LoopState, Step, StepWish
from catenary.domain.review import Reader, Right
from catenary.reports import lexicon
from catenary.review import answers
from catenary.review import defect_answers as told
from catenary.review import queue as queue_routes
from catenary.review.items import Id
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import both
from catenary.review.wishes import Asked, Note, Row, Short
from catenary.store import defect_steps, defects, later_runs
from catenary.store.defect_steps import By
from catenary.store.defects import Defect, DefectOrder, DefectsWanted, StepMade
from catenary.store.later_runs import LaterRun

_MOST = 200  # values of one filter
_SUSPECTS = 20  # earlier defects that are shown beside one


def _in_our_time(at: datetime) -> datetime:
    """Refuse years at the ends of the calendar, which no zone can be added to."""
    if not 2000 <= at.year < 2200:
        raise ValueError("must lie between the years 2000 and 2200")
    return at.astimezone(UTC)


_Time = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
_Values = Annotated[tuple[Short, ...], Bounded(max_length=_MOST)]


class DefectFiltersAsked(Asked):
    """Which defects are wanted; an empty list means any."""

    run: _Values = ()
    line: _Values = ()
    section: _Values = ()
    mast: _Values = ()
    component: _Values = ()
    condition: _Values = ()
    grade: tuple[Annotated[int, Bounded(ge=1, le=3)], ...] = Bounded(default=(), max_length=3)
    state: tuple[LoopState, ...] = Bounded(default=(), max_length=len(LoopState))
    overdue: bool | None = None
    suspected: bool | None = None
    due_before: _Time | None = None

    def wanted(self) -> DefectsWanted:
        """Return the filter as the store takes it."""
        return DefectsWanted(**{name: getattr(self, name) for name in DefectsWanted.__slots__})


class DefectListAsked(DefectFiltersAsked):
    """A page of the list."""

    order: DefectOrder = DefectOrder.DUE
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None
    limit: Annotated[int, Bounded(ge=1, le=200)] = 50


class StepAsked(Asked):
    """A step of a defect as it was seen."""

    step: Step
    version: Row
    note: Note = ""
    conclusion: Conclusion | None = None
    due: _Time | None = None
    of: Row | None = None

    def wish(self) -> StepWish:
        """Return the step as the store takes it."""
        return StepWish(self.step, self.note, self.conclusion, self.due, self.of)


def router(site: Site) -> APIRouter:
    """Return the routes of the closed loop."""
    routes = APIRouter(prefix="/api/defects", tags=["defects"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    decider = Annotated[Caller, Depends(needs(site, Right.DECIDE))]

    @routes.get("")
    def page(who: viewer, asked: Annotated[DefectListAsked, Query()]) -> told.DefectPage:
        """List defects."""
        now = site.clock()
        place = (asked.wanted(), asked.order, asked.cursor, asked.limit, now)
        known = site.defect_counts.listed(*place)
        with site.db.read() as connection:
            found = defects.page(connection, *place, known.few)
            shown = _several(site, connection, found.defects, reader_of(who))
        return told.DefectPage(
            defects=shown, next=found.next, total=known.total, overdue=known.overdue
        )

    @routes.get("/filters")
    def filters(_who: viewer, asked: Annotated[DefectFiltersAsked, Query()]) -> told.DefectFilters:
        """Tell which values each filter could take, with counts."""
        found = site.defect_counts.facets(asked.wanted(), site.clock())
        facets = {
            name: [_facet(site, name, value, count) for value, count in counts]
            for name, counts in found.counts.items()
        }
        return told.DefectFilters(total=found.total, overdue=found.overdue, facets=facets)

    @routes.get("/{defect_id}")
    def detail(who: viewer, defect_id: Id) -> told.DefectDetail:
        """Tell all of a defect."""
        with site.db.read() as connection:
            found = defects.one(connection, defect_id)
            return _detail(site, connection, found, reader_of(who))

    @routes.post("/{defect_id}/steps", status_code=HTTPStatus.CREATED)
    def step(who: decider, defect_id: Id, asked: StepAsked) -> told.OneDefect:
        """Make a step."""
        reader = reader_of(who)
        by = By(reader, site.clock(), site.deadlines)
        with site.db.write() as tx:
            after = defect_steps.make(tx, defect_id, asked.version, asked.wish(), by)
        with site.db.read() as connection:
            return told.OneDefect(defect=_detail(site, connection, after, reader))

    return routes


def _facet(site: Site, name: str, value: str | int, count: int) -> answers.Facet:
    if name == "state":
        label = lexicon.LOOP_STATES[LoopState(str(value))]
    else:
        label = queue_routes.label(site.taxonomy, name, value)
    return answers.Facet(value=value, label=both(label), count=count)


def _several(
    site: Site, connection: Connection, found: Sequence[Defect], reader: Reader
) -> list[told.Defect]:
    items = site.teller.items(connection, [one.item for one in found], reader)
    return [
        _defect(one, item, reader, site.clock()) for one, item in zip(found, items, strict=True)
    ]


def _defect(one: Defect, item: answers.Item, reader: Reader, now: datetime) -> told.Defect:
    standing = one.standing
    return told.Defect(
        id=one.id,
        version=one.version,
        item_id=item.id,
        run=item.run,
        run_id=item.run_id,
        state=standing.state,
        state_label=both(lexicon.LOOP_STATES[standing.state]),
        component=item.component,
        condition=standing.condition,
        grade=standing.grade,
        mast=item.mast,
        kilometre_m=item.kilometre_m,
        kilometre=item.kilometre,
        frame_id=item.frame_id,
        camera=item.camera,
        view=item.view,
        box=item.box,
        registered_at=standing.registered_at,
        repair_by=standing.repair_by,
        reinspect_by=standing.reinspect_by,
        due=standing.due,
        overdue=standing.is_overdue(now),
        conclusion=standing.conclusion,
        sightings=one.sightings,
        suspected_of=standing.suspected_of,
        joined_to=standing.joined_to,
        changed_at=one.changed_at,
        changed_by=one.changed_by,
        allowed=[
            told.AllowedStep(
                step=each.step,
                label=both(lexicon.STEPS[each.step]),
                needs=list(each.needs),
                may_have=list(each.may_have),
            )
            for each in loop.allowed(reader, standing)
        ],
    )


def _detail(site: Site, connection: Connection, found: Defect, reader: Reader) -> told.DefectDetail:
    (one,) = _several(site, connection, [found], reader)
    sightings = defects.sightings_of(connection, found.id)
    items = site.teller.items(connection, [item for _, item in sightings], reader)
    alike = [
        each for each in defects.earlier_alike(connection, found.item, LISTED) if each != found.id
    ]
    suspects = defects.by_ids(connection, alike[:_SUSPECTS])
    return told.DefectDetail(
        **dict(one),
        steps=[_step(each) for each in defects.steps_of(connection, found.id)],
        sightings_of=[
            told.Sighting(defect_id=own, item=item)
            for (own, _), item in zip(sightings, items, strict=True)
        ],
        suspects=_several(site, connection, suspects, reader),
        later=[
            _later(site, connection, each, reader)
            for each in later_runs.of_item(connection, found.item)
        ],
        conclusions=[
            answers.Label(id=str(each), label=both(words))
            for each, words in lexicon.CONCLUSIONS.items()
        ],
    )


def _later(site: Site, connection: Connection, one: LaterRun, reader: Reader) -> told.LaterRun:
    return told.LaterRun(
        run=one.run,
        run_id=one.run_id,
        date=one.date,
        mast_id=one.frame_id,
        found=one.found,
        label=both(lexicon.FOUND_LATER[one.found]),
        photographs=one.photographs,
        items=site.teller.items(connection, one.items, reader),
    )


def _step(one: StepMade) -> told.StepMade:
    return told.StepMade(
        id=one.id,
        step=one.step,
        label=both(lexicon.STEPS[one.step]),
        made_at=one.made_at,
        made_by=one.made_by,
        role=one.role,
        note=one.note,
        version=one.version,
        before=None if one.before is None else _standing(one.before),
        after=_standing(one.after),
        other=one.other,
        decision_id=one.decision_id,
    )


def _standing(one: LoopStanding) -> told.LoopStanding:
    return told.LoopStanding(
        state=one.state,
        condition=one.condition,
        grade=one.grade,
        repair_by=one.repair_by,
        reinspect_by=one.reinspect_by,
        conclusion=one.conclusion,
        suspected_of=one.suspected_of,
        joined_to=one.joined_to,
    )
