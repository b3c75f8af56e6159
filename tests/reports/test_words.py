import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.finding import (
    UNUSUAL,
    Component,
    Evidence,
    Finding,
    Measurement,
    Verdict,
    Versions,
)
from catenary.domain.geometry import Box, Polyline
from catenary.domain.refusal import Refusal, Unjudged, cut_off, refused
from catenary.reports import words
from catenary.reports.lexicon import Words
from catenary.store import evidence_text
from tests.reports.reported import TAXONOMY

share = st.floats(0, 1)


def gap(value: float) -> Evidence:
    numbers = (Measurement("longest_gap", value, "1", 0.08), Measurement("coverage", 0.8, "1"))
    return ruled("dropper_continuity/1", "broken", value > 0.08, numbers)


def ruled(
    source: str, condition: str, is_defect: bool, numbers: tuple[Measurement, ...]
) -> Evidence:
    verdict = Verdict.DEFECT if is_defect else Verdict.NORMAL
    return Evidence(source, condition, verdict, 0.9 if is_defect else 0.1, numbers)


def bow(value: float) -> Evidence:
    numbers = (Measurement("bow", value, "1", 0.035),)
    return ruled("dropper_slack/1", "slack", value > 0.035, numbers)


def network(**shares: float) -> Evidence:
    score = sum(shares.values())
    top = max(shares, key=lambda name: shares[name])
    numbers = tuple(Measurement(name, value, "1") for name, value in shares.items())
    verdict = Verdict.DEFECT if score >= 0.5 else Verdict.NORMAL
    return Evidence("classifier/1", top, verdict, min(score, 1.0), numbers)


def strange(is_unusual: bool) -> Evidence:
    numbers = (Measurement("distance", 3.1 if is_unusual else 1.0, "1", 2.0),)
    verdict = Verdict.DEFECT if is_unusual else Verdict.NORMAL
    return Evidence("anomaly/1", UNUSUAL, verdict, 0.992 if is_unusual else 0.5, numbers)


def finding(
    kind: str, condition: str, *evidence: Evidence, odds: float | None = 0.87, raised: bool = True
) -> Finding:
    return Finding(
        "1",
        Component(kind, Box(0, 0, 10, 100), 0.9),
        Verdict.DEFECT if raised else Verdict.CANNOT_JUDGE,
        condition,
        odds,
        1 if raised else None,
        evidence,
        Versions("m", "1", "1"),
    )


def unjudged(kind: str, condition: str, *evidence: Evidence) -> Finding:
    return finding(kind, condition, *evidence, odds=None, raised=False)


def why(one: Finding) -> tuple[str, str]:
    told = words.why(one, TAXONOMY)
    return told.zh, told.en


def test_rule_and_network_agree():
    assert why(finding("dropper", "broken", gap(0.2134), network(broken=0.93))) == (
        "吊弦断裂：全长 21 % 看不到吊弦线（限值 8 %）；神经网络判断一致（得分 0.93）。"
        "缺陷概率 87 %。",
        "Dropper broken: 21 % of its length shows no wire (limit 8 %); the network agrees "
        "(score 0.93). Probability of a defect: 87 %.",
    )


def test_the_network_takes_for_normal_what_a_rule_calls_broken():
    assert why(finding("dropper", "broken", gap(0.21), network(broken=0.12))) == (
        "吊弦断裂：全长 21 % 看不到吊弦线（限值 8 %）。"
        "但神经网络判断为正常（得分 0.88）。缺陷概率 87 %。",
        "Dropper broken: 21 % of its length shows no wire (limit 8 %). "
        "But the network takes it for normal (score 0.88). Probability of a defect: 87 %.",
    )


def test_the_network_sees_another_defect():
    zh, en = why(finding("dropper", "broken", gap(0.21), network(broken=0.2, slack=0.61)))
    assert "但神经网络判断为松弛不受力（得分 0.61）。" in zh
    assert "But the network calls it slack (score 0.61)." in en


def test_a_rule_says_sound_what_the_network_calls_broken():
    assert why(finding("dropper", "broken", gap(0.03), bow(0.01), network(broken=0.93))) == (
        "吊弦断裂：由神经网络判定（得分 0.93）。"
        "但规则测得正常：最长缺线段 3 %（最多允许 8 %）。缺陷概率 87 %。",
        "Dropper broken: the network says so (score 0.93). But by rule it is sound: longest "
        "stretch without wire 3 % (at most 8 % allowed). Probability of a defect: 87 %.",
    )


def test_a_sound_part_is_told_by_the_number_that_clears_it_and_in_its_direction():
    numbers = (
        Measurement("darkening", 0.7, "1", 0.5),  # past its limit, and no more than usual
        Measurement("robust_z", 1.2, "1", 1.5),
    )
    dark = ruled("insulator_surface/3", "flashover", False, numbers)
    _, en = why(finding("insulator", "flashover", dark, network(flashover=0.9)))
    assert (
        "by rule it is sound: times the usual difference of neighbouring sheds 1.2 (at most" in en
    )
    pin = ruled(
        "split_pin_presence/3", "missing", False, (Measurement("wire_contrast", 0.3, "1", 0.23),)
    )
    zh, en = why(finding("split_pin", "missing", pin, network(missing=0.9)))
    assert "规则测得正常：销体对比度 30 %（至少需要 23 %）" in zh
    assert "contrast of the pin's wire 30 % (at least 23 % needed)" in en


def test_a_pin_that_has_come_out_is_told_by_the_shank_that_shows():
    numbers = (
        Measurement("free_shank", 3.7, "shank widths", 1.2),
        Measurement("shank_share", 0.6, "1", 0.25),
    )
    zh, en = why(finding("split_pin", "loose", ruled("split_pin_shank/2", "loose", True, numbers)))
    assert "销头未贴住螺栓，其间露出销杆，长 3.7 倍销杆宽（限值 1.2 倍销杆宽）" in zh
    assert "its head stands off the bolt: bare shank shows between them, 3.7 × shank width" in en


def test_a_rule_that_could_not_judge_what_the_network_says_is_told_where_another_could():
    there = ruled(
        "split_pin_presence/3", "missing", False, (Measurement("wire_contrast", 0.3, "1", 0.23),)
    )
    hidden = Refusal(Unjudged.NO_HEAD).evidence("split_pin_shank/2", "loose")
    zh, en = why(finding("split_pin", "loose", there, hidden, network(loose=0.9)))
    assert "规则无法判定：看不到带销杆的销头" in zh
    assert "But no rule could judge it: no head with a piece of shank is seen." in en


def test_a_rule_that_finds_nothing_with_every_number_past_its_limit_names_none():
    past = ruled(
        "dropper_continuity/1", "broken", False, (Measurement("longest_gap", 0.1, "1", 0.08),)
    )
    _, en = why(finding("dropper", "broken", past, network(broken=0.9)))
    assert "But by rule it is sound. Probability" in en


@pytest.mark.parametrize(
    ("bow_share", "told"),
    [
        (0.083, "it leaves the line between its ends by 8.3 %"),
        (0.004, "it leaves an even curve by"),
    ],
)
def test_a_bent_arm_is_told_by_a_number_past_its_limit(bow_share: float, told: str):
    numbers = (
        Measurement("bow", bow_share, "1", 0.016),
        Measurement("off_curve", 0.0201, "1", 0.016),
    )
    bent = ruled("steady_arm_shape/2", "bent", True, numbers)
    _, en = why(finding("steady_arm", "bent", bent))
    assert en.startswith(f"Steady arm bent: {told}")


def test_a_defect_that_no_rule_looks_for_is_said_to_be_so():
    zh, en = why(finding("dropper", "clamp_off", bow(0.01), network(clamp_off=0.9), odds=0.2))
    assert "但没有规则检查此类缺陷。" in zh
    assert "But no rule looks for this defect." in en


def test_a_picture_is_told_by_its_colours_where_the_defect_is_first():
    def line(role: str) -> Polyline:
        return Polyline(role, ((0.0, 0.0), (1.0, 1.0)))

    row = replace(bow(0.05), traces=(line("axis"), line("shed"), line("shed"), line("gap")))
    (told,) = words.legend([row])
    assert told.zh == "图中红色为缺失处；绿色为检出的伞裙；粉色为绝缘子轴线。"
    assert (
        told.en
        == "Drawn in red: where it is missing; green: sheds found; pink: axis of the string."
    )
    sound = replace(bow(0.01), traces=(line("gap"),))
    assert words.legend([sound]) == []


def test_a_network_that_is_not_sure_which_defect_it_sees_says_so():
    unsure = network(broken=0.4, slack=0.3)
    assert why(finding("dropper", "broken", gap(0.21), unsure))[1].startswith(
        "Dropper broken: 21 % of its length shows no wire (limit 8 %); the network sees a defect "
        "(score 0.70), most likely this one (0.40)."
    )


def test_a_reason_is_told_once_and_those_of_other_conditions_are_not():
    evidence = (
        refused(Unjudged.LITTLE_WIRE, "coverage", 0.08, "1", 0.2),
        refused(Unjudged.LITTLE_WIRE, "coverage", 0.09, "1", 0.2),
        refused(Unjudged.WIRE_NOT_FOLLOWED, "coverage", 0.08, "1", 0.84),
    )
    names = ("dropper_continuity/1", "broken"), ("dropper_free_end/1", "broken")
    sources = (*names, ("dropper_slack/1", "slack"))
    said = [one.evidence(*name) for one, name in zip(evidence, sources, strict=True)]
    assert why(unjudged("dropper", "broken", *said))[1] == (
        "Dropper not judged, broken not excluded: wire is seen on 8 % of its length only "
        "(20 % needed)."
    )


def test_a_box_of_a_low_score_is_told():
    sure = finding("dropper", "broken", gap(0.2134), network(broken=0.93))
    poor = replace(sure, component=replace(sure.component, score=0.25))
    zh, en = why(poor)
    assert "但检测器对此处为吊弦的得分偏低（0.25），请先确认部件。" in zh
    assert (
        "But the detector's score for “dropper” here is low (0.25): first see that there is one."
        in en
    )
    assert "detector" not in why(sure)[1]


def test_a_part_that_only_looks_strange_is_raised_in_these_words():
    odd = replace(strange(False), score=0.97)
    _, en = why(finding("dropper", "broken", gap(0.01), network(broken=0.02), odd, odds=0.4))
    assert en.startswith("Dropper broken: it looks stranger than 97 % of normal parts. But the")


def test_no_rule_could_judge_what_the_network_calls_broken():
    short = refused(Unjudged.TOO_SHORT, "length", 40.0, "px", 48)
    evidence = (
        short.evidence("dropper_continuity/1", "broken"),
        short.evidence("dropper_slack/1", "slack"),
    )
    zh, en = why(finding("dropper", "broken", *evidence, network(broken=0.93)))
    assert "但规则无法判定：目标太小，长 40 像素（至少需要 48 像素）。" in zh
    assert en.count("too small, 40 px long (48 px needed)") == 1


def test_a_part_that_only_the_network_knows():
    assert why(finding("bolt", "nut_missing", network(nut_missing=0.71))) == (
        "螺母缺失：由神经网络判定（得分 0.71）。但没有规则判定。缺陷概率 87 %。",
        "Nut missing: the network says so (score 0.71). But no rule judged it. "
        "Probability of a defect: 87 %.",
    )


def test_a_part_that_only_rules_know_and_what_else_they_saw():
    zh, en = why(finding("dropper", "broken", gap(0.21), bow(0.05), strange(True)))
    assert (
        "；仅由规则测得，神经网络未判定；另外，吊弦线偏离直线达全长的 5 %（限值 3.5 %）；外观" in zh
    )
    assert (
        "; measured by rule, no network judged it; also, its wire leaves the straight line by 5 % "
        "of its length (limit 3.5 %); it looks unlike normal parts." in en
    )


def test_what_no_source_is_sure_of_is_said_to_be_so():
    _, en = why(finding("dropper", "broken", gap(0.07), network(broken=0.4), odds=0.3))
    assert en.startswith("Dropper broken: no source is sure by itself, all together raise it. But")
    assert "takes it for normal (score 0.60); by rule it is sound: longest" in en


def test_a_part_that_leaves_the_picture_is_not_judged_and_not_cleared():
    cut = cut_off({"bottom"})
    assert cut is not None
    one = unjudged("dropper", "broken", cut.evidence("dropper_continuity/1", "broken"))
    assert why(one) == (
        "吊弦未能判定，不能排除断裂：下端超出画面。",
        "Dropper not judged, broken not excluded: it leaves the picture at the bottom.",
    )
    beside = replace(one, evidence=(*one.evidence, network(broken=0.05)), probability=0.05)
    assert why(beside)[1].endswith(
        ". The network takes it for normal (score 0.95), which alone does not clear it."
    )
    suspected = replace(one, evidence=(*one.evidence, network(slack=0.55)), probability=0.4)
    assert (
        "神经网络判断为松弛不受力（得分 0.55），但综合缺陷概率仅 40 %，未达到报警阈值。"
        in why(suspected)[0]
    )


def test_an_unusual_part_that_nobody_judges():
    one = unjudged("clamp", UNUSUAL, strange(True))
    assert why(replace(one, reason=Unjudged.UNKNOWN_KIND)) == (
        "线夹外观异常，比 99 % 的正常部件更特殊；没有规则或神经网络判定该类部件，请人工查看。",
        "Clamp looks unusual, more so than 99 % of normal parts; no rule and no network judges "
        "parts of this kind, please look.",
    )


def test_a_part_too_small_for_everybody_names_no_condition():
    one = replace(unjudged("bolt", "unknown"), reason=Unjudged.NO_SOURCE)
    assert why(one)[1] == (
        "Bolt and nut not judged: it is too small for the network, and no rule judges parts of "
        "this kind."
    )


def test_words_that_were_stored_before_there_were_codes_are_shown_as_they_are():
    old = Evidence(
        "split_pin_presence/2",
        "missing",
        Verdict.CANNOT_JUDGE,
        None,
        reason="box 15 x 15 px, need 16 px a side",
    )
    stored = evidence_text.loads(evidence_text.dumps([old]))
    assert why(unjudged("split_pin", "missing", *stored)) == (
        "开口销未能判定，不能排除缺失：box 15 x 15 px, need 16 px a side。",
        "Split pin not judged, missing not excluded: box 15 x 15 px, need 16 px a side.",
    )


def test_a_code_and_its_numbers_come_back_from_the_store():
    said = refused(Unjudged.BLURRED, "blur", 4.2, "px", 3.4).evidence("split_pin_presence/2", "x")
    (stored,) = evidence_text.loads(evidence_text.dumps([said]))
    assert stored == said
    assert (
        words.reason(stored).en
        == "blurred, its edges are smeared by 4.2 px (at most 3.4 px allowed)"
    )


def test_a_code_without_its_numbers_is_still_told():
    bare = Refusal(Unjudged.TOO_SHORT).evidence("dropper_continuity/1", "broken")
    assert words.reason(bare).en == "too small, – long (– needed)"


def test_an_unknown_rule_and_kind_are_told_by_their_ids_and_numbers():
    one = ruled("tie_rod/2", "cracked", True, (Measurement("crack_length", 12.34, "inch", 5.0),))
    zh, en = why(finding("tie_rod", "cracked", one))
    assert zh.startswith("tie_rodcracked：tie_rod，crack length 12 inch（限值 5 inch）；")
    assert en.startswith("Tie_rod cracked: tie_rod, crack length 12 inch (limit 5 inch); measured")


def test_a_rule_of_another_version_with_other_numbers_is_told_by_them():
    other = ruled("dropper_slack/9", "slack", True, (Measurement("sag", 0.2, "px", 0.1),))
    assert (
        "dropper straightness, sag 0.2 px (limit 0.1 px)"
        in why(finding("dropper", "slack", other))[1]
    )


def test_one_name_of_two_rules_means_two_things():
    gap_in_sheds = Measurement("longest_gap", 2.02, "1")
    assert words.shown(gap_in_sheds, "insulator_shed_spacing/4").value == Words("2", "2")
    assert words.shown(gap_in_sheds, "dropper_continuity/1").value.en == "202 %"


@pytest.mark.parametrize(
    ("value", "limit", "shown"),
    [
        (0.2134, 0.08, ("21 %", "8 %")),
        (0.0804, 0.08, ("8.04 %", "8 %")),  # not: 8 % (limit 8 %)
        (0.08, 0.08, ("8 %", "8 %")),
        (1.0, 0.037, ("100 %", "3.7 %")),
        (0.0, 0.08, ("0 %", "8 %")),
    ],
)
def test_a_number_past_its_limit_never_looks_equal_to_it(value, limit, shown):
    told = words.shown(Measurement("longest_gap", value, "1", limit))
    assert told.limit is not None
    assert (told.value.en, told.limit.en) == shown


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(8.0, "deg", "8°"), (1234.5, "px", "1234 px"), (0.0, "px", "0 px"), (5.12, "px", "5.1 px")],
)
def test_measurements_are_shown_with_their_unit(value: float, unit: str, shown: str):
    assert words.shown(Measurement("gap", value, unit)).value.en == shown


def test_nobody_is_ever_wholly_sure():
    for odds, shown in ((0.001, "<1 %"), (0.9999, ">99 %"), (0.5, "50 %")):
        assert shown in why(finding("dropper", "broken", gap(0.3), odds=odds))[1]


refusals = st.sampled_from(Unjudged).map(lambda one: Refusal(one))
said = st.one_of(
    st.floats(0, 5).map(gap),
    st.floats(0, 5).map(bow),
    st.tuples(share, share).map(lambda two: network(broken=two[0] / 2, slack=two[1] / 2)),
    st.booleans().map(strange),
    refusals.map(lambda one: one.evidence("dropper_free_end/1", "broken")),
)


@given(st.lists(said, max_size=5), st.sampled_from(Verdict), st.sampled_from(["broken", "slack"]))
def test_whatever_the_sources_say_both_languages_are_whole_sentences(evidence, verdict, condition):
    odds = None if verdict is Verdict.CANNOT_JUDGE else 0.6
    one = Finding(
        "1",
        Component("dropper", Box(0, 0, 10, 100), 0.9),
        verdict,
        "normal" if verdict is Verdict.NORMAL else condition,
        odds,
        1 if verdict is Verdict.DEFECT else None,
        tuple(evidence),
        Versions("m", "1", "1"),
        Unjudged.NO_SOURCE,
    )
    zh, en = why(one)
    assert zh.startswith("吊弦")
    assert zh.endswith("。")
    assert en.startswith("Dropper")
    assert en.endswith(".")
    for text in (zh, en):
        assert not re.search(r"[{}_]|/\d|\bNone\b", text), text
    assert not re.search(r"[\u4e00-\u9fff]", en), en
    assert not re.search(r"[a-z]{2}", zh), zh


def test_a_network_that_was_heard_in_part_says_why_and_is_no_condition():
    network = Evidence(
        "classifier/1",
        "broken",
        Verdict.DEFECT,
        0.9,
        (Measurement("broken", 0.8, "1"), Measurement("unlikeness", 3.4, "1", 2.3)),
    )
    raised = finding("dropper", "broken", gap(0.12), network)
    zh, en = why(raised)
    assert "the network agrees (score 0.80)" in en
    assert "less like those it was calibrated on than is usual (3.4, usually up to 2.3)" in en
    assert "神经网络的意见仅对规则也测过的项目有效" in zh
    told = words.share_of(raised, network.measurements[1], TAXONOMY)
    assert told.name.en == "distance from pictures calibrated on"


def test_a_network_that_was_not_heard_says_why_and_nothing_else():
    told = refused(Unjudged.UNFAMILIAR, "unlikeness", 3.4, "1", 2.3)
    zh, en = why(finding("dropper", "broken", gap(0.12), told.evidence("classifier/1", "broken")))
    assert "less like those it was calibrated on than is usual (3.4, usually up to 2.3)" in en
    assert "不采用神经网络的意见" in zh
    assert "network sees" not in en
