"""Which item goes on with which part, and what stands where two are one: laws, not examples."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from catenary.domain import inherit, review
from catenary.domain.geometry import Box
from catenary.domain.inherit import Looked, Part, Parts, Place
from catenary.domain.review import Decision, Standing, State

AT = datetime(2026, 3, 7, tzinfo=UTC)
BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(5, 40),
    st.integers(5, 40),
)
PLACES = st.builds(Place, st.integers(1, 3), BOXES)
KINDS = st.sampled_from(["dropper", "bolt"])


@st.composite
def parts(draw: st.DrawFn) -> list[Part]:
    """Return parts, each in one to three photographs, as joining makes them."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        views = draw(st.lists(PLACES, min_size=1, max_size=3, unique_by=lambda one: one.frame_id))
        found.append(Part(f"p{number}", draw(KINDS), tuple(views)))
    return found


ITEMS = st.lists(
    st.builds(
        Looked,
        st.integers(1, 100),
        st.sampled_from(["p0", "p1", "p2", "gone"]),
        KINDS,
        PLACES,
    ),
    max_size=6,
    unique_by=lambda one: one.item_id,
)


@given(parts(), ITEMS)
def test_two_items_of_one_photograph_are_never_one_part(now: list[Part], items: list[Looked]):
    found = inherit.targets(Parts(now), items, {})
    taken = [(found[one.item_id], one.place.frame_id) for one in items if one.item_id in found]
    assert len(taken) == len(set(taken))


@given(parts(), ITEMS)
def test_an_item_goes_on_with_a_part_of_its_kind(now: list[Part], items: list[Looked]):
    kinds = {part.name: part.component for part in now}
    found = inherit.targets(Parts(now), items, {})
    for one in items:
        if one.item_id in found:
            assert kinds[found[one.item_id]] == one.component


@given(parts())
def test_what_did_not_change_goes_on_as_it_is(now: list[Part]):
    """Every part by itself, looked at in a photograph that shows nothing else near it."""
    apart = [
        replace(part, views=tuple(replace(one, finding_id=10 * n + m) for m, one in views))
        for n, part in enumerate(now)
        for views in [list(enumerate(part.views))]
    ]
    items = [Looked(n, part.name, part.component, part.views[0]) for n, part in enumerate(apart)]
    found = inherit.targets(Parts(apart), items, {})
    assert found == {n: part.name for n, part in enumerate(apart)}


@given(parts(), ITEMS)
def test_nobody_inherits_what_has_an_item(now: list[Part], items: list[Looked]):
    all_parts = Parts(now)
    found = inherit.targets(all_parts, items, {})
    free = {part.name for part in now} - set(found.values())
    former = {one.item_id: [view for part in now for view in part.views] for one in items}
    heirs = inherit.heirs(all_parts, free, items, former)
    assert heirs.keys() <= free
    assert set(heirs.values()) <= {one.item_id for one in items}


SAID = {
    Decision.CONFIRM: State.CONFIRMED,
    Decision.REJECT: State.REJECTED,
    Decision.OBSERVE: State.OBSERVED,
    Decision.CANNOT_JUDGE: State.CANNOT_JUDGE,
}
CLOSED = st.builds(
    lambda state, who: Standing(state, "broken", 1, Box(0, 0, 1, 1), who, AT),
    st.sampled_from(list(SAID.values())),
    st.sampled_from(["wang", "li"]),
)


@given(st.lists(CLOSED, min_size=1, max_size=5))
def test_only_confirmed_and_rejected_is_a_dispute(standings: list[Standing]):
    states = {one.state for one in standings}
    _, after = review.merged(standings)
    if {State.CONFIRMED, State.REJECTED} <= states:
        assert after.state is State.DISPUTED
        assert {after.first_by, after.second_by} <= {"wang", "li"}
    else:
        assert after.state in states


@given(st.lists(CLOSED, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_what_stands_does_not_depend_on_the_order(standings: list[Standing], random):
    shuffled = list(standings)
    random.shuffle(shuffled)
    assert review.merged(shuffled)[1].state is review.merged(standings)[1].state


@given(CLOSED)
def test_one_alone_stays_as_it_is(standing: Standing):
    assert review.merged([standing]) == (0, standing)


def test_a_rejection_that_waits_to_be_read_again_speaks_against_a_confirmation():
    confirmed = Standing(State.CONFIRMED, "broken", 1, Box(0, 0, 1, 1), "wang", AT)
    waiting = replace(
        confirmed, state=State.SECOND, reviewer="li", first_by="li", first_said=Decision.REJECT
    )
    number, after = review.merged([waiting, confirmed])
    assert (number, after.state, after.first_by, after.second_by) == (
        1,
        State.DISPUTED,
        "wang",
        "li",
    )
