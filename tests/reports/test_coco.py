import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from catenary.domain.errors import StoreError
from catenary.reports import coco
from catenary.reports.data import NormalComponent, ReportData
from tests.reports import reported


def entries(data: ReportData, folder: Path, with_components: bool) -> list[dict[str, object]]:
    path = folder / "results.json"
    coco.write_results(data, path, with_components)
    loaded = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, list)
    return loaded


def test_a_defect_is_an_entry_with_its_probability_as_score(tmp_path: Path):
    (entry,) = entries(reported.report([reported.dropper(46, 0.934)]), tmp_path, False)
    assert entry == {
        "image_id": "22030623265080046",
        "file_name": "232650844_K1347_D046_2_13.jpg",
        "category": "dropper",
        "condition": "broken",
        "bbox": [2440.0, 1130.0, 60.0, 830.0],
        "score": 0.934,
        "verdict": "defect",
        "part": "c75991fee025",
    }


def test_parts_that_could_not_be_judged_are_entries_too(tmp_path: Path):
    suspicious = reported.hidden_shed(9)
    suspicious = replace(suspicious, finding=replace(suspicious.finding, probability=0.3))
    data = reported.report([reported.hidden_shed(8), suspicious])
    found = entries(data, tmp_path, False)
    assert [(one["verdict"], one["score"]) for one in found] == [
        ("cannot_judge", 0.3),
        ("cannot_judge", 0.0),
    ]


def test_normal_components_are_written_only_on_request(tmp_path: Path):
    parts = [reported.normal(1, 0.02), reported.normal(2, None)]
    data = reported.report([reported.dropper(1)], parts)
    assert len(entries(data, tmp_path, False)) == 1
    found = entries(data, tmp_path, True)
    assert [(one["condition"], one["verdict"], one["score"]) for one in found[1:]] == [
        ("normal", "normal", 0.02),
        ("normal", "normal", 0.0),
    ]
    assert found[1]["bbox"] == [10.0, 20.0, 30.0, 40.0]
    assert set(found[0]) == set(found[1])


def test_nothing_found_is_an_empty_list(tmp_path: Path):
    assert entries(reported.report([]), tmp_path, True) == []


def test_components_are_streamed(tmp_path: Path):
    alive = 0

    def parts() -> Iterator[NormalComponent]:
        nonlocal alive
        for number in range(3000):
            alive += 1
            yield reported.normal(number)

    data = replace(reported.report([]), components=parts())
    assert len(entries(data, tmp_path, True)) == alive == 3000


def test_a_damaged_shard_in_the_middle_leaves_the_old_file(tmp_path: Path):
    def parts() -> Iterator[NormalComponent]:
        yield reported.normal(1)
        raise StoreError("shard a.parquet is damaged")

    path = tmp_path / "results.json"
    path.write_text("[]")
    with pytest.raises(StoreError, match=r"a\.parquet is damaged"):
        coco.write_results(replace(reported.report([]), components=parts()), path, True)
    assert path.read_text() == "[]"
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_name_that_is_not_utf8_is_spelled_out(tmp_path: Path):
    one = reported.dropper(1)
    gbk = "杆.jpg".encode("gbk").decode("utf-8", "surrogateescape")
    data = reported.report([replace(one, ref=replace(one.ref, file_name=gbk))])
    (entry,) = entries(data, tmp_path, False)
    assert entry["file_name"] == r"\xb8\xcb.jpg"
