"""Where droppers are missing from their row: as lines and as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.domain.place import format_kilometre
from catenary.reports import csv_file, lexicon, words
from catenary.reports.lexicon import Words
from catenary.reports.wording import printable
from catenary.rules.dropper_spacing import RowGap

_HEAD = (
    "线路 line",
    "行别 direction",
    "自 from",
    "至 to",
    "约缺 missing",
    "得分 score",
    "相机 cameras",
    "其间照片 photographs between",
    "其间检出吊弦的相机 cameras that show one",
    "前一张 photograph before",
    "后一张 photograph after",
    "说明 why",
)


@dataclass(frozen=True, slots=True)
class ToldGap:
    """One place where droppers are missing, as cameras tell.

    Attributes:
        line: 线路; empty when the run does not tell.
        direction: 行别, a `Direction` value; empty when the run does not tell.
        gap: Where, and the evidence of the camera that tells it first.
        cameras: Whose photographs tell it.
        deny: Cameras that show a dropper between.
        between: Photographs of these cameras between, on which no dropper was located.
        before: File names of the photographs on both sides.
        after: The same.
    """

    line: str
    direction: str
    gap: RowGap
    cameras: tuple[str, ...]
    deny: tuple[str, ...]
    between: int
    before: str
    after: str

    def place(self) -> Words:
        """Return where it is, in both languages."""
        posts = f"{format_kilometre(self.gap.after_m)}-{format_kilometre(self.gap.before_m)}"
        named = " ".join(one for one in (self.line, self.direction, posts) if one)
        return Words(printable(named), printable(named))


def why(one: ToldGap) -> Words:
    """Return one place in a sentence."""
    count = _plain(one.between)
    photographed = lexicon.ROW_PHOTOGRAPHED.filled(count=count)
    told = lexicon.ROW_GAP.filled(
        place=one.place(),
        seen=words.seen(one.gap.evidence),
        missing=_plain(one.gap.missing),
        photographs=photographed if one.between else lexicon.ROW_UNPHOTOGRAPHED,
    )
    if not one.deny:
        return told
    names = ", ".join(one.deny)
    denied = lexicon.ROW_DENIED.filled(cameras=Words(names, names))
    return Words(told.zh + denied.zh, told.en + denied.en)


def write_csv(told: Sequence[ToldGap], path: Path) -> None:
    """Write one row a place.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    csv_file.write(path, _HEAD, map(_cells, told))


def _cells(one: ToldGap) -> Iterator[str]:
    yield from (one.line, one.direction)
    yield from (format_kilometre(one.gap.after_m), format_kilometre(one.gap.before_m))
    yield from (str(one.gap.missing), f"{one.gap.evidence.score:.2f}")
    yield from (" ".join(one.cameras), str(one.between), " ".join(one.deny))
    yield from (one.before, one.after, why(one).both())


def _plain(number: int) -> Words:
    return Words(str(number), str(number))
