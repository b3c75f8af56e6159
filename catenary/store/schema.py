"""The tables of a workspace; constraints repeat what the code promises.

Nothing here is special to SQLite: the same tables serve PostgreSQL. A change needs a new
file in ``migrations/versions``; a test compares the two.
"""

from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from catenary.domain.change import Change
from catenary.domain.defect_loop import Conclusion, LoopState, Step
from catenary.domain.finding import Verdict
from catenary.domain.image import Outcome
from catenary.domain.inherit import Inherited
from catenary.domain.review import Act, Decision, Origin, Role, Stage, State
from catenary.store.path_text import PathText

# Every constraint has the same name on every database, so that a migration can drop it.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: Iterable[StrEnum]) -> CheckConstraint:
    names = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({names})", name=f"{column}_known")


run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("source", PathText, nullable=False),
    Column("layout", String(50), nullable=False),
    Column("line", Text, nullable=False),
    Column("direction", String(20), nullable=False),
    Column("date", String(20), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("config", Text, nullable=False),  # JSON: the settings of the latest scan
    Column("thresholds", Text, nullable=False),  # JSON: component id to probability
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
    Column("paused_at", DateTime),  # UTC; not NULL: scans of it shall wait
    UniqueConstraint("name"),
)


class ScanState(StrEnum):
    """What a scan does, or how it ended."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"  # by Ctrl-C or SIGTERM
    FAILED = "failed"  # with an error
    KILLED = "killed"  # nothing was heard of it any more


# One row a process that scanned a run.
scan = Table(
    "scan",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("started_at", DateTime, nullable=False),  # UTC
    Column("seen_at", DateTime, nullable=False),  # UTC: it was alive then
    Column("ended_at", DateTime),  # UTC
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
    Column("images", Integer, nullable=False, default=0),  # it finished
    Column("seconds", Double, nullable=False, default=0.0),  # without pauses
    Column("rate", Double),  # images a second, lately
    Column("stage_seconds", Text, nullable=False, default="{}"),  # JSON: stage to seconds
    Column("note", Text, nullable=False, default=""),  # why it failed, what it waits for
    _one_of("state", ScanState),
    CheckConstraint("(state IN ('running', 'paused')) = (ended_at IS NULL)", name="ended"),
    Index(None, "run_id"),
)

# Photographs lent to a worker of a scan over many machines; the row goes when their outcomes are
# written, or when nothing was heard of the worker, and then nobody can write under it any more.
lease = Table(
    "lease",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("scan_id", ForeignKey("scan.id"), nullable=False),
    Column("worker", Text, nullable=False),  # process and machine, for people
    Column("images", Integer, nullable=False),
    Column("taken_at", DateTime, nullable=False),  # UTC
    Column("expires_at", DateTime, nullable=False),  # UTC; put off while the worker is alive
    CheckConstraint("images > 0", name="images_counted"),
    Index(None, "run_id"),
    sqlite_autoincrement=True,  # an id is never given twice: it is what fences late results
)

# The ledger: one row a photograph, planned before the scan; what has no outcome, or has one and is
# to be scanned again, is left to do. The former outcome and findings stand until then.
frame = Table(
    "frame",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("seq", Integer, nullable=False),  # order of the source, from 0, without a gap
    Column("image_id", PathText, nullable=False),
    Column("file_name", PathText, nullable=False),
    Column("location", PathText, nullable=False),
    Column("camera", Text, nullable=False),
    Column("view", Text, nullable=False),
    Column("mast_line", Text),
    Column("mast_direction", String(20)),
    Column("mast_section", Text),
    Column("mast_number", Text),
    Column("kilometre_m", Double),
    Column("taken_at", DateTime),  # local wall clock, no zone is recorded
    Column("outcome", String(20)),
    Column("reason", String(50), nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("width", Integer, nullable=False, default=0),
    Column("height", Integer, nullable=False, default=0),
    Column("seconds", Double, nullable=False, default=0.0),
    Column("finished_at", DateTime),  # UTC
    Column("again", Boolean, nullable=False, server_default=false()),
    # How often what was judged of it was replaced: rows of shards that say another number are old.
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("stamp", Text, nullable=False, server_default=""),  # see runs/source.py
    Column("sha256", String(64), nullable=False, server_default=""),  # of its bytes
    Column("scan_id", ForeignKey("scan.id")),  # that finished it
    Column("lease_id", ForeignKey("lease.id")),  # under which it is lent to a worker now
    UniqueConstraint("run_id", "image_id"),
    UniqueConstraint("run_id", "seq"),
    _one_of("outcome", Outcome),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_with_outcome"),
    CheckConstraint("(mast_number IS NULL) = (mast_line IS NULL)", name="mast_whole"),
    CheckConstraint("width >= 0 AND height >= 0 AND seconds >= 0", name="sizes_positive"),
    # Serves the pending frames in order, the counts by outcome and the failures.
    Index(None, "run_id", "outcome", "seq"),
    Index(None, "run_id", "mast_number"),
    Index(
        "ix_frame_again",
        "run_id",
        "seq",
        sqlite_where=text("again"),
        postgresql_where=text("again"),
    ),
    Index(
        None,
        "lease_id",
        sqlite_where=text("lease_id IS NOT NULL"),
        postgresql_where=text("lease_id IS NOT NULL"),
    ),
)

# Defects and parts that could not be judged; normal parts are in the shards. Rows are never
# removed: what a later scan of the photograph replaced is superseded, and stays for those who
# refer to it.
finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("frame_id", ForeignKey("frame.id"), nullable=False),
    Column("component", String(50), nullable=False),
    Column("x0", Double, nullable=False),  # full-frame pixels
    Column("y0", Double, nullable=False),
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Column("orientation_deg", Double),
    Column("score", Double, nullable=False),  # of the detector
    Column("verdict", String(20), nullable=False),
    Column("condition", String(50), nullable=False),
    Column("probability", Double),
    Column("grade", Integer),
    Column("reason", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # see evidence_text.py
    Column("crop", Text),  # name of its picture, see `Workspace.picture`
    Column("crop_x0", Integer),  # frame pixel of the crop's first pixel
    Column("crop_y0", Integer),
    Column("superseded_at", DateTime),  # UTC; NULL: it stands
    Column("former_id", ForeignKey("finding.id")),  # the superseded one that it takes the place of
    _one_of("verdict", (Verdict.DEFECT, Verdict.CANNOT_JUDGE)),
    CheckConstraint("x0 < x1 AND y0 < y1", name="box_not_empty"),
    CheckConstraint("probability BETWEEN 0 AND 1", name="probability_range"),
    CheckConstraint("(verdict = 'defect') = (grade IS NOT NULL)", name="defect_graded"),
    CheckConstraint("(crop IS NULL) = (crop_x0 IS NULL)", name="crop_placed"),
    # Serves findings that stand by probability. Without what is superseded, and not with a column
    # for it: PostgreSQL sorts a million rows rather than see that IS NULL leaves one value of it.
    Index(
        "ix_finding_standing",
        "run_id",
        "verdict",
        "probability",
        sqlite_where=text("superseded_at IS NULL"),
        postgresql_where=text("superseded_at IS NULL"),
    ),
    Index(None, "run_id", "superseded_at"),
    Index(None, "frame_id"),
    Index(None, "former_id"),
)

# How many photographs and findings of each kind a run has, kept by triggers (see tallies.py).
frame_count = Table(
    "frame_count",
    metadata,
    Column("run_id", Integer, primary_key=True, autoincrement=False),
    Column("outcome", String(20), primary_key=True),  # those that are pending are not counted
    Column("reason", String(50), primary_key=True),
    Column("again", Boolean, primary_key=True),
    Column("rows", Integer, nullable=False),
    sqlite_with_rowid=False,
)
finding_count = Table(
    "finding_count",
    metadata,
    Column("run_id", Integer, primary_key=True, autoincrement=False),
    Column("verdict", String(20), primary_key=True),
    Column("component", String(50), primary_key=True),
    Column("condition", String(50), primary_key=True),
    Column("is_superseded", Boolean, primary_key=True),
    Column("rows", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Parquet files of raw component detections; a file that is not listed here does not count.
shard = Table(
    "shard",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("file_name", Text, nullable=False),  # in the run's detections folder
    Column("rows", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("first_seq", Integer, nullable=False),  # of the frames inside
    Column("last_seq", Integer, nullable=False),
    Column("revision", Integer, nullable=False, default=0, server_default="0"),  # newest inside
    UniqueConstraint("run_id", "file_name"),
    CheckConstraint("rows > 0", name="rows_counted"),
)

# Files that hold the evidence pictures of a batch; one that is not listed here does not count.
evidence_pack = Table(
    "evidence_pack",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("file_name", Text, nullable=False),  # in the run's evidence folder
    Column("pictures", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("run_id", "file_name"),
    CheckConstraint("pictures > 0", name="pictures_counted"),
)

# Masts whose views were joined, with what tells whether photographs came or went since.
joined_mast = Table(
    "joined_mast",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("mast_line", Text, nullable=False),
    Column("mast_direction", String(20), nullable=False),
    Column("mast_section", Text, nullable=False),
    Column("mast_number", Text, nullable=False),
    Column("frames", Integer, nullable=False),  # that were judged
    Column("frame_ids", BigInteger, nullable=False),  # their sum
    Column("revisions", BigInteger, nullable=False, default=0, server_default="0"),  # their sum
    UniqueConstraint(
        "run_id",
        "mast_line",
        "mast_direction",
        "mast_section",
        "mast_number",
        name="uq_joined_mast_mast",  # PostgreSQL has 63 characters for a name
    ),
)

# Physical parts with a finding that two or more photographs show; a finding that no view names is
# a part by itself.
part = Table(
    "part",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("joined_mast_id", ForeignKey("joined_mast.id"), nullable=False),
    Column("name", String(12), nullable=False),  # the same on every scan that finds its first view
    Column("component", String(50), nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("condition", String(50), nullable=False),
    Column("probability", Double),
    Column("grade", Integer),
    Column("confidence", Double, nullable=False),
    UniqueConstraint("run_id", "name"),
    _one_of("verdict", (Verdict.DEFECT, Verdict.CANNOT_JUDGE)),
    CheckConstraint("probability BETWEEN 0 AND 1", name="probability_range"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence_range"),
    Index(None, "joined_mast_id"),
)

part_view = Table(
    "part_view",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("part_id", ForeignKey("part.id"), nullable=False),
    Column("frame_id", ForeignKey("frame.id"), nullable=False),
    Column("finding_id", ForeignKey("finding.id")),  # NULL: called normal
    Column("x0", Double, nullable=False),  # full-frame pixels
    Column("y0", Double, nullable=False),
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Column("verdict", String(20), nullable=False),
    Column("condition", String(50), nullable=False),
    Column("probability", Double),
    Column("crop", Text),  # of views without a finding; see `Workspace.picture`
    Column("crop_x0", Integer),
    Column("crop_y0", Integer),
    UniqueConstraint("part_id", "frame_id"),
    UniqueConstraint("finding_id"),
    Index(None, "frame_id"),
    _one_of("verdict", Verdict),
    CheckConstraint("(verdict = 'normal') = (finding_id IS NULL)", name="finding_unless_normal"),
    CheckConstraint("x0 < x1 AND y0 < y1", name="box_not_empty"),
    CheckConstraint("probability BETWEEN 0 AND 1", name="probability_range"),
    CheckConstraint("(crop IS NULL) = (crop_x0 IS NULL)", name="crop_placed"),
)

# Who gave which photograph to which mast, and why; rows are added and never changed. The mast of a
# photograph itself is in its frame, so that everything that reads one honours this.
reassignment = Table(
    "reassignment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("frame_id", ForeignKey("frame.id"), nullable=False),
    Column("made_at", DateTime, nullable=False),  # UTC
    Column("made_by", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("before_line", Text),
    Column("before_direction", String(20)),
    Column("before_section", Text),
    Column("before_number", Text),
    Column("after_line", Text),
    Column("after_direction", String(20)),
    Column("after_section", Text),
    Column("after_number", Text),
    CheckConstraint("made_by <> '' AND why <> ''", name="explained"),
    Index(None, "run_id"),
)

# What the latest comparison with an earlier run says of a finding.
finding_change = Table(
    "finding_change",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("finding_id", ForeignKey("finding.id"), nullable=False),
    Column("earlier_run_id", ForeignKey("run.id"), nullable=False),
    Column("change", String(20), nullable=False),
    Column("reason", String(50), nullable=False),
    UniqueConstraint("finding_id"),
    _one_of("change", (Change.NEW, Change.GROWN, Change.UNCHANGED, Change.NOT_COMPARABLE)),
)

# The queue of the reviewers: one row a physical part, with all that filters and order need, so that
# neither joins anything. It outlives its finding: a scan that replaces findings takes no decision.
review_item = Table(
    "review_item",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("name", String(14), nullable=False),  # of the part, as in reports
    Column("origin", String(20), nullable=False),
    Column("frame_id", ForeignKey("frame.id"), nullable=False),  # of the view that leads
    Column("finding_id", ForeignKey("finding.id", ondelete="SET NULL")),
    Column("component", String(50), nullable=False),
    Column("verdict", String(20), nullable=False),  # of the scan
    Column("probability", Double),
    Column("views", Integer, nullable=False),
    Column("line", Text, nullable=False),  # of the mast; empty where there is none
    Column("direction", String(20), nullable=False),
    Column("section", Text, nullable=False),
    Column("mast_number", Text, nullable=False),
    Column("kilometre_m", Double),
    Column("camera", Text, nullable=False),
    Column("view", Text, nullable=False),
    Column("entered_at", DateTime, nullable=False),  # UTC
    Column("priority", Double, nullable=False),  # see domain/review.py
    # What stands: the words of the scan until somebody decides.
    Column("state", String(20), nullable=False),
    Column("condition", String(50), nullable=False),
    Column("grade", Integer),
    Column("x0", Double, nullable=False),  # full-frame pixels
    Column("y0", Double, nullable=False),
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Column("reviewer", String(100), nullable=False),  # of the decision that stands, or empty
    Column("decided_at", DateTime),  # UTC
    Column("note", Text, nullable=False),
    Column("first_by", String(100)),
    Column("first_said", String(20)),
    Column("second_by", String(100)),
    Column("version", Integer, nullable=False),  # counts the decisions
    Column("held_by", String(100)),  # a lease; it means nothing after held_until
    Column("held_until", DateTime),  # UTC
    # The item that goes on, where two turned out to be one part; this one is shown no more.
    Column("merged_into", ForeignKey("review_item.id")),
    UniqueConstraint("run_id", "name"),
    _one_of("origin", Origin),
    _one_of("verdict", Verdict),
    _one_of("state", State),
    _one_of("first_said", Decision),
    CheckConstraint("x0 < x1 AND y0 < y1", name="box_not_empty"),
    CheckConstraint("probability BETWEEN 0 AND 1", name="probability_range"),
    CheckConstraint("(reviewer = '') = (decided_at IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(held_by IS NULL) = (held_until IS NULL)", name="held_for_a_while"),
    # Each serves items in order, of a state and under the filters that are used most.
    Index(None, "priority", "id"),
    Index(None, "state", "priority", "id"),
    Index(None, "state", "component", "priority"),
    Index(None, "run_id", "state", "priority"),
    Index(None, "mast_number", "run_id"),
    Index(None, "frame_id"),
    Index(None, "finding_id"),
    Index(None, "held_by"),
    Index(None, "entered_at", "id"),
    # Of those that have one: else SQLite takes it to find the many that have none.
    Index(
        None,
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

# When rows that are counted changed, written by triggers (see stamps.py); also of rows that went.
review_item_stamp, defect_stamp = (
    Table(
        f"{name}_stamp",
        metadata,
        Column("row_id", Integer, primary_key=True, autoincrement=False),
        Column("stamp", BigInteger, nullable=False),
        Index(None, "stamp"),
    )
    for name in ("review_item", "defect")
)

# What a run's items were made of; they are made again when it is something else.
review_fill = Table(
    "review_fill",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("made_of", Text, nullable=False),
)

# Views of decided parts that were taken apart; kept until the queue is filled.
former_view = Table(
    "former_view",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("review_item.id"), nullable=False),
    Column("frame_id", ForeignKey("frame.id"), nullable=False),
    Column("x0", Double, nullable=False),  # full-frame pixels
    Column("y0", Double, nullable=False),
    Column("x1", Double, nullable=False),
    Column("y1", Double, nullable=False),
    Index(None, "item_id"),
)

# How decisions went on when a run was scanned or joined anew: rows are added, never changed.
inheritance = Table(
    "inheritance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("review_item.id"), nullable=False),
    Column("made_at", DateTime, nullable=False),  # UTC
    Column("kind", String(20), nullable=False),
    Column("other", ForeignKey("review_item.id")),  # merged into, copied from or parted from
    Column("from_name", String(14), nullable=False),
    Column("to_name", String(14), nullable=False),
    Column("before", Text),  # JSON: what stood on the item that goes on; NULL where it is new
    Column("after", Text, nullable=False),  # JSON: what stands on it from then on
    _one_of("kind", Inherited),
    CheckConstraint("(kind = 'followed') = (other IS NULL)", name="of_another"),
    Index(None, "item_id"),
    Index(None, "other"),
)

# Rows are added, never changed: triggers refuse it (see append_only.py).
decision = Table(
    "decision",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("review_item.id"), nullable=False),
    Column("made_at", DateTime, nullable=False),  # UTC
    Column("made_by", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("act", String(20), nullable=False),
    Column("undoes", ForeignKey("decision.id")),
    Column("note", Text, nullable=False),
    Column("version", Integer, nullable=False),  # of the item from then on
    Column("before", Text, nullable=False),  # JSON: what stood
    Column("after", Text, nullable=False),  # JSON: what stands from then on
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("taxonomy", Text, nullable=False),
    UniqueConstraint("item_id", "version"),  # no decision twice, whatever the code does
    UniqueConstraint("undoes"),
    _one_of("role", Role),
    _one_of("stage", Stage),
    _one_of("act", Act),
    CheckConstraint("(act = 'undo') = (undoes IS NOT NULL)", name="undo_of_something"),
    Index(None, "made_by", "made_at"),
)

# The chain over everything that was decided and who came and went; see audit.py.
audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True),  # from 1, without a gap
    Column("content", Text, nullable=False),  # canonical JSON
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("digest"),
)

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("password", Text, nullable=False),  # argon2id, with its salt and costs
    # Somebody else chose the password: it is good for choosing one's own, and nothing else.
    Column("must_change", Boolean, nullable=False, server_default=false()),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("disabled_at", DateTime),  # UTC
    UniqueConstraint("name"),
    _one_of("role", Role),
)

# Logins; only a hash of the secret is kept, so that a copy of the database opens no session.
session = Table(
    "session",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", DateTime, nullable=False),  # UTC
    Column("seen_at", DateTime, nullable=False),  # UTC, to some minutes
    Index(None, "account_id"),
)

# Known defects shown again, blindly, to see who is still awake; an answer changes no item.
vigilance = Table(
    "vigilance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("review_item.id"), nullable=False),
    Column("reader", String(100), nullable=False),
    Column("shown_at", DateTime, nullable=False),  # UTC
    Column("answered_at", DateTime),  # UTC
    Column("answer", String(20)),
    UniqueConstraint("item_id", "reader"),
    _one_of("answer", Decision),
    CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_at_some_time"),
    Index(None, "reader"),
)

# The closed loop: one row a confirmed item, kept when the confirmation is taken back. Run, kind and
# place are copied from the item, so that counting joins nothing: whoever moves an item moves them
# too. What follows them is what the newest step left.
defect = Table(
    "defect",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("item_id", ForeignKey("review_item.id"), nullable=False),
    Column("run_id", Integer, nullable=False, server_default="0"),
    Column("component", String(50), nullable=False, server_default=""),
    Column("line", Text, nullable=False, server_default=""),
    Column("section", Text, nullable=False, server_default=""),
    Column("mast_number", Text, nullable=False, server_default=""),
    Column("kilometre_m", Double),
    Column("version", Integer, nullable=False),  # counts the steps
    Column("state", String(20), nullable=False),
    Column("condition", String(50), nullable=False),
    Column("grade", Integer, nullable=False),
    Column("registered_at", DateTime, nullable=False),  # UTC, as all times here
    Column("repair_by", DateTime, nullable=False),
    Column("repaired_at", DateTime),
    Column("reinspect_by", DateTime),
    Column("due", DateTime),  # the deadline that counts, for filters and order
    Column("conclusion", String(20)),
    Column("suspected_of", ForeignKey("defect.id")),
    Column("joined_to", ForeignKey("defect.id")),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(100), nullable=False),
    UniqueConstraint("item_id"),
    _one_of("state", LoopState),
    _one_of("conclusion", Conclusion),
    CheckConstraint("grade BETWEEN 1 AND 3", name="graded"),
    CheckConstraint("(state = 'joined') = (joined_to IS NOT NULL)", name="joined_to_one"),
    CheckConstraint("joined_to <> id AND suspected_of <> id", name="other_defect"),
    CheckConstraint(
        "(repaired_at IS NULL) = (conclusion IS NULL)"
        " AND (repaired_at IS NULL) = (reinspect_by IS NULL)",
        name="repair_whole",
    ),
    Index(None, "state", "due", "id"),
    Index(None, "due", "id"),
    Index(None, "suspected_of"),
    Index(None, "joined_to"),
    Index(None, "mast_number"),
)

# Rows are added, never changed, like decisions.
defect_step = Table(
    "defect_step",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("defect_id", ForeignKey("defect.id"), nullable=False),
    Column("version", Integer, nullable=False),  # of the defect from then on
    Column("step", String(20), nullable=False),
    Column("made_at", DateTime, nullable=False),  # UTC
    Column("made_by", String(100), nullable=False),
    Column("role", String(20), nullable=False),
    Column("note", Text, nullable=False),
    Column("before", Text),  # JSON: what stood; NULL for the first
    Column("after", Text, nullable=False),  # JSON: what stands from then on
    Column("other", ForeignKey("defect.id")),
    Column("decision_id", ForeignKey("decision.id")),  # that made it by itself
    UniqueConstraint("defect_id", "version"),  # no step twice, whatever the code does
    _one_of("step", Step),
    _one_of("role", Role),
    CheckConstraint("(version = 1) = (before IS NULL)", name="first_from_nothing"),
)
