"""Where bolts are expected and where none is seen: as lines and as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from catenary.domain.change import Raised
from catenary.domain.finding import Evidence, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import csv_file, lexicon, words
from catenary.reports.lexicon import Words
from catenary.reports.wording import printable

_HEAD = (
    "照片 photograph",
    "支柱 mast",
    "相机 camera",
    "机位 view",
    "零件 fitting",
    "结论 verdict",
    "得分 score",
    "x0",
    "y0",
    "x1",
    "y1",
    "其中有螺栓 show one",
    "同类零件 alike on other masts",
    "对照照片 photograph beside",
    "说明 why",
)


@dataclass(frozen=True, slots=True)
class PlaceCount:
    """What one camera's places of one kind of fitting came to.

    Attributes:
        camera: Id.
        view: What it looks at; empty where the run does not tell.
        fitting: Component id.
        fittings: That could be laid over those of other masts.
        alone: Fittings that too few other masts show alike, or that the picture cuts off.
        located: Places of bolts at which the detector found one.
        missing: Places of bolts that show an empty hole.
        unjudged: All other places of bolts.
    """

    camera: str
    view: str
    fitting: str
    fittings: int
    alone: int
    located: int
    missing: int
    unjudged: int


@dataclass(frozen=True, slots=True)
class ToldPlace:
    """A place where a bolt belongs.

    Attributes:
        ref: Photograph.
        fitting: Component id of the fitting.
        box: The place in the photograph.
        shown: Fittings of other masts that look like it and show a bolt there.
        masts: Fittings of other masts that look like it.
        evidence: What the picture says of an empty hole there; never normal.
        is_located: The detector found a bolt there, and no empty hole is seen.
    """

    ref: ImageRef
    fitting: str
    box: Box
    shown: int
    masts: int
    evidence: Evidence
    is_located: bool


@dataclass(frozen=True, slots=True)
class Told:
    """What a run tells of the places of its bolts.

    Attributes:
        counts: By camera and kind of fitting.
        places: Of bolts, camera by camera.
        taxonomy: Names.
        raised: What became of the findings that are raised; None where none were asked for.
    """

    counts: tuple[PlaceCount, ...]
    places: tuple[ToldPlace, ...]
    taxonomy: Taxonomy
    raised: Raised | None = None


def lines(told: Told) -> Iterator[str]:
    """Yield what a command prints: a line a camera and kind of fitting, then the missing bolts."""
    for one in told.counts:
        name = f"{one.camera} {one.view}".strip() or "-"
        kind = _fitting(told.taxonomy, one.fitting).both()
        yield (
            f"camera {name}, {kind}: {one.fittings} alike on other masts, {one.alone} not; "
            f"{one.located + one.missing + one.unjudged} places of bolts: {one.located} located, "
            f"{one.missing} missing, {one.unjudged} not judged"
        )
    missing = [one for one in told.places if one.evidence.verdict is Verdict.DEFECT]
    for place in missing:
        yield from (f"  {_where(place)}", f"    {why(place, told.taxonomy).both()}")
    yield f"{len(missing)} bolts missing"
    if told.raised is not None:
        yield (
            f"raised as findings: {told.raised.added} new, {told.raised.stayed} as before, "
            f"{told.raised.put_aside} put aside, {told.raised.known} known from the scan"
        )


def why(one: ToldPlace, taxonomy: Taxonomy) -> Words:
    """Return one place in a sentence."""
    seen = words.reason if one.evidence.verdict is Verdict.CANNOT_JUDGE else words.seen
    return lexicon.BOLT_PLACE.filled(
        fitting=_fitting(taxonomy, one.fitting),
        shown=_plain(one.shown),
        masts=_plain(one.masts),
        seen=seen(one.evidence),
    )


def write_csv(told: Told, path: Path) -> None:
    """Write one row a place at which no bolt was located.

    Raises:
        StoreError: If it cannot be written; nothing is left then.
    """
    rows = (_cells(one, told.taxonomy) for one in told.places if not one.is_located)
    csv_file.write(path, _HEAD, rows)


def _cells(one: ToldPlace, taxonomy: Taxonomy) -> Sequence[str]:
    score = one.evidence.score
    return (
        one.ref.file_name,
        str(one.ref.mast or ""),
        one.ref.camera,
        one.ref.view,
        _fitting(taxonomy, one.fitting).both(),
        lexicon.VERDICTS[one.evidence.verdict].both(),
        "" if score is None else f"{score:.2f}",
        *(f"{value:.0f}" for value in (one.box.x0, one.box.y0, one.box.x1, one.box.y1)),
        str(one.shown),
        str(one.masts),
        one.evidence.beside,
        why(one, taxonomy).both(),
    )


def _where(one: ToldPlace) -> str:
    x, y = one.box.centre
    named = " ".join((one.ref.file_name, str(one.ref.mast or ""), one.ref.camera))
    return printable(f"{named} at {x:.0f}, {y:.0f} px")


def _fitting(taxonomy: Taxonomy, kind: str) -> Words:
    known = taxonomy.components.get(kind)
    return Words(known.zh, known.en) if known else Words(kind, kind)


def _plain(number: int) -> Words:
    return Words(str(number), str(number))
