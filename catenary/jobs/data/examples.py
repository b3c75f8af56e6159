"""Examples to look at: what the rules, or the whole product, get right and wrong."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from catenary.datasets import coco
from catenary.datasets.labels import Label, LabelledImage
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL, Component, Evidence, Finding, Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import Frame
from catenary.domain.taxonomy import Taxonomy
from catenary.evaluation.matching import Raised, pair
from catenary.imaging.crops import cut
from catenary.imaging.decode import decode_gray
from catenary.models.classifier import CROP_MARGIN, DEFAULT_MARGIN
from catenary.pipeline.judge import Judge
from catenary.reports import atomic, lexicon, pictures, words
from catenary.reports.data import CropImage, ReportFinding
from catenary.reports.lexicon import Words
from catenary.rules import catalogue, long_wires

RIGHT, FALSE, MISSED = "right", "false alarm", "missed"
PICTURE_PX = (560, 420)
_MARGIN = 0.25  # around the part, as a share of its longer side
_STRETCH_PX = 160.0  # of sound wires
_OF_A_KIND = 2  # examples of one condition, so that several are shown


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One judged part beside what is true of it.

    Attributes:
        name: Of its picture, unique among the examples.
        outcome: `RIGHT`, `FALSE` or `MISSED`.
        truth: Condition in the labels; empty where no part is labelled.
        finding: What was said.
        image: Labelled photograph.
        pixels: (height, width) uint8, the part and its surroundings.
        origin: Frame column and row of the first pixel.
        is_of_rule: A rule said so alone, and its score stands for the probability.
    """

    name: str
    outcome: str
    truth: str
    finding: Finding
    image: LabelledImage
    pixels: NDArray[np.uint8]
    origin: tuple[int, int]
    is_of_rule: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Examples of the whole product, and what they were chosen from.

    Attributes:
        examples: Right ones, then false ones.
        counts: Findings of each outcome, kind of part and condition.
    """

    examples: tuple[Example, ...]
    counts: Mapping[tuple[str, str, str], int]


def of_rules(
    paths: Sequence[Path], judge: Judge, progress: Callable[[int, int], None]
) -> list[Example]:
    """Return each rule's surest right case and false alarm, and its worst miss where one lacks.

    Each part is cut out by its true box, so the detector has no say. Rules of whole photographs are
    told the true boxes too; what they do not suppose is no example of theirs.

    Args:
        paths: COCO label files.
        judge: Its rules, taxonomy and versions are used.
        progress: Called with photographs done and photographs in all.

    Raises:
        ConfigError: If labels are not valid or an image is missing.
    """
    best: dict[tuple[str, str], tuple[float, Example]] = {}
    for image, pixels in _photographs(paths, progress):
        said = (*_on_parts(judge, pixels, image), *_on_frames(judge, pixels, image))
        for part, truth, evidence in said:
            outcome = _outcome(evidence, truth)
            if not outcome or evidence.score is None:
                continue
            rule = evidence.source.partition("/")[0]
            worth = -evidence.score if outcome == MISSED else evidence.score
            if worth > best.get((rule, outcome), (-2.0, None))[0]:
                found = _found(judge, image, part, evidence)
                name = f"{rule}-{outcome.partition(' ')[0]}"
                example = _example(outcome, truth, found, image, pixels)
                best[rule, outcome] = (worth, replace(example, name=name, is_of_rule=True))
    return [
        one
        for (rule, outcome), (_, one) in sorted(best.items())
        if outcome != MISSED or not {(rule, RIGHT), (rule, FALSE)} <= best.keys()
    ]


def of_product(
    paths: Sequence[Path], judge: Judge, each: int, progress: Callable[[int, int], None]
) -> Chosen:
    """Choose the surest right findings and the surest false alarms, at most two of a condition.

    Args:
        paths: COCO label files.
        judge: As in a scan.
        each: How many right and how many false ones at most.
        progress: Called with photographs done and photographs in all.

    Raises:
        ConfigError: If labels are not valid or an image is missing.
    """
    found: dict[str, list[tuple[float, Example]]] = {RIGHT: [], FALSE: []}
    for image, pixels in _photographs(paths, progress):
        judgement = judge(Frame(image.ref, pixels))
        raised = {
            Raised(
                one.component.kind, one.condition, one.component.box, one.probability or 0.0
            ): one
            for one in judgement.findings
            if one.verdict is Verdict.DEFECT
        }
        paired = pair(list(raised), image.labels)
        told = [(one, RIGHT, label.condition) for one, label in paired.hits]
        told += [(one, FALSE, _truth_at(one, image.labels)) for one in paired.false]
        for one, outcome, truth in told:
            example = _example(outcome, truth, raised[one], image, pixels)
            found[outcome].append((one.score, example))
    chosen: list[Example] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    for outcome, examples in found.items():
        kept: list[Example] = []
        for _, example in sorted(examples, key=lambda item: -item[0]):
            kind = (outcome, example.finding.component.kind, example.finding.condition)
            counts[kind] += 1
            if len(kept) < each and counts[kind] <= _OF_A_KIND:
                name = f"{outcome.partition(' ')[0]}-{len(kept) + 1}"
                kept.append(replace(example, name=name))
        chosen += kept
    return Chosen(tuple(chosen), counts)


def told_counts(counts: Mapping[tuple[str, str, str], int], taxonomy: Taxonomy) -> Iterator[str]:
    """Yield a sentence for each outcome: how many findings of which conditions there were."""
    for outcome in (RIGHT, FALSE):
        of_it = [(count, kind) for (said, *kind), count in counts.items() if said == outcome]
        named = [
            f"{told.component_en} {told.condition_en} {count}"
            for count, kind in sorted(of_it, key=lambda item: (-item[0], item[1]))
            for told in [words.names(taxonomy, *kind)]
        ]
        yield f"{outcome}: {sum(count for count, _ in of_it)} ({', '.join(named) or 'none'})"


def write(examples: Sequence[Example], folder: Path, taxonomy: Taxonomy) -> Iterator[str]:
    """Write a picture of each example, and yield a Markdown table with what is said of it.

    Args:
        examples: As found.
        folder: For the pictures, JPEG; made when missing.
        taxonomy: Names of parts and conditions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    yield "| | picture (as it is, and with what was seen) | what the reviewer is told |"
    yield "|---|---|---|"
    for one in examples:
        (folder / f"{one.name}.jpg").write_bytes(_picture(one, taxonomy))
        truth = f"true: {one.truth}" if one.truth else "no part is there"
        picture = f"![{one.name}]({folder.name}/{one.name}.jpg)"
        told = "<br>".join(_told(one, taxonomy)).replace("|", "/")
        yield f"| {one.name}: {one.outcome}, {truth} | {picture} | {told} |"


def put(lines: Sequence[str], page: Path, mark: str) -> None:
    """Replace what stands between ``<!-- MARK -->`` and ``<!-- /MARK -->`` of a page.

    Args:
        lines: To stand there.
        page: Markdown, UTF-8; replaced whole or not at all.
        mark: Name of the place.

    Raises:
        ConfigError: If the page cannot be read, or has not this place exactly once.
        StoreError: If it cannot be written.
    """
    first, last = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    try:
        text = page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the page {page}: {error}") from error
    before, found, rest = text.partition(f"{first}\n")
    _, ends, after = rest.partition(f"{last}\n")
    if not (found and ends) or first in rest or last in after:
        raise ConfigError(f"{page} needs one line {first} and after it one line {last}")
    with atomic.replaced(page) as partial:
        content = "\n".join([before + first, *lines, last]) + "\n" + after
        partial.write_text(content, encoding="utf-8")


def _told(one: Example, taxonomy: Taxonomy) -> Iterator[str]:
    """Yield the sentence of a finding; of a rule alone, which gives no probability, its numbers."""
    if not one.is_of_rule:
        yield from _with_legend(words.why(one.finding, taxonomy), one)
        return
    for evidence in one.finding.evidence:
        score = f"{lexicon.SCORE.both()} {evidence.score:.2f}"
        if evidence.verdict is Verdict.DEFECT:
            told = lexicon.STOP.filled(rest=words.seen(evidence))
            yield from _with_legend(Words(told.zh, told.en[:1].upper() + told.en[1:]), one)
            yield score
        else:
            yield f"{words.source(evidence).both()}: {score}"
        for number in evidence.measurements:
            said = words.shown(number, evidence.source)
            limit = f" ({said.limit.en})" if said.limit else ""
            yield f"{said.name.both()} {said.value.en}{limit}"


def _with_legend(sentence: Words, one: Example) -> tuple[str, str]:
    legend = words.legend(one.finding.evidence)
    return "".join([sentence.zh, *(each.zh for each in legend)]), " ".join(
        [sentence.en, *(each.en for each in legend)]
    )


def _photographs(
    paths: Sequence[Path], progress: Callable[[int, int], None]
) -> Iterator[tuple[LabelledImage, NDArray[np.uint8]]]:
    sets = [coco.read(path) for path in paths]
    total = sum(len(one.images) for one in sets)
    done = 0
    for labelled in sets:
        for image in labelled.images:
            path = labelled.root / image.ref.file_name
            try:
                yield image, decode_gray(path.read_bytes())
            except OSError as error:
                raise ConfigError(f"cannot read labelled image {path}: {error.strerror}") from error
            done += 1
            progress(done, total)


def _on_parts(
    judge: Judge, pixels: NDArray[np.uint8], image: LabelledImage
) -> Iterator[tuple[Component, str, Evidence]]:
    """Yield what the rules say of each labelled part, with its true condition."""
    for label in image.labels:
        if label.component not in judge.rules:
            continue
        for box in judged_boxes(label, image.labels, _STRETCH_PX):
            part = Component(label.component, box, 1.0)
            for evidence in _ruled(judge, pixels, part):
                yield part, label.condition, evidence


def judged_boxes(label: Label, labels: Sequence[Label], stretch_px: float) -> list[Box]:
    """Return the boxes in which the rules judge a labelled part, none where it does not count.

    A sound wire is judged in stretches along its line that touch no damage.

    Args:
        label: Of the part.
        labels: All of the photograph.
        stretch_px: Length of the stretches.
    """
    if label.component not in long_wires.KINDS or label.condition != NORMAL:
        return [label.box] if not label.is_ignored and label.is_evident else []
    damaged = [
        one.box.grown(stretch_px)
        for one in labels
        if one.component in long_wires.KINDS and one.condition != NORMAL
    ]
    return [
        whole
        for line in label.lines
        if line.role == "wire" and len(line.points) > 1
        for whole in long_wires.stretches(line, stretch_px, 0.0, 4.0)
        if max(whole.width, whole.height) >= stretch_px / 2
        and not any(whole.iou(other) > 0 for other in damaged)
    ]


def _on_frames(
    judge: Judge, pixels: NDArray[np.uint8], image: LabelledImage
) -> Iterator[tuple[Component, str, Evidence]]:
    """Yield what the rules of whole photographs suppose, with what is true there."""
    for kind, rule in judge.frame_rules.items():
        known = [one for one in image.labels if one.component != kind and not one.is_ignored]
        parts = [Component(one.component, one.box, 1.0) for one in known]
        for one in rule(pixels, parts):
            box = one.component.box
            there = [label for label in image.labels if label.component == kind]
            truth = next((label.condition for label in there if label.box.iou(box) > 0), NORMAL)
            yield one.component, truth, one.evidence


def _ruled(judge: Judge, pixels: NDArray[np.uint8], part: Component) -> Iterator[Evidence]:
    usual = CROP_MARGIN.get(part.kind, DEFAULT_MARGIN)
    crop = cut(pixels, part.box, catalogue.CROP_MARGIN.get(part.kind, usual))
    for rule in judge.rules.get(part.kind, ()):
        yield rule(crop).shifted(crop.x0, crop.y0)


def _outcome(evidence: Evidence, truth: str) -> str:
    """Return how a rule did; empty for what is no example."""
    if evidence.verdict is Verdict.DEFECT:
        right = truth == evidence.condition
        return RIGHT if right else FALSE if truth == NORMAL else ""
    return MISSED if evidence.verdict is Verdict.NORMAL and truth == evidence.condition else ""


def _found(judge: Judge, image: LabelledImage, part: Component, evidence: Evidence) -> Finding:
    """Return what a rule alone says in the form of a finding, with its score as probability."""
    is_defect = evidence.verdict is Verdict.DEFECT
    grade = judge.taxonomy.condition(part.kind, evidence.condition).grade if is_defect else None
    condition = evidence.condition if is_defect else NORMAL
    return Finding(
        image.ref.image_id,
        part,
        evidence.verdict,
        condition,
        evidence.score,
        grade,
        (evidence,),
        judge.versions,
    )


def _truth_at(raised: Raised, labels: Sequence[Label]) -> str:
    near = [one for one in labels if one.component == raised.component]
    best = max(near, key=lambda one: one.box.iou(raised.box), default=None)
    return best.condition if best is not None and best.box.iou(raised.box) > 0 else ""


def _example(
    outcome: str, truth: str, finding: Finding, image: LabelledImage, pixels: NDArray[np.uint8]
) -> Example:
    """Return an example that has no name yet."""
    crop = cut(pixels, finding.component.box, _MARGIN)
    return Example("", outcome, truth, finding, image, crop.pixels.copy(), (crop.x0, crop.y0))


def _picture(one: Example, taxonomy: Taxonomy) -> bytes:
    names = words.names(taxonomy, one.finding.component.kind, one.finding.condition)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crop.png"
        cv2.imwrite(str(path), one.pixels)
        shown = ReportFinding(one.image.ref, one.finding, names, CropImage(path, *one.origin))
        picture = pictures.load_drawn(shown, *PICTURE_PX)
    if picture is None:
        raise ValueError(f"the picture of {one.name} cannot be drawn")
    return picture.content
