"""Items through the API: lists, leases, decisions, and two browsers on one item."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from catenary.domain.finding import Verdict
from catenary.domain.geometry import Box
from catenary.domain.image import FrameResult, Outcome
from catenary.domain.place import Direction, Mast
from catenary.review import answers
from catenary.review.site import Site
from catenary.store import findings, ledger, parts, queue_fill
from catenary.store.parts import JoinedPart, View
from tests.review import conftest, places
from tests.review.places import RUN, Browser, code
from tests.store import records
from tests.store.queues import AGEING_DAYS, NOON


def test_the_list_shows_the_worst_first_and_all_that_was_found(looker: Browser):
    page = looker.get("/api/queue", state="open", verdict="defect").json()
    assert page["total"] == 5
    assert [one["id"] for one in page["items"]] == [1, 2, 3, 4, 5]
    first = page["items"][0]
    assert (first["run"], first["mast"]["number"], first["kilometre"]) == (RUN, "D000", "K1+000")
    assert first["file_name"] == "000000.png"


def test_pages_follow_each_other(looker: Browser):
    first = looker.get("/api/queue", limit=4).json()
    second = looker.get("/api/queue", limit=4, cursor=first["next"]).json()
    ids = [one["id"] for one in first["items"] + second["items"]]
    assert sorted(ids) == list(range(1, 8))
    assert second["next"] is None


def test_filters_tell_names_and_counts(looker: Browser):
    told = looker.get("/api/queue/filters", component="dropper").json()
    assert told["total"] == 5
    components = {one["value"]: one for one in told["facets"]["component"]}
    assert components["split_pin"]["count"] == 1  # can still be ticked
    assert components["dropper"]["label"] == {"zh": "吊弦", "en": "dropper"}
    assert {one["value"]: one["count"] for one in told["facets"]["mast"]} == {"D000": 3, "D001": 2}
    assert told["kilometre_m"] == [1000.0, 1004.0]


def test_a_list_of_values_is_any_of_them(looker: Browser):
    told = looker.client.get("/api/queue?component=dropper&component=split_pin").json()
    assert told["total"] == 6


def test_an_item_tells_all_that_a_triage_screen_needs(looker: Browser):
    item = looker.get("/api/items/1").json()
    assert set(item) == set(answers.ItemDetail.model_fields)
    assert "断裂" in item["why"]["zh"]
    assert "broken" in item["why"]["en"]
    (view,) = item["seen_in"]
    assert view["leads"] is True
    (evidence,) = view["evidence"]
    assert {line["role"]: line["colour"] for line in evidence["lines"]} == {
        "wire": "#56b4e9",
        "clamp": "#f0e442",
    }
    assert item["versions"] == {"model": "demo-1", "rules": "1@abc", "taxonomy": "1"}
    assert item["allowed"] == ["confirm", "reject", "observe", "cannot_judge"]


@pytest.fixture
def joined(site: Site) -> Browser:
    """Return a browser of a site where three photographs show the dropper of item 1."""
    box = Box(300.0, 100.0, 340.0, 400.0)
    views = (
        View("000000", Box(10.0, 20.0, 40.0, 220.5), Verdict.DEFECT, "broken", 0.9, 1),
        View("000001", Box(30.0, 20.0, 60.0, 220.5), Verdict.DEFECT, "broken", 0.8375, 2),
        View("000002", box, Verdict.NORMAL, "normal", 0.04, None),
    )
    part = JoinedPart("0123456789ab", "dropper", Verdict.DEFECT, "broken", 0.9, 1, 0.98, views)
    with site.db.write() as tx:
        state = parts.masts(tx, 1)[0]
        parts.replace(tx, 1, state, [part])
    queue_fill.fill(site.db, 1, [], NOON, AGEING_DAYS)
    return Browser(conftest.client(site))


def test_all_views_of_a_part_are_told_the_leading_one_first(joined: Browser):
    (listed,) = joined.get("/api/queue", mast="D000", verdict="defect", limit=1).json()["items"]
    assert listed["views"] == 3
    item = joined.get(f"/api/items/{listed['id']}").json()
    assert [(one["camera"], one["verdict"]) for one in item["seen_in"]] == [
        ("01", "defect"),
        ("02", "defect"),
        ("03", "normal"),
    ]
    assert [one["leads"] for one in item["seen_in"]] == [True, False, False]
    assert "2 of 3" in item["views_say"]["en"]
    assert item["seen_in"][2]["evidence"] == []
    for view in range(3):
        assert joined.get(f"/api/items/{item['id']}/crop", view=view).status_code == 200


def test_a_corrected_box_is_that_of_the_leading_view_alone(joined: Browser):
    (listed,) = joined.get("/api/queue", mast="D000", verdict="defect", limit=1).json()["items"]
    item = joined.decide(listed["id"], box=[15, 25, 50, 230]).json()["item"]
    assert item["box"] == item["seen_in"][0]["box"] == [15, 25, 50, 230]
    assert item["seen_in"][1]["box"] == [30, 20, 60, 220.5]
    for frame_id, box in ((1, [15, 25, 50, 230]), (2, [30, 20, 60, 220.5])):
        frame = joined.get(f"/api/frames/{frame_id}").json()
        assert box in [one["view_box"] for one in frame["items"]]


def test_the_same_mast_in_an_earlier_run_is_shown_beside(site: Site, anybody: Browser):
    record = records.record("2025-12-01_示例线", "/data/earlier")
    ref = replace(records.ref(0), mast=Mast("示例线", Direction.UP, "东站", "D000"), camera="01")
    done = FrameResult(Outcome.DONE, width=places.WIDTH, height=places.HEIGHT)
    with site.db.write() as tx:
        run_id = ledger.register(tx, replace(record, date="2025-12-01"))
        ledger.plan(tx, run_id, [ref])
        ledger.finish(tx, run_id, ref.image_id, done)
        findings.insert_all(tx, run_id, [(records.broken_dropper(ref.image_id, 0.3), None)])
    queue_fill.fill(site.db, run_id, [], NOON, AGEING_DAYS)
    whole, brief = (
        anybody.post("/api/queue/lease", {"n": 1, "release": [1], "brief": asked}).json()["items"][
            0
        ]
        for asked in (False, True)
    )
    assert (whole["id"], len(whole["earlier"]), brief["earlier"]) == (1, 1, [])
    told = {"id", "crop", "seen_in", "mast", "versions", "allowed"}
    assert {name: whole[name] for name in told} == {name: brief[name] for name in told}
    (earlier,) = anybody.get("/api/items/1").json()["earlier"]
    assert (earlier["run"], earlier["date"]) == ("2025-12-01_示例线", "2025-12-01")
    assert earlier["box"] == [10.0, 20.0, 40.0, 220.5]
    (item,) = earlier["items"]
    assert (item["run_id"], item["component"]) == (run_id, "dropper")
    assert anybody.get(f"/api/items/{item['id']}").json()["earlier"] == []
    assert anybody.get("/api/items/2").json()["earlier"] == []  # another camera
    (other,) = anybody.get("/api/masts/1").json()["other_runs"]
    assert other["mast_id"] == earlier["frame_id"]
    assert anybody.get("/api/items/1").json()["known"] == []
    anybody.decide(item["id"])
    (known,) = anybody.get("/api/items/1").json()["known"]  # on the screen while one decides
    assert (known["run"], known["item"], known["state"]) == (
        "2025-12-01_示例线",
        item["id"],
        "registered",
    )
    assert (known["condition"], known["grade"], known["overdue"]) == ("broken", 1, False)
    defect = anybody.decide(1).json()["item"]["defect"]["id"]
    assert anybody.get(f"/api/defects/{defect}").json()["suspected_of"] == known["id"]


def test_a_sample_says_that_the_scan_called_it_normal(anybody: Browser):
    (sample,) = anybody.get("/api/queue", verdict="normal").json()["items"]
    item = anybody.get(f"/api/items/{sample['id']}").json()
    assert item["origin"] == "sample"
    assert item["why"]["en"] == "Insulator: no defect seen."
    assert code(anybody.decide(sample["id"])) == "invalid"
    assert anybody.decide(sample["id"], condition="flashover").json()["item"]["grade"] == 1


def test_a_decision_is_kept_and_told(anybody: Browser):
    answer = anybody.decide(1, note="<b>x</b>", grade=2)
    assert answer.status_code == 201
    item = answer.json()["item"]
    assert (item["state"], item["version"], item["reviewer"]) == ("confirmed", 1, "local")
    assert (item["grade"], item["note"], item["can_undo"]) == (2, "<b>x</b>", True)
    (made,) = item["decisions"]
    assert (made["before"]["grade"], made["after"]["grade"]) == (1, 2)
    assert made["made_at"].endswith("Z")


def test_two_browsers_on_one_item_the_second_is_told_what_stands(site: Site):
    first, second = (Browser(conftest.client(site)) for _ in range(2))
    first.decide(1)
    answer = second.decide(1, decision="reject")
    assert (answer.status_code, code(answer)) == (409, "stale")
    (current,) = answer.json()["error"]["current"]
    assert (current["id"], current["version"], current["state"]) == (1, 1, "confirmed")


def test_a_contact_sheet_is_decided_at_once_or_not_at_all(anybody: Browser):
    def sheet(*ids: int):
        wanted = [{"item": one, "version": 0, "decision": "reject"} for one in ids]
        return anybody.post("/api/decisions", {"decisions": wanted})

    assert [one["state"] for one in sheet(1, 2).json()["items"]] == ["rejected"] * 2
    answer = sheet(3, 1)
    assert (answer.status_code, code(answer)) == (409, "stale")
    assert anybody.get("/api/items/3").json()["state"] == "open"


def test_undo_brings_back_one_and_many(anybody: Browser):
    anybody.decide(1)
    anybody.decide(2)
    item = anybody.post("/api/items/1/undo", {"version": 1}).json()["item"]
    assert (item["state"], item["version"], item["can_undo"]) == ("open", 2, False)
    told = anybody.post("/api/undo", {"items": [{"item": 2, "version": 1}]}).json()
    assert [one["state"] for one in told["items"]] == ["open"]
    again = anybody.post("/api/items/1/undo", {"version": 2})
    assert (again.status_code, code(again)) == (409, "nothing_to_undo")


def test_two_people_get_different_items_and_see_who_holds(log_in: Callable[[str], Browser]):
    wang, li = log_in("reviewer"), log_in("second")
    first = wang.post("/api/queue/lease", {"n": 2, "filters": {"verdict": ["defect"]}}).json()
    assert [one["id"] for one in first["items"]] == [1, 2]
    assert first["waiting"] == 3
    other = li.post("/api/queue/lease", {"n": 2, "filters": {"verdict": ["defect"]}}).json()
    assert [one["id"] for one in other["items"]] == [3, 4]
    assert li.get("/api/items/1").json()["held_by"] == "reviewer"
    assert wang.get("/api/items/1").json()["held_by"] is None
    answer = li.decide(1)
    assert (answer.status_code, code(answer)) == (409, "leased")
    kept = wang.post("/api/queue/lease", {"n": 0, "keep": [1, 3], "release": [2]}).json()
    assert kept["kept"] == [1]
    assert li.decide(2).status_code == 201


def test_a_confirmed_item_is_read_again_and_a_dispute_goes_to_a_lead(
    log_in: Callable[[str], Browser],
):
    first, second, lead = (log_in(name) for name in ("reviewer", "second", "lead"))
    assert first.decide(1).json()["item"]["state"] == "second"
    assert first.get("/api/items/1").json()["allowed"] == []
    assert second.decide(1, 1, "reject").json()["item"]["state"] == "disputed"
    assert code(second.decide(1, 2)) == "role"
    item = lead.decide(1, 2).json()["item"]
    assert (item["state"], item["reviewer"]) == ("confirmed", "lead")
    assert [one["stage"] for one in item["decisions"]] == ["first", "second", "settle"]
    told = {one["name"]: one for one in lead.get("/api/statistics").json()["reviewers"]}
    agreement = told["reviewer"]["second_reading"]
    assert (agreement["agreed"], agreement["total"]) == (0, 1)


def test_a_reading_of_ones_own_is_refused_as_such(log_in: Callable[[str], Browser]):
    second = log_in("second")
    second.decide(1)
    answer = second.decide(1, 1)
    assert (answer.status_code, code(answer)) == (403, "own_reading")


def test_a_drawn_defect_is_an_item(anybody: Browser):
    body = {"component": "dropper", "condition": "slack", "box": [100, 50, 180, 400]}
    answer = anybody.post("/api/frames/2/findings", body)
    assert answer.status_code == 201
    item = answer.json()["item"]
    assert (item["origin"], item["state"], item["grade"]) == ("manual", "confirmed", 2)
    assert item["why"]["zh"] == "由审核人员在照片上标注"
    assert item["versions"]["model"] == "manual"
    frame = anybody.get("/api/frames/2").json()
    assert item["id"] in [one["id"] for one in frame["items"]]
    assert anybody.get(f"/api/items/{item['id']}/crop", drawn=1).status_code == 200


@pytest.mark.parametrize(
    "box", [[1, 1, 1, 9], [9, 1, 1, 9], [0, 0, 5000, 10], [-1, 0, 5, 5], [0, 0, "x", 1], [0, 0, 1]]
)
def test_a_box_that_cannot_be_is_refused(looker: Browser, box: list[object]):
    body = {"component": "dropper", "condition": "slack", "box": box}
    answer = looker.post("/api/frames/2/findings", body)
    assert (answer.status_code, code(answer)) == (422, "invalid")


@pytest.mark.parametrize(
    "path",
    ["/api/items/99", "/api/frames/99", "/api/masts/99", "/api/frames/99/tiles/9/0_0.jpg"],
)
def test_what_is_not_there_is_not_found(looker: Browser, path: str):
    answer = looker.get(path)
    assert (answer.status_code, code(answer)) == (404, "not_found")


def test_numbers_larger_than_a_row_are_refused(looker: Browser):
    assert looker.get(f"/api/items/{10**30}").status_code == 422
    assert looker.get("/api/items/-1").status_code == 422


def test_masts_follow_each_other_with_all_their_cameras(looker: Browser):
    page = looker.get("/api/masts", run=RUN).json()
    assert [(one["number"], one["frames"], one["items"]) for one in page["masts"]] == [
        ("D000", 3, 4),
        ("D001", 3, 3),
    ]
    first = looker.get(f"/api/masts/{page['masts'][0]['id']}").json()
    assert [one["camera"] for one in first["photographs"]] == ["01", "02", "03"]
    assert (first["previous"], first["next"]) == (None, page["masts"][1]["id"])
    assert looker.get("/api/masts", run=RUN, q="001").json()["total"] == 1
    assert code(looker.get("/api/masts", run="none")) == "not_found"


def test_a_photograph_tells_its_parts_and_neighbours(looker: Browser):
    frame = looker.get("/api/frames/1").json()
    assert (frame["width"], frame["height"]) == (places.WIDTH, places.HEIGHT)
    assert frame["tiles"] == {"size": 512, "overlap": 0, "min_level": 9, "max_level": 11}
    assert {one["id"] for one in frame["items"]} == {1, 7}
    (component,) = frame["components"]
    assert (component["component"], component["verdict"]) == ("insulator", "normal")
    assert (frame["previous"], frame["next"]) == (None, 4)  # the same camera at the next mast
    assert frame["mast"]["number"] == "D000"


def test_the_runs_and_the_dictionary_are_told(looker: Browser):
    (run,) = looker.get("/api/runs").json()["runs"]
    assert (run["name"], run["images"], run["items"]["open"]) == (RUN, 6, 6)
    told = looker.get("/api/taxonomy").json()
    assert told["components"][0]["id"] == "dropper"
    assert {"id": "second", "label": {"zh": "待复核", "en": "second reading"}} in told["states"]
    closed = {"id": "closed", "label": {"zh": "已销号", "en": "closed"}}
    assert closed in told["loop_states"]
    assert [one["id"] for one in told["conclusions"]] == ["repaired", "nothing_found"]


def test_names_that_are_html_are_told_as_text(anybody: Browser):
    answer = anybody.decide(1, note="<script>alert(1)</script>")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
