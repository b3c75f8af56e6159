"""Fit floors, fusion and thresholds of a judge on a labelled set."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from catenary.datasets import rejections
from catenary.datasets.labels import Label, LabelledSet
from catenary.domain.finding import NORMAL, Component, Finding
from catenary.domain.geometry import Box
from catenary.evaluation import calibration, familiarity, forms, precedence
from catenary.evaluation.calibration import Sample
from catenary.evaluation.compared import group_of
from catenary.evaluation.matching import Raised, is_hit
from catenary.evaluation.predictions import DEFAULT_THRESHOLD
from catenary.evaluation.rates import Scene, threshold_of_all
from catenary.imaging.appearance import appearance
from catenary.imaging.crops import cut
from catenary.jobs.data.labelled import pixels
from catenary.jobs.learning.measure import Compared, Progress, scanned
from catenary.models.bundle import Calibration
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN
from catenary.models.familiar import Familiar
from catenary.models.fusion import LEAST_THRESHOLD, Contest, Form, Fusion, PartOdds, Voices
from catenary.pipeline import fuse
from catenary.pipeline.judge import Judge

LEAST_FLOOR = 0.07  # detector score; calibration looks at nothing below it
SPURIOUS = 0.6  # boxes of each component on no part, a photograph, that its floor may let pass


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A located part of a calibration photograph.

    Attributes:
        image: Number of the photograph.
        finding: What is said of it.
        condition: What is true; normal also where there is no such part.
        is_part: Whether there is one.
        group: Mast of the photograph.
        appearance: Of the crop, see `catenary.imaging.appearance.appearance`.
    """

    image: int
    finding: Finding
    condition: str
    is_part: bool
    group: str
    appearance: tuple[float, ...]

    @property
    def kind(self) -> str:
        return self.finding.component.kind


@dataclass(frozen=True, slots=True)
class _Judged:
    """A located part, and a fusion of its component."""

    image: int
    box: Box
    said: Mapping[str, Voices]
    fusion: Fusion

    def alone(self, form: Form) -> Self:
        """Return it with only one judge heard."""
        said = {name: one.alone(form) for name, one in self.said.items()}
        return replace(self, said=said, fusion=self.fusion.as_member(form))


def calibrate(
    judge: Judge, labelled: LabelledSet, false_per_image: float, progress: Progress
) -> Calibration:
    """Fit fusion weights and thresholds of every judged component on a labelled set.

    Whether the sources are joined or the better of them is believed is chosen on what is said of
    each mast by weights that were fitted without it; thresholds on what all of them are fitted to.

    Args:
        judge: Its own fusion, thresholds and floors are not used.
        labelled: Masts that training did not see.
        false_per_image: Alarm budget of each component, for the thresholds.
        progress: Called with frames done and frames in all.

    Raises:
        ConfigError: If the labels are not valid, some photographs are labelled in part only, or
            an image is missing.
    """
    rejections.refuse_incomplete([labelled])
    cascade = replace(judge.cascade, min_score=LEAST_FLOOR)
    # The classifier is heard of all pictures: which it is heard of later is what is looked for.
    open_judge = replace(judge, cascade=cascade, fusion={})
    compared = list(scanned(open_judge, labelled, progress))
    floors = {kind: _floor(compared, kind) for kind in judge.detector.classes}
    kinds = [kind for kind in judge.taxonomy.components if judge.can_judge(kind)]
    groups = [group_of(image) for image in labelled.images]
    found = list(_found(labelled, compared, groups, floors, kinds))
    parts_of = {kind: _part_odds(found, kind) for kind in kinds}
    unlike = _unlike(found, parts_of, len(compared), false_per_image)
    familiar = {kind: _familiar(found, kind, unlike[kind]) for kind in kinds}
    rows = _rows(found, parts_of, familiar)
    samples = [sample for *_, sample in rows]
    fitted = calibration.fit(samples, kinds)
    without = calibration.left_out(samples, kinds)
    masts = len(set(groups))
    fusion, thresholds = {}, {}
    for kind in kinds:
        mine = [
            (index, box, sample, fold[kind])
            for (index, box, sample), fold in zip(rows, without, strict=True)
            if sample.component == kind
        ]
        parts, folds = [sample for *_, sample, _ in mine], [fold for *_, fold in mine]
        order = precedence.chosen(parts, folds, len(compared), false_per_image)
        own = [
            _Judged(index, box, sample.said, order.given_to(fold))
            for index, box, sample, fold in mine
        ]
        members = {form: _scenes([one.alone(form) for one in own], compared, kind) for form in Form}
        held = forms.contest(members, masts, false_per_image)
        fusion[kind] = replace(
            order.given_to(fitted[kind]),
            form=held.best,
            contest=held,
            part=parts_of[kind],
            familiar=familiar[kind],
        )
        used = _scenes([replace(one, fusion=fusion[kind]) for one in own], compared, kind)
        # Without a single defect nothing says that lower odds than even ones mean one.
        least = LEAST_THRESHOLD if held.defects else DEFAULT_THRESHOLD
        thresholds[kind] = max(threshold_of_all(used, false_per_image), least)
    return Calibration(fusion, thresholds, floors)


def has_defect(labelled: LabelledSet) -> bool:
    """Tell whether any label is a defect that its photograph shows."""
    labels = (one for image in labelled.images for one in image.labels)
    return any(one.condition != NORMAL and one.is_evident and not one.is_ignored for one in labels)


def lines(fitted: Calibration) -> Iterator[str]:
    """Yield what was compared, chosen and fitted, for a terminal."""
    for kind, fusion in fitted.fusion.items():
        yield f"{kind}: raised from probability {fitted.thresholds[kind]:.3f}"
        if fusion.rules_first is not None and fusion.form is Form.JOINT:
            yield f"  rules come first from a score of {fusion.rules_first:.2f}"
        if fusion.contest is not None and not fusion.contest.defects:
            yield (
                "  no defect of it in these labels: its sources weigh as those of all components"
                " do, and the threshold keeps the budget of false alarms alone"
            )
        elif fusion.contest is not None:
            yield from _standings(fusion.contest, fusion.form)


def _standings(held: Contest, chosen: Form) -> Iterator[str]:
    budgets = ", ".join(f"{budget:g}" for budget in held.budgets)
    fitted = "each fitted without its mast" if held.masts > 1 else "one mast, fitted on itself"
    yield (
        f"  of {held.defects} defects on {held.masts} masts ({fitted}), found at {budgets} false"
        " alarms per photograph; share found from 0 to 1:"
    )
    for form, one in held.standings.items():
        found = ", ".join(map(str, one.found))
        mark = "  <- used" if form is chosen else ""
        yield f"  {form:10}  {found:12}  {one.area:.2f}{mark}"


def _scenes(parts: Sequence[_Judged], compared: Sequence[Compared], kind: str) -> list[Scene]:
    """Return what is said of each photograph's parts of one component, beside the labels."""
    raised: list[list[Raised]] = [[] for _ in compared]
    for one in parts:
        said = one.fusion.strongest(one.said)
        if said is not None:
            raised[one.image].append(Raised(kind, said[0], one.box, said[1]))
    return [
        (items, [label for label in one.labels if label.component == kind])
        for items, one in zip(raised, compared, strict=True)
    ]


def _floor(compared: Sequence[Compared], kind: str) -> float:
    """Return the detector score from which boxes of a component are kept."""
    scores: list[float] = []
    is_part: list[bool] = []
    for one in compared:
        labels = [label for label in one.labels if label.component == kind]
        free = [label for label in labels if not label.is_ignored]
        for component in sorted(_components(one, kind), key=lambda box: -box.score):
            near = [label for label in free if is_hit(component.box, label.box)]
            on_ignored = any(
                label.is_ignored and is_hit(component.box, label.box) for label in labels
            )
            if near or not on_ignored:
                scores.append(component.score)
                is_part.append(bool(near))
            if near:
                best = _nearest(component, near)
                free = [label for label in free if label is not best]
    floor = calibration.lowest_floor(scores, is_part, SPURIOUS * len(compared))
    return max(floor, LEAST_FLOOR)


def _components(one: Compared, kind: str) -> list[Component]:
    found = (*(finding.component for finding in one.scanned.findings), *one.scanned.located)
    return [component for component in found if component.kind == kind]


def _nearest(component: Component, labels: Sequence[Label]) -> Label | None:
    return max(labels, key=lambda label: label.box.iou(component.box), default=None)


def _known(one: Compared) -> Iterator[tuple[Finding, str]]:
    """Yield each finding whose truth is known, and the condition of the part."""
    for finding in one.scanned.findings:
        component = finding.component
        near = [
            label
            for label in one.labels
            if label.component == component.kind and is_hit(component.box, label.box)
        ]
        best = _nearest(component, near)
        if best is None or (best.is_evident and not best.is_ignored):
            yield finding, NORMAL if best is None else best.condition


def _found(
    labelled: LabelledSet,
    compared: Sequence[Compared],
    groups: Sequence[str],
    floors: Mapping[str, float],
    kinds: Collection[str],
) -> Iterator[_Found]:
    """Yield the located parts of some kinds that are above their floors."""
    for number, (image, one) in enumerate(zip(labelled.images, compared, strict=True)):
        own = [
            (finding, condition)
            for finding, condition in _known(one)
            if finding.component.kind in kinds
            and finding.component.score >= floors.get(finding.component.kind, 0.0)
        ]
        if not own:
            continue
        frame = pixels(labelled.root, image)
        for finding, condition in own:
            part = finding.component
            margin = CROP_MARGIN.get(part.kind, DEFAULT_MARGIN)
            seen = appearance(cut(frame, part.box, margin).pixels)
            is_part = any(
                label.component == part.kind and is_hit(part.box, label.box) for label in one.labels
            )
            yield _Found(number, finding, condition, is_part, groups[number], seen)


def _part_odds(found: Sequence[_Found], kind: str) -> PartOdds | None:
    own = [one for one in found if one.kind == kind]
    scores = [one.finding.component.score for one in own]
    return calibration.part_odds(scores, [one.is_part for one in own])


def _unlike(
    found: Sequence[_Found],
    parts_of: Mapping[str, PartOdds | None],
    photographs: int,
    in_use: float,
) -> dict[str, float]:
    """Return for each kind which share of the pictures may count as unlike the others.

    Chosen by the defects found on masts left out; the usual share where there are none to tell by.
    """
    reached: dict[str, dict[float, float]] = {kind: {} for kind in parts_of}
    for share in familiarity.SHARES:
        familiar = {kind: _familiar(found, kind, share) for kind in parts_of}
        samples = [sample for *_, sample in _rows(found, parts_of, familiar)]
        without = calibration.left_out(samples, list(parts_of))
        for kind in parts_of:
            both = zip(samples, without, strict=True)
            mine = [(one, fold[kind]) for one, fold in both if one.component == kind]
            own, folds = [one for one, _ in mine], [fold for _, fold in mine]
            if {one.condition == NORMAL for one in own} == {True, False}:
                order = precedence.chosen(own, folds, photographs, in_use)
                reached[kind][share] = precedence.found(own, folds, order, photographs, in_use)
    return {
        kind: familiarity.strictest(values) if values else familiarity.UNFAMILIAR
        for kind, values in reached.items()
    }


def _familiar(found: Sequence[_Found], kind: str, unlike: float) -> Familiar | None:
    """Return what parts look like, where a classifier is heard of them."""
    parts = [one for one in found if one.kind == kind and one.is_part and _is_classified(one)]
    seen, groups = [one.appearance for one in parts], [one.group for one in parts]
    return familiarity.learnt(seen, groups, unlike)


def _rows(
    found: Sequence[_Found],
    parts_of: Mapping[str, PartOdds | None],
    familiar: Mapping[str, Familiar | None],
) -> list[tuple[int, Box, Sample]]:
    """Return number of the photograph, box, and what is heard of each part, kind after kind."""
    return [
        (one.image, one.finding.component.box, _sample(one, parts_of[kind]))
        for kind in parts_of
        for one in _heard([one for one in found if one.kind == kind], familiar[kind])
    ]


def _is_classified(one: _Found) -> bool:
    return any(said.source == fuse.CLASSIFIER for said in one.finding.evidence)


def _heard(found: Sequence[_Found], familiar: Familiar | None) -> list[_Found]:
    """Return parts of a kind as the classifier is heard where they look unlike other masts'."""
    if familiar is None:
        return list(found)
    known = [one.group for one in found if one.is_part and _is_classified(one)]
    asked, groups = [one.appearance for one in found], [one.group for one in found]
    apart = familiarity.left_out(familiar, known, asked, groups)
    return [_as_heard(one, familiar, far) for one, far in zip(found, apart, strict=True)]


def _as_heard(one: _Found, familiar: Familiar, distance: float) -> _Found:
    said = one.finding.evidence
    by_rules = [each for each in said if each.source not in (fuse.CLASSIFIER, fuse.ANOMALY)]
    told = tuple(
        fuse.as_heard(each, by_rules, familiar, distance)
        if each.source == fuse.CLASSIFIER
        else each
        for each in said
    )
    return replace(one, finding=replace(one.finding, evidence=told))


def _sample(one: _Found, part: PartOdds | None) -> Sample:
    score = one.finding.component.score
    said = fuse.voices(one.finding.evidence, Fusion(part=part).is_part(score))
    return Sample(one.kind, one.group, said, one.condition)
