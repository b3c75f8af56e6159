"""What a notice 通知书 says: the values that its templates, Word and PDF, may use."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from catenary.domain.finding import Verdict
from catenary.reports import fingerprint, lexicon, pictures, words
from catenary.reports.data import ReportData, ReportPart
from catenary.reports.pictures import Picture
from catenary.reports.wording import GRADES_ZH, direction_zh, kilometre, local_time, printable

MAX_PICTURES = 1000  # some 40 MB; Word opens a larger file slowly. Our starting value
PICTURE_PX = (900, 600)  # width and height at most: 15 cm at 150 dots an inch
UNREVIEWED = lexicon.UNREVIEWED.both()


@dataclass(frozen=True, slots=True)
class NoticeItem:
    """One defect of a notice; every text is ready to print, empty when it is not known.

    Attributes:
        number: 序号, from 1.
        day: 检测日期, ISO.
        line: 线路.
        direction: 行别 in Chinese.
        section: 站区.
        kilometre: 公里标.
        mast: 杆号.
        camera: Camera id of the photograph.
        component: 缺陷部件, Chinese and English.
        condition: 缺陷类型, Chinese and English.
        grade: 等级 in Chinese.
        probability: Of a defect, in per cent.
        why_zh: Why it was raised.
        why_en: The same in English.
        photographs: How many show it.
        file_name: Of the photograph.
        decision: What people decided, Chinese and English; empty before anybody did.
        reviewer: Who did.
        decided_at: When, local time.
        note: What they noted.
        deadline: 整改期限 or 复核期限, local day, of a defect in the closed loop.
    """

    number: int
    day: str
    line: str
    direction: str
    section: str
    kilometre: str
    mast: str
    camera: str
    component: str
    condition: str
    grade: str
    probability: str
    why_zh: str
    why_en: str
    photographs: int
    file_name: str
    decision: str
    reviewer: str
    decided_at: str
    note: str
    deadline: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice; its fields are the contract with the templates (docs/formats.md).

    Attributes:
        run: 任务.
        line: 线路.
        direction: 行别 in Chinese.
        date: 检测日期.
        made_at: When this file was made, local time.
        photographs: In the run.
        judged: Of them; the others were not judged.
        defects: Items of this notice.
        grades: 等级 and number, most urgent first.
        status: How far people have gone through the findings, in words.
        reviewed: Parts that people decided on.
        to_review: Parts that ask for a decision, those included.
        reviewers: Who decided.
        is_limited: Whether only confirmed defects are listed.
        model: Version.
        rules: Version.
        taxonomy: Version of the 缺陷定级字典.
        thresholds: Component and probability from which it was raised.
        fingerprint: SHA-256 of what the report says.
        items: The defects.
    """

    run: str
    line: str
    direction: str
    date: str
    made_at: str
    photographs: int
    judged: int
    defects: int
    grades: tuple[tuple[str, int], ...]
    status: str
    reviewed: int
    to_review: int
    reviewers: tuple[str, ...]
    is_limited: bool
    model: str
    rules: str
    taxonomy: str
    thresholds: tuple[tuple[str, str], ...]
    fingerprint: str
    items: tuple[NoticeItem, ...]

    def context(self) -> dict[str, object]:
        """Return the fields by name, as templates read them."""
        return asdict(self)

    def item_rows(self) -> list[dict[str, object]]:
        """Return the fields of the items by name."""
        return [asdict(item) for item in self.items]


def notice_of(data: ReportData) -> tuple[Notice, list[ReportPart]]:
    """Return the notice of a run's defects, and the parts that its items are about."""
    parts = data.parts(Verdict.DEFECT)
    items = tuple(_item(data, number, part) for number, part in enumerate(parts, 1))
    return Notice(
        printable(data.run.name),
        printable(data.run.line),
        direction_zh(data.run.direction),
        data.run.date,
        data.generated_at.isoformat(" ", "minutes"),
        data.counts.images,
        data.counts.done,
        len(items),
        _grades(items),
        words.standing(data).both(),
        0 if data.review is None else data.review.decided,
        len(parts) if data.review is None else data.review.total,
        () if data.review is None else tuple(map(printable, data.review.reviewers)),
        data.review is not None and data.review.is_limited,
        data.versions.model,
        data.versions.rules,
        data.versions.taxonomy,
        _thresholds(data),
        fingerprint.of(data),
        items,
    ), parts


def pictures_of(data: ReportData, parts: Sequence[ReportPart]) -> Iterator[Picture | None]:
    """Yield the evidence picture of each item, plain beside drawn.

    None where it is unreadable, and after the first `MAX_PICTURES`.
    """
    for number, part in enumerate(data.counted(parts, len(parts)), 1):
        yield pictures.load_drawn(part.lead, *PICTURE_PX) if number <= MAX_PICTURES else None


def _item(data: ReportData, number: int, part: ReportPart) -> NoticeItem:
    one = part.lead
    ref, names, mast = one.ref, one.names, one.ref.mast
    tell = words.why_drawn if number <= MAX_PICTURES else words.why_of
    why = tell(one, data.taxonomy)
    probability = one.probability
    decided = data.decisions.get(part.name)
    return NoticeItem(
        number=number,
        day=ref.taken_at.date().isoformat() if ref.taken_at else data.run.date,
        line=printable(mast.line if mast else data.run.line),
        direction=direction_zh(mast.direction if mast else data.run.direction),
        section=printable(mast.section if mast else ""),
        kilometre=kilometre(ref),
        mast=printable(mast.number if mast else ""),
        camera=printable(ref.camera),
        component=f"{names.component_zh} {names.component_en}",
        condition=f"{names.condition_zh} {names.condition_en}",
        grade=GRADES_ZH.get(part.grade or 0, ""),
        probability="" if probability is None else f"{probability:.0%}",
        why_zh=why.zh,
        why_en=why.en,
        photographs=len(part.views),
        file_name=printable(ref.file_name),
        decision="" if decided is None else lexicon.STATES[decided.state].both(),
        reviewer="" if decided is None else printable(decided.reviewer),
        decided_at="" if decided is None else local_time(decided.decided_at),
        note="" if decided is None else printable(decided.note),
        deadline="" if decided is None else local_time(decided.due)[:10],
    )


def _grades(items: Sequence[NoticeItem]) -> tuple[tuple[str, int], ...]:
    counted = [(grade, sum(one.grade == grade for one in items)) for grade in GRADES_ZH.values()]
    return tuple((grade, count) for grade, count in counted if count)


def _thresholds(data: ReportData) -> tuple[tuple[str, str], ...]:
    return tuple(
        (words.names(data.taxonomy, kind, "").component_zh, f"{value:.2f}")
        for kind, value in sorted(data.thresholds.items())
    )
