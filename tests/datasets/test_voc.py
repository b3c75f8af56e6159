from pathlib import Path

import pytest

from catenary.datasets import voc
from catenary.datasets.labels import Label
from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from tests.datasets import drawn

OBJECT = (
    "<object><name>吊弦</name><pose>Left</pose><difficult>1</difficult><bndbox><xmin>{}</xmin>"
    "<ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>"
)
SIZE = "<size><width>200</width><height>160</height><depth>3</depth></size>"


def file(folder: Path, name: str, inner: str, head: str = "") -> Path:
    path = folder / name
    path.write_text(f"{head}<annotation>\n{inner}\n</annotation>", encoding="utf-8")
    return path


def test_pixels_are_counted_from_one_and_both_ends_belong_to_the_box(tmp_path):
    file(tmp_path, "1.xml", SIZE + OBJECT.format(1))
    reading = voc.read(tmp_path)
    (image,) = reading.labelled.images
    assert image.labels == (Label("吊弦", Box(0, 1, 30, 40), is_ignored=True),)
    assert reading.left_out == {"object/pose": 1}


def test_two_files_of_one_image_are_joined_and_its_ending_is_found(tmp_path):
    (tmp_path / "080.png").write_bytes(drawn.picture())
    for name in ("080.defect.xml", "080.insulator.xml"):
        file(tmp_path, name, f"<filename>080</filename>{SIZE}{OBJECT.format(9)}")
    (image,) = voc.read(tmp_path).labelled.images
    assert image.ref.file_name == "080.png"
    assert len(image.labels) == 2


def test_a_size_that_is_not_told_is_that_of_the_image(tmp_path):
    (tmp_path / "1.png").write_bytes(drawn.picture())
    file(tmp_path, "1.xml", OBJECT.format(9))
    (image,) = voc.read(tmp_path).labelled.images
    assert (image.width, image.height) == (drawn.WIDTH, drawn.HEIGHT)


def test_every_mistake_is_told_with_its_file_and_line(tmp_path):
    rows = [OBJECT.format("nan"), OBJECT.format(31), OBJECT.format(500), "<object></object>"]
    file(tmp_path, "甲.xml", SIZE + "\n" + "\n".join(rows))
    file(tmp_path, "乙.xml", "<size><width>x</width></size>")
    with pytest.raises(ConfigError) as caught:
        voc.read(tmp_path)
    message = str(caught.value)
    for part in (
        "甲.xml, line 3: xmin must be a number, got 'nan'",
        "甲.xml, line 4: box needs finite x0 < x1",
        "甲.xml, line 5: box needs finite",
        "甲.xml, line 6: 'bndbox' is missing",
        "乙.xml, line 1: 'height' is missing",
    ):
        assert part in message


def test_only_the_first_fifty_mistakes_are_shown(tmp_path):
    file(tmp_path, "1.xml", SIZE + "<object/>" * 60)
    with pytest.raises(ConfigError, match="and 10 more"):
        voc.read(tmp_path)


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;">]>\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_entity_bomb_is_refused(tmp_path, encoding):
    path = tmp_path / "1.xml"
    path.write_bytes(f"{BOMB}<annotation>&c;</annotation>".encode(encoding))
    with pytest.raises(ConfigError, match="line 1: a DTD is not read"):
        voc.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotation><object>", "1.xml is not XML: no element found: line 1"),
        ("", "1.xml is not XML"),
        ("<a>" * 200, "nested without end"),
        ("<annotations/>", "begins with <annotations>, not <annotation>"),
    ],
)
def test_what_is_no_voc_file_is_refused(tmp_path, text, message):
    (tmp_path / "1.xml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        voc.read(tmp_path)
