"""What a comparison of two runs says, as values, text, JSON and a table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from catenary.domain import change
from catenary.domain.change import (
    Change,
    DefectChange,
    Incomparable,
    PartChange,
    Raised,
    Uncompared,
)
from catenary.domain.geometry import Box, Similarity
from catenary.domain.image import ImageRef
from catenary.domain.place import Mast
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import csv_file, lexicon, words
from catenary.reports.wording import kilometre, printable

FORM = "catenary-comparison/1"
_HEADER = (
    *("run", "earlier_run", "line", "direction", "section", "杆号", "公里标", "camera", "view"),
    *("file_name", "earlier_file_name", "what", "component", "部件", "condition", "内容"),
    *("change", "变化", "value", "limit", "unit", "mm", "error_px", "parts"),
    *("x0", "y0", "x1", "y1", "reason", "原因"),
)


@dataclass(frozen=True, slots=True)
class Laid:
    """How an earlier photograph lies on a later one.

    Attributes:
        parts: Pairs of parts that it rests on.
        share: Of the parts that both should show, how many are found again.
        error_px: Registration error along one axis, px of the later photograph.
        transform: From the earlier photograph to the later.
        shift_px: How far the middle of the photograph moved, x and y.
    """

    parts: int
    share: float
    error_px: float
    transform: Similarity
    shift_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ComparedPair:
    """One photograph, and the earlier one of the same mast and camera.

    Attributes:
        later: Photograph; None where only the earlier run has one.
        earlier: Earlier photograph, or None.
        laid: None where the two could not be laid over each other.
        reason: Why not; else None.
        parts: What became of the parts.
        defects: What became of the defects.
        mm_per_px: Scale of the later photograph, where it is known.
        size: Width and height of the later photograph, px.
        has_pictures: Whether what is not located was looked for in the pictures too.
    """

    later: ImageRef | None
    earlier: ImageRef | None
    laid: Laid | None
    reason: Uncompared | None
    parts: tuple[PartChange, ...]
    defects: tuple[DefectChange, ...]
    mm_per_px: float | None
    size: tuple[int, int]
    has_pictures: bool

    @property
    def ref(self) -> ImageRef:
        """The later photograph, or the earlier where there is no other.

        Raises:
            ValueError: If there is neither.
        """
        if (ref := self.later or self.earlier) is None:
            raise ValueError("a pair needs a photograph")
        return ref

    @property
    def changed(self) -> list[PartChange]:
        """Parts that changed."""
        same = (Change.UNCHANGED, Change.NOT_COMPARABLE)
        return [one for one in self.parts if one.change not in same]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Photographs of a mast that fit another mast of the earlier run better.

    Attributes:
        mast: That they are assigned to.
        better: That they fit.
        photographs: File names of those that do.
        of: How many photographs there are of it.
    """

    mast: Mast
    better: Mast
    photographs: tuple[str, ...]
    of: int


@dataclass(frozen=True, slots=True)
class FoundAgain:
    """How many sure parts of a kind the other run found at their places."""

    hits: int
    total: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that is said of two runs.

    Attributes:
        run: Later run.
        earlier_run: Earlier run.
        pairs: One for each photograph of the later run, and each lost one of the earlier.
        found_again: By component: how far "gone" can be believed.
        suggestions: Masts that may be assigned wrongly.
        settings: As the JSON tells them.
        taxonomy: What parts are called.
        generated_at: When, with its zone.
        raised: What became of the findings that it raises; None where none were asked for.
    """

    run: str
    earlier_run: str
    pairs: tuple[ComparedPair, ...]
    found_again: Mapping[str, FoundAgain]
    suggestions: tuple[Suggestion, ...]
    settings: Mapping[str, object]
    taxonomy: Taxonomy
    generated_at: datetime
    raised: Raised | None = None

    def part_counts(self) -> Counter[Change]:
        """Count what became of parts."""
        return Counter(one.change for pair in self.pairs for one in pair.parts)

    def defect_counts(self) -> Counter[Change]:
        """Count what became of defects."""
        return Counter(one.change for pair in self.pairs for one in pair.defects)

    def laid(self) -> list[ComparedPair]:
        """Return the photographs that were compared."""
        return [pair for pair in self.pairs if pair.laid is not None]


def lines(found: Comparison) -> Iterator[str]:
    """Yield the comparison as a reader of a terminal wants it."""
    laid = found.laid()
    yield (
        f"{found.run} against {found.earlier_run}: {len(found.pairs)} photographs, "
        f"{len(laid)} laid over an earlier one of the same mast and camera"
    )
    reasons = Counter(pair.reason for pair in found.pairs if pair.reason is not None)
    for reason, count in reasons.most_common():
        why = lexicon.INCOMPARABLE[reason]
        yield f"  not compared, {why.en} {why.zh}: {count}"
    yield f"parts: {_counted(found.part_counts())}"
    for kind, again in sorted(found.found_again.items()):
        yield f"  {kind}: {again.hits} of {again.total} sure ones found again by the detector"
    yield f"defects: {_counted(found.defect_counts())}"
    blind = sum(_rests_on_boxes(pair) for pair in laid)
    if blind:
        yield f"{blind} photographs were not looked into: gone and new rest on boxes alone there"
    if (told := found.raised) is not None:
        yield (
            f"raised as findings of {found.run}: {told.added} new, {told.stayed} as before, "
            f"{told.put_aside} put aside; {told.known} were found by the scan already"
        )
    for pair in laid:
        yield from _pair_lines(found, pair)
    for one in found.suggestions:
        yield (
            f"{len(one.photographs)} of {one.of} photographs of {one.mast} fit {one.better} of "
            f"{found.earlier_run}: look at them, and at `catenary runs reassign`: "
            f"{printable(', '.join(one.photographs))}"
        )


def _rests_on_boxes(pair: ComparedPair) -> bool:
    is_lost = any(one.change in (Change.GONE, Change.NEW) for one in pair.parts)
    return is_lost and not pair.has_pictures


def _pair_lines(found: Comparison, pair: ComparedPair) -> Iterator[str]:
    told = [one for one in pair.defects if one.change is not Change.NOT_COMPARABLE]
    if pair.laid is None or not (pair.changed or told):
        return
    yield (
        f"{pair.ref.mast} camera {pair.ref.camera} {pair.ref.view} "
        f"{printable(pair.ref.file_name)}: {pair.laid.parts} parts, "
        f"error {pair.laid.error_px:.1f} px"
    )
    for one in pair.changed:
        names = words.names(found.taxonomy, one.kind, "")
        yield (
            f"  {names.component_en} {names.component_zh} {one.change}"
            f"{amount(one, pair)}, at {_at(one.place)}"
        )
    for defect in told:
        names = words.names(found.taxonomy, defect.kind, defect.condition)
        yield (
            f"  defect {defect.change}: {names.component_en} {names.condition_en} "
            f"{names.component_zh}{names.condition_zh}"
        )


def amount(one: PartChange, pair: ComparedPair) -> str:
    """Return how much a part changed and from where on that is a change, in a few words."""
    if one.value is None or one.limit is None:
        return ""
    match one.unit:
        case "px":
            mm = f" = {one.value * pair.mm_per_px:.0f} mm" if pair.mm_per_px else ""
            return f" {one.value:.1f} px{mm} (limit {one.limit:.1f})"
        case "deg":
            return f" {one.value:.1f}° (limit {one.limit:.1f}°)"
        case change.LIKENESS:
            return f" pictures alike by {one.value:.0%} (limit {one.limit:.0%})"
        case _:
            return f" {one.value:.0%} (limit {one.limit:.0%})"


def _at(box: Box) -> str:
    x, y = box.centre
    return f"({x:.0f}, {y:.0f})"


def _counted(counts: Mapping[Change, int]) -> str:
    told = [f"{counts[change]} {change}" for change in Change if counts.get(change)]
    return ", ".join(told).replace("_", " ") or "none"


def record(found: Comparison) -> dict[str, object]:
    """Return the comparison for JSON; see docs/formats.md."""
    return {
        "form": FORM,
        "run": found.run,
        "earlier_run": found.earlier_run,
        "generated_at": found.generated_at.isoformat(timespec="seconds"),
        "settings": found.settings,
        "parts": {str(key): value for key, value in found.part_counts().items()},
        "defects": {str(key): value for key, value in found.defect_counts().items()},
        "found_again": {
            kind: {"hits": one.hits, "total": one.total}
            for kind, one in sorted(found.found_again.items())
        },
        "raised": None if found.raised is None else asdict(found.raised),
        "photographs": [_pair_record(pair) for pair in found.pairs],
        "suggestions": [
            {
                "mast": _mast_record(one.mast),
                "better": _mast_record(one.better),
                "photographs": [printable(name) for name in one.photographs],
                "of": one.of,
            }
            for one in found.suggestions
        ],
    }


def _pair_record(pair: ComparedPair) -> dict[str, object]:
    laid, ref = pair.laid, pair.ref
    return {
        "image_id": printable(pair.later.image_id) if pair.later else None,
        "file_name": printable(pair.later.file_name) if pair.later else None,
        "earlier_image_id": printable(pair.earlier.image_id) if pair.earlier else None,
        "earlier_file_name": printable(pair.earlier.file_name) if pair.earlier else None,
        "mast": _mast_record(ref.mast) if ref.mast else None,
        "camera": ref.camera,
        "view": ref.view,
        "reason": str(pair.reason or ""),
        "registration": None
        if laid is None
        else {
            "parts": laid.parts,
            "share": round(laid.share, 4),
            "error_px": round(laid.error_px, 3),
            "error_mm": _mm(laid.error_px, pair),
            "scale": round(laid.transform.scale, 6),
            "rotation_deg": round(laid.transform.rotation_deg, 4),
            "shift_px": [round(value, 2) for value in laid.shift_px],
        },
        "pictures": pair.has_pictures,
        "unchanged": sum(one.change is Change.UNCHANGED for one in pair.parts),
        "changes": [
            _part_record(one, pair) for one in pair.parts if one.change is not Change.UNCHANGED
        ],
        "defects": [_defect_record(one) for one in pair.defects],
    }


def _part_record(one: PartChange, pair: ComparedPair) -> dict[str, object]:
    return {
        "change": str(one.change),
        "component": one.kind,
        "earlier_bbox": _bbox(one.earlier),
        "bbox": _bbox(one.later),
        "place": _bbox(one.place),
        "score": round(one.score, 4),
        "value": _rounded(one.value),
        "limit": _rounded(one.limit),
        "unit": one.unit,
        "mm": _mm(one.value, pair) if one.unit == "px" else None,
        "reason": str(one.reason or ""),
    }


def _defect_record(one: DefectChange) -> dict[str, object]:
    return {
        "change": str(one.change),
        "component": one.kind,
        "condition": one.condition,
        "earlier_condition": one.earlier.condition if one.earlier else None,
        "earlier_probability": _rounded(one.earlier.probability) if one.earlier else None,
        "probability": _rounded(one.later.probability) if one.later else None,
        "earlier_bbox": _bbox(one.earlier.component.box) if one.earlier else None,
        "bbox": _bbox(one.later.component.box) if one.later else None,
        "reason": str(one.reason or ""),
    }


def _mast_record(mast: Mast) -> dict[str, str]:
    return {
        "line": mast.line,
        "direction": str(mast.direction),
        "section": mast.section,
        "number": mast.number,
    }


def _bbox(box: Box | None) -> list[float] | None:
    if box is None:
        return None
    return [round(value, 1) for value in (box.x0, box.y0, box.width, box.height)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _mm(px: float | None, pair: ComparedPair) -> float | None:
    return None if px is None or pair.mm_per_px is None else round(px * pair.mm_per_px, 1)


def write_csv(found: Comparison, path: Path) -> None:
    """Write one row a change of a part or defect, and one a photograph not compared.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    csv_file.write(path, _HEADER, (row for pair in found.pairs for row in _rows(found, pair)))


def _rows(found: Comparison, pair: ComparedPair) -> Iterator[Sequence[object]]:
    ref, mast = pair.ref, pair.ref.mast
    place = (mast.line, str(mast.direction), mast.section, mast.number) if mast else ("",) * 4
    start = (found.run, found.earlier_run, *place, kilometre(ref), ref.camera, ref.view)
    files = tuple(one.file_name if one else "" for one in (pair.later, pair.earlier))
    if pair.laid is None:
        told = ("photograph", *("",) * 4, *_change(Change.NOT_COMPARABLE), *("",) * 10)
        yield (*start, *files, *told, *_why(pair.reason))
        return
    fit = (round(pair.laid.error_px, 2), pair.laid.parts)
    for one in pair.parts:
        if one.change is Change.UNCHANGED:
            continue
        names = words.names(found.taxonomy, one.kind, "")
        numbers = (_rounded(one.value), _rounded(one.limit), one.unit)
        mm = _mm(one.value, pair) if one.unit == "px" else None
        yield (
            *(*start, *files, "part", one.kind, names.component_zh, "", "", *_change(one.change)),
            *(*numbers, mm, *fit, *_corners(one.place), *_why(one.reason)),
        )
    for defect in pair.defects:
        names = words.names(found.taxonomy, defect.kind, defect.condition)
        named = (defect.kind, names.component_zh, defect.condition, names.condition_zh)
        yield (
            *(*start, *files, "defect", *named, *_change(defect.change), *("",) * 4, *fit),
            *(*_corners(defect.place), *_why(defect.reason)),
        )


def _corners(box: Box | None) -> tuple[float | str, ...]:
    if box is None:
        return ("",) * 4
    return tuple(round(value, 1) for value in (box.x0, box.y0, box.x1, box.y1))


def _change(change: Change) -> tuple[str, str]:
    return str(change), lexicon.CHANGES[change].zh


def _why(reason: Incomparable | Uncompared | None) -> tuple[str, str]:
    if reason is None:
        return "", ""
    why = lexicon.INCOMPARABLE[reason]
    return why.en, why.zh
