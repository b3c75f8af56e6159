"""Why a finding was raised or could not be judged, in plain Chinese and English.

Made from the evidence when a finding is read, never stored: better words reach old findings too.
"""

import math
import string
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from catenary.domain.finding import NORMAL, UNUSUAL, Evidence, Finding, Measurement, Verdict
from catenary.domain.review import NO_PART
from catenary.domain.taxonomy import Taxonomy
from catenary.reports import lexicon, pictures
from catenary.reports.data import (
    Names,
    PartDecision,
    ReportData,
    ReportFinding,
    ReportPart,
    ReportView,
    Review,
    Since,
)
from catenary.reports.lexicon import Form, Quantity, Words

_CLASSIFIER, _ANOMALY = "classifier", "anomaly"  # names of the sources that are no rule
_SURE_BOX = 0.5  # score of a box; what a poorer one takes from the probability is told
_FINEST = 6  # digits, so that a number just past its limit does not look equal to it


class Shown(NamedTuple):
    """A measurement in words; ``limit`` is None where it has none."""

    name: Words
    value: Words
    limit: Words | None


def names(taxonomy: Taxonomy, kind: str, condition: str) -> Names:
    """Return what people say; ids that a newer taxonomy no longer has stand for themselves."""
    component = taxonomy.components.get(kind)
    if component is None:
        return Names(kind, kind, condition, condition)
    told = _condition(taxonomy, kind, condition)
    return Names(component.zh, component.en, told.zh, told.en)


def condition_anywhere(taxonomy: Taxonomy, condition: str) -> Words:
    """Return what a condition is called on whichever components have it, each name once."""
    told = [
        _condition(taxonomy, one.id, condition)
        for one in taxonomy.components.values()
        if condition in one.conditions
    ] or [_condition(taxonomy, "", condition)]
    return Words(
        "/".join(dict.fromkeys(one.zh for one in told)),
        "/".join(dict.fromkeys(one.en for one in told)),
    )


def why(finding: Finding, taxonomy: Taxonomy) -> Words:
    """Return in a sentence or two why a finding was raised or could not be judged.

    What rules have seen, with numbers and limits, what the network says of that condition, who
    disagrees, whether the part itself is surely there, and how sure all are together.
    """
    match finding.verdict:
        case Verdict.DEFECT:
            return _raised(finding, taxonomy)
        case Verdict.CANNOT_JUDGE:
            return _unjudged(finding, taxonomy)
        case Verdict.NORMAL:
            return _opened(lexicon.NORMAL_PART, component=_component(finding, taxonomy))


def why_of(one: ReportFinding, taxonomy: Taxonomy) -> Words:
    """Return why a finding stands in a report: what the scan saw, and what people made of it."""
    decided = Words(one.names.condition_zh, one.names.condition_en)
    if one.is_drawn:
        return _opened(lexicon.STOP, rest=lexicon.DRAWN)
    if one.scanned is None:
        return why(one.finding, taxonomy)
    if one.scanned.verdict is Verdict.NORMAL:
        return _opened(lexicon.STOP, rest=lexicon.MISSED.filled(condition=decided))
    told = why(one.scanned, taxonomy)
    if one.scanned.condition == one.finding.condition:
        return told
    corrected = _opened(lexicon.STOP, rest=lexicon.CORRECTED.filled(condition=decided))
    return _sentences([told, corrected])


def why_drawn(one: ReportFinding, taxonomy: Taxonomy) -> Words:
    """Return why a finding stands in a report, and what is drawn into its picture, if any."""
    told = legend(one.finding.evidence) if one.crop is not None else []
    return _sentences([why_of(one, taxonomy), *told])


def legend(evidence: Iterable[Evidence]) -> list[Words]:
    """Return in a sentence what each colour in a picture stands for; none where nothing is drawn.

    Args:
        evidence: Of the part.
    """
    told: dict[str, dict[str, Words]] = {}
    for line in reversed(pictures.lines_of(evidence)):  # where the defect is first
        colour = pictures.ROLE_COLOURS.get(line.role, pictures.OTHER_COLOUR)
        told.setdefault(colour, {})[line.role] = role(line.role)
    if not told:
        return []
    each = [
        lexicon.COLOUR_IS.filled(
            colour=lexicon.COLOURS[colour], roles=_joined(list(roles.values()), lexicon.LIST_COMMA)
        )
        for colour, roles in told.items()
    ]
    return [lexicon.LEGEND.filled(rest=_joined(each))]


def decided(one: PartDecision | None) -> Words:
    """Return what people decided on a part in a sentence; empty while nobody did."""
    if one is None or not one.is_final:
        return Words("", "")
    reviewer, state = Words(one.reviewer, one.reviewer), lexicon.STATES[one.state]
    told = lexicon.DECIDED.filled(state=state, reviewer=reviewer)
    return _opened(lexicon.STOP, rest=told)


def standing(data: ReportData) -> Words:
    """Return what a report covers and how far people have gone through it."""
    told = status(data.review)
    if data.selection is None:
        return told
    only = lexicon.EXTRACT.filled(selection=data.selection)
    return Words(f"{only.zh}{told.zh}", f"{only.en}{told.en}")


def status(review: Review | None) -> Words:
    """Return how far people have gone through a run's findings."""
    if review is None:
        return lexicon.UNREVIEWED
    told = lexicon.REVIEWED.filled(
        decided=_plain(review.decided),
        total=_plain(review.total),
        reviewers=_joined([Words(one, one) for one in review.reviewers], lexicon.LIST_COMMA),
    )
    rest = lexicon.REST_LEFT_OUT if review.is_limited and review.decided < review.total else None
    return told if rest is None else Words(f"{told.zh}{rest.zh}", f"{told.en}{rest.en}")


def views(part: ReportPart) -> Words:
    """Return what the views of a part say, each opinion by itself; nothing for a single view."""
    if len(part.views) < 2:
        return Words("", "")
    count = _plain(len(part.views))
    told = [
        lexicon.VIEWS_RAISE.filled(
            count=count, raised=_plain(len(part.raised)), cameras=_cameras(part.raised)
        )
        if part.raised
        else lexicon.VIEWS_NONE_RAISES.filled(count=count)
    ]
    leading = part.lead.names
    told += [
        lexicon.VIEW_OTHER.filled(
            camera=_cameras([one]),
            condition=Words(one.names.condition_zh, one.names.condition_en),
            chance=_chance(one.probability or 0.0),
        )
        for one in part.raised
        if one.names != leading
    ]
    told += [
        lexicon.VIEW_DENIES.filled(camera=_cameras([one]), chance=_chance(one.probability or 0.0))
        for one in part.denied
    ]
    if part.unsure:
        told.append(lexicon.VIEWS_UNSURE.filled(cameras=_cameras(part.unsure)))
    sentences = [_opened(lexicon.STOP, rest=_joined(told))]
    if part.raised and (part.denied or len(told) > 1):
        sentences.append(lexicon.VIEWS_DIFFER)
    return _sentences(sentences)


def twins(others: Sequence[ReportPart]) -> Words:
    """Return which other parts may be the same one; nothing when there are none."""
    if not others:
        return Words("", "")
    seen = [view for one in others for view in one.views]
    return lexicon.TWINS.filled(count=_plain(len(others)), cameras=_cameras(seen))


def _cameras(seen: Iterable[ReportView]) -> Words:
    """Return the cameras of views, each once."""
    told = {
        one.ref.camera: Words(one.ref.camera, one.ref.camera)
        if one.ref.camera
        else lexicon.UNKNOWN_CAMERA
        for one in seen
    }
    return _joined(list(told.values()), lexicon.LIST_COMMA)


def _plain(number: int) -> Words:
    return Words(str(number), str(number))


def since(one: Since | None) -> Words:
    """Return what became of a finding since an earlier run; empty where none was compared with."""
    if one is None:
        return Words("", "")
    run = Words(one.earlier_run, one.earlier_run)
    return lexicon.SINCE.filled(run=run, change=lexicon.CHANGES[one.change])


def source(one: Evidence) -> Words:
    """Return what a rule or network is called; one without a name stands for itself."""
    name = _base(one.source)
    return lexicon.SOURCES.get(name, Words(name, name))


def reason(one: Evidence) -> Words:
    """Return why a source could not judge; words that were stored before there were codes stay."""
    return _reason(one.reason, one.measurements)


def shown(one: Measurement, by: str = "") -> Shown:
    """Return a measurement in words.

    Args:
        one: Measurement.
        by: Source it is of.
    """
    told = _quantity(one, by)
    if one.limit is None:
        return Shown(told.name, _number(one.value, one.unit, told.form, 2), None)
    for digits in range(2, _FINEST):
        value, limit = (
            _number(number, one.unit, told.form, digits) for number in (one.value, one.limit)
        )
        if value != limit or one.value == one.limit:
            break
    return Shown(told.name, value, limit)


def share_of(finding: Finding, one: Measurement, taxonomy: Taxonomy) -> Shown:
    """Return the network's share of one condition in words."""
    if one.limit is not None:  # no share: how unlike known pictures this one is
        return shown(one)
    name = _condition(taxonomy, finding.component.kind, one.name)
    return Shown(name, _score(one.value), None)


def is_network(one: Evidence) -> bool:
    """Tell whether evidence is the classifier's, whose measurements are shares of conditions."""
    return _base(one.source) == _CLASSIFIER


def frame_reason(code: str) -> Words:
    """Return why a photograph was not judged; a code without words stands for itself."""
    plain = code.replace("_", " ")
    return lexicon.FRAMES.get(code, Words(plain, plain))


def role(name: str) -> Words:
    """Return what a line of the evidence picture is; one without a name stands for itself."""
    return lexicon.ROLES.get(name, Words(name, name))


def seen(one: Evidence) -> Words:
    """Return what a rule has seen, with its numbers and limits."""
    return _seen(one)


def _raised(finding: Finding, taxonomy: Taxonomy) -> Words:
    rules = _rules(finding)
    network = next(filter(is_network, finding.evidence), None)
    same = [one for one in rules if one.condition == finding.condition]
    told = [_seen(one) for one in same if one.verdict is Verdict.DEFECT]
    also = [
        lexicon.ALSO.filled(rest=_seen(one))
        for one in rules
        if one.condition != finding.condition and one.verdict is Verdict.DEFECT
    ]
    against: list[Words] = []
    if network is None:
        told += [lexicon.NO_NETWORK] if told else []
    elif network.score is None:
        against.append(reason(network))
    elif network.verdict is Verdict.DEFECT and network.condition == finding.condition:
        told.append(_consent(network, lexicon.AGREES if told else lexicon.SAYS_SO))
    else:
        against.append(_dissent(finding, network, taxonomy))
    against += _partly_heard(network)
    if not any(one.verdict is Verdict.DEFECT for one in same):
        against += _silence(rules, same)
    if finding.component.score < _SURE_BOX:
        against.append(
            lexicon.POOR_BOX.filled(
                component=_component(finding, taxonomy),
                score=_score(finding.component.score),
            )
        )
    rest = [*(told or _stranger(finding) or [lexicon.TOGETHER]), *also, *_unusual(finding)]
    head = lexicon.HEAD_SHORT if _is_told(finding, taxonomy) else lexicon.HEAD
    first = _opened(
        head,
        component=_component(finding, taxonomy),
        condition=_condition(taxonomy, finding.component.kind, finding.condition),
        rest=_joined(rest),
    )
    sentences = [lexicon.STOP.filled(rest=first)]
    if against:
        sentences.append(lexicon.BUT.filled(rest=_joined(against)))
    sentences += _beside(finding)
    if finding.probability is not None:
        sentences.append(lexicon.PROBABILITY.filled(chance=_chance(finding.probability)))
    return _sentences(sentences)


def _beside(finding: Finding) -> list[Words]:
    """Return which two photographs a change was seen in."""
    here = Words(finding.image_id, finding.image_id)
    return [
        lexicon.BESIDE.filled(earlier=Words(one.beside, one.beside), later=here)
        for one in finding.evidence
        if one.beside
    ]


def _unjudged(finding: Finding, taxonomy: Taxonomy) -> Words:
    component = _component(finding, taxonomy)
    told = _refusals([one for one in _rules(finding) if one.condition == finding.condition])
    reasons = _joined(told or _refusals(_rules(finding)) or [_reason(finding.reason, ())])
    strange = next((one for one in finding.evidence if _base(one.source) == _ANOMALY), None)
    if finding.condition == UNUSUAL and strange is not None and strange.score is not None:
        share = _chance(strange.score)
        return _opened(lexicon.UNUSUAL_ONLY, component=component, share=share, reasons=reasons)
    kind = taxonomy.components.get(finding.component.kind)
    known = kind is not None and finding.condition in kind.conditions
    head = lexicon.NOT_JUDGED if known else lexicon.NOT_JUDGED_SHORT
    condition = _condition(taxonomy, finding.component.kind, finding.condition)
    sentences = [_opened(head, component=component, condition=condition, reasons=reasons)]
    for one in filter(is_network, finding.evidence):
        if one.verdict is Verdict.DEFECT:
            name = _condition(taxonomy, finding.component.kind, one.condition)
            odds = _chance(finding.probability or 0.0)
            sentences.append(
                _opened(lexicon.SUSPECTS, condition=name, score=_share(one), odds=odds)
            )
        else:
            score = _score(1 - (one.score or 0.0))
            sentences.append(lexicon.CLEARS_NOTHING.filled(score=score))
    sentences += [_opened(lexicon.STOP, rest=one) for one in _unusual(finding)]
    return _sentences(sentences)


def _seen(one: Evidence) -> Words:
    """Return what a rule has seen; without a phrase, or with other numbers, name them."""
    phrase = lexicon.SEEN.get(_base(one.source))
    if one.measurements and _is_sound(one.measurements[0], one.source):
        phrase = lexicon.SEEN_ELSE.get(_base(one.source), phrase)
    places: dict[str, Words] = {}
    for each in one.measurements:
        told = shown(each, one.source)
        places[each.name] = told.value
        if told.limit is not None:
            places[f"limit_{each.name}"] = told.limit
    if phrase is not None and places_of(phrase) <= places.keys():
        return phrase.filled(**places)
    return _listed(one)


def places_of(phrase: Words) -> set[str]:
    """Return the names of all places that a phrase has to fill."""
    return {
        name
        for text in (phrase.zh, phrase.en)
        for _, name, _, _ in string.Formatter().parse(text)
        if name
    }


def _listed(one: Evidence) -> Words:
    """Return the name of a source and its numbers that have a limit."""
    name = source(one)
    numbers = [
        lexicon.NUMBER.filled(name=told.name, value=told.value, limit=told.limit)
        for told in (shown(each, one.source) for each in one.measurements)
        if told.limit is not None
    ]
    return _joined([name, *numbers], lexicon.COMMA)


def _silence(rules: Sequence[Evidence], same: Sequence[Evidence]) -> list[Words]:
    """Return what the rules say that do not name the condition."""
    if not rules:
        return [lexicon.NO_RULE]
    if not same:
        return [lexicon.NO_RULE_FOR]
    if all(one.score is None for one in same):
        # What keeps all rules from judging keeps these; else only their own reasons are theirs.
        silent = rules if all(one.score is None for one in rules) else same
        return [lexicon.NO_RULE_COULD.filled(reasons=_joined(_refusals(silent)))]
    sound = [one for one in same if one.verdict is Verdict.NORMAL]
    clearing = [_clearing(one) for one in sound]
    told = [each for each in clearing if each is not None]
    if told:
        return [lexicon.RULE_SOUND.filled(rest=each) for each in told]
    return [lexicon.RULE_SOUND_ONLY] if sound else []


def _clearing(one: Evidence) -> Words | None:
    """Return the first number that keeps within its limit; a rule may ask that several break it."""
    for each in one.measurements:
        if each.limit is None or not _is_sound(each, one.source):
            continue
        told = shown(each, one.source)
        phrase = lexicon.AT_LEAST if _quantity(each, one.source).is_least else lexicon.AT_MOST
        return phrase.filled(name=told.name, value=told.value, limit=told.limit or told.value)
    return None


def _refusals(evidence: Iterable[Evidence]) -> list[Words]:
    """Return why sources could not judge, each reason once, with the numbers of the first."""
    by_code: dict[str, Words] = {}
    for one in evidence:
        if one.score is None:
            by_code.setdefault(one.reason, reason(one))
    return list(by_code.values())


def _partly_heard(network: Evidence | None) -> list[Words]:
    """Return that little was heard of the network, in a picture unlike those it is known on."""
    if network is None or network.score is None:
        return []
    return [
        lexicon.HEARD_PARTLY.filled(value=told.value, limit=told.limit)
        for told in (shown(one) for one in network.measurements)
        if told.limit is not None
    ]


def _consent(network: Evidence, sure: Words) -> Words:
    share = _share(network)
    if _top(network) < 0.5:
        score = _score(network.score or 0.0)
        return lexicon.SEES_SOMETHING.filled(score=score, top=share)
    return sure.filled(score=share)


def _dissent(finding: Finding, network: Evidence, taxonomy: Taxonomy) -> Words:
    if network.verdict is Verdict.NORMAL:
        return lexicon.SEES_NORMAL.filled(score=_score(1 - (network.score or 0.0)))
    name = _condition(taxonomy, finding.component.kind, network.condition)
    return lexicon.SEES_OTHER.filled(condition=name, score=_share(network))


def _share(network: Evidence) -> Words:
    return _score(_top(network))


def _top(network: Evidence) -> float:
    """Return the share of the condition that the network names, in [0, 1]."""
    shares = {each.name: each.value for each in network.measurements}
    return shares.get(network.condition, network.score or 0.0)


def _unusual(finding: Finding) -> list[Words]:
    strange = any(
        _base(one.source) == _ANOMALY and one.verdict is Verdict.DEFECT for one in finding.evidence
    )
    return [lexicon.LOOKS_UNUSUAL] if strange else []


def _stranger(finding: Finding) -> list[Words]:
    """Return that a part looks stranger than most, where that alone has raised it."""
    return [
        lexicon.STRANGER.filled(share=_chance(one.score))
        for one in finding.evidence
        if _base(one.source) == _ANOMALY and one.score is not None and one.score > 0.5
    ]


def _rules(finding: Finding) -> list[Evidence]:
    return [one for one in finding.evidence if _base(one.source) not in (_CLASSIFIER, _ANOMALY)]


def _reason(code: str, numbers: Sequence[Measurement]) -> Words:
    phrase = lexicon.REFUSALS.get(code)
    if phrase is None:
        return Words(code, code)
    dash = Words("–", "–")
    first = shown(numbers[0]) if numbers else Shown(dash, dash, dash)
    return phrase.filled(value=first.value, limit=first.limit or dash)


def _component(finding: Finding, taxonomy: Taxonomy) -> Words:
    one = names(taxonomy, finding.component.kind, finding.condition)
    return Words(one.component_zh, one.component_en)


def _condition(taxonomy: Taxonomy, kind: str, condition: str) -> Words:
    component = taxonomy.components.get(kind)
    if condition == UNUSUAL:
        return lexicon.UNUSUAL_NAME
    if condition == NORMAL:
        return lexicon.NORMAL_NAME
    if condition == NO_PART:
        return lexicon.NO_PART_NAME
    told = component.conditions.get(condition) if component else None
    return Words(condition, condition) if told is None else Words(told.zh, told.en)


def _is_told(finding: Finding, taxonomy: Taxonomy) -> bool:
    """Tell whether the condition's name says the component: a missing nut of bolt and nut."""
    one = names(taxonomy, finding.component.kind, finding.condition)
    return bool(set(one.condition_en.split()) & set(one.component_en.split()))


def _base(name: str) -> str:
    return name.partition("/")[0]


def _is_sound(one: Measurement, by: str) -> bool:
    """Tell whether a number keeps within its limit, if it has one."""
    if one.limit is None or one.value == one.limit:
        return True
    return (one.value > one.limit) == _quantity(one, by).is_least


def _quantity(one: Measurement, by: str) -> Quantity:
    own = f"{_base(by)}.{one.name}"
    return lexicon.QUANTITIES.get(own) or lexicon.QUANTITIES.get(one.name) or _unknown(one.name)


def _unknown(name: str) -> Quantity:
    plain = name.replace("_", " ")
    return Quantity(Words(plain, plain))


def _number(value: float, unit: str, form: Form, digits: int) -> Words:
    phrase = lexicon.UNITS.get(unit, Words(f"{{number}} {unit}", f"{{number}} {unit}"))
    if form is Form.SHARE:
        value, phrase = 100 * value, lexicon.SHARE
    text = _digits(value, digits)
    return phrase.filled(number=Words(text, text))


def _digits(value: float, digits: int) -> str:
    """Return a number with as many digits that count, at least all before the point.

    >>> _digits(0.0351, 2), _digits(8.0, 2), _digits(1347.6, 2)
    ('0.035', '8', '1348')
    """
    size = abs(value)
    above = math.floor(math.log10(size)) if 0 < size < math.inf else 0
    text = f"{value:.{min(max(digits - 1 - above, 0), 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _chance(value: float) -> Words:
    """Return a probability in percent; never quite none or all, which nobody can know."""
    text = "<1" if value < 0.005 else ">99" if value > 0.995 else f"{100 * value:.0f}"
    return lexicon.SHARE.filled(number=Words(text, text))


def _score(value: float) -> Words:
    """Return what a network says as it is: in percent it would read like a probability."""
    text = "<0.01" if value < 0.005 else ">0.99" if value > 0.995 else f"{value:.2f}"
    return Words(text, text)


def _joined(parts: Sequence[Words], between: Words = lexicon.SEMICOLON) -> Words:
    return Words(between.zh.join(one.zh for one in parts), between.en.join(one.en for one in parts))


def _sentences(parts: Iterable[Words]) -> Words:
    return _joined(list(parts), lexicon.SPACE)


def _opened(phrase: Words, **places: Words) -> Words:
    """Return a filled phrase that opens a sentence."""
    filled = phrase.filled(**places)
    return Words(filled.zh, _capital(filled.en))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
