"""Put defects into crops of real, normal parts: which can be made, and by what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from catenary.imaging.crops import Crop
from catenary.simulation import inject_bolt, inject_dropper, inject_insulator, inject_split_pin
from catenary.simulation.retouch import Grey, Mask


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """A changed crop.

    Attributes:
        pixels: (H, W) of the crop.
        mask: (H, W), where it was changed.
        method: What was done, with its version.
        severity: In [0, 1]; 1 for what is there or not, 0 for a control.
    """

    pixels: Grey
    mask: Mask
    method: str
    severity: float


# Crop, severity in [0, 1], chance -> changed crop, or in words why this part does not serve.
Method = Callable[[Crop, float, np.random.Generator], Grey | str]

CONTROL = "control"  # the same edit, ending as it began
METHODS: Mapping[str, Mapping[str, Method]] = MappingProxyType(
    {
        "dropper": {
            "broken": inject_dropper.broken,
            "slack": inject_dropper.slack,
            "missing": inject_dropper.missing,
            "strand_broken": inject_dropper.strand_broken,
            CONTROL: inject_dropper.control,
        },
        "insulator": {
            "shed_missing": inject_insulator.shed_missing,
            "shed_broken": inject_insulator.shed_broken,
            "flashover": inject_insulator.flashover,
            "contaminated": inject_insulator.contaminated,
            CONTROL: inject_insulator.control,
        },
        "split_pin": {
            "missing": inject_split_pin.missing,
            "loose": inject_split_pin.loose,
            CONTROL: inject_split_pin.control,
        },
        "bolt": {
            "nut_missing": inject_bolt.nut_missing,
            CONTROL: inject_bolt.control,
        },
    }
)
_VERSION = 3  # of all methods; raised when the same seed gives other pixels
_WHOLE = frozenset(  # have no degree
    {
        ("dropper", "missing"),
        ("insulator", "shed_missing"),
        ("split_pin", "missing"),
        ("bolt", "nut_missing"),
    }
)


def _rates() -> dict[str, dict[str, float]]:
    return {
        kind: {name: 1.0 for name in methods if name != CONTROL}
        for kind, methods in METHODS.items()
    }


@dataclass(frozen=True, slots=True)
class InjectionSettings:
    """What is put into a labelled set of normal parts.

    Attributes:
        seed: Decides everything.
        per_part: Defects made of each normal part, and as many controls.
        rates: Component id to conditions with their weights; components left out stay as they
            are.
        severity: Least and greatest, in [0, 1].
        margin: Around a part, as a share of its longer side, in which ends may hang.
    """

    seed: int = 1
    per_part: int = 1
    rates: Mapping[str, Mapping[str, float]] = field(default_factory=_rates)
    severity: tuple[float, float] = (0.1, 1.0)
    margin: float = 0.35

    def __post_init__(self) -> None:
        """Refuse impossible settings, naming every mistake."""
        low, high = self.severity
        checks = [
            (self.seed >= 0 and self.per_part >= 1, "seed at least 0, per_part at least 1"),
            (0 <= low <= high <= 1, f"severity must rise within [0, 1], got {low}, {high}"),
            (0 <= self.margin <= 4, f"margin must be in [0, 4], got {self.margin}"),
            (bool(self.rates), "rates needs at least one component"),
        ]
        for kind, rates in self.rates.items():
            made = sorted(set(METHODS.get(kind, {})) - {CONTROL})
            unknown = ", ".join(sorted(set(rates) - set(made)))
            known = ", ".join(made) or "nothing"
            checks += [
                (not unknown, f"rates.{kind}: cannot make {unknown}; can make: {known}"),
                (
                    bool(rates) and min(rates.values()) >= 0 and sum(rates.values()) > 0,
                    f"rates.{kind}: weights at least 0, one above it",
                ),
            ]
        if mistakes := [words for is_right, words in checks if not is_right]:
            raise ValueError("; ".join(mistakes))


def inject(
    crop: Crop, component: str, condition: str, severity: float, random: np.random.Generator
) -> Edit | str:
    """Make a defect in a crop of a normal part.

    Args:
        crop: The part with a margin that leaves room for hanging ends.
        component: Taxonomy id.
        condition: Taxonomy id, or `CONTROL`.
        severity: In [0, 1].
        random: Decides place and shape.

    Returns:
        The changed crop, or why this part does not serve.

    Raises:
        ValueError: If no method makes this condition.
    """
    method = METHODS.get(component, {}).get(condition)
    if method is None:
        raise ValueError(f"no method makes {component} {condition}")
    changed = method(crop, severity, random)
    if isinstance(changed, str):
        return changed
    mask = changed != crop.pixels
    if not mask.any():
        return "the edit changed nothing"
    shown = 1.0 if (component, condition) in _WHOLE else severity
    shown = 0.0 if condition == CONTROL else shown
    return Edit(changed, mask, f"{component}_{condition}/{_VERSION}", shown)
