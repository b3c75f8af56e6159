"""Component kinds and their conditions: the editable 缺陷定级字典 as values.

The file itself is read and checked by `catenary.config`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """The four-step scale that metro contracts use beside the two grades."""

    CRITICAL = "critical"
    SERIOUS = "serious"
    NORMAL = "normal"
    MINOR = "minor"


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a component kind can be defective.

    Attributes:
        id: Snake-case id, unique within its component.
        zh: Chinese name.
        en: English name.
        grade: 1 = 一级 at once, 2 = 二级 plan, 3 = observe.
        severity: The same on the four-step scale.
    """

    id: str
    zh: str
    en: str
    grade: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class ComponentKind:
    """One kind of part, with its conditions in file order."""

    id: str
    zh: str
    en: str
    conditions: Mapping[str, Condition]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All component kinds of one dictionary version."""

    version: str
    components: Mapping[str, ComponentKind]

    def condition(self, component: str, condition: str) -> Condition:
        """Return one condition.

        Raises:
            LookupError: If the taxonomy does not hold the pair.
        """
        kind = self.components.get(component)
        if kind is None or condition not in kind.conditions:
            known = ", ".join(kind.conditions) if kind else ", ".join(self.components)
            raise LookupError(
                f"taxonomy {self.version} has no {component}.{condition}; it has: {known}"
            )
        return kind.conditions[condition]
