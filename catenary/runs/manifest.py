"""The optional ``manifest.csv`` of a plain folder: one row a photograph."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath

from catenary.domain.errors import SourceError
from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast, parse_kilometre_m

NAME = "manifest.csv"
COLUMNS = (
    "file_name", "image_id", "camera", "view", "line", "direction", "section", "mast",
    "kilometre_m", "taken_at",
)  # fmt: skip
_IGNORED = ("run", "location")  # of `ImageRef`, but told by the folder itself
_DIRECTIONS = {"上行": Direction.UP, "下行": Direction.DOWN, "": Direction.OTHER}


def parse(data: bytes, run: str, where: str) -> tuple[ImageRef, ...]:
    """Read a manifest in UTF-8, with or without byte order mark; one photograph a row.

    Whether the files exist is not checked: a missing one fails when it is read.

    Args:
        data: The whole file.
        run: Name of the run, for the refs.
        where: Path of the file, for messages.

    Raises:
        SourceError: Listing every row that is not valid.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{where} is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8"
        raise SourceError(message) from error
    mistakes: list[str] = []
    refs: dict[str, ImageRef] = {}
    names: set[str] = set()
    try:
        for line, cells in _rows(text, where):
            try:
                ref = _ref(cells, run)
                _require_new(ref, refs, names)
            except ValueError as error:
                mistakes.append(f"line {line}: {error}")
                continue
            refs[ref.image_id] = ref
            names.add(ref.file_name)
    except csv.Error as error:
        mistakes.append(str(error))
    if mistakes:
        raise SourceError(f"{where} is not a valid manifest:\n  " + "\n  ".join(mistakes))
    return tuple(refs.values())


def formatted(refs: Iterable[ImageRef]) -> bytes:
    """Return the manifest of photographs in UTF-8; the inverse of `parse`."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for ref in refs:
        mast = ref.mast
        place = (mast.line, str(mast.direction), mast.section, mast.number) if mast else ("",) * 4
        post = "" if ref.kilometre_m is None else repr(ref.kilometre_m)
        time = ref.taken_at.isoformat() if ref.taken_at else ""
        rows.writerow([ref.file_name, ref.image_id, ref.camera, ref.view, *place, post, time])
    return text.getvalue().encode()


def _rows(text: str, where: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the line number and the cells of each row, blanks around them dropped."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [name.strip() for name in next(reader, [])]
    unknown = [name for name in header if name not in (*COLUMNS, *_IGNORED)]
    if "file_name" not in header or unknown or len(set(header)) != len(header):
        raise SourceError(
            f"{where} needs the column file_name and may have {', '.join(COLUMNS[1:])}, "
            f"each once; found {', '.join(header) or 'nothing'}"
        )
    for cells in reader:
        if cells:
            yield reader.line_num, _named(header, cells)


def _named(header: list[str], cells: list[str]) -> Mapping[str, str]:
    """Return cells by column; a wrong number of cells is left to `_ref` to refuse."""
    if len(cells) != len(header):
        return {"": f"{len(cells)} cells, the header has {len(header)} columns"}
    return dict(zip(header, (cell.strip() for cell in cells), strict=True))


def _ref(cells: Mapping[str, str], run: str) -> ImageRef:
    """Read one row.

    Raises:
        ValueError: Saying what is wrong with it.
    """
    if "" in cells:
        raise ValueError(cells[""])
    path = inner_path(cells["file_name"])
    return ImageRef(
        run=run,
        image_id=cells.get("image_id") or path,
        location=path,
        file_name=path,
        camera=cells.get("camera", ""),
        view=cells.get("view", ""),
        mast=_mast(cells),
        kilometre_m=_kilometre(cells.get("kilometre_m", "")),
        taken_at=_time(cells.get("taken_at", "")),
    )


def _require_new(ref: ImageRef, refs: Mapping[str, ImageRef], names: set[str]) -> None:
    if ref.file_name in names:
        raise ValueError(f"file_name {ref.file_name!r} is listed twice")
    if ref.image_id in refs:
        raise ValueError(f"image_id {ref.image_id!r} is used twice")


def inner_path(name: str) -> str:
    """Return a path below the folder, with ``/`` where Windows wrote a backslash.

    Raises:
        ValueError: If it leads elsewhere.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.name or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ValueError(f"file_name {name!r} is no path below the folder")
    return str(path)


def _mast(cells: Mapping[str, str]) -> Mast | None:
    direction = _direction(cells.get("direction", ""))
    number = cells.get("mast", "")
    if not number:
        return None
    return Mast(cells.get("line", ""), direction, cells.get("section", ""), number)


def _direction(text: str) -> Direction:
    known = {**_DIRECTIONS, **{str(direction): direction for direction in Direction}}
    if text.lower() not in known:
        raise ValueError(f"direction {text!r} is none of up, down, other, 上行, 下行")
    return known[text.lower()]


def _kilometre(text: str) -> float | None:
    metres = parse_kilometre_m(text)
    if text and metres is None:
        raise ValueError(f"kilometre_m {text!r} is neither metres nor like K1347+953")
    return metres


def _time(text: str) -> datetime | None:
    """Read wall-clock time; a zone that stands beside it is dropped, not converted."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise ValueError(f"taken_at {text!r} is no ISO time like 2022-03-06T23:26:50") from error
