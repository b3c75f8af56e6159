import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import docx as word
import pypdf
import pytest
import typst

from catenary import config
from catenary.domain.errors import ConfigError
from catenary.domain.place import Direction, Mast
from catenary.reports import docx, fingerprint, notice, pdf
from catenary.reports.data import ReportData
from catenary.reports.lexicon import Words
from tests.reports import reported

WORD = config.bundled("configs/notice/notice.docx")
TYPST = config.bundled("configs/notice/notice.typ")
has_chinese_font = pytest.mark.skipif(
    not set(pdf.CHINESE_FONTS) & set(typst.Fonts().families()),
    reason="no font with Chinese characters (Debian: fonts-noto-cjk)",
)


def defects(folder: Path) -> ReportData:
    crop = reported.draw_dropper(folder / "c.jpg")
    return reported.report([reported.pin(5), reported.dropper(46, 0.934, crop)])


def named(data: ReportData, number: str) -> ReportData:
    """Return the same report with a mast of another name."""
    mast = Mast("沪蓉", Direction.DOWN, "浦口-全椒", number)
    found = [replace(one, ref=replace(one.ref, mast=mast)) for one in data.findings]
    return replace(data, findings=tuple(found))


def written(data: ReportData, folder: Path, template: Path = WORD) -> word.document.Document:
    path = folder / "n.docx"
    docx.write_docx(data, path, template)
    return word.Document(str(path))


def template(folder: Path, *lines: str) -> Path:
    made = word.Document()
    for line in lines:
        made.add_paragraph(line)
    path = folder / "own.docx"
    made.save(str(path))
    return path


def pages(path: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def rows(table: word.table.Table) -> list[Sequence[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def test_the_word_notice_lists_the_defects_most_urgent_first(tmp_path: Path):
    made = written(defects(tmp_path), tmp_path)
    assert rows(made.tables[0]) == [
        ["序号", "站区", "公里标", "杆号", "部件", "缺陷", "等级", "概率", "期限"],
        ["1", "浦口-全椒", "K1350+345", "D046", "吊弦 dropper", "断裂 broken", "一级", "93%", ""],
        [
            "2",
            "浦口-全椒",
            "K1348+213",
            "D005",
            "开口销 split pin",
            "缺失 missing",
            "二级",
            "58%",
            "",
        ],
    ]
    text = "\n".join(one.text for one in made.paragraphs)
    assert "图像 1183 张，判定 1180 张，缺陷 2 处，一级 1 处，二级 1 处。" in text
    assert "未判定的图像 3 张，不等于无缺陷。" in text
    assert notice.UNREVIEWED in text
    assert "Dropper broken: 21 % of its length shows no wire" in text
    assert "{" not in text


def test_a_run_of_an_unknown_line_and_day_leaves_no_gap_in_the_sentence(tmp_path: Path):
    data = defects(tmp_path)
    told = [one.text for one in written(data, tmp_path).paragraphs]
    line, day = data.run.line, data.run.date
    assert any(one.startswith(f"{line} ") and f"，检测日期 {day}，任务 " in one for one in told)
    data = replace(data, run=replace(data.run, line="", date=""))
    told = [one.text for one in written(data, tmp_path).paragraphs]
    assert any(one.startswith(f"任务 {data.run.name}：图像 1183 张") for one in told)


def test_a_notice_of_a_selection_says_so(tmp_path: Path):
    only = Words("站区：东站", "section: 东站")
    made = written(replace(defects(tmp_path), selection=only), tmp_path)
    text = "\n".join(one.text for one in made.paragraphs)
    assert "只列出所选部分（站区：东站）" in text
    assert "Only a selection is listed (section: 东站)" in text


def test_the_word_notice_has_the_picture_of_each_defect_that_has_one(tmp_path: Path):
    written(defects(tmp_path), tmp_path)
    with zipfile.ZipFile(tmp_path / "n.docx") as package:
        assert sum(name.startswith("word/media/") for name in package.namelist()) == 1


def test_a_mast_name_is_text_and_never_markup_or_a_tag(tmp_path: Path):
    name = "<w:p/>{{ run }}{% raw %}&"
    made = written(named(defects(tmp_path), name), tmp_path)
    assert rows(made.tables[0])[1][3] == name


def test_a_railways_own_template_uses_the_same_fields(tmp_path: Path):
    own = template(
        tmp_path,
        "供电段 {{ defects }}",
        "{%p for one in items %}",
        "{{ one.mast }}",
        "{%p endfor %}",
    )
    made = written(defects(tmp_path), tmp_path, own)
    assert [one.text for one in made.paragraphs] == ["供电段 2", "D046", "D005"]


def test_a_template_with_an_unknown_field_is_refused_and_nothing_is_left(tmp_path: Path):
    data = defects(tmp_path)
    with pytest.raises(ConfigError, match=r"own\.docx: 'depot' is undefined; docs/formats\.md"):
        written(data, tmp_path, template(tmp_path, "{{ depot }}"))
    assert not (tmp_path / "n.docx").exists()


@pytest.mark.parametrize("line", ["{{ items.__class__.__mro__ }}", "{% if %}"])
def test_a_template_cannot_reach_python_or_be_broken(tmp_path: Path, line: str):
    with pytest.raises(ConfigError, match=r"own\.docx: "):
        written(defects(tmp_path), tmp_path, template(tmp_path, line))


def test_a_template_that_is_not_word_is_refused(tmp_path: Path):
    (tmp_path / "own.docx").write_text("Dear depot")
    with pytest.raises(ConfigError, match="is no Word document"):
        written(defects(tmp_path), tmp_path, tmp_path / "own.docx")
    with pytest.raises(ConfigError, match=r"cannot read the template .*: No such file"):
        written(defects(tmp_path), tmp_path, tmp_path / "none.docx")


def test_pictures_end_after_a_thousand_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notice, "MAX_PICTURES", 1)
    crop = reported.draw_dropper(tmp_path / "c.jpg")
    data = reported.report([reported.dropper(n, 0.9, crop) for n in (1, 2)])
    _, parts = notice.notice_of(data)
    assert [picture is not None for picture in notice.pictures_of(data, parts)] == [True, False]


@has_chinese_font
def test_the_pdf_notice_says_the_same_as_the_word_one(tmp_path: Path):
    data = defects(tmp_path)
    pdf.write_pdf(data, tmp_path / "n.pdf", TYPST)
    text = pages(tmp_path / "n.pdf")
    for piece in ("D046", "K1350+345", "断裂 broken", "93%", "2 defects in 1180 of 1183"):
        assert piece in text
    assert fingerprint.of(data) in text
    assert f"，检测日期 {data.run.date}，任务 " in text.replace("\n", "")
    pictures = [
        image for page in pypdf.PdfReader(tmp_path / "n.pdf").pages for image in page.images
    ]
    assert len(pictures) == 1


@has_chinese_font
def test_a_mast_name_is_text_in_the_pdf_too(tmp_path: Path):
    pdf.write_pdf(named(defects(tmp_path), '#panic("x") *b*'), tmp_path / "n.pdf", TYPST)
    assert '#panic("x") *b*' in pages(tmp_path / "n.pdf")


@has_chinese_font
def test_a_railways_own_typst_template_may_use_a_logo_beside_it(tmp_path: Path):
    own = tmp_path / "own"
    own.mkdir()
    reported.draw_pin(own / "logo.jpg")
    (own / "letter.typ").write_text('#image("logo.jpg") #json("notice.json").items.at(0).mast')
    pdf.write_pdf(defects(tmp_path), tmp_path / "n.pdf", own / "letter.typ")
    assert "D046" in pages(tmp_path / "n.pdf")


@has_chinese_font
@pytest.mark.parametrize(
    "source", ["#depot", '#read("/etc/hostname")', '#json("notice.json").depot']
)
def test_a_typst_template_that_fails_is_refused_and_nothing_is_left(tmp_path: Path, source: str):
    (tmp_path / "own.typ").write_text(source)
    with pytest.raises(ConfigError, match=r"own\.typ: "):
        pdf.write_pdf(defects(tmp_path), tmp_path / "n.pdf", tmp_path / "own.typ")
    assert not (tmp_path / "n.pdf").exists()


def test_without_a_chinese_font_no_pdf_of_empty_boxes_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pdf, "CHINESE_FONTS", ("No Such Face",))
    with pytest.raises(ConfigError, match="fonts-noto-cjk"):
        pdf.write_pdf(defects(tmp_path), tmp_path / "n.pdf", TYPST)


def test_the_fingerprint_follows_what_is_said_and_not_when(tmp_path: Path):
    data = defects(tmp_path)
    later = replace(data, generated_at=data.generated_at.replace(year=2030))
    shuffled = replace(data, findings=data.findings[::-1])
    assert fingerprint.of(data) == fingerprint.of(later) == fingerprint.of(shuffled)
    others = [
        named(data, "D047"),
        replace(data, findings=data.findings[:1]),
        replace(data, thresholds={"dropper": 0.42}),
        replace(data, counts=replace(data.counts, failed=2)),
    ]
    assert len({fingerprint.of(one) for one in (data, *others)}) == 5


def test_an_empty_notice_says_that_there_is_nothing(tmp_path: Path):
    made = written(reported.report([]), tmp_path)
    assert len(rows(made.tables[0])) == 1
    assert "缺陷 0 处。" in "\n".join(one.text for one in made.paragraphs)


def test_the_json_for_typst_holds_every_field_of_the_contract(tmp_path: Path):
    told, _ = notice.notice_of(defects(tmp_path))
    kept = json.loads(json.dumps(told.context(), ensure_ascii=False))
    assert {"run", "defects", "grades", "items", "fingerprint", "status"} <= set(kept)
    assert kept["items"][0]["why_en"].startswith("Dropper broken")
