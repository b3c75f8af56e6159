"""The sections that were left out, in words, as plain values for JSON, and as a page."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from catenary.evaluation.intervals import Gap, Share, gap
from catenary.evaluation.predictions import DataKind
from catenary.jobs.benches.sections import Counted, Done, FoldResult
from catenary.jobs.evaluating.text import number, plain, short_share
from catenary.reports import atomic, evaluation
from catenary.reports.charts import Chart, Dot
from catenary.reports.evaluation import Chapter, EvaluationPage, Grid, Named

_HEAD = (
    "section",
    "photographs (masts)",
    "unseen",
    "photographs (masts), in domain",
    "in domain",
    "unseen minus in domain, points",
)
_TWICE = (
    "In domain a mast counts once for each model that knew its section, so the pooled interval"
    " there is too narrow."
)


def record(done: Done) -> dict[str, object]:
    """Return everything as plain values for JSON; shares carry their Wilson 95 % interval."""
    return {
        "data_kind": str(done.data_kind),
        "sections": [
            _row(one.section, one.unseen, one.in_domain) | _maps(one) for one in done.folds
        ],
        "pooled": _row("all", done.unseen, done.in_domain),
    }


def _row(section: str, unseen: Counted, in_domain: Counted) -> dict[str, object]:
    return {
        "section": section,
        "unseen": _counts(unseen),
        "in_domain": _counts(in_domain),
        "detection_gap": plain(gap(unseen.detection, in_domain.detection)),
        "located_gap": plain(gap(unseen.located, in_domain.located)),
    }


def _counts(own: Counted) -> dict[str, object]:
    values = plain(own)
    return (values if isinstance(values, dict) else {}) | {"false_per_image": own.false_per_image}


def _maps(one: FoldResult) -> dict[str, object]:
    return {"map50_unseen": one.map50_unseen, "map50_in_domain": one.map50_in_domain}


def lines(done: Done) -> Iterator[str]:
    """Yield the table as a reader of a terminal wants it."""
    unseen = done.unseen
    yield (
        f"{len(done.folds)} sections, each left out once: {unseen.images} photographs of "
        f"{unseen.masts} masts, kind of data {done.data_kind}"
    )
    for one in done.folds:
        yield from _section_lines(one.section, one.unseen, one.in_domain)
        yield (
            f"  component mAP50: unseen {number(one.map50_unseen)}; "
            f"in domain {number(one.map50_in_domain)}"
        )
    yield from _section_lines("all sections", done.unseen, done.in_domain)
    for name, share in done.unseen.by_condition.items():
        own = done.in_domain.by_condition.get(name, Share(0, 0))
        yield f"    {name}: unseen {share}; in domain {own}"
    yield _TWICE


def _section_lines(name: str, unseen: Counted, in_domain: Counted) -> Iterator[str]:
    yield f"{name}:"
    for words, one, other in (
        ("defects found", unseen.detection, in_domain.detection),
        ("parts located", unseen.located, in_domain.located),
    ):
        yield f"  {words}: unseen {one}; in domain {other}; gap {_points(gap(one, other))}"
    yield f"  false alarms: unseen {_false(unseen)}; in domain {_false(in_domain)}"


def _false(own: Counted) -> str:
    return (
        f"{own.false_alarms.hits} in {own.images} photographs ({1000 * own.false_per_image:.0f} "
        f"per 1,000), of all alarms {short_share(own.false_alarms)}, "
        f"photographs raised {short_share(own.raised_images)}"
    )


def _points(difference: Gap | None) -> str:
    """Return e.g. ``-57 [-70, -41]``: percentage points."""
    if difference is None:
        return "-"
    value, low, high = (
        round(100 * one) for one in (difference.value, difference.low, difference.high)
    )
    return f"{value:+d} [{low:+d}, {high:+d}]"


def write(done: Done) -> Path:
    """Write the table beside the folds as text, JSON and HTML; return the HTML file.

    Raises:
        StoreError: If it cannot be written.
    """
    texts = {
        "sections.txt": "\n".join(lines(done)),
        "sections.json": json.dumps(record(done), ensure_ascii=False, indent=1),
    }
    for name, text in texts.items():
        with atomic.replaced(done.folder / name) as partial:
            partial.write_text(text + "\n", encoding="utf-8")
    path = done.folder / "sections.html"
    evaluation.write_evaluation(page(done), path)
    return path


def page(done: Done) -> EvaluationPage:
    """Return the page: the gap first, then each figure section by section."""
    unseen, own = done.unseen, done.in_domain
    return EvaluationPage(
        "Sections left out of training",
        str(done.data_kind),
        (Named("sections", str(len(done.folds))),),
        (
            Named("defects found, unseen sections", short_share(unseen.detection)),
            Named("defects found, in domain", short_share(own.detection)),
            Named("gap, points", _points(gap(unseen.detection, own.detection))),
            Named("false alarms per 1,000, unseen", f"{1000 * unseen.false_per_image:.0f}"),
            Named("false alarms per 1,000, in domain", f"{1000 * own.false_per_image:.0f}"),
        ),
        tuple(_notes(done)),
        (
            _shares(done, "Defects found 检出率", lambda own: own.detection),
            _shares(done, "Parts located, IoU >= 0.5", lambda own: own.located),
            _false_chapter(done),
            _conditions(done),
        ),
    )


def _notes(done: Done) -> Iterator[str]:
    yield (
        "Each row is a model of its own, trained and calibrated on masts of all other sections."
        " Unseen: every photograph of the section it never saw. In domain: masts it did not see, of"
        " the sections it learnt from. Figures at the thresholds of each calibration."
    )
    yield _TWICE
    if done.data_kind == DataKind.UNSTATED:
        yield "The kind of data is not stated (data_kind): do not quote these figures."


def _pairs(done: Done) -> Iterator[tuple[str, Counted, Counted]]:
    for one in done.folds:
        yield one.section, one.unseen, one.in_domain
    yield "all", done.unseen, done.in_domain


def _shares(done: Done, title: str, share: Callable[[Counted], Share]) -> Chapter:
    rows = []
    for section, unseen, in_domain in _pairs(done):
        one, other = share(unseen), share(in_domain)
        rows.append(
            (
                section,
                f"{unseen.images} ({unseen.masts})",
                short_share(one),
                f"{in_domain.images} ({in_domain.masts})",
                short_share(other),
                _points(gap(one, other)),
            )
        )
    plots = tuple(
        Chart(
            words,
            "section, in the order of the table",
            "share",
            float(len(done.folds) + 1),
            dots=tuple(_dots(own)),
        )
        for words, own in (
            ("Unseen section", [share(one.unseen) for one in done.folds]),
            ("In domain", [share(one.in_domain) for one in done.folds]),
        )
    )
    note = "Wilson 95 % intervals; of the difference Newcombe's."
    return Chapter(title, note, (Grid("", _HEAD, tuple(rows)),), plots)


def _dots(shares: list[Share]) -> Iterator[Dot]:
    for place, one in enumerate(shares, 1):
        if one.total:
            yield Dot(float(place), one.hits / one.total, *one.interval, str(one.total))


def _false_chapter(done: Done) -> Chapter:
    head = ("section", "side", "false", "false per 1,000 images", "of all alarms", "images raised")
    rows = tuple(
        (
            section,
            words,
            str(own.false_alarms.hits),
            f"{1000 * own.false_per_image:.0f}",
            short_share(own.false_alarms),
            short_share(own.raised_images),
        )
        for section, unseen, in_domain in _pairs(done)
        for words, own in (("unseen", unseen), ("in domain", in_domain))
    )
    return Chapter("False alarms, stated three ways 误报", "", (Grid("", head, rows),))


def _conditions(done: Done) -> Chapter:
    unseen, own = done.unseen.by_condition, done.in_domain.by_condition
    nothing = Share(0, 0)
    rows = tuple(
        (
            name,
            short_share(unseen.get(name, nothing)),
            short_share(own.get(name, nothing)),
            _points(gap(unseen.get(name, nothing), own.get(name, nothing))),
        )
        for name in sorted({*unseen, *own})
    )
    head = ("condition", "unseen", "in domain", "unseen minus in domain, points")
    return Chapter("By condition, all sections", "", (Grid("", head, rows),))
