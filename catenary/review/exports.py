"""Routes of reports: what a run's reviewers hand over, as a file."""

import shutil
import tempfile
import threading
import zipfile
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from catenary.domain.review import RefusedError, Right
from catenary.jobs import report
from catenary.reports import about
from catenary.review.failures import HttpError
from catenary.review.items import Id
from catenary.review.people import Caller, needs
from catenary.review.site import Site
from catenary.store import ledger

Form = Literal["html", "xlsx", "csv", "coco", "docx", "pdf"]
_WAIT_S = 10  # after which to ask again while another report is written; our starting value
_TYPES = {
    "html": "text/html",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
}
_ENDINGS = {"csv": "csv", "coco": "json"}  # that come with what they are of, in one archive


def router(site: Site) -> APIRouter:
    """Return the route of reports."""
    routes = APIRouter(prefix="/api/runs", tags=["reports"])
    viewer = Annotated[Caller, Depends(needs(site, Right.VIEW))]
    one_at_a_time = threading.Lock()  # a report of thousands of pictures takes a core for a while

    @routes.get("/{run_id}/reports/{form}", response_class=FileResponse)
    def download(_who: viewer, run_id: Id, form: Form, decided: bool | None = None) -> FileResponse:
        """Write the report of a run, all findings or confirmed defects alone."""
        name = _name(site, run_id)
        if not one_at_a_time.acquire(blocking=False):
            told = f"another report is being written; ask again in {_WAIT_S} s"
            retry = {"Retry-After": str(_WAIT_S)}
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "busy", told, retry)
        folder = Path(tempfile.mkdtemp(prefix="catenary-report-"))
        try:
            path = _written(site, name, form, folder, decided)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            one_at_a_time.release()
        return FileResponse(
            path,
            media_type=_TYPES.get(form, "application/zip"),
            filename=f"{_safe(name)}{path.suffix}",
            background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
        )

    return routes


def _name(site: Site, run_id: int) -> str:
    with site.db.read() as connection:
        try:
            return ledger.record_of(connection, run_id).name
        except LookupError as error:
            raise RefusedError("not_found", f"there is no run {run_id}") from error


def _written(site: Site, name: str, form: Form, folder: Path, decided: bool | None) -> Path:
    """Write the file to send; tables come in an archive with what they are of."""
    choices = report.Choices(is_decided=decided)
    if form not in _ENDINGS:
        path = folder / f"report.{form}"
        report.write_report(site.workspace, name, form, path, choices)
        return path
    table = folder / f"findings.{_ENDINGS[form]}"
    report.write_report(site.workspace, name, form, table, choices)
    packed = folder / "report.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in (table, about.path_of(table)):
            archive.write(one, one.name)
    return packed


def _safe(name: str) -> str:
    """Return a run's name as a file of any system can have it."""
    return "".join("_" if one in '<>:"/\\|?*' or not one.isprintable() else one for one in name)
