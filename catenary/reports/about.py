"""What a table has no room for: a file beside it that says what it is of, and proves it."""

import hashlib
import json
from pathlib import Path

from catenary import __version__
from catenary.reports import atomic, fingerprint, words
from catenary.reports.data import ReportData, Review
from catenary.reports.wording import printable

SUFFIX = ".about.json"
_CHUNK = 1 << 20


def path_of(table: Path) -> Path:
    """Return where the file beside a table lies."""
    return table.with_name(table.name + SUFFIX)


def write_about(data: ReportData, table: Path) -> None:
    """Write run, versions, thresholds, reviewers, times and hashes beside a table.

    Args:
        data: That the table was written of.
        table: The table, written already.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    told = {
        "file": printable(table.name),
        "sha256": _sha256(table),
        "fingerprint": fingerprint.of(data),
        "made_at": data.generated_at.isoformat(timespec="seconds"),
        "made_by": f"catenary {__version__}",
        "run": printable(data.run.name),
        "source": printable(data.run.source),
        "line": printable(data.run.line),
        "direction": data.run.direction,
        "date": data.run.date,
        "model": data.versions.model,
        "rules": data.versions.rules,
        "taxonomy": data.versions.taxonomy,
        "thresholds": dict(sorted(data.thresholds.items())),
        "photographs": {
            "all": data.counts.images,
            "judged": data.counts.done,
            "unusable": data.counts.unusable,
            "failed": data.counts.failed,
            "pending": data.counts.pending,
        },
        "status": {"zh": words.status(data.review).zh, "en": words.status(data.review).en},
        "review": None if data.review is None else _review(data.review),
        "promises": list(data.promises),
    }
    text = json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False)
    with atomic.replaced(path_of(table)) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def _review(review: Review) -> dict[str, object]:
    return {
        "reviewers": [printable(name) for name in review.reviewers],
        "decided": review.decided,
        "to_decide": review.total,
        "confirmed": review.confirmed,
        "first_at": review.first_at and review.first_at.isoformat(timespec="seconds"),
        "last_at": review.last_at and review.last_at.isoformat(timespec="seconds"),
        "confirmed_only": review.is_limited,
    }


def _sha256(path: Path) -> str:
    seal = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            seal.update(chunk)
    return seal.hexdigest()
