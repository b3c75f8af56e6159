"""Give photographs that were matched to the wrong mast to the right one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sqlalchemy import Connection

from catenary.domain.errors import SourceError, SourceGoneError, StoreError
from catenary.domain.image import ImageRef
from catenary.domain.place import Mast
from catenary.domain.review import RefusedError
from catenary.jobs import workspaces
from catenary.jobs.reviewing import join, review_queue
from catenary.reports.wording import printable
from catenary.runs import discover
from catenary.store import ledger, photographs, reassignments
from catenary.store.database import Database
from catenary.store.reassignments import Reassignment
from catenary.store.workspace import Workspace

NO_MAST = "none"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which photographs go to which mast.

    Attributes:
        images: Patterns of file names or image ids (``*``, ``?``, ``[...]``); any of them.
        from_mast: Only photographs of this mast; None: of any.
        to_mast: Mast number, or line/direction/section/number, or `NO_MAST`.
        by: Who decides.
        why: Reason.
    """

    images: Sequence[str]
    from_mast: str | None
    to_mast: str
    by: str
    why: str


def reassign(place: Path | Workspace, run: str, wish: Wish) -> list[Reassignment]:
    """Give photographs of a run to another mast, all with a trace or none, and join views anew.

    Args:
        place: Workspace, or its folder.
        run: Name of the run.
        wish: Which, where to, who and why.

    Returns:
        What was changed; photographs that were there already are left out.

    Raises:
        RefusedError: ``"no_mast"`` or ``"several_masts"``.
        StoreError: If run or photographs are unknown, nothing says which, who or why, or the run is
            being scanned.
    """
    if not wish.by.strip() or not wish.why.strip():
        raise StoreError("a reassignment needs --by and --why, for those who read the trace")
    if not wish.images and wish.from_mast is None:
        raise StoreError("say which photographs: --image PATTERN, --from-mast MAST or both")
    with workspaces.existing(place) as (db, workspace):
        with db.read() as connection:
            run_id = ledger.run_id_of(connection, run)
        return _made(db, workspace, run_id, lambda tx: _reassigned(tx, run_id, run, wish))


@dataclass(frozen=True, slots=True)
class Move:
    """Photographs by their rows, as the review pages know them; the rest as in `Wish`.

    Attributes:
        to_mast: None where they show no mast; the word for that is the command's alone.
    """

    frames: Sequence[int]
    to_mast: str | None
    by: str
    why: str


def move(db: Database, workspace: Workspace, wanted: Move) -> list[Reassignment]:
    """Give photographs of one run to another mast, as `reassign` does.

    Args:
        db: Of the workspace.
        workspace: Holds the shards.
        wanted: Which, where to, who and why; one at least, and a reason.

    Raises:
        RefusedError: ``"not_found"``, ``"invalid"`` (of several runs), ``"no_mast"`` or
            ``"several_masts"``.
        StoreError: As for `reassign`.
    """
    with db.read() as connection:
        photos = [photographs.photograph(connection, one) for one in wanted.frames]
    run_ids = {one.run_id for one in photos}
    if len(run_ids) != 1:
        raise RefusedError("invalid", "photographs of several runs cannot be moved at once")
    (run_id,) = run_ids
    images = [one.ref.image_id for one in photos]

    def moved(tx: Connection) -> list[Reassignment]:
        target = None
        if wanted.to_mast is not None:
            target = _target(tx, wanted.to_mast, reassignments.masts(tx, run_id))
        return reassignments.reassign(tx, run_id, images, target, wanted.by, wanted.why)

    return _made(db, workspace, run_id, moved)


def _made(
    db: Database,
    workspace: Workspace,
    run_id: int,
    change: Callable[[Connection], list[Reassignment]],
) -> list[Reassignment]:
    """Make a change while nobody scans the run; join its views and fill the queue anew."""
    with db.read() as connection:
        record = ledger.record_of(connection, run_id)
    with workspace.scanning(record.name):
        with db.write() as tx:
            changed = change(tx)
        join.join_run(db, workspace, run_id, _reader(record.source))
        review_queue.fill_after_scan(db, workspace, run_id)
    return changed


def _reassigned(tx: Connection, run_id: int, run: str, wish: Wish) -> list[Reassignment]:
    here = reassignments.masts(tx, run_id)
    target = None if wish.to_mast == NO_MAST else _target(tx, wish.to_mast, here)
    source = None
    if wish.from_mast is not None and wish.from_mast != NO_MAST:
        source = _known(wish.from_mast, here, f"of run {run}")
    chosen = [
        one.ref.image_id
        for one in ledger.entries(tx, run_id)
        if _is_of_mast(one.ref, wish.from_mast, source) and _is_named(one.ref, wish.images)
    ]
    _refuse_unmatched(tx, run_id, wish, chosen)
    return reassignments.reassign(tx, run_id, chosen, target, wish.by, wish.why)


def _reader(source: str) -> join.Read:
    """Return how photographs are read; the run may lie elsewhere by now, and then none is."""
    try:
        return discover.open_source(source).read
    except SourceError as error:
        gone = SourceGoneError(str(error))

    def nothing(_: ImageRef) -> bytes:
        raise gone

    return nothing


def _target(tx: Connection, text: str, here: Sequence[Mast]) -> Mast:
    """Return the mast that is meant: one of this run, or of another of the workspace."""
    if any(_is_meant(text, mast) for mast in here):
        return _known(text, here, "of this run")
    return _known(text, reassignments.masts(tx), "of this workspace")


def _known(text: str, masts: Sequence[Mast], where: str) -> Mast:
    found = [mast for mast in masts if _is_meant(text, mast)]
    if not found:
        some = ", ".join(str(mast) for mast in masts[:5]) or "none"
        told = f"no mast {text!r} {where}; it has {len(masts)}, e.g. {some}"
        raise RefusedError("no_mast", told)
    if len(found) > 1:
        several = ", ".join(map(str, found[:5]))
        told = f"mast {text!r} {where} may be any of {several}; name it in full"
        raise RefusedError("several_masts", told)
    return found[0]


def _is_meant(text: str, mast: Mast) -> bool:
    return text in (mast.number, str(mast))


def _is_of_mast(ref: ImageRef, wanted: str | None, mast: Mast | None) -> bool:
    return wanted is None or ref.mast == mast


def _is_named(ref: ImageRef, patterns: Sequence[str]) -> bool:
    names = (ref.file_name, ref.image_id)
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _refuse_unmatched(tx: Connection, run_id: int, wish: Wish, chosen: Sequence[str]) -> None:
    """Refuse a pattern that names nothing: a slip of the pen must not pass for done."""
    if not chosen:
        raise StoreError("no photograph of this run is meant by that --image and --from-mast")
    refs = [one.ref for one in ledger.entries(tx, run_id)]
    for pattern in wish.images:
        if not any(_is_named(ref, (pattern,)) for ref in refs):
            raise StoreError(f"no photograph of this run is called {pattern!r}")


def lines(changed: Sequence[Reassignment]) -> Iterator[str]:
    """Yield what was changed, one line a photograph."""
    for one in changed:
        yield (
            f"{printable(one.file_name)}: {_name(one.before)} -> {_name(one.after)}, "
            f"{one.made_at:%Y-%m-%d %H:%M:%S} UTC by {one.made_by}: {one.why}"
        )


def _name(mast: Mast | None) -> str:
    return NO_MAST if mast is None else str(mast)
