"""Names of others to components of the taxonomy and back; mistakes are told all at once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from catenary.datasets.labels import Label, LabelledImage, LabelledSet
from catenary.domain.errors import ConfigError
from catenary.domain.finding import NORMAL
from catenary.domain.taxonomy import Taxonomy

IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name of others means.

    Attributes:
        component: Taxonomy component id, or ``"ignore"``: such labels are dropped and counted.
        condition: Taxonomy condition, or ``"normal"``; None when the name does not tell.
    """

    component: str
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class ClassMap:
    """The content of a class map file.

    Attributes:
        classes: Name of others to its meaning, in the order that numbers them. Of several names
            with one meaning the first is the one that is written.
    """

    classes: Mapping[str, Meaning]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A set with other names.

    Attributes:
        labelled: The set.
        dropped: Labels left out because their name is mapped to ``ignore``, by name.
    """

    labelled: LabelledSet
    dropped: Mapping[str, int]


def parse(content: object, taxonomy: Taxonomy, name: str) -> ClassMap:
    """Return a class map from the content of its file.

    Args:
        content: ``classes:`` with entries ``name: component``, ``name: component.condition``
            or ``name: ignore``.
        taxonomy: Knows the components and conditions.
        name: Of the file, for messages.

    Raises:
        ConfigError: With every mistake.
    """
    rows = content.get("classes") if isinstance(content, dict) else None
    if not isinstance(rows, dict) or not isinstance(content, dict) or not rows:
        raise ConfigError(f"{name} is not a class map: it needs `classes:` with names below")
    mistakes = [f"  {key}: unknown key" for key in content if key != "classes"]
    classes = {}
    for theirs, ours in rows.items():
        try:
            classes[str(theirs)] = _meaning(ours, taxonomy)
        except LookupError as error:
            mistakes.append(f"  {theirs}: {error.args[0]}")
    if mistakes:
        raise ConfigError("\n".join([f"{name} is not a valid class map:", *mistakes]))
    return ClassMap(classes)


def _meaning(ours: object, taxonomy: Taxonomy) -> Meaning:
    component, _, condition = str(ours).partition(".")
    if ours == IGNORE:
        return Meaning(IGNORE)
    if component not in taxonomy.components:
        known = ", ".join(taxonomy.components)
        raise LookupError(f"no component {component!r}; the taxonomy has: {known}")
    if condition and condition != NORMAL:
        taxonomy.condition(component, condition)
    return Meaning(component, condition or None)


def to_ours(labelled: LabelledSet, classes: ClassMap | None, taxonomy: Taxonomy) -> Mapped:
    """Return the set with the components of the taxonomy.

    A name that the map lacks stands for itself when it is a component. A condition that the
    label tells is kept where the name tells none.

    Raises:
        ConfigError: Listing with counts the names that mean nothing, the conditions that the
            taxonomy lacks, and the labels whose name and attribute disagree.
    """
    known = classes.classes if classes else {}
    told = _Told()
    images = []
    for image in labelled.images:
        labels = []
        for label in image.labels:
            if meaning := _meant(label.component, known, taxonomy, told):
                labels.append(_ours(label, meaning, taxonomy, told.mistakes))
        rejections = []
        for refused in image.rejections:
            if meaning := _meant(refused.component, known, taxonomy, told):
                rejections.append(replace(refused, component=meaning.component))
        images.append(replace(image, labels=tuple(labels), rejections=tuple(rejections)))
    if told.mistakes:
        rows = [f"  {what} ({count} labels)" for what, count in told.mistakes.most_common()]
        remedy = f"name them under `classes:` of a class map, or map them to `{IGNORE}`"
        raise ConfigError("\n".join(["labels that mean nothing here:", *rows, remedy]))
    return Mapped(LabelledSet(labelled.root, tuple(images)), told.dropped)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is wrong and what is left out, counted while names are turned into ours."""

    mistakes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


def _meant(
    name: str, known: Mapping[str, Meaning], taxonomy: Taxonomy, told: _Told
) -> Meaning | None:
    """Return what a name means; None, and a note, when nothing or to be ignored."""
    meaning = known.get(name, Meaning(name) if name in taxonomy.components else None)
    if meaning is None:
        told.mistakes[f"{name}: not in the class map and no component"] += 1
    elif meaning.component == IGNORE:
        told.dropped[name] += 1
        return None
    return meaning


def _ours(label: Label, meaning: Meaning, taxonomy: Taxonomy, mistakes: Counter[str]) -> Label:
    condition = label.condition if meaning.condition is None else meaning.condition
    if label.condition not in (NORMAL, condition):
        mistakes[f"{label.component}: its name says {condition}, the label {label.condition}"] += 1
    elif condition != NORMAL and condition not in taxonomy.components[meaning.component].conditions:
        mistakes[f"{label.component}: {meaning.component} has no condition {condition}"] += 1
    return replace(label, component=meaning.component, condition=condition)


def refuse_unknown(labelled: LabelledSet, taxonomy: Taxonomy, path: Path) -> None:
    """Refuse labels that no network can learn and no figure counts, e.g. of a name misspelt.

    Args:
        labelled: The set, with the names of its file.
        taxonomy: Knows the components and conditions.
        path: Its file, for the message.

    Raises:
        ConfigError: Listing with counts the components and conditions that the taxonomy lacks.
    """
    rejected = [(one.component, NORMAL) for image in labelled.images for one in image.rejections]
    told = Counter(rejected)
    told.update((one.component, one.condition) for image in labelled.images for one in image.labels)
    mistakes = [
        f"  {mistake} ({count} labels)"
        for pair, count in told.most_common()
        if (mistake := _unknown(*pair, taxonomy))
    ]
    if mistakes:
        remedy = "mend the names, or give them ours with catenary data convert --classes MAP.yaml"
        raise ConfigError("\n".join([f"{path}: labels that mean nothing here:", *mistakes, remedy]))


def _unknown(component: str, condition: str, taxonomy: Taxonomy) -> str:
    """Return what the taxonomy lacks of a label's names; nothing when it has both."""
    kind = taxonomy.components.get(component)
    if kind is None:
        return f"{component} is no component; there are: {', '.join(taxonomy.components)}"
    if condition != NORMAL and condition not in kind.conditions:
        known = ", ".join((NORMAL, *kind.conditions))
        return f"{component} has no condition {condition}; it has: {known}"
    return ""


def to_theirs(labelled: LabelledSet, classes: ClassMap | None) -> LabelledSet:
    """Return the set with the names of the map; what it lacks keeps its component id.

    A condition that the name tells is no longer told by the label, so that what is left there
    is what the format still has to hold.
    """
    back: dict[tuple[str, str | None], str] = {}
    for name, meaning in (classes.classes if classes else {}).items():
        back.setdefault((meaning.component, meaning.condition), name)
    return LabelledSet(
        labelled.root,
        tuple(
            replace(image, labels=tuple(_theirs(label, back) for label in image.labels))
            for image in labelled.images
        ),
    )


def _theirs(label: Label, back: Mapping[tuple[str, str | None], str]) -> Label:
    exact = back.get((label.component, label.condition))
    if exact is not None:
        return replace(label, component=exact, condition=NORMAL)
    return replace(label, component=back.get((label.component, None), label.component))


def names_in_order(labelled: LabelledSet, classes: ClassMap | None) -> tuple[str, ...]:
    """Return the names to number: those of the map in its order, then the others by name.

    With one map the numbers are the same for every set, whatever parts it holds.
    """
    names = [
        name
        for name, one in (classes.classes if classes else {}).items()
        if one.component != IGNORE
    ]
    present = {label.component for image in labelled.images for label in image.labels}
    return (*names, *sorted(present - set(names)))


def components(images: tuple[LabelledImage, ...]) -> Counter[str]:
    """Return how many labels have each component name."""
    return Counter(label.component for image in images for label in image.labels)
