"""Routes of photographs and masts."""

from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Response
from numpy.typing import NDArray
from pydantic import StringConstraints

from catenary.domain.errors import StoreError
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome
from catenary.domain.review import WAITING, Decision, Reader, RefusedError, Right, Wish
from catenary.imaging import pyramid
from catenary.reports import words
from catenary.review import answers, photos
from catenary.review.items import A_DAY, Id, Side
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import both, corners, kilometre
from catenary.review.wishes import DrawAsked
from catenary.store import ledger, photographs, review_items, reviews, shards
from catenary.store.photographs import MastAt, Photograph

_FOREVER = {"Cache-Control": "private, max-age=604800, immutable"}
_Number = Annotated[int, Path(ge=0, le=100_000)]
_Offset = Annotated[int, Query(ge=0, le=100_000)]
_Length = Annotated[int, Query(ge=1, le=100_000)]
_Text = Annotated[str, StringConstraints(max_length=200)]


def router(site: Site) -> APIRouter:
    """Return the routes of photographs."""
    routes = APIRouter(prefix="/api/frames", tags=["photographs"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    decider = Annotated[Caller, Depends(needs(site, Right.DECIDE))]

    @routes.get("/{frame_id}")
    def frame(who: viewer, frame_id: Id) -> answers.FrameDetail:
        """Tell all of a photograph; its tiles are what is asked for next."""
        site.photos.prepare(_photograph(site, frame_id))
        return _frame(site, frame_id, reader_of(who))

    @routes.get("/{frame_id}/tiles/{level}/{column}_{row}.jpg", response_class=Response)
    def tile(_who: viewer, frame_id: Id, level: _Number, column: _Number, row: _Number) -> Response:
        """Show a tile."""
        content = site.photos.tile(_photograph(site, frame_id), level, column, row)
        if content is None:
            raise RefusedError("not_found", f"photograph {frame_id} has no such tile")
        return Response(content, media_type="image/jpeg", headers=_FOREVER)

    @routes.get("/{frame_id}/crop", response_class=Response)
    def crop(  # noqa: PLR0913 - every parameter of the route
        _who: viewer,
        frame_id: Id,
        x: _Offset,
        y: _Offset,
        width: _Length,
        height: _Length,
        max_side: Side = 0,
        brighten: bool = False,
    ) -> Response:
        """Show a part of a photograph."""
        pixels = _part(site, frame_id, answers.Crop(x0=x, y0=y, width=width, height=height))
        if not pixels.size:
            raise RefusedError("not_found", f"photograph {frame_id} has nothing there")
        small = photos.shrunk(pixels, max_side)
        if brighten:
            small = photos.brightened(small, small)
        return Response(pyramid.jpeg(small), media_type="image/jpeg", headers=A_DAY)

    @routes.post("/{frame_id}/findings", status_code=HTTPStatus.CREATED)
    def draw(who: decider, frame_id: Id, asked: DrawAsked) -> answers.OneItem:
        """Add a defect that the scan missed."""
        box = Box(*asked.box)
        wish = Wish(Decision.CONFIRM, asked.condition, asked.grade, box, asked.note)
        drawn = reviews.Drawn(frame_id, asked.component, box, wish)
        reader, rules = reader_of(who), site.rules(who.has_accounts)
        with site.db.write() as tx:
            item = reviews.draw(tx, drawn, reader, rules, site.clock())
        with site.db.read() as connection:
            return answers.OneItem(item=site.teller.detail(connection, item, reader))

    return routes


def masts_router(site: Site) -> APIRouter:
    """Return the routes of masts."""
    routes = APIRouter(prefix="/api/masts", tags=["photographs"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]

    @routes.get("")
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

    @routes.get("/{mast_id}")
    def mast(_who: viewer, mast_id: Id) -> answers.MastDetail:
        """Tell all of a mast."""
        return _mast(site, mast_id)

    return routes


def _photograph(site: Site, frame_id: int) -> Photograph:
    with site.db.read() as connection:
        return photographs.photograph(connection, frame_id)


def _part(site: Site, frame_id: int, wanted: answers.Crop) -> NDArray[np.uint8]:
    """Return a part of a photograph; to decode a crop takes a hundredth of what that takes."""
    with site.db.read() as connection:
        photo = photographs.photograph(connection, frame_id)
        evidence = photographs.evidence_at(connection, frame_id, wanted.x0, wanted.y0)
    pixels = site.photos.from_evidence(photo, wanted, evidence)
    return site.photos.part(photo, wanted) if pixels is None else pixels


def _frame(site: Site, frame_id: int, reader: Reader) -> answers.FrameDetail:
    with site.db.read() as connection:
        photo = photographs.photograph(connection, frame_id)
        shown = review_items.in_frame(connection, frame_id)
        told = site.teller.items(connection, [one for one, _ in shown], reader)
        before, after = photographs.neighbours(connection, photo)
        components = _components(site, photo) if photo.outcome is Outcome.DONE else []
    ref = photo.ref
    return answers.FrameDetail(
        id=photo.id,
        run=ref.run,
        run_id=photo.run_id,
        file_name=ref.file_name,
        camera=ref.camera,
        view=ref.view,
        mast=_mast_of(photo),
        kilometre_m=ref.kilometre_m,
        kilometre=kilometre(ref.kilometre_m),
        taken_at=None if ref.taken_at is None else ref.taken_at.isoformat(),
        width=photo.width,
        height=photo.height,
        outcome=photo.outcome,
        reason=both(words.frame_reason(photo.reason)),
        tiles=_tiles(photo),
        items=[
            answers.ItemInFrame(
                **dict(one), view_box=one.box if one.frame_id == frame_id else corners(box)
            )
            for one, (_, box) in zip(told, shown, strict=True)
        ],
        components=components,
        previous=before,
        next=after,
    )


def _tiles(photo: Photograph) -> answers.Tiles | None:
    if not photo.width:
        return None
    return answers.Tiles(
        size=pyramid.TILE_PX,
        overlap=0,
        min_level=pyramid.min_level(photo.height, photo.width),
        max_level=pyramid.max_level(photo.height, photo.width),
    )


def _components(site: Site, photo: Photograph) -> list[answers.ComponentInFrame]:
    """Return the located parts without a finding; none where the shards are gone."""
    with site.db.read() as connection:
        try:
            rows = list(
                shards.components_of_images(
                    connection, site.workspace, photo.run_id, {photo.ref.image_id}
                )
            )
        except StoreError:
            return []
    return [
        answers.ComponentInFrame(
            component=row.component,
            box=(row.x0, row.y0, row.x1, row.y1),
            score=row.score,
            verdict="normal" if row.verdict else "",
            probability=row.probability,
        )
        for row in rows
        if row.verdict in ("normal", "")
    ]


def _mast_of(photo: Photograph) -> answers.Mast | None:
    if photo.ref.mast is None:
        return None
    told = photo.ref.mast
    return answers.Mast(
        id=photo.id,
        line=told.line,
        direction=str(told.direction),
        section=told.section,
        number=told.number,
    )


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
    )
