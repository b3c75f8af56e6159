from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.runs import shot_time

MOMENTS = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2099-12-31"))


@given(moment=MOMENTS)
def test_filetime_keeps_every_microsecond(moment: datetime):
    assert shot_time.from_filetime(shot_time.to_filetime(moment)) == moment


@given(
    moment=st.datetimes(datetime.fromisoformat("2000-01-01"), datetime.fromisoformat("2099-12-31")),
    camera=st.integers(0, 99),
)
def test_image_key_keeps_milliseconds(moment: datetime, camera: int):
    key = shot_time.to_image_key(moment, camera)
    assert len(key) == 17
    assert key.endswith(f"{camera:02d}")
    found = shot_time.from_image_key(key)
    assert found == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize(("camera", "year"), [(100, 2022), (-1, 2022), (1, 1999), (1, 2100)])
def test_key_refuses_what_it_cannot_hold(camera: int, year: int):
    with pytest.raises(ValueError, match="camera 0-99 and a year 2000-2099"):
        shot_time.to_image_key(datetime.fromisoformat(f"{year}-01-01"), camera)


@pytest.mark.parametrize(
    "cell",
    [
        132910828108440000,
        132910828108440000.0,
        "132910828108440000",
        " 132910828108440000 ",
        "2022-03-06 23:26:50.844",
        "2022-03-06T23:26:50.844000",
        "2022/3/6 23:26:50:844",
        "2022.03.06 23:26:50,844",
    ],
)
def test_time_is_read_in_every_spelling(cell: object):
    assert shot_time.parse(cell) == datetime.fromisoformat("2022-03-06 23:26:50.844")


@pytest.mark.parametrize(
    "cell",
    [None, "", "0", 0, -1, 65536, 1e300, float("nan"), float("inf"), "soon", "2022-13-06 23:26:50",
     "2022-03-06 25:26:50", 10**30, "9" * 400, "١٢", b"\x01", 116444736000000000],
)  # fmt: skip
def test_what_is_no_time_is_none(cell: object):
    assert shot_time.parse(cell) is None


@given(cell=st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.none()))
def test_no_cell_stops_the_reading(cell: object):
    shot_time.parse(cell)
    shot_time.from_image_key(str(cell))


@given(
    moment=st.datetimes(datetime.fromisoformat("2001-01-01"), datetime.fromisoformat("2090-01-01")),
    hours=st.integers(-14, 14),
)
def test_stored_time_in_utc_gives_way_to_the_local_key(moment: datetime, hours: int):
    local = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    stored = shot_time.to_filetime(local - timedelta(hours=hours, seconds=1))
    found = shot_time.of_shot(stored, shot_time.to_image_key(local, 1))
    assert found == (local if hours else local - timedelta(seconds=1))


def test_stored_time_counts_when_it_is_merely_different():
    stored = shot_time.to_filetime(datetime.fromisoformat("2022-03-06 22:50:00"))
    assert shot_time.of_shot(stored, "22030623265084401") == datetime.fromisoformat(
        "2022-03-06 22:50:00"
    )
