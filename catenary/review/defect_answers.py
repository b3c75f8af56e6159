"""What the server says of defects in the closed loop; docs/review.md is the same for people."""

from catenary.domain.defect_loop import Conclusion, Field, Found, LoopState, Step
from catenary.domain.review import Role
from catenary.review.answers import Answer, BoxOut, Facet, Item, Label, Mast, Text, Time, Words


class AllowedStep(Answer):
    """A step that this user may make now."""

    step: Step
    label: Words
    needs: list[Field]
    may_have: list[Field]


class Defect(Answer):
    """A confirmed part in the closed loop, as far as lists show it."""

    id: int
    version: int
    item_id: int
    run: Text
    run_id: int
    state: LoopState
    state_label: Words
    component: str
    condition: str
    grade: int
    mast: Mast | None
    kilometre_m: float | None
    kilometre: str
    frame_id: int
    camera: Text
    view: Text
    box: BoxOut
    registered_at: Time
    repair_by: Time
    reinspect_by: Time | None
    due: Time | None
    overdue: bool
    conclusion: Conclusion | None
    sightings: int
    suspected_of: int | None
    joined_to: int | None
    changed_at: Time
    changed_by: Text
    allowed: list[AllowedStep]


class LoopStanding(Answer):
    """What stood before or after a step."""

    state: LoopState
    condition: str
    grade: int
    repair_by: Time
    reinspect_by: Time | None
    conclusion: Conclusion | None
    suspected_of: int | None
    joined_to: int | None


class StepMade(Answer):
    """A step that was made."""

    id: int
    step: Step
    label: Words
    made_at: Time
    made_by: Text
    role: Role
    note: Text
    version: int
    before: LoopStanding | None
    after: LoopStanding
    other: int | None
    decision_id: int | None


class Sighting(Answer):
    """An item that shows a defect."""

    defect_id: int
    item: Item


class LaterRun(Answer):
    """What a later run shows at the place of a defect."""

    run: Text
    run_id: int
    date: str
    mast_id: int | None
    found: Found
    label: Words
    photographs: int
    items: list[Item]


class DefectDetail(Defect):
    """All that is known of a defect."""

    steps: list[StepMade]
    sightings_of: list[Sighting]
    suspects: list[Defect]
    later: list[LaterRun]
    conclusions: list[Label]


class DefectPage(Answer):
    """Some defects of a list."""

    defects: list[Defect]
    next: str | None
    total: int
    overdue: int


class DefectFilters(Answer):
    """Values that filters could take."""

    total: int
    overdue: int
    facets: dict[str, list[Facet]]


class OneDefect(Answer):
    """A defect after a step."""

    defect: DefectDetail
