"""Pictures: the right pixels, decoded once, and what happens when a photograph is gone."""

import base64
import io
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from catenary.domain.geometry import Box
from catenary.imaging import decode, pyramid
from catenary.imaging.crops import cut
from catenary.review.memory import Memory
from catenary.review.photos import shrunk
from catenary.review.site import Site
from catenary.review.tell import window
from tests.review import places
from tests.review.places import HEIGHT, WIDTH, Browser, code


def picture(answer) -> np.ndarray:
    assert answer.headers["content-type"] == "image/jpeg", answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L")).astype(int)


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two pictures are the same but for what JPEG loses."""
    return one.shape == other.shape and float(np.abs(one - other.astype(int)).mean()) < 4


def test_a_crop_is_the_part_with_its_surroundings(looker: Browser):
    item = looker.get("/api/items/1").json()
    where = item["crop"]
    shown = picture(looker.get("/api/items/1/crop", brighten=0))
    rows = slice(where["y0"], where["y0"] + where["height"])
    expected = places.pixels(0)[rows, where["x0"] : where["x0"] + where["width"]]
    assert alike(shown, expected)


def test_a_wider_crop_comes_from_the_photograph(looker: Browser):
    shown = picture(looker.get("/api/items/1/crop", context=1, brighten=0))
    assert alike(shown, places.pixels(0)[0:421, 0:241])


def test_a_crop_is_made_smaller_and_never_larger(looker: Browser):
    assert max(picture(looker.get("/api/items/1/crop", max_side=64)).shape) == 64
    full = picture(looker.get("/api/items/1/crop"))
    assert picture(looker.get("/api/items/1/crop", max_side=8000)).shape == full.shape


@pytest.mark.parametrize("brighten", [False, True])
def test_a_sheet_brings_the_pictures_that_would_be_asked_for_one_by_one(
    site: Site, anybody: Browser, brighten: bool
):
    (site.workspace.evidence(places.RUN) / "2.jpg").unlink()
    look = {"max_side": 64, "brighten": brighten}
    asked = {"n": 5, "brief": True, "pictures": look, "filters": {"component": ["dropper"]}}
    told = anybody.post("/api/queue/lease", asked).json()
    ids = {item["id"] for item in told["items"]}
    assert ids == {1, 2, 3, 4, 5}
    # The third has no stored picture: its photograph takes long, and is asked for by itself.
    assert set(map(int, told["pictures"])) == ids - {3}
    for item, url in told["pictures"].items():
        head, _, content = url.partition(",")
        alone = anybody.get(f"/api/items/{item}/crop", **look)
        assert (head, base64.b64decode(content)) == ("data:image/jpeg;base64", alone.content)


def test_a_sheet_that_asks_for_no_pictures_gets_none(anybody: Browser):
    assert anybody.post("/api/queue/lease", {"n": 2, "brief": True}).json()["pictures"] == {}


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_a_picture_made_smaller_is_the_mean_of_what_it_shows(width: int, height: int, side: int):
    slope = np.add.outer(np.arange(height), np.arange(width)) * 255.0 / (height + width)
    small = shrunk(slope.astype(np.uint8), side)
    assert max(small.shape) == min(side, max(width, height))
    scale = max(small.shape) / max(width, height)
    assert abs(small.shape[0] - max(scale * height, 1)) <= 1
    assert abs(small.shape[1] - max(scale * width, 1)) <= 1
    # In the middle of a slope its mean, to what rounding of sides and of grey levels makes.
    step = 255.0 / (height + width) / scale
    assert abs(float(small.mean()) - float(slope.mean())) <= step + 1.5


def test_evidence_is_drawn_in(looker: Browser):
    plain = Image.open(io.BytesIO(looker.get("/api/items/1/crop").content))
    drawn = Image.open(io.BytesIO(looker.get("/api/items/1/crop", drawn=1).content))
    assert (plain.mode, drawn.mode) == ("L", "RGB")
    assert plain.size == drawn.size


def test_a_corrected_box_is_what_is_shown(anybody: Browser):
    anybody.decide(1, box=[500, 300, 600, 400])
    shown = picture(anybody.get("/api/items/1/crop", context=0, brighten=0))
    assert alike(shown, places.pixels(0)[300:400, 500:600])


def test_an_item_has_no_more_views_than_it_has(looker: Browser):
    assert code(looker.get("/api/items/1/crop", view=1)) == "not_found"


def test_a_part_of_a_photograph(looker: Browser):
    shown = picture(looker.get("/api/frames/2/crop", x=100, y=200, width=300, height=150))
    assert alike(shown, places.pixels(1)[200:350, 100:400])
    assert code(looker.get("/api/frames/2/crop", x=5000, y=0, width=1, height=1)) == "not_found"


def test_tiles_put_together_are_the_photograph(looker: Browser):
    whole = np.zeros((HEIGHT, WIDTH), int)
    for row in range(2):
        for column in range(3):
            tile = picture(looker.get(f"/api/frames/1/tiles/11/{column}_{row}.jpg"))
            y, x = 512 * row, 512 * column
            whole[y : y + tile.shape[0], x : x + tile.shape[1]] = tile
    assert alike(whole, places.pixels(0))


@pytest.mark.parametrize("tile", ["11/3_0", "11/0_2", "12/0_0", "8/0_0", "10/99999_0"])
def test_there_are_no_other_tiles(looker: Browser, tile: str):
    assert code(looker.get(f"/api/frames/1/tiles/{tile}.jpg")) == "not_found"


@given(st.integers(1, 1400), st.integers(1, 1400))
def test_tiles_of_every_level_cover_it(height: int, width: int):
    built = pyramid.build(np.zeros((height, width), np.uint8))
    assert built.min_level == pyramid.min_level(height, width)
    assert built.max_level == pyramid.max_level(height, width)
    for level in range(built.min_level, built.max_level + 1):
        scale = 2 ** (built.max_level - level)
        high, wide = -(-height // scale), -(-width // scale)
        columns, rows = -(-wide // 512), -(-high // 512)
        tiles = [[built.tile(level, x, y) for x in range(columns)] for y in range(rows)]
        assert sum(row[0].shape[0] for row in tiles) == high
        assert sum(tile.shape[1] for tile in tiles[0]) == wide
        assert built.tile(level, columns, 0) is None
        assert built.tile(level, 0, rows) is None


@given(st.floats(0, 900), st.floats(0, 600), st.floats(1, 200), st.floats(1, 99), st.floats(0, 3))
def test_the_window_is_that_of_the_stored_pictures(
    x: float, y: float, width: float, height: float, context: float
):
    box = Box(x, y, x + width, y + height)
    crop = cut(np.zeros((HEIGHT, WIDTH), np.uint8), box, context)
    told = window(box, context, WIDTH, HEIGHT)
    assert (told.x0, told.y0, told.height, told.width) == (crop.x0, crop.y0, *crop.pixels.shape)


def test_a_part_that_an_evidence_picture_holds_needs_no_photograph(
    anybody: Browser, tmp_path: Path
):
    held = anybody.get("/api/items/1").json()["crop"]
    asked = {"x": held["x0"] + 3, "y": held["y0"] + 5, "width": 30, "height": 40}
    (tmp_path / "run" / "000000.png").unlink()
    shown = picture(anybody.get("/api/frames/1/crop", **asked))
    rows = slice(asked["y"], asked["y"] + 40)
    assert alike(shown, places.pixels(0)[rows, asked["x"] : asked["x"] + 30])
    for more in ({"width": held["width"]}, {"height": held["height"]}, {"x": 800, "y": 500}):
        answer = anybody.get("/api/frames/1/crop", **asked | more)
        assert (answer.status_code, code(answer)) == (404, "picture_unreadable")


def test_a_photograph_that_is_told_of_is_decoded_ahead(
    site: Site, anybody: Browser, tmp_path: Path
):
    anybody.get("/api/frames/1")
    site.photos.close()  # waits for what was begun
    (tmp_path / "run" / "000000.png").unlink()
    answer = anybody.get("/api/frames/1/tiles/9/0_0.jpg")
    assert max(picture(answer).shape) > 200


def test_many_who_ask_at_once_have_a_photograph_decoded_once(
    anybody: Browser, monkeypatch: pytest.MonkeyPatch
):
    decoded = []
    real = decode.decode_gray
    monkeypatch.setattr(decode, "decode_gray", lambda data: decoded.append(1) or real(data))

    def look(number: int) -> None:
        anybody.get(f"/api/frames/3/tiles/11/{number % 3}_{number % 2}.jpg")

    threads = [threading.Thread(target=look, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(decoded) == 1


def test_a_photograph_that_is_missing_is_said_so(anybody: Browser, tmp_path: Path):
    (tmp_path / "run" / "000001.png").unlink()
    answer = anybody.get("/api/frames/2/tiles/11/0_0.jpg")
    assert (answer.status_code, code(answer)) == (404, "picture_unreadable")


def test_a_damaged_photograph_is_said_so(anybody: Browser, tmp_path: Path):
    (tmp_path / "run" / "000001.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    answer = anybody.get("/api/frames/2/crop", x=800, y=500, width=9, height=9)
    assert (answer.status_code, code(answer)) == (404, "picture_unreadable")


def test_a_run_that_is_gone_is_said_so_and_comes_back(anybody: Browser, tmp_path: Path):
    shutil.move(tmp_path / "run", tmp_path / "away")
    answer = anybody.get("/api/frames/2/tiles/11/0_0.jpg")
    assert (answer.status_code, code(answer)) == (503, "source_gone")
    shutil.move(tmp_path / "away", tmp_path / "run")
    assert anybody.get("/api/frames/2/tiles/11/0_0.jpg").status_code == 200


def test_the_stored_picture_stands_in_when_the_run_is_gone(anybody: Browser, tmp_path: Path):
    shutil.move(tmp_path / "run", tmp_path / "away")
    assert anybody.get("/api/items/1/crop", context=2).status_code == 200


def test_a_name_of_a_stored_picture_leads_nowhere_else(site: Site, anybody: Browser):
    from sqlalchemy import update

    from catenary.store.schema import finding

    (site.workspace.path / "secret.jpg").write_bytes(b"secret")
    with site.db.write() as tx:
        tx.execute(update(finding).where(finding.c.id == 1).values(crop="../../secret.jpg"))
    shown = picture(anybody.get("/api/items/1/crop", brighten=0))
    assert shown.shape[0] > 9  # cut from the photograph instead


def test_memory_keeps_what_was_used_last_within_its_room():
    made = []

    def make(key: str) -> bytes:
        made.append(key)
        return b"x" * 40

    memory: Memory[str, bytes] = Memory(100, len)
    for key in ("a", "b", "a", "c", "a", "b"):
        memory.get(key, lambda key=key: make(key))
    assert made == ["a", "b", "c", "b"]


def test_memory_remembers_no_failure():
    memory: Memory[str, bytes] = Memory(100, len)

    def fail() -> bytes:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        memory.get("a", fail)
    assert memory.get("a", lambda: b"x") == b"x"
