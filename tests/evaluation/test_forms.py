from catenary.datasets.labels import Label
from catenary.domain.geometry import Box
from catenary.evaluation.forms import contest
from catenary.evaluation.matching import Raised
from catenary.models.fusion import Form

BROKEN, SOUND = Box(0, 0, 10, 100), Box(50, 0, 60, 100)


def scene(defect: float, normal: float, part: str | None = None):
    """Return one photograph with a broken and a sound dropper and what is said of both."""
    raised = [
        Raised("dropper", "broken", box, score)
        for box, score in ((BROKEN, defect), (SOUND, normal))
    ]
    labels = [Label("dropper", BROKEN, "broken", part_id=part), Label("dropper", SOUND, "normal")]
    return raised, labels


def test_defects_are_counted_at_each_budget_by_hand():
    # False at 0.9, 0.3 and 8 times 0.01, which nothing can raise; the defects stand between.
    own = [scene(0.95, 0.9), scene(0.6, 0.3), scene(0.2, 0.01), *[scene(0.01, 0.01)] * 7]
    held = contest({Form.JOINT: own}, 10)
    assert (held.defects, held.masts) == (10, 10)
    joint = held.standings[Form.JOINT]
    assert joint.found == (2, 3, 3)  # 1, 5 and 10 false findings allowed
    assert joint.area == (1 + 2 + 8 * 3) / 10 / 10


def test_what_is_found_at_the_budget_in_use_counts_too():
    # With one false finding in ten photographs both find all; without any, only the first does.
    sure, unsure = ([scene(score, 0.1)] * 9 + [scene(0.9, 0.5)] for score in (0.6, 0.4))
    held = contest({Form.JOINT: unsure, Form.CLASSIFIER: sure}, 10, in_use=0.02)
    assert held.budgets == (0.02, 0.1, 0.5, 1.0)
    assert held.standings[Form.JOINT].found == (1, 10, 10, 10)
    assert held.standings[Form.CLASSIFIER].found == (10, 10, 10, 10)
    assert held.best is Form.CLASSIFIER
    assert contest({Form.JOINT: sure}, 10, in_use=5.0).standings[Form.JOINT].found == (10,) * 4


def test_views_of_one_part_are_one_defect_and_its_best_view_counts():
    own = [scene(0.2, 0.5, "one"), scene(0.8, 0.1, "one")]
    held = contest({Form.JOINT: own}, 1)
    assert held.defects == 1
    assert held.standings[Form.JOINT].area == 1.0


def test_a_joint_form_that_its_member_beats_is_not_used():
    better, worse = [scene(0.9, 0.1)] * 3, [scene(0.1, 0.9)] * 3
    held = contest({Form.JOINT: worse, Form.CLASSIFIER: better, Form.RULE: worse}, 3)
    assert held.best is Form.CLASSIFIER
    assert contest({Form.JOINT: better, Form.CLASSIFIER: better}, 3).best is Form.JOINT


def test_without_defects_the_sources_are_joined():
    assert contest({form: [([], [])] for form in Form}, 1).best is Form.JOINT
    assert contest({form: [] for form in Form}, 0).best is Form.JOINT
