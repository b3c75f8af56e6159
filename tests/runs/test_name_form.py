from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.errors import SourceError
from catenary.domain.place import Direction, Mast
from catenary.runs.files import LocalFiles
from catenary.runs.name_form import NameFormLayout, ShotName, open_files, parse_shot_name
from tests.runs import examples

TEXT = st.characters(exclude_characters="/", exclude_categories=["Cs"])
PART = st.characters(exclude_characters="/_", exclude_categories=["Cs"])
POSTS = st.one_of(
    st.just(""), st.integers(0, 10**7).map(str), st.integers(0, 9999).map("K{}+250".format)
)


@given(
    mast=st.text(TEXT, min_size=1),
    kilometre=POSTS,
    playback=st.text(PART),
    lens=st.sampled_from("AB"),
    number=st.text(PART),
    frame=st.from_regex(r"[0-9]{1,9}", fullmatch=True),
)
def test_names_read_back(
    mast: str, kilometre: str, playback: str, lens: str, number: str, frame: str
):
    name = ShotName(mast, kilometre, playback, lens + number, frame)
    assert parse_shot_name(str(name)) == name


@pytest.mark.parametrize(
    "stem",
    ["D046_1347953_0613_C3_1", "D046_here_0613_A3_1", "D046_1_A3_1", "D046_1_0613_A3_x", ""],
)
def test_other_names_are_not_taken(stem: str):
    assert parse_shot_name(stem) is None


def test_facts_stand_in_the_name(tmp_path: Path):
    root = examples.files(
        tmp_path / examples.TASK,
        "U5_2_1347953_0613_A3_0000001.jpg",
        "deep/er/D046 _K1347+960_0613_B12_0000002.JPG",
        "deep/cover.png",
    )
    source = NameFormLayout().open(root)
    first, cover, second = source.frames()
    assert first.mast == Mast("沪蓉", Direction.DOWN, "", "U5_2")
    assert (first.camera, first.kilometre_m) == ("A3", 1_347_953.0)
    assert second.mast == Mast("沪蓉", Direction.DOWN, "", "D046")
    assert (second.camera, second.kilometre_m) == ("B12", 1_347_960.0)
    assert (cover.image_id, cover.mast) == ("deep/cover.png", None)
    assert source.read(second) == examples.picture(1)
    assert source.description.layout == "name form"


def test_a_few_such_names_do_not_make_a_run(tmp_path: Path):
    root = examples.files(tmp_path, "D046_1_0613_A3_1.jpg", "a.jpg", "b.jpg")
    assert not NameFormLayout().recognises(root)
    with pytest.raises(SourceError, match="not in the name form"):
        open_files(LocalFiles(root), "run", "here")
