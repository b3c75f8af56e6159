"""What a report is made of; whoever has a run fills this in, the writers only read it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from catenary.domain.change import Change
from catenary.domain.finding import Finding, Verdict, Versions
from catenary.domain.geometry import Box
from catenary.domain.image import ImageRef, Outcome
from catenary.domain.part import part_name
from catenary.domain.place import Mast
from catenary.domain.review import WAITING, State
from catenary.domain.taxonomy import Taxonomy
from catenary.reports.lexicon import Words

T = TypeVar("T")
Progress = Callable[[int, int], None]  # how many parts are written, of how many


def nobody_waits(_done: int, _total: int) -> None:
    """Take how far a report is, where nobody asked."""


@dataclass(frozen=True, slots=True)
class ReportRun:
    """The run that a report is about.

    Attributes:
        name: Name of the run.
        source: Path or URL it was read from.
        layout: Name of the reader.
        line: 线路, or empty.
        direction: 行别 as a `Direction` value, or empty.
        date: Day of the inspection as ISO text, or empty.
    """

    name: str
    source: str
    layout: str = ""
    line: str = ""
    direction: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Photographs of the run by outcome; each is in exactly one.

    Attributes:
        done: Judged.
        unusable: Too poor to judge.
        failed: Could not be read.
        pending: Not scanned yet.
        unusable_reasons: Reason code to number of photographs.
        failed_reasons: Reason code to number of photographs.
    """

    done: int
    unusable: int
    failed: int
    pending: int
    unusable_reasons: Mapping[str, int]
    failed_reasons: Mapping[str, int]

    @property
    def images(self) -> int:
        """All photographs of the run."""
        return self.done + self.unusable + self.failed + self.pending


@dataclass(frozen=True, slots=True)
class CropImage:
    """The evidence picture of a finding, at the full resolution of the photograph.

    Attributes:
        path: For `catenary.imaging.packed.read`.
        x0: Frame column of its first column.
        y0: Frame row of its first row.
    """

    path: Path
    x0: int
    y0: int


@dataclass(frozen=True, slots=True)
class Names:
    """What people call a component and its condition.

    Attributes:
        component_zh: e.g. 吊弦.
        component_en: e.g. dropper.
        condition_zh: e.g. 断裂.
        condition_en: e.g. broken.
    """

    component_zh: str
    component_en: str
    condition_zh: str
    condition_en: str


@dataclass(frozen=True, slots=True)
class Since:
    """What the latest comparison with an earlier run says of a finding.

    Attributes:
        change: New, grown, unchanged or not comparable.
        earlier_run: Name of the run that it was compared with.
    """

    change: Change
    earlier_run: str


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """A defect, or a part that could not be judged.

    Attributes:
        ref: Photograph.
        finding: As judged.
        names: Of its component and condition.
        crop: Evidence picture, or None.
        since: What became of it since an earlier run; None where none was compared with.
        scanned: What the scan said, where ``finding`` is as people decided; None for what is as
            the scan said, and for what people drew.
        is_drawn: Whether a person drew it.
    """

    ref: ImageRef
    finding: Finding
    names: Names
    crop: CropImage | None = None
    since: Since | None = None
    scanned: Finding | None = None
    is_drawn: bool = False

    @property
    def probability(self) -> float | None:
        """What the scan gave it, in [0, 1]; None where it gave none."""
        return None if self.is_drawn else (self.scanned or self.finding).probability


@dataclass(frozen=True, slots=True)
class ReportView:
    """One photograph's opinion on a physical part.

    Attributes:
        ref: Photograph.
        verdict: Of this view alone.
        names: Of the component and what this view takes it for.
        probability: Of a defect in [0, 1], or None.
        box: Full-frame pixels.
        crop: Evidence picture, or None.
        finding: What it says in full; None when it calls the part normal.
    """

    ref: ImageRef
    verdict: Verdict
    names: Names
    probability: float | None
    box: Box
    crop: CropImage | None = None
    finding: ReportFinding | None = None


@dataclass(frozen=True, slots=True)
class ReportPart:
    """A physical part with all that photographs say of it.

    Attributes:
        name: Names it in every report of this run.
        lead: The finding that decides.
        grade: The most urgent of all views, or None.
        views: At least one, in the order of the photographs.
        confidence: In [0, 1], that the views are of one part; None with a single view.
    """

    name: str
    lead: ReportFinding
    grade: int | None
    views: tuple[ReportView, ...]
    confidence: float | None = None

    @property
    def raised(self) -> list[ReportView]:
        """Views that call it defective."""
        return [one for one in self.views if one.verdict is Verdict.DEFECT]

    @property
    def denied(self) -> list[ReportView]:
        """Views that call it normal."""
        return [one for one in self.views if one.verdict is Verdict.NORMAL]

    @property
    def unsure(self) -> list[ReportView]:
        """Views that could not judge it."""
        return [one for one in self.views if one.verdict is Verdict.CANNOT_JUDGE]


@dataclass(frozen=True, slots=True)
class PartDecision:
    """What people decided on a physical part.

    Attributes:
        state: Where it stands.
        reviewer: Who made the decision that stands; empty while nobody did.
        decided_at: When, UTC, or None.
        note: May be empty.
        condition: As it stands.
        grade: The same, or None.
        due: Deadline of the closed loop that counts now, UTC, or None.
    """

    state: State
    reviewer: str
    decided_at: datetime | None
    note: str
    condition: str
    grade: int | None
    due: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether nobody is waited for."""
        return self.state not in WAITING


@dataclass(frozen=True, slots=True)
class Review:
    """How far people have gone through the findings of a run.

    Attributes:
        decided: Parts that are decided.
        total: Parts that ask for a decision: raised by the scan, drawn, and others decided.
        confirmed: Of those decided.
        reviewers: Names, in order.
        first_at: Of the decisions that stand, UTC; None without any.
        last_at: The same.
        is_limited: Whether the report lists confirmed defects alone.
    """

    decided: int
    total: int
    confirmed: int
    reviewers: tuple[str, ...]
    first_at: datetime | None
    last_at: datetime | None
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class BadFrame:
    """A photograph that was not judged.

    Attributes:
        ref: Which.
        outcome: Unusable or failed.
        reason: Short code.
        note: The reason in words.
    """

    ref: ImageRef
    outcome: Outcome
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class NormalComponent:
    """A located part that no finding was made on.

    Attributes:
        image_id: Photograph.
        file_name: Photograph, for people.
        component: Component id.
        bbox: x, y, width, height in full-frame pixels.
        probability: Of a defect in [0, 1], or None.
        is_judged: False for kinds that no rule and no classifier knows; they are located only.
    """

    image_id: str
    file_name: str
    component: str
    bbox: tuple[float, float, float, float]
    probability: float | None
    is_judged: bool = True


class FindingsInOrder(Protocol):
    """Findings that are read anew each time they are gone through, so that none is held.

    Defects first, the most urgent grade and highest probability ahead, then what could not be
    judged, the most suspicious ahead.
    """

    def __iter__(self) -> Iterator[ReportFinding]:
        """Read them."""
        ...

    def __len__(self) -> int:
        """Tell how many there are."""
        ...


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything a report says about one run.

    Attributes:
        run: Which run.
        versions: Model, rules and taxonomy of the latest scan.
        taxonomy: What components and conditions are called now.
        thresholds: Component id to the probability from which it is raised.
        counts: Photographs by outcome.
        findings: Defects and parts that could not be judged: in any order, or read in that of
            reports.
        bad_frames: Photographs that were not judged.
        generated_at: When the report is made, with its zone.
        components: Normal parts, read once and only by writers that want them.
        promises: What the scan promises of missed defects, in words; empty for most.
        joined: Physical parts that two or more photographs show; other findings are parts by
            themselves.
        decisions: Name of a part to what people decided on it; empty before anybody did.
        review: How far people have gone; None before anybody decided.
        selection: To what the report is limited, in words; None where it lists the whole run.
        progress: Told how far the writer is.
    """

    run: ReportRun
    versions: Versions
    taxonomy: Taxonomy
    thresholds: Mapping[str, float]
    counts: Counts
    findings: tuple[ReportFinding, ...] | FindingsInOrder
    bad_frames: tuple[BadFrame, ...]
    generated_at: datetime
    components: Iterable[NormalComponent] = ()
    promises: tuple[str, ...] = ()
    joined: tuple[ReportPart, ...] = ()
    decisions: Mapping[str, PartDecision] = field(default_factory=dict)
    review: Review | None = None
    selection: Words | None = None
    progress: Progress = nobody_waits

    def counted(self, rows: Iterable[T], total: int) -> Iterator[T]:
        """Yield rows while they are written, and tell how far that is."""
        for done, one in enumerate(rows):
            self.progress(done, total)
            yield one
        self.progress(total, total)

    def listed(self) -> Iterator[ReportFinding]:
        """Yield defects and then parts that could not be judged, each in their order."""
        if isinstance(self.findings, tuple):
            yield from self.defects()
            yield from self.unjudged()
        else:
            yield from self.findings

    def defects(self) -> list[ReportFinding]:
        """Return the defects, the most urgent grade and highest probability first."""
        found = [one for one in self.findings if one.finding.verdict is Verdict.DEFECT]
        return sorted(
            found, key=lambda one: (one.finding.grade or 0, -(one.finding.probability or 0.0))
        )

    def unjudged(self) -> list[ReportFinding]:
        """Return the parts that could not be judged, the most suspicious first."""
        found = [one for one in self.findings if one.finding.verdict is Verdict.CANNOT_JUDGE]
        return sorted(found, key=lambda one: -(one.finding.probability or 0.0))

    def parts(self, verdict: Verdict) -> list[ReportPart]:
        """Return the physical parts of a verdict, in the order of `defects` and `unjudged`."""
        by_name = self.by_name()
        found = [one for one in by_name.values() if one.lead.finding.verdict is verdict]
        return sorted(
            found, key=lambda one: (one.grade or 0, -(one.lead.finding.probability or 0.0))
        )

    def by_name(self) -> dict[str, ReportPart]:
        """Return every physical part with a finding by its name."""
        found = {one.name: one for one in self.joined}
        names = self.part_names()
        for one in self.findings:
            name = names[own_name(one)]
            if name not in found:
                found[name] = ReportPart(name, one, one.finding.grade, (alone(one),))
        return found

    def part_names(self) -> dict[str, str]:
        """Return the name of the physical part of each view, by the name it has by itself.

        That is `own_name` of a finding, and `part_name` of a view that denies one.
        """
        return {own_name(one): own_name(one) for one in self.findings} | self.joined_names()

    def joined_names(self) -> dict[str, str]:
        """Return `part_names` of joined views alone; all other findings are parts by themselves."""
        names = {}
        for part in self.joined:
            kind = part.lead.finding.component.kind
            for view in part.views:
                if view.finding is not None:
                    names[own_name(view.finding)] = part.name
                else:
                    names[part_name(view.ref.image_id, kind, view.box)] = part.name
        return names

    def possible_twins(self) -> dict[str, list[ReportPart]]:
        """Return for each defective part the others that may be the same one, by name.

        They are of one kind at one mast and share no photograph: nothing tells them apart, and
        nothing tells that they are one.
        """
        by_place: dict[tuple[Mast, str], list[ReportPart]] = {}
        for one in self.parts(Verdict.DEFECT):
            if (mast := one.lead.ref.mast) is not None:
                by_place.setdefault((mast, one.lead.finding.component.kind), []).append(one)
        twins: dict[str, list[ReportPart]] = {}
        for near in by_place.values():
            for one in near:
                own = {view.ref.image_id for view in one.views}
                twins[one.name] = [
                    other
                    for other in near
                    if other is not one
                    and own.isdisjoint(view.ref.image_id for view in other.views)
                ]
        return twins


def own_name(one: ReportFinding) -> str:
    """Return the name that the part of a finding has when no other view shows it."""
    component = one.finding.component
    return part_name(one.finding.image_id, component.kind, component.box)


def alone(one: ReportFinding) -> ReportView:
    """Return the view that a finding is."""
    finding = one.finding
    box = finding.component.box
    return ReportView(one.ref, finding.verdict, one.names, finding.probability, box, one.crop, one)
