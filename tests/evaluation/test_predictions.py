import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catenary.domain.errors import ConfigError
from catenary.domain.geometry import Box
from catenary.domain.image import Outcome
from catenary.evaluation.compared import joined
from catenary.evaluation.predictions import (
    DataKind,
    Part,
    PredictedImage,
    Predictions,
    dumps,
    loads,
)
from tests.evaluation.sets import labelled, part, photograph, predictions

shares = st.floats(0, 1)
boxes = st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(1, 1e3), st.floats(1, 1e3)).map(
    lambda one: Box(one[0], one[1], one[0] + one[2], one[1] + one[3])
)
parts = st.builds(
    Part,
    st.sampled_from(["dropper", "insulator"]),
    boxes,
    shares,
    st.sampled_from(["normal", "defect"]),
    st.sampled_from(["broken", "slack"]),
    shares,
)
images = st.lists(parts, max_size=4).map(tuple)


@given(images, st.sampled_from(DataKind), st.sampled_from(Outcome), st.text(max_size=9))
def test_what_is_saved_is_read_to_the_last_bit(found, kind, outcome, name):
    image = PredictedImage("1", name, outcome, found)
    said = Predictions("m", "r", "t", kind, {"dropper": 0.1 + 0.2}, (image,), {"a.b": 1 / 3})
    assert loads(dumps(said), "x") == said


def changed(**values) -> bytes:
    content = json.loads(dumps(predictions([photograph(0, [], [part(0, 0.5)])])))
    return json.dumps(content | values).encode()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (b"{", r"no\.json is not a predictions file"),
        (changed(form="coco"), "form is 'coco'"),
        (changed(colour="red"), "colour"),
        (changed(data_kind="drawn"), "data_kind"),
        (
            changed(
                images=[
                    {
                        "image_id": "0",
                        "file_name": "",
                        "outcome": "done",
                        "parts": [
                            {
                                "component": "dropper",
                                "box": [0, 0, 9, 9],
                                "score": 1.5,
                                "verdict": "normal",
                            }
                        ],
                    }
                ]
            ),
            r"images\.0\.parts\.0.*score must be in \[0, 1\], got 1\.5",
        ),
    ],
)
def test_another_file_is_refused_with_what_is_wrong(text, match):
    with pytest.raises(ConfigError, match=match):
        loads(text, "no.json")


def test_predictions_of_other_photographs_are_refused():
    own, other = photograph(0, [], []), photograph(7, [], [])
    with pytest.raises(ConfigError, match=r"1 images \(0, .*1 images \(7, "):
        joined(labelled([own]), predictions([other]))


def test_labels_and_predictions_meet_by_image_id():
    one, two = photograph(0, [], [part(0)]), photograph(1, [], [part(5)])
    assert joined(labelled([one, two]), predictions([two, one])) == (one, two)
