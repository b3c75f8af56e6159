"""Routes of masts, and of photographs that go to another one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from catenary.domain.review import WAITING, RefusedError, Right
from catenary.jobs.reviewing import reassign
from catenary.review import answers
from catenary.review.items import Id
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import kilometre, mast_name
from catenary.review.wishes import MoveAsked
from catenary.store import ledger, photographs, reassignments, review_items
from catenary.store.photographs import MastAt
from catenary.store.reassignments import Reassignment

_Text = Annotated[str, StringConstraints(max_length=200)]


def router(site: Site) -> APIRouter:
    """Return the routes of masts."""
    routes = APIRouter(prefix="/api", tags=["photographs"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    assigner = Annotated[Caller, Depends(needs(site, Right.ASSIGN))]

    @routes.get("/masts")
    def masts(
        _who: viewer,
        run: _Text,
        section: _Text | None = None,
        q: _Text = "",
        cursor: Annotated[int, Query(ge=0, le=10**8)] = 0,
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
    ) -> answers.MastPage:
        """List the masts of a run in the order in which they were passed."""
        with site.db.read() as connection:
            run_ids = review_items.run_ids(connection, [run])
            if not run_ids:
                raise RefusedError("not_found", f"there is no run {run!r}")
            found = [
                one
                for one in site.masts.of_run(run_ids[0])
                if (section is None or one.mast.section == section)
                and q.casefold() in one.mast.number.casefold()
            ]
            shown = found[cursor : cursor + limit]
            rows = [_mast_row(site, one, run) for one in shown]
        more = str(cursor + limit) if cursor + limit < len(found) else None
        return answers.MastPage(masts=rows, next=more, total=len(found))

    @routes.get("/masts/{mast_id}")
    def mast(_who: viewer, mast_id: Id) -> answers.MastDetail:
        """Tell all of a mast."""
        return _mast(site, mast_id)

    @routes.post("/frames/move")
    def move(who: assigner, asked: MoveAsked) -> answers.Moves:
        """Give photographs to another mast; views are joined anew before the answer."""
        by = reader_of(who).name
        wanted = reassign.Move(asked.frames, asked.to_mast, by, asked.why)
        made = reassign.move(site.db, site.workspace, wanted)
        return answers.Moves(moved=[_moved(one) for one in made])

    return routes


def _mast_row(site: Site, one: MastAt, run: str) -> answers.MastRow:
    with site.db.read() as connection:
        items = review_items.of_mast(connection, one.run_id, one.mast)
    return answers.MastRow(
        id=one.id,
        line=one.mast.line,
        direction=str(one.mast.direction),
        section=one.mast.section,
        number=one.mast.number,
        run=run,
        run_id=one.run_id,
        kilometre_m=one.kilometre_m,
        kilometre=kilometre(one.kilometre_m),
        frames=one.frames,
        items=len(items),
        waiting=sum(each.standing.state in WAITING for each in items),
    )


def _mast(site: Site, mast_id: int) -> answers.MastDetail:
    with site.db.read() as connection:
        photo = photographs.photograph(connection, mast_id)
        if photo.ref.mast is None:
            raise RefusedError("not_found", f"photograph {mast_id} is of no mast")
        own = photographs.of_mast(connection, photo.run_id, photo.ref.mast)
        items = review_items.of_mast(connection, photo.run_id, photo.ref.mast)
        others = list(photographs.other_runs(connection, photo))
        moved = reassignments.of_mast(connection, photo.run_id, photo.ref.mast)
        run = ledger.record_of(connection, photo.run_id).name
    passed = site.masts.of_run(photo.run_id)
    place = next(n for n, one in enumerate(passed) if one.mast == photo.ref.mast)
    return answers.MastDetail(
        **dict(_mast_row(site, passed[place], run)),
        photographs=[
            answers.MastPhotograph(
                frame_id=one.id,
                camera=one.ref.camera,
                view=one.ref.view,
                file_name=one.ref.file_name,
                width=one.width,
                height=one.height,
                outcome=one.outcome,
                items=sum(each.frame_id == one.id for each in items),
            )
            for one in own
        ],
        previous=passed[place - 1].id if place else None,
        next=passed[place + 1].id if place + 1 < len(passed) else None,
        other_runs=[
            answers.OtherRun(run=name, run_id=run_id, date=date, mast_id=frame_id)
            for name, date, run_id, frame_id in others
        ],
        moved=[_moved(one) for one in moved],
    )


def _moved(one: Reassignment) -> answers.Moved:
    return answers.Moved(
        frame_id=one.frame_id,
        file_name=one.file_name,
        made_at=one.made_at,
        made_by=one.made_by,
        why=one.why,
        before=mast_name(one.before),
        after=mast_name(one.after),
    )
