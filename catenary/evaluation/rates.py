"""Detection and false-alarm rates of a scan over a labelled set, as design.md defines them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catenary.datasets.labels import Label
from catenary.evaluation.intervals import Share
from catenary.evaluation.matching import Pairing, Raised, pair

JUST_ABOVE = 1e-6  # a threshold stands so much above the first false finding it must keep out


@dataclass(frozen=True, slots=True)
class Rates:
    """How well defects were raised.

    Attributes:
        threshold: Score from which findings count.
        images: Photographs compared.
        detection: Physical defects hit in any view, of all defects, over all components.
        by_condition: The same for each ``"component.condition"``.
        false_alarms: False findings of all findings.
        false_per_image: False findings over photographs.
        raised_images: Photographs with any finding, of all (提报率).
    """

    threshold: float
    images: int
    detection: Share
    by_condition: Mapping[str, Share]
    false_alarms: Share
    false_per_image: float
    raised_images: Share


Scene = tuple[Sequence[Raised], Sequence[Label]]


def rates(scenes: Sequence[Scene], threshold: float) -> Rates:
    """Compare findings with labels.

    Args:
        scenes: Findings and labels of each photograph.
        threshold: Findings with a lower score are left out.

    Returns:
        Counts and shares. The same part in several views is one defect (`Label.part_id`).
    """
    pairings = [
        pair([one for one in raised if one.score >= threshold], labels) for raised, labels in scenes
    ]
    return rates_of(pairings, threshold)


def rates_of(pairings: Sequence[Pairing], threshold: float) -> Rates:
    """Return the rates of photographs that are paired already; see `rates`."""
    defects = defects_found(pairings)
    conditions = sorted({condition for condition, _ in defects.values()})
    found = [is_hit for _, is_hit in defects.values()]
    false = sum(len(one.false) for one in pairings)
    alarms = false + sum(len(one.hits) for one in pairings)
    raised_images = sum(bool(one.false or one.hits or one.excused) for one in pairings)
    return Rates(
        threshold,
        len(pairings),
        Share(sum(found), len(found)),
        {name: _share(defects, name) for name in conditions},
        Share(false, alarms),
        false / max(len(pairings), 1),
        Share(raised_images, len(pairings)),
    )


def threshold_at(scenes: Sequence[Scene], component: str, false_per_image: float) -> float:
    """Return the lowest threshold that keeps one component within an alarm budget.

    Args:
        scenes: Findings and labels of calibration photographs, never of the test set.
        component: Component id.
        false_per_image: Budget of false findings a photograph.
    """
    of_kind = [
        (
            [one for one in raised if one.component == component],
            [one for one in labels if one.component == component],
        )
        for raised, labels in scenes
    ]
    return threshold_of_all(of_kind, false_per_image)


def threshold_of_all(scenes: Sequence[Scene], false_per_image: float) -> float:
    """Return the lowest threshold, one for all components, that keeps them within a budget.

    Args:
        scenes: As of `threshold_at`.
        false_per_image: Budget of false findings a photograph, all components together.
    """
    false = sorted((one.score for scene in scenes for one in pair(*scene).false), reverse=True)
    allowed = int(false_per_image * len(scenes))
    return false[allowed] + JUST_ABOVE if allowed < len(false) else 0.0


def defects_found(pairings: Sequence[Pairing]) -> dict[str, tuple[str, bool]]:
    """Return for each physical defect its condition and whether any view hit it."""
    parts: dict[str, tuple[str, bool]] = {}
    for index, pairing in enumerate(pairings):
        rows = [(label, True) for _, label in pairing.hits]
        rows += [(label, False) for label in pairing.missed]
        for number, (label, is_hit) in enumerate(rows):
            key = label.part_id or f"{index}/{number}"
            name = f"{label.component}.{label.condition}"
            was_hit = key in parts and parts[key][1]
            parts[key] = (name, was_hit or is_hit)
    return parts


def _share(defects: Mapping[str, tuple[str, bool]], condition: str) -> Share:
    found = [is_hit for name, is_hit in defects.values() if name == condition]
    return Share(sum(found), len(found))
