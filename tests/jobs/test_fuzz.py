"""Readers of runs and pictures under random input: an answer or an error of ours, never another.

The seeded loops run briefly by default and at length with ``-m slow``. The last one goes on for
CATENARY_FUZZ_S seconds (CI: a minute) with the input that CATENARY_FUZZ_SEED gives.
"""

import itertools
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from catenary.domain.errors import SourceError, UnreadableImageError
from catenary.domain.place import format_kilometre, parse_kilometre_m
from catenary.imaging.decode import DecodeLimits, decode_gray
from catenary.runs import manifest, mast_folders, name_form, shot_time, task_name
from catenary.runs.discover import open_source
from catenary.runs.workstation import WorkstationRun
from catenary.store import database, ledger
from catenary.store.database import Database
from tests.imaging import damaged
from tests.runs import examples
from tests.store import records

# Pillow warns about what it then refuses.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]
SMALL = DecodeLimits(max_pixels=1_000_000, max_side_px=4_000)
FUZZ_S = float(os.environ.get("CATENARY_FUZZ_S", "1"))
FUZZ_SEED = int(os.environ.get("CATENARY_FUZZ_SEED", "7"))
_numbers = itertools.count()
LONG = pytest.param(40, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])

pieces = st.sampled_from(
    ["K", "+", "_", "-", ".", "/", "\\", " ", "\n", "\0", "上行", "下行", "A3", "B", "20220306",
     "e9", "221517", "132910828108440000", "22030623265084401", "nan", "inf", "1347953", "9" * 400,
     "東", "٣"]
)  # fmt: skip
names = st.lists(pieces | st.text(max_size=4), max_size=9).map("".join)


@settings(max_examples=400, deadline=None)
@given(names)
def test_any_name_is_read_or_is_none_of_ours(name: str):
    task_name.parse(name)
    name_form.parse_shot_name(name)
    mast_folders.parse_shot_name(name)
    shot_time.of_shot(name, name)
    metres = parse_kilometre_m(name)
    if metres is not None:
        assert np.isfinite(metres)
        assert format_kilometre(metres)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Flip, overwrite, insert, remove or repeat some bytes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(changed) + 1), chance.choice((1, 1, 2, 4, 30, 500))
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + length] = chance.randbytes(length)
            case 2:
                changed[at:at] = chance.choice((chance.randbytes(length), b"\xff" * length))
            case 3:
                del changed[at : at + length]
            case _:
                changed[at:at] = changed[at : at + length]
    return bytes(changed)


def pictures() -> list[bytes]:
    return [*damaged.BASES.values(), *(damaged.saved(one) for one in ("PNG", "TIFF", "BMP"))]


def require_pixels(data: bytes) -> str:
    """Decode a picture; return the code of the reason where it is refused, else ''."""
    try:
        pixels = decode_gray(data, SMALL)
    except UnreadableImageError as error:
        return error.code
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 2
    assert 0 < pixels.size <= SMALL.max_pixels
    return ""


@pytest.mark.parametrize("times", [1, LONG])
def test_mutated_pictures_give_pixels_or_a_reason(times: int):
    chance = random.Random(times)  # noqa: S311 - no secret
    bases = pictures()
    codes = {
        require_pixels(mutated(bases[number % len(bases)], chance)) for number in range(600 * times)
    }
    assert {"", "damaged", "truncated"} < codes <= damaged.REASONS | {""}


def require_manifest(data: bytes) -> bool:
    """Read a manifest; tell whether it is one."""
    try:
        refs = manifest.parse(data, "run", "manifest.csv")
    except SourceError:
        return False
    assert len({ref.image_id for ref in refs}) == len(refs)
    assert all(np.isfinite(ref.kilometre_m or 0) for ref in refs)
    return True


@pytest.mark.parametrize("times", [1, LONG])
def test_mutated_manifests_give_photographs_or_every_mistake(times: int):
    chance = random.Random(times)  # noqa: S311 - no secret
    whole = manifest.formatted(records.refs(12))
    is_read = sum(require_manifest(mutated(whole, chance)) for _ in range(400 * times))
    assert is_read > 10 * times


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = database.open_workspace_db(tmp_path_factory.mktemp("fuzz") / "catenary.db")
    yield opened
    opened.close()


def require_planned(root: Path, db: Database) -> int:
    """Read a run as a scan does; return how many photographs it has, 0 when it is refused."""
    try:
        run = open_source(root)
        refs = list(run.frames())
    except SourceError:
        return 0
    codes: set[str] = set()
    for ref in refs:
        try:
            run.read(ref)
        except UnreadableImageError as error:
            codes.add(error.code)
    assert codes <= damaged.REASONS | {"missing", "locked"}
    if isinstance(run, WorkstationRun):
        run.close()
    with db.write() as tx:
        run_id = ledger.register(tx, records.record(source=str(root)))
        planned = ledger.plan(tx, run_id, refs)
    unique = list(dict.fromkeys(ref.image_id for ref in refs))
    assert [ref.image_id for ref in ledger.pending(db, run_id)] == unique
    assert planned == len(unique)
    return planned


@pytest.mark.parametrize("times", [1, LONG])
@pytest.mark.parametrize("which", ["index.db", "C1_0.subDb"])
def test_mutated_packages_are_read_or_refused(tmp_path: Path, db: Database, which: str, times: int):
    chance = random.Random(times)  # noqa: S311 - no secret
    whole = examples.workstation(tmp_path / "whole")
    counts = {require_package(whole, which, chance, db) for _ in range(60 * times)}
    assert 8 in counts


def require_package(whole: Path, which: str, chance: random.Random, db: Database) -> int:
    """Read a package whose one file is mutated, as a scan does; see `require_planned`."""
    root = whole.parent / str(next(_numbers)) / examples.TASK  # a run of its own
    shutil.copytree(whole, root)
    file = root / "DB" / which
    file.write_bytes(mutated(file.read_bytes(), chance))
    count = require_planned(root, db)
    shutil.rmtree(root.parent)
    return count


@pytest.mark.timeout(FUZZ_S + 300)
def test_readers_stand_as_much_input_as_there_is_time_for(tmp_path: Path, db: Database):
    chance = random.Random(FUZZ_SEED)  # noqa: S311 - no secret
    whole = examples.workstation(tmp_path / "whole")
    listed, bases = manifest.formatted(records.refs(12)), pictures()
    until = time.monotonic() + FUZZ_S
    for number in itertools.count():
        for base in bases:
            assert require_pixels(mutated(base, chance)) in damaged.REASONS | {""}
        require_manifest(mutated(listed, chance))
        require_package(whole, ("index.db", "C1_0.subDb")[number % 2], chance, db)
        if time.monotonic() > until:
            break


cells = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=30) | names
    | st.sampled_from(["", "1", "0", "22030623265084401", 132910828108440000, float("inf")])
)  # fmt: skip


# Shrinking would take minutes where each example writes files; the example is small as it is.
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.lists(st.tuples(*[cells] * 7), min_size=1, max_size=6))
def test_any_cell_of_an_index_is_planned(
    tmp_path: Path, db: Database, rows: list[tuple[object, ...]]
):
    root = examples.workstation(tmp_path / str(next(_numbers)), examples.items(1))
    with closing(sqlite3.connect(root / "DB" / "index.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO indexTB (POL, STN, KMV, cID, imgKey, TIM, SubDBID)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [tuple(_bindable(cell) for cell in row) for row in rows],
        )
    assert require_planned(root, db) >= 1


def _bindable(cell: object) -> object:
    """Return a cell as a database can hold it; lone surrogates as the bytes of another writer."""
    if not isinstance(cell, str):
        return cell
    try:
        cell.encode()
    except UnicodeEncodeError:
        return cell.encode("utf-8", "replace").decode()
    return cell


file_names = st.binary(min_size=1, max_size=20).filter(
    lambda raw: not {0, 0x2F} & set(raw) and raw not in (b".", b"..")
)
escapes = st.sampled_from([b"\\xd6", b"\xd6", b"\\x5cxd6", b"\\", b"x", b"5c", b"\xd0", b"d6"])
tricky = st.lists(escapes, min_size=1, max_size=4).map(b"".join)


# Shrinking would take minutes where each example writes files; the example is small as it is.
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.sets(file_names | tricky, min_size=1, max_size=8))
def test_any_file_names_are_listed_once_and_read_back(tmp_path: Path, raw_names: set[bytes]):
    root = tmp_path / str(next(_numbers)) / "run"
    root.mkdir(parents=True)
    contents: set[bytes] = set()
    for raw in raw_names:
        name = bytes(root) + b"/" + raw + b".jpg"
        with open(name, "wb") as file:  # noqa: PTH123 - a name that is no text
            file.write(raw)
        contents.add(raw)
    run = open_source(root)
    refs = list(run.frames())
    assert len({ref.image_id for ref in refs}) == len(refs) == len(raw_names)
    assert {run.read(ref) for ref in refs} == contents
