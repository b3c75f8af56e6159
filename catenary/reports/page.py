"""What the HTML report shows, worked out into texts; the template only places them."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catenary.domain.finding import Evidence, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import fingerprint, lexicon, pictures, words
from catenary.reports.data import (
    BadFrame,
    CropImage,
    ReportData,
    ReportFinding,
    ReportPart,
    ReportView,
)
from catenary.reports.wording import GRADES_ZH, direction_zh, kilometre, printable
from catenary.reports.words import Shown

MAX_CARDS = 2000  # of each section; some 40 MB of pictures. Our starting value
MAX_FRAMES = 1000  # rows of the table of photographs that were not judged
PICTURE_SIDE = 480  # px; a picture has at most its square in pixels
THUMB_SIDE = 170  # the same of one view beside the others


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A large number; ``style`` is a class of the style sheet."""

    name: str
    value: str
    detail: str = ""
    style: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter button."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline of the overlay; ``is_mark`` where it says that the defect is there."""

    points: str
    colour: str
    is_mark: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A single point of the overlay."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a colour of the overlay means."""

    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class Shot:
    """An evidence picture with its overlay, in full-resolution crop pixels."""

    uri: str
    width: int
    height: int
    box: Box
    lines: tuple[Line, ...]
    dots: tuple[Dot, ...]
    legend: tuple[Role, ...]
    light: str  # how it was made brighter, empty for as photographed


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    name: str
    value: str
    limit: str


@dataclass(frozen=True, slots=True)
class Source:
    """What one rule or model says."""

    line: str
    version: str
    measurements: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Thumb:
    """One view of a part beside the others; ``style`` is a class of the style sheet."""

    camera: str
    said: str
    style: str
    picture: Shot | None


@dataclass(frozen=True, slots=True)
class Card:
    """One physical part; the first seven fields are for filters and order, empty where unknown."""

    component: str
    verdict: str
    grade: str
    probability: str
    kilometre_m: str
    urgency: str
    words: str
    title_zh: str
    title_en: str
    badge: str
    badge_class: str
    percent: str
    place: str
    shot: str
    since: str
    why_zh: str
    why_en: str
    sources: tuple[Source, ...]
    file_name: str
    picture: Shot | None
    thumbs: tuple[Thumb, ...]
    views_zh: str
    views_en: str


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A photograph that was not judged."""

    outcome: str
    reason: str
    note: str
    place: str
    camera: str
    file_name: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report; cards are made one by one, since each holds a picture."""

    title: str
    facts: tuple[Fact, ...]
    tiles: tuple[Tile, ...]
    notes: tuple[str, ...]
    judged_by: tuple[Fact, ...]
    components: tuple[Choice, ...]
    verdicts: tuple[Choice, ...]
    grades: tuple[Choice, ...]
    defects: Iterable[Card]
    unjudged: Iterable[Card]
    frames: tuple[FrameRow, ...]
    frames_line: str
    made: str


def page(data: ReportData) -> Page:
    """Return what the report shows."""
    defects, unjudged = data.parts(Verdict.DEFECT), data.parts(Verdict.CANNOT_JUDGE)
    twins = data.possible_twins()
    shown = [*defects[:MAX_CARDS], *unjudged[:MAX_CARDS]]
    return Page(
        printable(data.run.name),
        tuple(_facts(data)),
        tuple(_tiles(data, defects, unjudged)),
        tuple(_notes(data, defects, unjudged)),
        tuple(_judged_by(data)),
        _choices(
            (
                one.lead.finding.component.kind,
                f"{one.lead.names.component_zh} {one.lead.names.component_en}",
            )
            for one in shown
        ),
        _choices((one.lead.finding.verdict, _VERDICTS[one.lead.finding.verdict]) for one in shown),
        _choices(
            (str(one.grade), GRADES_ZH.get(one.grade, str(one.grade)))
            for one in shown
            if one.grade is not None
        ),
        _cards(defects[:MAX_CARDS], twins, data),
        _cards(unjudged[:MAX_CARDS], {}, data),
        tuple(map(_frame_row, data.bad_frames[:MAX_FRAMES])),
        _frames_line(data),
        data.generated_at.strftime("%Y-%m-%d %H:%M %Z").strip(),
    )


_SAID = {
    Verdict.DEFECT: "缺陷 defect",
    Verdict.CANNOT_JUDGE: "未判定 not judged",
    Verdict.NORMAL: "正常 normal",
}
_VERDICTS = {Verdict.DEFECT: "defect 缺陷", Verdict.CANNOT_JUDGE: "not judged 未判定"}


def _facts(data: ReportData) -> Iterator[Fact]:
    run = data.run
    pairs = (
        ("Line 线路", run.line),
        ("Direction 行别", direction_zh(run.direction)),
        ("Inspected 检测日期", run.date),
        ("Source 来源", run.source),
    )
    yield from (Fact(name, printable(value)) for name, value in pairs if value)


def _tiles(
    data: ReportData, defects: Sequence[ReportPart], unjudged: Sequence[ReportPart]
) -> Iterator[Tile]:
    counts = data.counts
    grades = Counter(one.grade for one in defects)
    detail = " · ".join(
        f"{GRADES_ZH.get(grade or 0, str(grade))} {grades[grade]:,}"
        for grade in sorted(grades, key=str)
    )
    yield Tile("defective parts 缺陷部件", f"{len(defects):,}", detail, "main")
    if (shots := len(data.defects())) > len(defects):
        yield Tile(
            "defects in photographs 缺陷图像",
            f"{shots:,}",
            "views of one part joined 同一部件的视图已合并",
        )
    yield Tile("parts not judged 未能判定", f"{len(unjudged):,}", style=_alert(len(unjudged)))
    yield Tile("photographs 图像", f"{counts.images:,}")
    yield Tile("judged 已判定", f"{counts.done:,}")
    yield Tile("unusable 不可用", f"{counts.unusable:,}", style=_alert(counts.unusable))
    yield Tile("failed 读取失败", f"{counts.failed:,}", style=_alert(counts.failed))
    if counts.pending:
        yield Tile("not scanned yet 未扫描", f"{counts.pending:,}", style="alert")


def _alert(count: int) -> str:
    return "alert" if count else ""


def _notes(
    data: ReportData, defects: Sequence[ReportPart], unjudged: Sequence[ReportPart]
) -> Iterator[str]:
    counts = data.counts
    if data.review is not None or data.selection is not None:
        yield printable(words.standing(data).both())
    if counts.pending:
        yield (
            f"The scan is not finished: {counts.pending:,} of {counts.images:,} photographs have "
            f"not been looked at. Run the scan again to go on. "
            f"扫描未完成：还有 {counts.pending:,} 张图像未检，再次运行扫描即可继续。"
        )
    not_judged = counts.unusable + counts.failed
    if not_judged or unjudged:
        yield (
            f"Not judged does not mean free of defects: {_number(not_judged, 'photograph')} and "
            f"{_number(len(unjudged), 'part')} could not be judged and are listed below. "
            f"未能判定不等于无缺陷：{not_judged:,} 张图像、{len(unjudged):,} 处部件未能判定，"
            "列于下方。"
        )
    if unsure := sum(bool(others) for others in data.possible_twins().values()):
        yield (
            f"{unsure:,} of the defective parts may be one part in several photographs: where "
            f"nothing tells, they are listed apart. 其中 {unsure:,} 处可能为同一部件的不同视图，"
            f"无法确认时分开列出。"
        )
    yield from data.promises[:1]
    for found, what, zh in (
        (defects, "defects", "缺陷"),
        (unjudged, "parts that could not be judged", "未能判定的部件"),
    ):
        if len(found) > MAX_CARDS:
            yield (
                f"The {MAX_CARDS:,} most urgent of {len(found):,} {what} are shown; the xlsx and "
                f"csv reports hold all of them. "
                f"{len(found):,} 处{zh}中只显示最紧急的 {MAX_CARDS:,} 处，全部见 xlsx 和 csv 报告。"
            )


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _judged_by(data: ReportData) -> Iterator[Fact]:
    yield Fact("model 模型", data.versions.model)
    yield Fact("rules 规则", data.versions.rules)
    yield Fact("taxonomy 定级字典", data.versions.taxonomy)
    for component, threshold in sorted(data.thresholds.items()):
        yield Fact(f"{component} is raised from a probability of 提报阈值", f"{threshold:.3f}")
    for line in data.promises:
        yield Fact("promise 承诺", line.strip())
    yield Fact("review 复核", printable(words.standing(data).both()))
    yield Fact("fingerprint 指纹 (SHA-256)", fingerprint.of(data))


def _choices(pairs: Iterable[tuple[str, str]]) -> tuple[Choice, ...]:
    counted = Counter(pairs)  # in order of first sight: the most urgent stand first
    return tuple(Choice(str(value), label, count) for (value, label), count in counted.items())


def _cards(
    parts: Sequence[ReportPart], twins: Mapping[str, Sequence[ReportPart]], data: ReportData
) -> Iterator[Card]:
    for one in data.counted(parts, len(parts)):
        yield _card(one, twins.get(one.name, []), data)


def _card(part: ReportPart, twins: Sequence[ReportPart], data: ReportData) -> Card:
    one, taxonomy, decided = part.lead, data.taxonomy, words.decided(data.decisions.get(part.name))
    finding, names, ref = one.finding, one.names, one.ref
    why, seen, alike = words.why_of(one, taxonomy), words.views(part), words.twins(twins)
    odds = one.probability
    place = _place(ref)
    file_name = printable(ref.file_name)
    return Card(
        finding.component.kind,
        str(finding.verdict),
        "" if part.grade is None else str(part.grade),
        "" if odds is None else f"{odds:.6f}",
        "" if ref.kilometre_m is None else f"{ref.kilometre_m:.3f}",
        f"{(part.grade or 9) - (odds or 0.0):.6f}",
        f"{place} {file_name} {ref.image_id}",
        f"{names.component_zh} {names.condition_zh}",
        f"{names.component_en}: {names.condition_en}",
        *_badge(part.grade),
        "" if odds is None else f"{100 * odds:.0f}",
        place,
        _shot_words(ref),
        printable(words.since(one.since).both()),
        _unbroken(printable(f"{why.zh}{decided.zh}")),
        _unbroken(printable(f"{why.en} {decided.en}".strip())),
        tuple(_source(said, finding, taxonomy) for said in finding.evidence),
        file_name,
        _shot(one),
        tuple(_thumb(view) for view in part.views) if len(part.views) > 1 else (),
        _unbroken(f"{seen.zh}{alike.zh}"),
        _unbroken(f"{seen.en} {alike.en}".strip()),
    )


def _thumb(view: ReportView) -> Thumb:
    said = _SAID[view.verdict]
    if view.verdict is Verdict.DEFECT:
        said = f"{view.names.condition_zh} {view.names.condition_en}"
    odds = "" if view.probability is None else f" {100 * view.probability:.0f}\N{NO-BREAK SPACE}%"
    picture = None
    if view.finding is not None:
        picture = _shot(view.finding, THUMB_SIDE)
    elif view.crop is not None:
        picture = _framed(view.crop, view.box, THUMB_SIDE)
    return Thumb(
        printable(f"camera {view.ref.camera or '?'}"), f"{said}{odds}", str(view.verdict), picture
    )


def _framed(crop: CropImage, box: Box, side: int) -> Shot | None:
    """Return the picture of a view that has no evidence to draw."""
    picture = pictures.load(crop, box, side)
    if picture is None:
        return None
    uri = _uri(picture.content)
    own = box.shifted(-crop.x0, -crop.y0)
    return Shot(uri, picture.width, picture.height, own, (), (), (), _light(picture.is_adjusted))


def _uri(content: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _unbroken(sentence: str) -> str:
    """Return text in which no percent sign stands at the beginning of a line."""
    return printable(sentence).replace(" %", "\N{NO-BREAK SPACE}%")


def _badge(grade: int | None) -> tuple[str, str]:
    if grade is None:
        return "未判定 not judged", "gx"
    return f"{GRADES_ZH.get(grade, '')} grade {grade}".strip(), f"g{min(grade, 3)}"


def _place(ref: ImageRef) -> str:
    mast = ref.mast
    parts = (
        mast.line if mast else "",
        direction_zh(mast.direction) if mast and mast.line else "",
        mast.section if mast else "",
        kilometre(ref),
        f"杆号 {mast.number}" if mast else "",
    )
    return printable(" · ".join(part for part in parts if part))


def _shot_words(ref: ImageRef) -> str:
    parts = (
        f"camera {ref.camera}" if ref.camera else "",
        f"{ref.view} view" if ref.view else "",
        ref.taken_at.strftime("%Y-%m-%d %H:%M:%S") if ref.taken_at else "",
    )
    return printable(" · ".join(part for part in parts if part))


def _source(one: Evidence, finding: Finding, taxonomy: Taxonomy) -> Source:
    about = words.names(taxonomy, finding.component.kind, one.condition)
    said = "" if one.score is None else f"{lexicon.SCORE.both()} {one.score:.2f}"
    name = f"{words.source(one).both()}, {about.condition_zh} {about.condition_en}"
    told = [
        words.share_of(finding, each, taxonomy)
        if words.is_network(one)
        else words.shown(each, one.source)
        for each in one.measurements
    ]
    return Source(
        f"{name}: {said or words.reason(one).both()}",
        one.source,
        tuple(Row(each.name.both(), each.value.en, _limit(each)) for each in told),
    )


def _limit(one: Shown) -> str:
    return one.limit.en if one.limit else ""


def _shot(one: ReportFinding, side: int = PICTURE_SIDE) -> Shot | None:
    measured = pictures.lines_of(one.finding.evidence)
    picture = pictures.load(one.crop, one.finding.component.box, side, measured)
    if picture is None or one.crop is None:
        return None
    lines, dots, roles = [], [], dict[str, str]()
    for trace in pictures.in_crop(one):
        colour = pictures.ROLE_COLOURS.get(trace.role, pictures.OTHER_COLOUR)
        roles[trace.role] = colour
        if len(trace.points) == 1:
            ((x, y),) = trace.points
            radius = max(picture.width, picture.height) / 60
            dots.append(Dot(round(x, 1), round(y, 1), round(radius, 1), colour))
        else:
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in trace.points)
            lines.append(Line(points, colour, trace.role in pictures.MARKS))
    return Shot(
        _uri(picture.content),
        picture.width,
        picture.height,
        one.finding.component.box.shifted(-one.crop.x0, -one.crop.y0),
        tuple(lines),
        tuple(dots),
        tuple(Role(words.role(name).both(), colour) for name, colour in roles.items()),
        _light(picture.is_adjusted),
    )


def _light(is_adjusted: bool) -> str:
    return lexicon.ADJUSTED.both() if is_adjusted else ""


def _frame_row(one: BadFrame) -> FrameRow:
    ref = one.ref
    note, file_name = printable(one.note), printable(ref.file_name)
    reason = words.frame_reason(one.reason).both()
    return FrameRow(str(one.outcome), reason, note, _place(ref), ref.camera, file_name)


def _frames_line(data: ReportData) -> str:
    reasons = [
        f"{outcome}, {words.frame_reason(reason).both()}: {count:,}"
        for outcome, counted in (
            ("unusable", data.counts.unusable_reasons),
            ("failed", data.counts.failed_reasons),
        )
        for reason, count in counted.items()
    ]
    total = len(data.bad_frames)
    cut = f" The first {MAX_FRAMES:,} of {total:,} are listed. 仅列出前 {MAX_FRAMES:,} 张。"
    tail = f".{cut}" if total > MAX_FRAMES else "."
    return "; ".join(reasons) + tail if reasons else ""
