"""What requests may ask: filters and decisions, checked at the border."""

from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.review import Decision, Role, State, Wish
from catenary.jobs.reviewing.accounts import LONGEST, SHORTEST
from catenary.store.queue import Order
from catenary.store.review_items import Wanted
from catenary.store.reviews import Ask

_ROW = 2**31 - 1  # greatest number of a row that every database has
Row = Annotated[int, Field(ge=0, le=_ROW)]
Short = Annotated[str, StringConstraints(max_length=200)]
Note = Annotated[str, StringConstraints(max_length=2000, strip_whitespace=True)]
Pixel = Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)]
_MOST = 200  # values of one filter


class Asked(BaseModel):
    """Base of everything that is asked: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Password = Annotated[str, StringConstraints(min_length=SHORTEST, max_length=LONGEST)]


class AccountAsked(Asked):
    """A new account."""

    name: Short
    role: Role
    password: Password


class MoveAsked(Asked):
    """Photographs of one run, and the mast that is to have them.

    Attributes:
        to_mast: Number, or name in full; null where they show no mast.
    """

    frames: Annotated[tuple[Row, ...], Field(min_length=1, max_length=_MOST)]
    to_mast: Annotated[Short, Field(min_length=1)] | None
    why: Annotated[Note, Field(min_length=1)]


class RoleAsked(Asked):
    """Another role, and the one that was on the screen."""

    role: Role
    was: Role


class PasswordAsked(Asked):
    """Another password for somebody."""

    password: Password


class OwnPasswordAsked(Asked):
    """Another password for oneself."""

    old: Annotated[str, StringConstraints(max_length=LONGEST)]
    new: Password


class Filters(Asked):
    """Which items are wanted; an empty list means any."""

    run: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    line: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    section: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    mast: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    camera: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    view: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    component: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    condition: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    grade: tuple[Annotated[int, Field(ge=1, le=3)], ...] = Field(default=(), max_length=3)
    state: tuple[State, ...] = Field(default=(), max_length=_MOST)
    verdict: tuple[Verdict, ...] = Field(default=(), max_length=_MOST)
    reviewer: tuple[Short, ...] = Field(default=(), max_length=_MOST)
    km_from: Annotated[float, Field(ge=0, le=1e8, allow_inf_nan=False)] | None = None
    km_to: Annotated[float, Field(ge=0, le=1e8, allow_inf_nan=False)] | None = None

    def wanted(self) -> Wanted:
        """Return the filter as the store takes it."""
        return Wanted(**{name: getattr(self, name) for name in Filters.model_fields})


class ListAsked(Filters):
    """A page of the list."""

    order: Order = Order.RISK
    cursor: Annotated[str, StringConstraints(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


FiltersQuery = Annotated[Filters, Query()]
ListQuery = Annotated[ListAsked, Query()]


class PicturesAsked(Asked):
    """How the pictures of a contact sheet are wanted."""

    max_side: Annotated[int, Field(ge=1, le=1024)]
    brighten: bool = True


class LeaseAsked(Asked):
    """What somebody wants to decide next."""

    filters: Filters = Filters()
    n: Annotated[int, Field(ge=0, le=60)] = 1
    keep: tuple[Row, ...] = Field(default=(), max_length=_MOST)
    release: tuple[Row, ...] = Field(default=(), max_length=_MOST)
    order: Order = Order.RISK
    brief: bool = False
    pictures: PicturesAsked | None = None


class DecisionAsked(Asked):
    """A decision on an item as it was seen."""

    decision: Decision
    version: Row
    condition: Annotated[str, StringConstraints(max_length=50)] | None = None
    grade: Annotated[int, Field(ge=1, le=3)] | None = None
    box: tuple[Pixel, Pixel, Pixel, Pixel] | None = None
    note: Note = ""

    @model_validator(mode="after")
    def _box_is_one(self) -> Self:
        if self.box is not None:
            Box(*self.box)  # raises ValueError
        return self

    def ask(self, item_id: int) -> Ask:
        """Return the decision as the store takes it."""
        box = None if self.box is None else Box(*self.box)
        wish = Wish(self.decision, self.condition, self.grade, box, self.note)
        return Ask(item_id, self.version, wish)


class ItemDecisionAsked(DecisionAsked):
    """One of many decisions."""

    item: Row


class DecisionsAsked(Asked):
    """Many decisions at once, all or none."""

    decisions: tuple[ItemDecisionAsked, ...] = Field(min_length=1, max_length=200)


class ReportAsked(Asked):
    """A report of a run, of all that stands or of what a filter lets pass."""

    run_id: Row
    format: Literal["html", "xlsx", "csv", "coco", "docx", "pdf"]
    decided: bool | None = None
    filters: Filters = Filters()


class UndoAsked(Asked):
    """An undo of an item as it was seen."""

    version: Row


class ItemUndoAsked(UndoAsked):
    """One of many undos."""

    item: Row


class UndosAsked(Asked):
    """Many undos at once, all or none."""

    items: tuple[ItemUndoAsked, ...] = Field(min_length=1, max_length=200)


class DrawAsked(Asked):
    """A defect that the scan missed."""

    component: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    condition: Annotated[str, StringConstraints(min_length=1, max_length=50)]
    grade: Annotated[int, Field(ge=1, le=3)] | None = None
    box: tuple[Pixel, Pixel, Pixel, Pixel]
    note: Note = ""

    @model_validator(mode="after")
    def _box_is_one(self) -> Self:
        Box(*self.box)  # raises ValueError
        return self
