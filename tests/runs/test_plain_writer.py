from datetime import datetime
from pathlib import Path

import pytest

from catenary.domain.image import ImageRef
from catenary.domain.place import Direction, Mast
from catenary.runs.discover import open_source
from catenary.runs.plain_writer import write_plain

MAST = Mast("京广,线", Direction.DOWN, '甲"站', "Y035 _1")


def ref(name: str, **facts: object) -> ImageRef:
    return ImageRef("run", f"id-{name}", name, name, **facts)


def test_a_plain_run_is_read_back_whole(tmp_path: Path):
    moment = datetime.fromisoformat("2026-03-06T01:02:03.004005")
    full = ref("图/1.jpg", camera="03", view="dropper", mast=MAST, kilometre_m=0.1 + 0.2,
               taken_at=moment)  # fmt: skip
    bare = ref("2.jpg")
    write_plain(tmp_path / "run", [(full, b"one"), (bare, b"two")])
    source = open_source(tmp_path / "run")
    assert list(source.frames()) == [full, bare]
    assert [source.read(one) for one in (full, bare)] == [b"one", b"two"]


@pytest.mark.parametrize(
    ("names", "message"),
    [(("1.jpg", "1.jpg"), "would be named 1.jpg"), (("../1.jpg",), "no path below the folder")],
)
def test_photographs_that_cannot_lie_in_the_folder_are_refused(tmp_path, names, message):
    with pytest.raises(ValueError, match=message):
        write_plain(tmp_path / "run", [(ref(name), b"") for name in names])
    assert list(tmp_path.iterdir()) == []
