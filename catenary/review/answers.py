"""What the server says: one frozen class an answer; docs/review.md is the same for people."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer

from catenary.domain.defect_loop import LoopState
from catenary.domain.finding import Verdict
from catenary.domain.image import Outcome
from catenary.domain.inherit import Inherited
from catenary.domain.review import Act, Decision, Origin, Role, Stage, State
from catenary.reports.wording import printable

Time = Annotated[
    datetime,
    PlainSerializer(lambda at: at.isoformat().replace("+00:00", "Z"), return_type=str),
]
Text = Annotated[str, AfterValidator(printable)]  # names of files may hold bytes that are no UTF-8
BoxOut = tuple[float, float, float, float]


class Answer(BaseModel):
    """Base of all answers: complete and unchangeable."""

    model_config = ConfigDict(frozen=True)


class Words(Answer):
    """The same in Chinese and English."""

    zh: str
    en: str


class User(Answer):
    """Who is there."""

    name: str
    role: Role


class Session(Answer):
    """Who is there, and what the page needs to know of the server."""

    user: User | None
    accounts: bool
    csrf_token: str
    can: list[str]
    must_change: bool
    break_after_minutes: float
    break_minutes: float
    lease_minutes: float
    version: str


class AccountOut(Answer):
    """An account, without its password."""

    id: int
    name: Text
    role: Role
    created_at: Time
    disabled_at: Time | None
    must_change: bool


class Accounts(Answer):
    """All accounts, oldest first."""

    accounts: list[AccountOut]
    shortest_password: int


class ChangedAccount(Answer):
    """An account as it is after a change."""

    account: AccountOut


class Failure(Answer):
    """Why a report could not be made."""

    code: str
    message: str


class ReportOut(Answer):
    """A report that somebody asked for."""

    id: str
    run: Text
    run_id: int
    format: str
    decided: bool | None
    selection: Words | None
    stage: str
    before: int
    made: int
    total: int
    asked_at: Time
    ended_at: Time | None
    file_name: str
    size: int
    sha256: str
    problem: Failure | None


class Reports(Answer):
    """The own reports, the newest first."""

    reports: list[ReportOut]


class MastName(Answer):
    """What names a support on the railway."""

    line: Text
    direction: str
    section: Text
    number: Text


class Mast(MastName):
    """A support; ``id`` is one of its photographs in this run."""

    id: int


class Item(Answer):
    """A physical part in the queue, as far as lists show it."""

    id: int
    version: int
    run: Text
    run_id: int
    origin: Origin
    state: State
    component: str
    condition: str
    grade: int | None
    verdict: Verdict
    probability: float | None
    box: BoxOut
    frame_id: int
    camera: Text
    view: Text
    file_name: Text
    frame_width: int
    frame_height: int
    mast: Mast | None
    kilometre_m: float | None
    kilometre: str
    views: int
    entered_at: Time
    reviewer: Text | None
    decided_at: Time | None
    note: Text
    held_by: Text | None
    merged_into: int | None
    allowed: list[Decision]
    can_undo: bool


class Crop(Answer):
    """Where a picture lies in its photograph, px."""

    x0: int
    y0: int
    width: int
    height: int


class Measurement(Answer):
    """A measurement in words."""

    name: Words
    value: Words
    limit: Words | None


class Line(Answer):
    """A line of the evidence to draw."""

    role: str
    label: Words
    colour: str
    points: list[tuple[float, float]]


class Evidence(Answer):
    """What one rule or network says."""

    source: str
    label: Words
    condition: str
    verdict: Verdict
    score: float | None
    reason: Words
    measurements: list[Measurement]
    lines: list[Line]


class View(Answer):
    """One photograph's opinion on a part."""

    frame_id: int
    camera: Text
    view: Text
    file_name: Text
    frame_width: int
    frame_height: int
    verdict: Verdict
    condition: str
    probability: float | None
    box: BoxOut
    crop: Crop
    leads: bool
    evidence: list[Evidence]


class Earlier(Answer):
    """The same mast by the same camera in an earlier run."""

    run: Text
    run_id: int
    date: str
    frame_id: int
    camera: Text
    frame_width: int
    frame_height: int
    box: BoxOut
    crop: Crop
    items: list[Item]


class Since(Answer):
    """What the latest comparison of runs says."""

    change: str
    label: Words
    earlier_run: Text


class Standing(Answer):
    """What stood before or after a decision."""

    state: State
    condition: str
    grade: int | None
    box: BoxOut
    reviewer: Text | None


class Made(Answer):
    """A decision that was made."""

    id: int
    made_at: Time
    made_by: Text
    role: Role
    stage: Stage
    decision: Act
    note: Text
    version: int
    before: Standing
    after: Standing
    undone: bool
    blind: bool
    model: str
    rules: str
    taxonomy: str


class Inheritance(Answer):
    """How a decision came to an item, or went from it, when a run was joined or scanned anew."""

    made_at: Time
    kind: Inherited
    label: Words
    item: int
    other: int | None
    from_part: str
    to_part: str


class Versions(Answer):
    """What an item was found with."""

    model: str
    rules: str
    taxonomy: str


class DefectLink(Answer):
    """Where a confirmed item stands in the closed loop."""

    id: int
    state: LoopState
    state_label: Words


class KnownDefect(DefectLink):
    """A defect of an earlier run that is not closed, and that an item may show again."""

    run: Text
    condition: str
    grade: int
    item: int
    registered_at: Time
    due: Time | None
    overdue: bool


class ItemDetail(Item):
    """All that a triage screen shows of an item."""

    defect: DefectLink | None
    known: list[KnownDefect]
    read_before: bool
    why: Words
    views_say: Words
    crop: Crop
    seen_in: list[View]
    earlier: list[Earlier]
    change: Since | None
    decisions: list[Made]
    inherited: list[Inheritance]
    versions: Versions


class ItemPage(Answer):
    """Some items of a list."""

    items: list[Item]
    next: str | None
    total: int


class Facet(Answer):
    """A value a filter could take."""

    value: str | int | None
    label: Words
    count: int


class Filters(Answer):
    """Values that filters could take."""

    total: int
    facets: dict[str, list[Facet]]
    kilometre_m: tuple[float, float] | None


class Leased(Answer):
    """What somebody got to decide."""

    items: list[ItemDetail]
    kept: list[int]
    waiting: int
    expires_at: Time
    pictures: dict[int, str]


class OneItem(Answer):
    """An item after a decision."""

    item: ItemDetail


class Items(Answer):
    """Items after decisions."""

    items: list[Item]


class Tiles(Answer):
    """How a photograph is cut into tiles."""

    size: int
    overlap: int
    min_level: int
    max_level: int


class ItemInFrame(Item):
    """An item and where it is in one photograph."""

    view_box: BoxOut


class ComponentInFrame(Answer):
    """A located part without a finding."""

    component: str
    box: BoxOut
    score: float
    verdict: Literal["normal", ""]
    probability: float | None


class FrameDetail(Answer):
    """A photograph with all that is known of it."""

    id: int
    run: Text
    run_id: int
    file_name: Text
    camera: Text
    view: Text
    mast: Mast | None
    kilometre_m: float | None
    kilometre: str
    taken_at: str | None
    width: int
    height: int
    outcome: Outcome | None
    reason: Words
    tiles: Tiles | None
    items: list[ItemInFrame]
    components: list[ComponentInFrame]
    previous: int | None
    next: int | None


class MastRow(Answer):
    """A mast of a run with counts."""

    id: int
    line: Text
    direction: str
    section: Text
    number: Text
    run: Text
    run_id: int
    kilometre_m: float | None
    kilometre: str
    frames: int
    items: int
    waiting: int


class MastPage(Answer):
    """Some masts of a list."""

    masts: list[MastRow]
    next: str | None
    total: int


class MastPhotograph(Answer):
    """A photograph of a mast."""

    frame_id: int
    camera: Text
    view: Text
    file_name: Text
    width: int
    height: int
    outcome: Outcome | None
    items: int


class OtherRun(Answer):
    """The same mast in another run."""

    run: Text
    run_id: int
    date: str
    mast_id: int


class Moved(Answer):
    """A photograph that a mast got, or gave away."""

    frame_id: int
    file_name: Text
    made_at: Time
    made_by: Text
    why: Text
    before: MastName | None
    after: MastName | None


class MastDetail(MastRow):
    """A mast with its photographs."""

    photographs: list[MastPhotograph]
    previous: int | None
    next: int | None
    other_runs: list[OtherRun]
    moved: list[Moved]


class Moves(Answer):
    """Photographs given to another mast; without those that were its own."""

    moved: list[Moved]


class ConditionOut(Answer):
    """A condition of the taxonomy."""

    id: str
    zh: str
    en: str
    grade: int
    severity: str


class ComponentOut(Answer):
    """A component kind of the taxonomy."""

    id: str
    zh: str
    en: str
    conditions: list[ConditionOut]


class Label(Answer):
    """An id with its words."""

    id: str
    label: Words


class GradeLabel(Answer):
    """A grade with its words."""

    grade: int
    label: Words


class TaxonomyOut(Answer):
    """The dictionary, and the words of everything else that has an id."""

    version: str
    components: list[ComponentOut]
    grades: list[GradeLabel]
    states: list[Label]
    loop_states: list[Label]
    conclusions: list[Label]
    decisions: list[Label]
    directions: list[Label]
    roles: list[Label]
    verdicts: list[Label]


class RunOut(Answer):
    """A run with its counts."""

    id: int
    name: Text
    line: Text
    direction: str
    date: str
    images: int
    done: int
    unusable: int
    failed: int
    pending: int
    items: dict[State, int]
    model: str
    rules: str
    taxonomy: str


class Runs(Answer):
    """All runs."""

    runs: list[RunOut]


class Agreement(Answer):
    """A counted share with its Wilson 95 % interval."""

    agreed: int
    total: int
    low: float
    high: float


class Day(Answer):
    """Decisions of one day (UTC)."""

    day: str
    count: int


class ReviewerFigures(Answer):
    """What one reviewer did."""

    name: Text
    decisions: int
    days: list[Day]
    by_decision: dict[Act, int]
    second_reading: Agreement
    not_blind: int
    vigilance: Agreement


class Statistics(Answer):
    """What reviewers did, and where the items stand."""

    reviewers: list[ReviewerFigures]
    states: dict[State, int]


class Problem(Answer):
    """What is wrong with a field."""

    field: str
    message: str


class ErrorBody(Answer):
    """What went wrong."""

    code: str
    message: str
    id: str | None
    current: list[Item] | None
    details: list[Problem]


class Error(Answer):
    """Every answer that is no success."""

    error: ErrorBody
