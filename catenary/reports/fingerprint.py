"""A hash that tells whether two reports say the same of a run."""

import hashlib
import json

from catenary.reports.data import PartDecision, ReportData, ReportFinding


def of(data: ReportData) -> str:
    """Return the SHA-256, in hexadecimal, of what a report says.

    It covers the run, the counts, versions, thresholds, every finding, which photographs show one
    part, and what people decided; not when the report was made or what its pictures look like. Two
    reports of a run with the same fingerprint list the same, whatever their format.
    """
    run, counts, versions = data.run, data.counts, data.versions
    content: dict[str, object] = {
        "run": [run.name, run.source, run.line, run.direction, run.date],
        "counts": [counts.done, counts.unusable, counts.failed, counts.pending],
        "versions": [versions.model, versions.rules, versions.taxonomy],
        "thresholds": dict(data.thresholds),
        "parts": sorted(
            [part.name, *(view.ref.image_id for view in part.views)] for part in data.joined
        ),
    }
    if data.decisions:
        content["decisions"] = sorted(_decision(name, one) for name, one in data.decisions.items())
    digest = hashlib.sha256(_text(content).encode())
    for line in sorted(_text(_row(one)) for one in data.findings):  # texts: there may be very many
        digest.update(f"\n{line}".encode())
    return digest.hexdigest()


def _text(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _decision(name: str, one: PartDecision) -> list[str]:
    at = "" if one.decided_at is None else one.decided_at.isoformat()
    return [name, str(one.state), one.condition, repr(one.grade), one.reviewer, at, one.note]


def _row(one: ReportFinding) -> list[str]:
    finding, ref = one.finding, one.ref
    box = finding.component.box
    place = (ref.mast.section, ref.mast.number) if ref.mast else ("", "")
    return [
        finding.image_id,
        *place,
        finding.component.kind,
        *(repr(round(value, 3)) for value in (box.x0, box.y0, box.x1, box.y1)),
        str(finding.verdict),
        finding.condition,
        repr(finding.grade),
        repr(None if finding.probability is None else round(finding.probability, 6)),
    ]
