"""What a model said of a labelled set, kept so that figures need no second scan.

Every located part is there, also those far under the threshold: a threshold can be moved later.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter, ValidationError

from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome

FORM = "catenary-predictions/1"  # raised when files of the old form can no longer be read
NOT_JUDGED = "not_judged"  # verdict of parts of kinds that nobody judges
DEFAULT_THRESHOLD = 0.5  # of components that the bundle has no threshold for
_SHOWN_MISTAKES = 20
_STRICT = ConfigDict(extra="forbid")


class DataKind(StrEnum):
    """What kind of photographs figures rest on; kinds are never mixed in one figure."""

    SIMULATED = "simulated"
    SEMI_REAL = "semi-real"  # defects injected into real photographs
    REAL = "real"
    UNSTATED = "not stated"


def _box(value: object) -> object:
    if not isinstance(value, list | tuple) or len(value) != 4:
        return value
    return Box(*value)


def _corners(box: Box) -> list[float]:
    return [box.x0, box.y0, box.x1, box.y1]


@dataclass(frozen=True, slots=True)
class Part:
    """One located part.

    Attributes:
        component: Component id.
        box: Full-frame pixels; in the file ``[x0, y0, x1, y1]``.
        score: Detector score in [0, 1].
        verdict: At the bundle's thresholds: ``normal``, ``defect``, ``cannot_judge``, or
            ``not_judged`` where nobody judges this kind.
        condition: What it is or would be raised as; empty when it has no probability.
        probability: Calibrated, of a defect, in [0, 1], also under the threshold; None when no
            source could judge.
    """

    __pydantic_config__ = _STRICT
    component: str
    box: Annotated[Box, BeforeValidator(_box), PlainSerializer(_corners)]
    score: float
    verdict: str
    condition: str = ""
    probability: float | None = None

    def __post_init__(self) -> None:
        """Refuse scores outside [0, 1] and a probability of nothing in particular."""
        for name, value in (("score", self.score), ("probability", self.probability)):
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {value}")
        if (self.probability is None) != (not self.condition):
            raise ValueError(f"a condition goes with a probability, got {self.condition!r}")


@dataclass(frozen=True, slots=True)
class PredictedImage:
    """What was said of one photograph.

    Attributes:
        image_id: As in the labels.
        file_name: As in the labels.
        outcome: What became of it.
        parts: Every located part.
    """

    __pydantic_config__ = _STRICT
    image_id: str
    file_name: str
    outcome: Outcome
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one model said of a labelled set.

    Attributes:
        model: Bundle name and hash prefix.
        rules: Version of the rule limits.
        taxonomy: Version of the taxonomy.
        data_kind: What kind of photographs it was.
        thresholds: By component, the probability from which the bundle raises it.
        images: In the order of the labels.
        promised: By ``"component.condition"``, the probability from which the bundle's
            calibration promises a bound on misses; see `catenary.evaluation.guarantee`.
        form: Form of the file.
    """

    __pydantic_config__ = _STRICT
    model: str
    rules: str
    taxonomy: str
    data_kind: DataKind
    thresholds: Mapping[str, float]
    images: tuple[PredictedImage, ...]
    promised: Mapping[str, float] = field(default_factory=dict)
    form: str = FORM

    def __post_init__(self) -> None:
        """Refuse another form of file and two answers on one photograph."""
        if self.form != FORM:
            raise ValueError(f"form is {self.form!r}, this catenary reads {FORM!r}")
        if len({one.image_id for one in self.images}) != len(self.images):
            raise ValueError("an image_id stands twice")


_ADAPTER = TypeAdapter(Predictions)  # slow to build


def dumps(predictions: Predictions) -> bytes:
    """Return the JSON text; `loads` gives back equal predictions, to the last bit."""
    return _ADAPTER.dump_json(predictions)


def loads(text: bytes, place: str) -> Predictions:
    """Read what `dumps` wrote.

    Args:
        text: JSON.
        place: File name for the error.

    Raises:
        ConfigError: With every mistake (the first 20).
    """
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        mistakes = [
            f"  {'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()
        ]
        more = len(mistakes) - _SHOWN_MISTAKES
        tail = [f"  and {more} more"] if more > 0 else []
        shown = "\n".join([*mistakes[:_SHOWN_MISTAKES], *tail])
        raise ConfigError(f"{place} is not a predictions file:\n{shown}") from error
