import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from catenary.domain.errors import StoreError
from catenary.reports import html, page, pictures
from catenary.reports.data import CropImage, Names, ReportData
from catenary.reports.lexicon import Words
from tests.reports import reported

NASTY = '<script>alert("1")</script>\'&'


def written(data: ReportData, folder: Path) -> str:
    path = folder / "报告.html"
    html.write_html(data, path)
    return path.read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.found


def test_a_reviewer_finds_everything_about_a_defect_on_its_card(tmp_path: Path):
    crop = reported.draw_dropper(tmp_path / "crop.jpg")
    text = written(reported.report([reported.dropper(46, 0.934, crop)]), tmp_path)
    for words in (
        "吊弦 断裂",
        "dropper: broken",
        "一级 grade 1",
        "93 %",
        "沪蓉 · 下行 · 浦口-全椒 · K1350+345 · 杆号 D046",
        "camera 13 · dropper view · 2022-03-06 23:26:51",
        "21 % of its length shows no wire (limit 8 %); the network agrees (score 0.86).",
        "全长 21 % 看不到吊弦线（限值 8 %）；神经网络判断一致（得分 0.86）。缺陷概率 93 %。",
        "吊弦连续性 dropper continuity, 断裂 broken: 得分 score 0.91",
        "dropper_continuity/1",
        "最长缺线段 longest stretch without wire",
        "2.4°",
        "5.1 px",
        "松弛不受力 slack",
        "232650844_K1347_D046_2_13.jpg",
    ):
        assert words in text.replace("\N{NO-BREAK SPACE}", " "), words


def test_a_report_of_a_selection_says_so_on_top(tmp_path: Path):
    only = replace(reported.report([]), selection=Words("站区：<东站>", "section: <东站>"))
    text = written(only, tmp_path)
    assert text.count("Only a selection is listed (section: &lt;东站&gt;)") == 2  # note and line
    assert "只列出所选部分（站区：&lt;东站&gt;）" in text


def test_the_file_asks_nothing_of_the_network(tmp_path: Path):
    crop = reported.draw_pin(tmp_path / "crop.jpg")
    text = written(reported.report([reported.pin(1, crop)]), tmp_path)
    for tag, attributes in tags(text):
        assert tag not in {"link", "iframe", "object", "embed", "img"}
        for name in ("src", "href", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:image/jpeg;base64,"), (tag, value)
    without_pictures = re.sub(r"data:image/jpeg;base64,[^\"]*", "", text)
    assert not re.search(r"https?://|url\(|@import", without_pictures)
    assert "default-src 'none'" in text


def test_names_from_the_disk_cannot_become_markup(tmp_path: Path):
    one = reported.dropper(1)
    nasty = replace(
        one,
        ref=replace(one.ref, file_name=NASTY, camera=NASTY, view=NASTY),
        finding=replace(one.finding, reason=NASTY),
        names=Names(NASTY, NASTY, NASTY, NASTY),
    )
    plain = reported.report([nasty])
    frame = replace(plain.bad_frames[0], note=NASTY, reason=NASTY)
    text = written(
        replace(
            plain,
            run=replace(plain.run, name=NASTY, source=NASTY),
            bad_frames=(frame,),
            thresholds={NASTY: 0.5},
        ),
        tmp_path,
    )
    assert "<script>alert" not in text
    assert [tag for tag, _ in tags(text)].count("script") == 1
    assert text.count("&lt;script&gt;") >= 8


def test_evidence_is_drawn_where_it_lies_in_the_crop(tmp_path: Path):
    crop = reported.draw_dropper(tmp_path / "crop.jpg")
    text = written(reported.report([reported.dropper(1, 0.9, crop)]), tmp_path)
    found = tags(text)
    lines = [attributes for tag, attributes in found if tag == "polyline"]
    assert [line["points"] for line in lines] == [
        "68.0,40.0 70.0,330.0",
        "70.0,330.0 72.0,520.0",
    ]
    assert [line["stroke"] for line in lines] == [
        pictures.ROLE_COLOURS["wire"],
        pictures.ROLE_COLOURS["gap"],
    ]
    assert [line.get("class") for line in lines] == [None, "mark"]  # where the defect is
    (dot,) = [attributes for tag, attributes in found if tag == "circle"]
    assert (dot["cx"], dot["cy"]) == ("68.0", "40.0")
    (svg,) = [attributes for tag, attributes in found if tag == "svg"]
    assert svg["viewbox"] == "0 0 140 900"
    box = next(attributes for tag, attributes in found if tag == "rect")
    assert (box["x"], box["y"], box["width"], box["height"]) == ("40.0", "30.0", "60.0", "830.0")


def test_an_embedded_picture_is_small_and_keeps_its_shape(tmp_path: Path):
    Image.new("L", (1000, 4000), 60).save(tmp_path / "long.png")
    crop = CropImage(tmp_path / "long.png", *reported.ORIGIN)
    text = written(reported.report([reported.dropper(1, 0.9, crop)]), tmp_path)
    (encoded,) = re.findall(r"data:image/jpeg;base64,([^\"]*)", text)
    shown = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert shown.size == (240, 960)  # 480 squared pixels, 1 : 4
    assert 'viewBox="0 0 1000 4000"' in text


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8 cut off"])
def test_a_missing_picture_is_said_and_the_finding_kept(tmp_path: Path, content: bytes | None):
    path = tmp_path / "crop.jpg"
    if content is not None:
        path.write_bytes(content)
    data = reported.report([reported.dropper(1, 0.9, CropImage(path, 0, 0))])
    text = written(data, tmp_path)
    assert "No evidence picture is stored for this finding." in text
    assert "杆号 D001" in text


def test_defects_come_before_what_could_not_be_judged_the_urgent_first(tmp_path: Path):
    found = [
        reported.hidden_shed(9),
        reported.pin(5),
        reported.dropper(1, 0.5),
        reported.dropper(2, 0.9),
    ]
    cards = [at for tag, at in tags(written(reported.report(found), tmp_path)) if tag == "article"]
    assert [(card["data-verdict"], card["data-grade"]) for card in cards] == [
        ("defect", "1"),
        ("defect", "1"),
        ("defect", "2"),
        ("cannot_judge", ""),
    ]
    assert [card["data-probability"] for card in cards] == ["0.900000", "0.500000", "0.580000", ""]
    urgencies = [float(card["data-urgency"] or 0) for card in cards]
    assert urgencies == sorted(urgencies)


def test_what_was_not_judged_is_counted_and_never_called_sound(tmp_path: Path):
    text = written(reported.report([reported.hidden_shed(9)], pending=120), tmp_path)
    for words in (
        "120 of 1,303 photographs have not been looked at",
        "3 photographs and 1 part could not be judged",
        "No defect was raised in the photographs that were judged.",
        "unusable, 过暗 too dark: 2; failed, 文件不完整 truncated: 1.",
        "mean 3 grey levels, need 12",
        "ends after 12 of 900 kB",
        "未判定 not judged",
    ):
        assert words in text, words


def test_a_run_in_which_all_was_judged_carries_no_warning(tmp_path: Path):
    data = reported.report([])
    counts = replace(data.counts, unusable=0, failed=0, unusable_reasons={}, failed_reasons={})
    text = written(replace(data, counts=counts, bad_frames=()), tmp_path)
    assert 'class="note"' not in text
    assert "Every photograph was judged." in text
    assert "Every located part was judged." in text


def test_versions_and_thresholds_are_stated(tmp_path: Path):
    text = written(reported.report([]), tmp_path)
    for words in ("demo-sim-1+4f2a91c0", "1@9b1e22", "split_pin is raised", "0.552"):
        assert words in text


def test_filters_offer_what_there_is_with_counts(tmp_path: Path):
    found = [reported.dropper(1), reported.dropper(2), reported.pin(3), reported.hidden_shed(4)]
    shown = page.page(reported.report(found))
    assert [(one.value, one.count) for one in shown.components] == [
        ("dropper", 2),
        ("split_pin", 1),
        ("insulator", 1),
    ]
    assert [(one.value, one.count) for one in shown.verdicts] == [
        ("defect", 3),
        ("cannot_judge", 1),
    ]
    assert [(one.value, one.label, one.count) for one in shown.grades] == [
        ("1", "一级", 2),
        ("2", "二级", 1),
    ]


def test_a_report_of_very_many_findings_stays_readable_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(page, "MAX_CARDS", 2)
    monkeypatch.setattr(page, "MAX_FRAMES", 2)
    found = [reported.dropper(number, number / 10) for number in range(1, 6)]
    text = written(reported.report(found), tmp_path)
    assert text.count("<article") == 2
    assert "The 2 most urgent of 5 defects are shown" in text
    assert 'data-probability="0.500000"' in text
    assert "The first 2 of 3 are listed." in text


def test_a_place_that_is_not_known_is_left_out(tmp_path: Path):
    one = reported.dropper(1)
    bare = replace(
        one.ref, mast=None, kilometre_m=None, taken_at=None, camera="", view="", file_name="a.jpg"
    )
    text = written(reported.report([replace(one, ref=bare)]), tmp_path)
    assert "place not known" in text
    assert "None" not in text


def test_a_file_name_that_is_not_utf8_is_spelled_out(tmp_path: Path):
    one = reported.dropper(1)
    gbk = "杆.jpg".encode("gbk").decode("utf-8", "surrogateescape")
    text = written(reported.report([replace(one, ref=replace(one.ref, file_name=gbk))]), tmp_path)
    assert r"\xb8\xcb.jpg" in text


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=r"cannot write report .*folder: Is a directory"):
        html.write_html(reported.report([]), tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_no_label_of_the_page_is_english_alone():
    source = Path(page.__file__).with_name("templates") / "report.html.j2"
    left_out = r"{%.*?%}|{{.*?}}|<style>.*?</style>|<script>.*?</script>"
    text = re.sub(left_out, " ", source.read_text(encoding="utf-8"), flags=re.DOTALL)
    labels = [one.strip() for one in re.findall(r">([^<>]*[A-Za-z]{3}[^<>]*)<", text)]
    assert len(labels) > 20
    assert [one for one in labels if not re.search(r"[\u4e00-\u9fff]", one)] == ["4C report:"]
