"""A physical part is one item, whatever number of photographs shows it."""

from dataclasses import replace
from pathlib import Path

from catenary.domain.finding import Verdict
from catenary.reports import words
from catenary.reports.html import write_html
from catenary.reports.lexicon import Words
from tests.reports import reported


def test_opinions_that_differ_are_told_in_both_languages():
    (part,) = reported.joined().parts(Verdict.DEFECT)
    told = words.views(part)
    assert told.en == (
        "Seen in 2 of 3 views (camera 05, 06); denied by camera 21 (probability of a defect 4 %). "
        "Where views differ the strongest counts: one that misses a defect does not clear it."
    )
    assert told.zh == (
        "3 个视图中有 2 个判为缺陷（相机 05、06）；相机 21 判为正常（缺陷概率 4 %）。"
        "意见不一时以最强的为准，不因某一视图未见而排除缺陷。"
    )


def test_a_view_that_could_not_judge_is_no_denial():
    (part,) = reported.joined().parts(Verdict.DEFECT)
    unsure = replace(part.views[2], verdict=Verdict.CANNOT_JUDGE)
    told = words.views(replace(part, views=(*part.views[:2], unsure)))
    assert "camera 21 could not judge it" in told.en
    assert "denied" not in told.en


def test_views_that_name_different_conditions_are_told_apart():
    (part,) = reported.joined().parts(Verdict.DEFECT)
    slack = replace(part.views[1].names, condition_zh="松弛", condition_en="slack")
    other = replace(part.views[1], names=slack)
    told = words.views(replace(part, views=(part.views[0], other)))
    assert "camera 06 takes it for: slack (70 %)" in told.en
    assert "相机 06 认为是松弛（70 %）" in told.zh


def test_a_single_view_says_nothing_of_others():
    (part,) = reported.report([reported.dropper(1)]).parts(Verdict.DEFECT)
    assert words.views(part) == Words("", "")


def test_two_droppers_of_one_mast_that_were_not_joined_are_possibly_one():
    first, second = (reported.seen_by(reported.dropper(46), camera) for camera in ("05", "21"))
    elsewhere = reported.dropper(47)
    data = reported.report([first, second, elsewhere])
    twins = {one.lead.ref.camera: data.possible_twins() for one in data.parts(Verdict.DEFECT)}
    others = next(iter(twins.values()))
    assert sorted(map(len, others.values())) == [0, 1, 1]
    (one,) = [one for one in data.parts(Verdict.DEFECT) if one.lead.ref.camera == "05"]
    told = words.twins(others[one.name])
    assert told.en.startswith("Possibly the same part as 1 listed apart at this mast (camera 21)")
    assert told.zh.startswith("可能与同杆另外 1 处为同一部件（相机 21）")


def test_two_in_one_photograph_are_certainly_two():
    one = reported.dropper(46)
    box = one.finding.component.box.shifted(500, 0)
    component = replace(one.finding.component, box=box)
    other = replace(one, finding=replace(one.finding, component=component))
    twins = reported.report([one, other]).possible_twins()
    assert len(twins) == 2
    assert not any(twins.values())


def test_the_page_has_one_card_with_every_view_and_counts_both(tmp_path: Path):
    crop = reported.draw_dropper(tmp_path / "c.jpg")
    path = tmp_path / "r.html"
    write_html(reported.joined((crop, crop)), path)
    page = path.read_text(encoding="utf-8")
    assert page.count('<article class="card"') == 1
    assert page.count('<figure class="view') == 3
    assert '<figure class="view normal">' in page
    assert "defective parts 缺陷部件" in page
    assert "defects in photographs 缺陷图像" in page


def test_the_page_says_how_many_may_be_counted_twice(tmp_path: Path):
    both = [reported.seen_by(reported.dropper(46), camera) for camera in ("05", "21")]
    path = tmp_path / "r.html"
    write_html(reported.report(both), path)
    assert "2 of the defective parts may be one part" in path.read_text(encoding="utf-8")
