from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from catenary.runs import sorting

odd = st.sampled_from(["\n", "a\nb", "\r", "\udcd6\udcd0", "杆号"])
names = odd | st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=6
)


@given(st.lists(names), st.integers(1, 5))
def test_names_come_sorted_however_few_are_held(given_names: list[str], held: int):
    assert list(sorting.in_order(given_names, held)) == sorted(given_names)


def test_no_name_is_lost_where_a_part_is_just_full():
    for count in (0, 1, 3, 4, 5, 8, 9):
        wanted = [f"{number:02d}" for number in range(count)]
        assert list(sorting.in_order(reversed(wanted), 4)) == wanted


def test_memory_holds_a_part_of_the_names_only():
    waiting = 0

    def counted() -> Iterator[str]:
        nonlocal waiting
        for number in range(100):
            waiting += 1
            yield f"{number:03d}"

    found = sorting.in_order(counted(), 10)
    assert next(found) == "000"
    assert waiting == 100  # all were seen, in parts of ten
    assert len(list(found)) == 99
