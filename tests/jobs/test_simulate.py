"""`catenary simulate` as a user sees it: the set, the runs it is also written as, and refusals."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from catenary import cli
from catenary.datasets import coco
from catenary.domain.errors import ConfigError, StoreError
from catenary.domain.place import Direction
from catenary.jobs.data.deliver import joined
from catenary.jobs.data.simulate import FORMS, render
from catenary.runs.discover import open_source

SETTINGS = """
{seed: 5, count: 3, width: 160, height: 128, samples: 1, light: {night: 1.0}, crossing: 0.0,
 roles: [string, joint], frames_per_mast: 2, sections: [东站, 东站-西站], line: 示例线}
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "tiny.yaml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def rendered(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    return render(settings, folder, (), 1, lambda *_: None, FORMS)


def ran(monkeypatch, *words: object) -> int:
    """Run the command line; return its exit code."""
    monkeypatch.setattr("sys.argv", ["catenary", "simulate", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("workstation", "2026_03_06_00_00_00_示例线_东站-西站_上行"),
        ("mast-folders", "2026-03-06_示例线_上行_东站-西站"),
        ("plain", "2026-03-06_示例线_东站-西站"),
    ],
)
def test_a_scan_reads_the_run_with_mast_post_camera_and_time(rendered, form, name):
    folder = rendered.simulated.folder
    run = folder / "runs" / form / name
    assert run in rendered.runs
    labelled = {image.ref.file_name: image for image in coco.read(folder / "labels.json").images}
    with (folder / "frames.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["run_image_id"]: row for row in csv.DictReader(file) if form in row["run"]}
    source = open_source(run)
    frames = list(source.frames())
    assert len(frames) == 3
    assert source.description.layout == form.replace("-", " ")
    for read in frames:
        row = rows[read.image_id]
        image = labelled[row["file_name"]]
        assert row["run"] == run.relative_to(folder).as_posix()
        assert row["image_id"] == image.ref.image_id
        facts = [(one.mast, one.kilometre_m, one.camera, one.taken_at) for one in (read, image.ref)]
        assert facts[0] == facts[1]
        assert None not in facts[0]
        assert source.read(read) == (folder / image.ref.file_name).read_bytes()


@pytest.mark.parametrize("change", [{"kilometre_m": 7.0}, {"camera": "99"}])
def test_a_run_of_other_photographs_is_not_joined(rendered, change):
    first, *_ = coco.read(rendered.simulated.folder / "labels.json").images
    with pytest.raises(StoreError, match=r"does not hold images/000000.jpg .*remove"):
        list(joined([replace(first.ref, **change)], rendered.runs[1]))


def test_a_finished_set_says_so_and_keeps_its_runs(rendered, settings, monkeypatch, capsys):
    folder = rendered.simulated.folder
    before = {path: path.stat().st_mtime_ns for path in rendered.runs}
    words = [word for form in FORMS for word in ("--as", form)]
    assert ran(monkeypatch, settings, "-o", folder, *words) == 0
    said = capsys.readouterr().out
    assert "3 frames, " in said
    assert "(complete, nothing left to render)" in said
    assert said.count("Next: catenary scan ") == 3
    assert {path: path.stat().st_mtime_ns for path in rendered.runs} == before


def test_a_direction_that_no_folder_name_tells_is_refused_before_rendering(settings, tmp_path):
    other = (f"direction={Direction.OTHER}",)
    with pytest.raises(ConfigError, match=r"cannot write workstation: .*上行 or 下行"):
        render(settings, tmp_path / "set", other, 1, lambda *_: None, ("workstation",))
    assert not (tmp_path / "set").exists()


def test_a_line_that_a_reader_would_cut_is_refused_before_rendering(settings, tmp_path):
    names = ("line=A__B",)
    with pytest.raises(ConfigError, match=r"a reader takes line 'A_B' .*choose other names"):
        render(settings, tmp_path / "set", names, 1, lambda *_: None, ("mast-folders",))
    assert not (tmp_path / "set").exists()


def test_impossible_settings_end_with_all_their_names_and_code_1(
    settings, tmp_path, monkeypatch, capsys
):
    wrong = ("--set", "width=3", "--set", "geometry.span_m=[-45, 60]", "--set", "cout=2")
    assert ran(monkeypatch, settings, "-o", tmp_path / "set", *wrong) == cli.FAILED
    said = capsys.readouterr().err
    for place in ("width: must be at least", "geometry.span_m: must rise", "cout: unknown key"):
        assert place in said
    assert not (tmp_path / "set").exists()


def test_an_unknown_form_is_wrong_use(settings, tmp_path, monkeypatch, capsys):
    assert ran(monkeypatch, settings, "-o", tmp_path, "--as", "tape") == cli.WRONG_USE
    assert "'tape' is not one of workstation, mast-folders, plain" in capsys.readouterr().err


def test_a_full_disk_ends_in_one_line_and_code_1(settings, tmp_path, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / ".000001.jpg.partial").symlink_to("/dev/full")
    assert ran(monkeypatch, settings, "-o", tmp_path, "--workers", 1) == cli.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("catenary: cannot write ")
    assert "No space left on device; free some space and run the same command again" in line
