from pathlib import Path

import pytest

from catenary.domain.errors import SourceError
from catenary.runs.track_geometry import Spot
from catenary.runs.workstation import WorkstationRun
from tests.runs import examples


def opened(folder: Path, *statements: str) -> WorkstationRun:
    root = examples.workstation(folder)
    (root / "几何数据").mkdir()
    examples.execute(root / "几何数据" / "JCW.db", *statements)
    return WorkstationRun(root)


def test_65536_means_no_reading(tmp_path: Path):
    run = opened(
        tmp_path,
        "CREATE TABLE JH_INFO (ID, Pole, Station, KMV, Hei, Hei2, Zig, Zig2, speed, Posi)",
        "INSERT INTO JH_INFO VALUES (1, 'D046 ', '站', 1347953, 5300, 65536, -250, 65536.0, 80.5,"
        " 'JCXP_POLE'), (2, '', '站', 65536, '65536', 5310, 'x', NULL, 65536, 'JCX_DROPPER'),"
        " (3, 'D047', '站', 'K1+5', 0, 0, 65535, 65537, 0, NULL)",
    )
    first, second, third = run.geometry()
    assert first.mast is not None
    assert (first.mast.number, first.kilometre_m, first.spot) == ("D046", 1_347_953.0, Spot.POLE)
    assert (first.height_mm, first.second_height_mm) == (5300.0, None)
    assert (first.stagger_mm, first.second_stagger_mm, first.speed) == (-250.0, None, 80.5)
    assert (second.mast, second.kilometre_m, second.spot) == (None, None, Spot.DROPPER)
    assert (second.height_mm, second.second_height_mm, second.stagger_mm) == (None, 5310.0, None)
    assert (second.second_stagger_mm, second.speed) == (None, None)
    assert (third.kilometre_m, third.spot, third.height_mm) == (1005.0, Spot.OTHER, 0.0)
    assert (third.stagger_mm, third.second_stagger_mm) == (65535.0, 65537.0)


def test_single_wire_tables_have_no_second_reading(tmp_path: Path):
    run = opened(
        tmp_path,
        "CREATE TABLE JH_INFO (ID, Pole, Station, KMV, Hei, Zig, speed, Posi)",
        "INSERT INTO JH_INFO VALUES (1, 'D046', '站', 1, 5300, -250, 80, 'JCXP_DROPPER')",
    )
    (row,) = run.geometry()
    assert (row.height_mm, row.second_height_mm, row.spot) == (5300.0, None, Spot.DROPPER)


def test_package_without_geometry_has_no_rows(tmp_path: Path):
    assert WorkstationRun(examples.workstation(tmp_path)).geometry() == ()


def test_geometry_that_cannot_be_read_is_one_sentence(tmp_path: Path):
    run = opened(tmp_path, "CREATE TABLE other (x)")
    with pytest.raises(SourceError, match=r"cannot read the geometry: .*no such table: JH_INFO"):
        run.geometry()
