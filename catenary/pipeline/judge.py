"""Everything that turns one decoded frame into findings: locate, cut, judge, fuse."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from catenary.domain.finding import Component, Evidence, Finding, Verdict, Versions
from catenary.domain.image import Frame
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging.appearance import appearance
from catenary.imaging.crops import Crop, cut
from catenary.models import on_device
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN, LEAST_SIDE_PX
from catenary.models.detections import (
    AnomalyScorer,
    ConditionClassifier,
    CropOrPlace,
    Detector,
    Refiner,
)
from catenary.models.fusion import Fusion
from catenary.models.on_device import OnDevice, Picture
from catenary.pipeline import fuse
from catenary.pipeline.cascade import CascadeSettings, locate_all
from catenary.pipeline.rulebook import Located, Rulebook, Ruled
from catenary.rules.catalogue import FrameRule

Rule = Callable[[Crop], Evidence]
Ruling = Callable[[Sequence[Located]], Sequence[Ruled | None]]  # None: lost, see `RulePool`


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything one frame gave.

    Attributes:
        findings: One a component of a kind that a rule or the classifier can judge, and of each
            other kind the most unusual component, if any is.
        located: Components of the other kinds: found, but nobody judges them.
        stage_seconds: Wall time by stage name.
        is_lost: The processes that judged it by the rules died of it, so that nothing is told.
    """

    findings: tuple[Finding, ...]
    located: tuple[Component, ...]
    stage_seconds: Mapping[str, float]
    is_lost: bool = False


@dataclass(frozen=True, slots=True)
class Judge:
    """The detector, the rules and the classifier, ready to judge frames.

    Attributes:
        detector: Finds components.
        classifier: Tells conditions, or None to judge by rules alone.
        rules: Component id to its rules, limits already filled in.
        fusion: Component id to how its sources are joined; as never calibrated where absent.
        thresholds: Component id to the probability from which it is raised; 0.5 where absent.
        taxonomy: Grades.
        versions: Written into every finding.
        cascade: How a frame is searched.
        floors: Component id to the detector score from which a box is kept.
        refiner: Looks at located parts a second time, or None.
        anomaly: Tells how unlike normal parts a part is, or None.
        device: Where photographs are made smaller and cut for the networks; None for the
            processor.
        frame_rules: Component id to the rule that supposes such parts in a whole photograph.
        ruling: Judges by `rulebook` elsewhere; None for the thread that asks.
    """

    detector: Detector
    classifier: ConditionClassifier | None
    rules: Mapping[str, Sequence[Rule]]
    fusion: Mapping[str, Fusion]
    thresholds: Mapping[str, float]
    taxonomy: Taxonomy
    versions: Versions
    cascade: CascadeSettings = field(default_factory=CascadeSettings)
    floors: Mapping[str, float] = field(default_factory=dict)
    refiner: Refiner | None = None
    anomaly: AnomalyScorer | None = None
    device: torch.device | None = None
    frame_rules: Mapping[str, FrameRule] = field(default_factory=dict)
    ruling: Ruling | None = None

    @property
    def rulebook(self) -> Rulebook:
        """What judges by the rules, without the networks."""
        return Rulebook(
            self.rules,
            self.frame_rules,
            dict(CROP_MARGIN),
            DEFAULT_MARGIN,
            self.cascade.stretch_px if self.cascade.wires else None,
            self.cascade.tubes,
        )

    def __call__(self, frame: Frame) -> Judgement:
        """Judge one usable frame."""
        return self.together([frame])[0]

    def together(self, frames: Sequence[Frame]) -> list[Judgement]:
        """Judge several usable frames, which share the batches of the networks.

        Stages tell an equal share of the time that each took, and the time of its own rules.
        """
        with on_device.own_stream(self.device):
            return self._together(frames)

    def _together(self, frames: Sequence[Frame]) -> list[Judgement]:
        spent = _Clock(len(frames))
        pictures = [self._sent(frame) for frame in frames]
        located = locate_all(pictures, self.detector, self.cascade, self.floors, self.refiner)
        spent.on("detect")
        asked = [Located(*pair) for pair in zip((f.pixels for f in frames), located, strict=True)]
        ruled = self.ruling(asked) if self.ruling else [self.rulebook(one) for one in asked]
        spent.skip()  # told by whoever judged
        seen = [
            _Seen(frame, picture, said)
            for frame, picture, said in zip(frames, pictures, ruled, strict=True)
            if said is not None
        ]
        for one in seen:
            one.strange = self._strange(one.frame, one.components)
            one.chosen = self._chosen(one.components, one.strange)
        if self.anomaly:
            spent.on("anomaly")
        scores = iter(self._classified(seen))
        spent.on("classify")
        judged = iter([self._judgement(one, scores, spent.stages) for one in seen])
        lost = Judgement((), (), spent.stages, is_lost=True)
        return [lost if said is None else next(judged) for said in ruled]

    def _sent(self, frame: Frame) -> Picture:
        return frame.pixels if self.device is None else on_device.sent(frame.pixels, self.device)

    def _judgement(
        self, seen: "_Seen", scores: Iterator[tuple[Evidence, ...]], stages: Mapping[str, float]
    ) -> Judgement:
        findings = tuple(
            self._finding(
                seen.frame.ref.image_id,
                seen.components[index],
                by_rules + next(scores) + seen.strange[index],
            )
            for index, by_rules in seen.judged_by_rules()
        )
        chosen = set(seen.chosen)
        others = tuple(one for index, one in enumerate(seen.components) if index not in chosen)
        return Judgement(findings, others, {**stages, "rules": seen.ruled.seconds})

    def can_judge(self, kind: str) -> bool:
        """Tell whether a rule or the classifier knows this component id."""
        by_classifier = self.classifier is not None and kind in self.classifier.conditions
        return by_classifier or bool(self.rules.get(kind)) or kind in self.frame_rules

    def _chosen(
        self, components: Sequence[Component], strange: Sequence[tuple[Evidence, ...]]
    ) -> list[int]:
        """Return which components get a finding.

        Of a kind that nobody judges only the strangest of a frame, and only if it is unusual:
        photographs that are new to the scorer in every way must not fill the reports.
        """
        strangest: dict[str, tuple[float, int]] = {}
        for index, one in enumerate(components):
            for said in () if self.can_judge(one.kind) else strange[index]:
                if said.verdict is Verdict.DEFECT:
                    found = (said.measurements[0].value, index)
                    strangest[one.kind] = max(strangest.get(one.kind, found), found)
        unusual = {index for _, index in strangest.values()}
        return [
            index
            for index, one in enumerate(components)
            if index in unusual or self.can_judge(one.kind)
        ]

    def _strange(self, frame: Frame, components: Sequence[Component]) -> list[tuple[Evidence, ...]]:
        """Return the anomaly scorer's evidence of each component; none of kinds it never saw."""
        opinions: list[tuple[Evidence, ...]] = [()] * len(components)
        if self.anomaly is None:
            return opinions
        known = [
            index
            for index, one in enumerate(components)
            if one.kind in self.anomaly.classes and _is_large_enough(one)
        ]
        crops = [_cut(frame, components[index]) for index in known]
        scores = self.anomaly(crops, [components[index].kind for index in known])
        for index, crop, one in zip(known, crops, scores, strict=True):
            opinions[index] = (fuse.anomaly_evidence(one).shifted(crop.x0, crop.y0),)
        return opinions

    def _classified(self, frames: Sequence["_Seen"]) -> list[tuple[Evidence, ...]]:
        """Return the classifier's evidence of each judged component, frame after frame.

        None of what it never learnt.
        """
        parts = [
            (seen, seen.components[index], by_rules)
            for seen in frames
            for index, by_rules in seen.judged_by_rules()
        ]
        opinions: list[tuple[Evidence, ...]] = [()] * len(parts)
        if self.classifier is None:
            return opinions
        known = {
            index: one
            for index, one in enumerate(parts)
            if one[1].kind in self.classifier.conditions and _is_large_enough(one[1])
        }
        crops = [seen.crop(part) for seen, part, _ in known.values()]
        scores = self.classifier(crops, [part.kind for _, part, _ in known.values()])
        for (index, (seen, part, by_rules)), one in zip(known.items(), scores, strict=True):
            said = fuse.classifier_evidence(one)
            pictures = self.fusion.get(part.kind, Fusion()).familiar
            if pictures is not None:
                looks = appearance(_cut(seen.frame, part).pixels)
                said = fuse.as_heard(said, by_rules, pictures, pictures.distance(looks))
            opinions[index] = (said,)
        return opinions

    def _finding(
        self, image_id: str, component: Component, evidence: tuple[Evidence, ...]
    ) -> Finding:
        kind = component.kind
        threshold = self.thresholds.get(kind, 0.5)
        fused = fuse.fuse(evidence, component.score, self.fusion.get(kind, Fusion()), threshold)
        grade = None
        if fused.verdict is Verdict.DEFECT:
            grade = self.taxonomy.condition(kind, fused.condition).grade
        return Finding(
            image_id,
            component,
            fused.verdict,
            fused.condition,
            fused.probability,
            grade,
            evidence,
            self.versions,
            fused.reason,
        )


@dataclass(slots=True, eq=False)
class _Seen:
    """What is known by now of one frame of several.

    Attributes:
        frame: The photograph.
        picture: The same where the networks look at it.
        ruled: What the rules say of it.
        strange: What the anomaly scorer says of each component.
        chosen: Components that get a finding.
    """

    frame: Frame
    picture: Picture
    ruled: Ruled
    strange: list[tuple[Evidence, ...]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)

    @property
    def components(self) -> tuple[Component, ...]:
        return self.ruled.components

    def judged_by_rules(self) -> Iterator[tuple[int, tuple[Evidence, ...]]]:
        """Yield each component that gets a finding with what the rules say of it."""
        for index in self.chosen:
            yield index, self.ruled.evidence[index]

    def crop(self, component: Component) -> CropOrPlace:
        """Return what the classifier looks at, or where it is on the device."""
        crop = _cut(self.frame, component)
        return self.picture.cutout(crop) if isinstance(self.picture, OnDevice) else crop.pixels


class _Clock:
    """Wall time by stage, shared equally among frames."""

    def __init__(self, frames: int) -> None:
        self._frames, self._last = frames, time.perf_counter()
        self.stages: dict[str, float] = {}

    def on(self, stage: str) -> None:
        """Count the time since the last call."""
        self.stages[stage] = (time.perf_counter() - self._last) / self._frames
        self.skip()

    def skip(self) -> None:
        """Count from now."""
        self._last = time.perf_counter()


def _cut(frame: Frame, component: Component) -> Crop:
    return cut(frame.pixels, component.box, CROP_MARGIN.get(component.kind, DEFAULT_MARGIN))


def _is_large_enough(component: Component) -> bool:
    return max(component.box.width, component.box.height) >= LEAST_SIDE_PX.get(component.kind, 0)
