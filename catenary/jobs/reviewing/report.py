"""Turn a stored run into one report file."""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from catenary import config
from catenary.domain.errors import NothingToReportError
from catenary.domain.finding import Verdict
from catenary.domain.taxonomy import Taxonomy
from catenary.jobs import workspaces
from catenary.jobs.reviewing import decided
from catenary.reports import about, coco, docx, html, pdf, table, words, xlsx
from catenary.reports.data import (
    BadFrame,
    Counts,
    CropImage,
    NormalComponent,
    Progress,
    ReportData,
    ReportFinding,
    ReportPart,
    ReportRun,
    ReportView,
    Since,
    alone,
    nobody_waits,
    own_name,
)
from catenary.reports.lexicon import Words
from catenary.store import findings, ledger, parts, review_items, shards, summary
from catenary.store.findings import Filter, FindingChange, StoredFinding
from catenary.store.ledger import RunRecord
from catenary.store.parts import StoredPart
from catenary.store.review_items import Wanted
from catenary.store.summary import RunSummary
from catenary.store.workspace import Workspace

FORMATS = ("html", "xlsx", "csv", "coco", "docx", "pdf")
_STREAMED = ("csv", "coco")  # written row by row
_GRADES = (1, 2, 3)
_CHUNK = 500  # rows read at a time
TEMPLATES = {"docx": "configs/notice/notice.docx", "pdf": "configs/notice/notice.typ"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items of the review queue a report is limited to.

    Attributes:
        wanted: Filter, as in the queue.
        told: The same in words, which the report carries.
    """

    wanted: Wanted
    told: Words


@dataclass(frozen=True, slots=True)
class Choices:
    """What some formats let a user choose.

    Attributes:
        with_components: COCO: write parts without a finding too.
        template: Word and PDF: of the notice; None for the shipped one.
        fonts: PDF: folder of fonts to use beside those of the system.
        is_decided: Only defects that people confirmed, as they decided; None: in a notice of a run
            on which anybody decided, else all findings.
        selection: Only these parts; None for the whole run.
    """

    with_components: bool = False
    template: Path | None = None
    fonts: Path | None = None
    is_decided: bool | None = None
    selection: Selection | None = None


def write_report(
    place: Path | Workspace,
    name: str,
    form: str,
    path: Path,
    choices: Choices | None = None,
    progress: Progress = nobody_waits,
) -> None:
    """Write the findings of a run.

    Args:
        place: Workspace, or its folder.
        name: Run.
        form: One of `FORMATS`.
        path: File to write; replaced whole or not at all.
        choices: What the format lets one choose; None for its defaults.
        progress: Told how many parts are written, of how many.

    Raises:
        ConfigError: If the template of a notice is not usable, or a PDF finds no Chinese font.
        NothingToReportError: If nobody decided what is to be limited to decisions, or nothing is
            selected.
        StoreError: If the workspace or the run is not there, or the file cannot be written.
    """
    chosen = choices or Choices()
    taxonomy = config.load_taxonomy(config.bundled("configs/taxonomy.yaml"))
    with workspaces.existing(place) as (db, workspace), db.read() as connection:
        run_id = ledger.run_id_of(connection, name)
        is_held = form not in _STREAMED or chosen.selection is not None
        data = _data(_Of(connection, workspace, run_id, taxonomy), is_held=is_held)
        data = replace(data, progress=progress)
        only = _only(connection, run_id, data, chosen.selection)
        if chosen.selection is not None and only is not None:
            data = _selected(data, only, chosen.selection.told)
        data = decided.with_decisions(connection, run_id, data, only)
        if not _wants_decided(data, form, chosen):
            _write(data, form, path, chosen)
            return
        with tempfile.TemporaryDirectory() as pictures:
            data = decided.limited(connection, run_id, data, Path(pictures), only)
            _write(data, form, path, chosen)


def _only(
    connection: Connection, run_id: int, data: ReportData, selection: Selection | None
) -> frozenset[str] | None:
    """Return the names of the selected parts; None for all."""
    if selection is None:
        return None
    names = review_items.names_of_run(connection, run_id, selection.wanted)
    if not names:
        raise NothingToReportError(f"nothing of {data.run.name} is selected: {selection.told.en}")
    return names


def _selected(data: ReportData, only: frozenset[str], told: Words) -> ReportData:
    """Return the data of a report with the findings of some parts alone."""
    names = data.part_names()
    return replace(
        data,
        findings=tuple(one for one in data.findings if names[own_name(one)] in only),
        joined=tuple(one for one in data.joined if one.name in only),
        selection=told,
    )


def _wants_decided(data: ReportData, form: str, chosen: Choices) -> bool:
    if chosen.is_decided and data.review is None:
        raise NothingToReportError(
            f"nobody has decided anything in {data.run.name} yet; leave --decided out, or see "
            "`catenary review`"
        )
    if chosen.is_decided is not None:
        return chosen.is_decided
    return data.review is not None and form in TEMPLATES


def _write(data: ReportData, form: str, path: Path, chosen: Choices) -> None:
    match form:
        case "html":
            html.write_html(data, path)
        case "xlsx":
            xlsx.write_xlsx(data, path)
        case "csv":
            table.write_csv(data, path)
            about.write_about(data, path)
        case "coco":
            coco.write_results(data, path, chosen.with_components)
            about.write_about(data, path)
        case "docx":
            docx.write_docx(data, path, _template(form, chosen))
        case "pdf":
            pdf.write_pdf(data, path, _template(form, chosen), chosen.fonts)
        case _:
            raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {form!r}")


def _template(form: str, chosen: Choices) -> Path:
    return chosen.template or config.bundled(TEMPLATES[form])


@dataclass(frozen=True, slots=True)
class _Of:
    """What a report is of."""

    connection: Connection
    workspace: Workspace
    run_id: int
    taxonomy: Taxonomy


class _Findings:
    """See `FindingsInOrder`: findings of a run as the database has them."""

    def __init__(self, of: _Of, run: str, changes: Mapping[int, FindingChange]) -> None:
        """Keep what they are told with; nothing is read yet."""
        self._of, self._run, self._changes = of, run, changes

    def __iter__(self) -> Iterator[ReportFinding]:
        defects = [Filter(Verdict.DEFECT, grade=grade) for grade in _GRADES]
        for wanted in (*defects, Filter(Verdict.CANNOT_JUDGE)):
            for one in findings.of_run(self._of.connection, self._of.run_id, wanted):
                yield self.told(one)

    def __len__(self) -> int:
        return findings.count(self._of.connection, self._of.run_id)

    def told(self, one: StoredFinding) -> ReportFinding:
        """Return a finding with its names, its picture and what became of it."""
        since = _since(one, self._changes)
        return replace(_finding(one, self._of.workspace, self._run, self._of.taxonomy), since=since)

    def of_parts(self, those: Sequence[StoredPart]) -> dict[int, ReportFinding]:
        """Return those that joined parts name, by their row."""
        ids = [
            seen.view.finding_id
            for one in those
            for seen in one.views
            if seen.view.finding_id is not None
        ]
        found: dict[int, ReportFinding] = {}
        for start in range(0, len(ids), _CHUNK):
            some = findings.by_ids(self._of.connection, ids[start : start + _CHUNK])
            found |= {number: self.told(one) for number, one in some.items()}
        return found


def _data(of: _Of, *, is_held: bool) -> ReportData:
    """Gather a report; its findings are held in memory, or read when they are written."""
    connection, run_id = of.connection, of.run_id
    found = summary.of_run(connection, run_id)
    record = found.record
    stored = _Findings(of, record.name, findings.changes_of_run(connection, run_id))
    joined = list(parts.of_run(connection, run_id))
    named = stored.of_parts(joined)
    return ReportData(
        ReportRun(
            record.name, record.source, record.layout, record.line, record.direction, record.date
        ),
        record.versions,
        of.taxonomy,
        record.thresholds,
        _counts(found),
        tuple(stored) if is_held else stored,
        tuple(
            BadFrame(one.ref, one.outcome, one.reason, one.note)
            for one in ledger.failures(connection, run_id)
        ),
        datetime.now(UTC).astimezone(),
        _components(connection, of.workspace, run_id),
        promises_of(record),
        tuple(_part(one, named, of.workspace.evidence(record.name), of.taxonomy) for one in joined),
    )


def _part(
    one: StoredPart, stored: Mapping[int, ReportFinding], folder: Path, taxonomy: Taxonomy
) -> ReportPart:
    """Return a joined part; its strongest view leads, as when it was joined."""
    told, kind = one.part, one.part.component
    views, leads = [], []
    for seen in one.views:
        view = seen.view
        own = None if view.finding_id is None else stored[view.finding_id]
        if own is not None:
            views.append(alone(own))
            if (view.verdict, view.probability) == (told.verdict, told.probability):
                leads.append(own)
            continue
        crop = view.crop
        picture = CropImage(folder / crop.name, crop.x0, crop.y0) if crop else None
        names = words.names(taxonomy, kind, view.condition)
        views.append(ReportView(seen.ref, view.verdict, names, view.probability, view.box, picture))
    return ReportPart(told.name, leads[0], told.grade, tuple(views), told.confidence)


def kept_promises(lines: Sequence[str]) -> str:
    """Return what a scan promises, as `RunRecord.config` keeps it."""
    return json.dumps({"promises": list(lines)}, ensure_ascii=False) if lines else "{}"


def promises_of(record: RunRecord) -> tuple[str, ...]:
    """Return what a scan promised, in words; nothing for most."""
    return tuple(json.loads(record.config).get("promises", ()))


def _counts(found: RunSummary) -> Counts:
    return Counts(
        found.done,
        found.unusable,
        found.failed,
        found.pending,
        found.unusable_reasons,
        found.failed_reasons,
    )


def _finding(
    one: StoredFinding, workspace: Workspace, run: str, taxonomy: Taxonomy
) -> ReportFinding:
    crop = None
    if one.crop is not None:
        path = workspace.evidence(run) / one.crop.name
        crop = CropImage(path, one.crop.x0, one.crop.y0)
    kind, condition = one.finding.component.kind, one.finding.condition
    return ReportFinding(one.ref, one.finding, words.names(taxonomy, kind, condition), crop)


def _since(one: StoredFinding, changes: Mapping[int, FindingChange]) -> Since | None:
    told = changes.get(one.id)
    return None if told is None else Since(told.change, told.earlier_run)


def _components(
    connection: Connection, workspace: Workspace, run_id: int
) -> Iterator[NormalComponent]:
    """Yield parts without a finding: judged normal, or of a kind nobody judges."""
    for row in shards.components_of_run(connection, workspace, run_id):
        if row.verdict in (Verdict.NORMAL, ""):
            box = (row.x0, row.y0, row.x1 - row.x0, row.y1 - row.y0)
            yield NormalComponent(
                row.image_id, row.file_name, row.component, box, row.probability, bool(row.verdict)
            )
