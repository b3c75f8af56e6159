"""Find where droppers are missing from their row, from the positions of a run's photographs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from catenary import config
from catenary.domain.image import Outcome
from catenary.jobs import workspaces
from catenary.reports.rows import ToldGap
from catenary.rules import catalogue, dropper_spacing
from catenary.rules.dropper_spacing import RowGap, SpacingLimits
from catenary.store import ledger, shards
from catenary.store.workspace import Workspace

_KIND = "dropper"
_SHOWING = 0.5  # share of a camera's photographs that show a dropper, if it is one for droppers
_SLACK_M = 1.0  # by which a dropper between must be away from both sides of a gap

Track = tuple[str, str]  # 线路 and 行别


@dataclass(frozen=True, slots=True)
class Row:
    """What one camera photographed along one track.

    Attributes:
        shown: Position in m and file name of each photograph that shows a dropper.
        others: The same of those that were judged and show none.
    """

    shown: list[tuple[float, str]] = field(default_factory=list)
    others: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a run tells.

    Attributes:
        gaps: Where droppers are missing, along the tracks.
        cameras: Cameras whose photographs tell the positions of droppers.
        untold: Cameras that show droppers, but are not told where.
    """

    gaps: tuple[ToldGap, ...]
    cameras: tuple[str, ...]
    untold: tuple[str, ...]


def missing_droppers(place: Path | Workspace, run: str) -> Listed:
    """Return where droppers are missing from their row.

    Only cameras that mostly show droppers, at positions as far apart as droppers hang, tell it:
    an index that knows the positions of supports alone tells nothing.

    Raises:
        StoreError: If workspace or run are unknown, or a shard is missing or damaged.
        ConfigError: If the limits of the rules are not valid.
    """
    limits = config.load(config.bundled("configs/rules.yaml"), catalogue.RuleLimits)
    with workspaces.existing(place) as (db, workspace), db.read() as connection:
        run_id = ledger.run_id_of(connection, run)
        rows = shards.components_of_run(connection, workspace, run_id)
        showing = {one.image_id for one in rows if one.component == _KIND}
        found = _rows(ledger.entries(connection, run_id), showing)
    return listed(found, limits.dropper_spacing)


def _rows(entries: Iterable[ledger.Entry], showing: set[str]) -> dict[Track, dict[str, Row]]:
    found: dict[Track, dict[str, Row]] = defaultdict(lambda: defaultdict(Row))
    for one in entries:
        ref = one.ref
        if one.outcome is not Outcome.DONE or ref.kilometre_m is None:
            continue
        track = (ref.mast.line, str(ref.mast.direction)) if ref.mast else ("", "")
        row = found[track][ref.camera]
        own = row.shown if ref.image_id in showing else row.others
        own.append((ref.kilometre_m, ref.file_name))
    return found


def listed(tracks: Mapping[Track, Mapping[str, Row]], limits: SpacingLimits) -> Listed:
    """Return what rows of photographs tell; see `missing_droppers`."""
    gaps: list[ToldGap] = []
    cameras: set[str] = set()
    untold: set[str] = set()
    for track, rows in sorted(tracks.items()):
        asked = {name: row for name, row in sorted(rows.items()) if _is_for_droppers(row)}
        told = {
            name: row
            for name, row in asked.items()
            if dropper_spacing.is_row([at for at, _ in row.shown], limits)
        }
        cameras.update(told)
        untold.update(asked.keys() - told.keys())
        gaps += _told(track, told, limits)
    return Listed(tuple(gaps), tuple(sorted(cameras)), tuple(sorted(untold - cameras)))


def _is_for_droppers(row: Row) -> bool:
    return len(row.shown) > _SHOWING * (len(row.shown) + len(row.others))


def _told(track: Track, rows: Mapping[str, Row], limits: SpacingLimits) -> Iterator[ToldGap]:
    """Yield the gaps of one track; those of several cameras at one place are one."""
    found = [
        (gap, name)
        for name, row in rows.items()
        for gap in dropper_spacing.gaps([at for at, _ in row.shown], limits)
    ]
    found.sort(key=lambda one: one[0].after_m)
    group: list[tuple[RowGap, str]] = []
    for gap, name in found:
        if group and gap.after_m >= group[0][0].before_m:
            yield _joined(track, group, rows)
            group = []
        group.append((gap, name))
    if group:
        yield _joined(track, group, rows)


def _joined(track: Track, group: Sequence[tuple[RowGap, str]], rows: Mapping[str, Row]) -> ToldGap:
    gap, first = group[0]
    names = sorted({name for _, name in group})
    deny = [name for name, row in rows.items() if name not in names and _between(row.shown, gap)]
    others = [one for name in names for one in _between(rows[name].others, gap)]
    shown = rows[first].shown
    before = max((one for one in shown if one[0] <= gap.after_m + _SLACK_M), default=(0.0, ""))
    after = min((one for one in shown if one[0] >= gap.before_m - _SLACK_M), default=(0.0, ""))
    return ToldGap(*track, gap, tuple(names), tuple(deny), len(others), before[1], after[1])


def _between(shots: Iterable[tuple[float, str]], gap: RowGap) -> list[tuple[float, str]]:
    low, high = gap.after_m + _SLACK_M, gap.before_m - _SLACK_M
    return [one for one in shots if low < one[0] < high]
