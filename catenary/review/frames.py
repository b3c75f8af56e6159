"""Routes of photographs."""

from http import HTTPStatus
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Response
from numpy.typing import NDArray

from catenary.domain.errors import StoreError
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome
from catenary.domain.review import Decision, Reader, RefusedError, Right, Wish
from catenary.imaging import pyramid
from catenary.reports import words
from catenary.review import answers, photos
from catenary.review.items import A_DAY, Id, Side
from catenary.review.people import Caller, needs, reader_of
from catenary.review.site import Site
from catenary.review.tell import both, corners, kilometre, mast_of
from catenary.review.wishes import DrawAsked
from catenary.store import photographs, review_items, reviews, shards
from catenary.store.photographs import Photograph

_FOREVER = {"Cache-Control": "private, max-age=604800, immutable"}
_Number = Annotated[int, Path(ge=0, le=100_000)]
_Offset = Annotated[int, Query(ge=0, le=100_000)]
_Length = Annotated[int, Query(ge=1, le=100_000)]


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
        mast=mast_of(photo.ref.mast, photo.id),
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
