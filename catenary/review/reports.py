"""Routes of reports: asked for, looked after, downloaded."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse
from pydantic import StringConstraints
from sqlalchemy import Connection

from catenary.domain.errors import StoreError
from catenary.domain.review import Reader, RefusedError, Right
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs.reviewing.report import Selection
from catenary.reports import lexicon
from catenary.reports.lexicon import Words
from catenary.reports.wording import printable
from catenary.review import answers, queue
from catenary.review.people import Caller, needs, reader_of
from catenary.review.report_shelf import Report, ReportWish, Stage
from catenary.review.site import Site
from catenary.review.tell import both
from catenary.review.wishes import ReportAsked
from catenary.store import ledger
from catenary.store.review_items import Wanted

_ReportId = Annotated[str, Path(), StringConstraints(max_length=50)]
# What people call the file, and the end of its name.
_FILES = {
    "xlsx": ("4C缺陷汇总表", "xlsx"),
    "docx": ("缺陷通知书", "docx"),
    "pdf": ("缺陷通知书", "pdf"),
    "html": ("检测报告", "html"),
    "csv": ("缺陷清单", "zip"),
    "coco": ("COCO", "zip"),
}
_FORBIDDEN = str.maketrans(dict.fromkeys('/\\:*?"<>|', "_"))  # in names of files, on any system


def router(site: Site) -> APIRouter:
    """Return the routes of reports."""
    routes = APIRouter(prefix="/api/reports", tags=["reports"])
    exporter = Annotated[Caller, Depends(needs(site, Right.EXPORT))]

    @routes.get("")
    def own(who: exporter) -> answers.Reports:
        """List the own reports."""
        return _listed(site, reader_of(who).name)

    @routes.post("", status_code=HTTPStatus.ACCEPTED)
    def ask(who: exporter, asked: ReportAsked) -> answers.Reports:
        """Have a report made."""
        owner = reader_of(who).name
        with site.db.read() as connection:
            wish = _wish(site, connection, reader_of(who), asked)
        site.exports.ask(owner, wish)
        return _listed(site, owner)

    @routes.delete("/{report_id}")
    def drop(who: exporter, report_id: _ReportId) -> answers.Reports:
        """Stop and forget a report."""
        owner = reader_of(who).name
        site.exports.drop(owner, report_id)
        return _listed(site, owner)

    @routes.get("/{report_id}/file", response_class=FileResponse)
    def file(who: exporter, report_id: _ReportId) -> FileResponse:
        """Download a report."""
        report, path = site.exports.file(reader_of(who).name, report_id)
        return FileResponse(path, filename=file_name(report))

    return routes


def _wish(site: Site, connection: Connection, reader: Reader, asked: ReportAsked) -> ReportWish:
    try:
        run = ledger.record_of(connection, asked.run_id).name
    except (LookupError, StoreError) as error:
        raise RefusedError("not_found", f"there is no run {asked.run_id}") from error
    wanted = replace(asked.filters.wanted(), run=())  # the run is asked for by itself
    selection = None
    if wanted != Wanted():
        told = queue.told_to(site, reader, asked.filters)
        selection = Selection(replace(told, run=()), in_words(site.taxonomy, wanted))
    return ReportWish(asked.run_id, run, asked.format, asked.decided, selection)


def in_words(taxonomy: Taxonomy, wanted: Wanted) -> Words:
    """Return what a filter lets pass, as the report says it."""
    told = list(_filters_told(taxonomy, wanted))
    return Words("；".join(one.zh for one in told), "; ".join(one.en for one in told))


def _filters_told(taxonomy: Taxonomy, wanted: Wanted) -> Iterator[Words]:
    for name, values in wanted.lists().items():
        if values:
            labels = [queue.label(taxonomy, name, value) for value in values]
            zh, en = "、".join(one.zh for one in labels), ", ".join(one.en for one in labels)
            told = lexicon.FILTERS.get(name)  # a grade says that it is one
            yield Words(f"{told.zh}：{zh}", f"{told.en}: {en}") if told else Words(zh, en)
    for name in ("km_from", "km_to"):
        metres = getattr(wanted, name)
        if metres is not None:
            told = lexicon.FILTERS[name]
            yield Words(f"{told.zh} {metres:g} m", f"{told.en} {metres:g} m")


def file_name(report: Report) -> str:
    """Return what the downloaded file is called."""
    what, ending = _FILES[report.wish.form]
    at = report.asked_at.astimezone().strftime("%Y%m%d-%H%M")
    run = printable(report.wish.run).translate(_FORBIDDEN)[:100]
    return f"{what}_{run}_{at}.{ending}"


def _listed(site: Site, owner: str) -> answers.Reports:
    return answers.Reports(reports=[_told(site, one) for one in site.exports.of(owner)])


def _told(site: Site, one: Report) -> answers.ReportOut:
    wish = one.wish
    made, total = site.exports.progress(one)
    return answers.ReportOut(
        id=one.id,
        run=wish.run,
        run_id=wish.run_id,
        format=wish.form,
        decided=wish.is_decided,
        selection=None if wish.selection is None else both(wish.selection.told),
        stage=one.stage,
        before=site.exports.before(one) if one.stage is Stage.WAITING else 0,
        made=made,
        total=total,
        asked_at=one.asked_at,
        ended_at=one.ended_at,
        file_name=file_name(one),
        size=one.size,
        sha256=one.sha256,
        problem=one.problem and answers.Failure(code=one.problem[0], message=one.problem[1]),
    )
