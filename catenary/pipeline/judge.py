"""Everything that turns one decoded frame into findings: locate, cut, judge, fuse."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from catenary.domain.finding import Component, Evidence, Finding, Verdict, Versions
from catenary.domain.image import Frame
from catenary.domain.taxonomy import Taxonomy
from catenary.imaging.crops import Crop, cut
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN, LEAST_SIDE_PX
from catenary.models.detections import AnomalyScorer, ConditionClassifier, Detector, Refiner
from catenary.models.fusion import Fusion
from catenary.pipeline import fuse
from catenary.pipeline.cascade import CascadeSettings, locate
from catenary.rules import catalogue, long_tubes, long_wires

Rule = Callable[[Crop], Evidence]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Everything one frame gave.

    Attributes:
        findings: One a component of a kind that a rule or the classifier can judge, and of each
            other kind the most unusual component, if any is.
        located: Components of the other kinds: found, but nobody judges them.
        stage_seconds: Wall time by stage name.
    """

    findings: tuple[Finding, ...]
    located: tuple[Component, ...]
    stage_seconds: Mapping[str, float]


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

    def __call__(self, frame: Frame) -> Judgement:
        """Judge one usable frame."""
        started = time.perf_counter()
        components = locate(frame.pixels, self.detector, self.cascade, self.floors, self.refiner)
        components += self._wires(frame, components) + self._tubes(frame, components)
        detected = time.perf_counter()
        strange = self._strange(frame, components)
        looked = time.perf_counter()
        chosen = self._chosen(components, strange)
        judged = [components[index] for index in chosen]
        others = tuple(one for index, one in enumerate(components) if index not in set(chosen))
        evidence = [self._ruled(frame, one) for one in judged]
        ruled = time.perf_counter()
        scores = self._classified(frame, judged)
        classified = time.perf_counter()
        findings = tuple(
            self._finding(frame.ref.image_id, components[index], by_rules + said + strange[index])
            for index, by_rules, said in zip(chosen, evidence, scores, strict=True)
        )
        stages = {
            "detect": detected - started,
            **({"anomaly": looked - detected} if self.anomaly else {}),
            "rules": ruled - looked,
            "classify": classified - ruled,
        }
        return Judgement(findings, others, stages)

    def can_judge(self, kind: str) -> bool:
        """Tell whether a rule or the classifier knows this component id."""
        by_classifier = self.classifier is not None and kind in self.classifier.conditions
        return by_classifier or bool(self.rules.get(kind))

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

    def _wires(self, frame: Frame, components: Sequence[Component]) -> tuple[Component, ...]:
        """Return stretches of wires, which no detector finds, where the settings ask for them."""
        if not self.cascade.wires:
            return ()
        droppers = [one.box for one in components if one.kind == "dropper"]
        return long_wires.located(frame.pixels, droppers, self.cascade.stretch_px)

    def _tubes(self, frame: Frame, components: Sequence[Component]) -> tuple[Component, ...]:
        """Return cantilever tubes, which no detector finds, where the settings ask for them."""
        if not self.cascade.tubes:
            return ()
        fittings = [one.box for one in components if one.kind in long_tubes.FITTINGS]
        arms = [one.box for one in components if one.kind == "steady_arm"]
        return long_tubes.located(frame.pixels, fittings, arms)

    def _ruled(self, frame: Frame, component: Component) -> tuple[Evidence, ...]:
        usual = CROP_MARGIN.get(component.kind, DEFAULT_MARGIN)
        margin = catalogue.CROP_MARGIN.get(component.kind, usual)
        crop = cut(frame.pixels, component.box, margin)
        rules = self.rules.get(component.kind, ())
        return tuple(rule(crop).shifted(crop.x0, crop.y0) for rule in rules)

    def _classified(
        self, frame: Frame, components: Sequence[Component]
    ) -> list[tuple[Evidence, ...]]:
        """Return the classifier's evidence of each component; none of what it never learnt."""
        opinions: list[tuple[Evidence, ...]] = [()] * len(components)
        if self.classifier is None:
            return opinions
        known = {
            index: one
            for index, one in enumerate(components)
            if one.kind in self.classifier.conditions and _is_large_enough(one)
        }
        crops = [_cut(frame, one).pixels for one in known.values()]
        scores = self.classifier(crops, [one.kind for one in known.values()])
        for index, one in zip(known, scores, strict=True):
            opinions[index] = (fuse.classifier_evidence(one),)
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


def _cut(frame: Frame, component: Component) -> Crop:
    return cut(frame.pixels, component.box, CROP_MARGIN.get(component.kind, DEFAULT_MARGIN))


def _is_large_enough(component: Component) -> bool:
    return max(component.box.width, component.box.height) >= LEAST_SIDE_PX.get(component.kind, 0)
