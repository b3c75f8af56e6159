"""The audit of labelled sets as one HTML file that needs nothing beside it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from catenary.datasets.audit import LARGEST, SIZES, Audit
from catenary.datasets.problems import Problem
from catenary.reports.templating import write_page
from catenary.reports.wording import printable

_GROUPS = 60  # groups of copies with pictures
_IN_GROUP = 12  # pictures of a group
_EXAMPLES = 18  # pictures from all over the sets
SIZE_NAMES = (*(words for _, words in SIZES), LARGEST)


@dataclass(frozen=True, slots=True)
class Shot:
    """One image of the page."""

    uri: str
    name: str
    part: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A problem, or a group of copies, with pictures."""

    title: str
    level: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; ``share`` in percent draws a bar."""

    name: str
    values: tuple[int, ...]
    share: float


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The whole page."""

    is_fit: bool
    images: int
    labels: int
    errors: int
    warnings: int
    parts: tuple[str, ...]
    problems: tuple[Shown, ...]
    counts: tuple[Row, ...]
    size_names: tuple[str, ...]
    sizes: tuple[Row, ...]
    quality: tuple[Row, ...]
    examples: Shown
    copies: tuple[Shown, ...]
    copies_left: int


def write(found: Audit, previews: Sequence[bytes], path: Path) -> None:
    """Write the page; every text is escaped.

    Args:
        found: Audit.
        previews: A small JPEG of each member, empty when there is none.
        path: File to write.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    write_page("audit.html.j2", path, page=_page(found, previews))


def _page(found: Audit, previews: Sequence[bytes]) -> AuditPage:
    parts = tuple(found.counts)
    kinds = sorted({kind for row in found.counts.values() for kind in row}, key=_kind_order)
    errors = sum(problem.level == "error" for problem in found.problems)
    return AuditPage(
        found.is_fit,
        len(found.members),
        sum(len(one.image.labels) for one in found.members),
        errors,
        len(found.problems) - errors,
        tuple(map(printable, parts)),
        tuple(_problem(one, found, previews) for one in found.problems),
        _rows([(kind, [found.counts[part].get(kind, 0) for part in parts]) for kind in kinds]),
        SIZE_NAMES,
        _rows(
            [
                (component, [row.get(name, 0) for name in SIZE_NAMES])
                for component, row in sorted(found.sizes.items())
            ]
        ),
        _rows([(name, [count]) for name, count in sorted(found.quality.items())]),
        Shown("", "", _shots(_evenly(len(found.members)), found, previews)),
        tuple(
            Shown(f"{len(group)} copies", "", _shots(group[:_IN_GROUP], found, previews))
            for group in found.copies[:_GROUPS]
        ),
        max(0, len(found.copies) - _GROUPS),
    )


def _evenly(count: int) -> list[int]:
    return sorted({count * place // _EXAMPLES for place in range(_EXAMPLES)} if count else ())


def _kind_order(kind: str) -> tuple[bool, str]:
    return not kind.startswith("images"), kind


def _rows(rows: Sequence[tuple[str, Sequence[int]]]) -> tuple[Row, ...]:
    largest = max((sum(values) for _, values in rows), default=0)
    return tuple(
        Row(printable(name), tuple(values), 100 * sum(values) / max(largest, 1))
        for name, values in rows
    )


def _problem(problem: Problem, found: Audit, previews: Sequence[bytes]) -> Shown:
    shots = _shots(problem.images, found, previews)
    return Shown(printable(problem.message), str(problem.level), shots)


def _shots(indices: Sequence[int], found: Audit, previews: Sequence[bytes]) -> tuple[Shot, ...]:
    return tuple(_shot(index, found, previews) for index in indices)


def _shot(index: int, found: Audit, previews: Sequence[bytes]) -> Shot:
    one, data = found.members[index], previews[index]
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}" if data else ""
    name = "/".join(PurePosixPath(one.image.ref.file_name).parts[-2:])
    return Shot(uri, printable(name), printable(one.part))
