import copy

import pytest
import torch

from catenary.domain.errors import ConfigError
from catenary.models import weights
from catenary.models.backbones import Backbone
from catenary.models.build import (
    ClassifierArchitecture,
    DetectorArchitecture,
    classifier_network,
    detector_network,
)
from catenary.models.fold import for_inference, narrow
from catenary.models.network import ComponentNetwork, LongView, cell_boxes

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    network = detector_network(DetectorArchitecture.CENTRE_LITE0, 3)
    for module in network.modules():  # as after a training: no normalisation is the identity
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    return network.eval()


@torch.inference_mode()
def test_heatmap_and_features_lie_on_a_grid_of_four_pixels(detector):
    logits, features = detector(torch.zeros(2, 1, 64, 96))
    assert logits.shape == (2, 3, 16, 24)
    assert features.shape[0] == 2
    assert features.shape[2:] == (16, 24)


@torch.inference_mode()
def test_distances_are_positive_and_of_the_class_asked_for(detector):
    features = torch.randn(2, 64)
    twice = detector.distances(features[:1].repeat(2, 1), torch.tensor([0, 1]))
    assert twice.shape == (2, 4)
    assert float(twice.min()) > 0
    assert not torch.equal(twice[0], twice[1])


def test_a_long_view_changes_nothing_at_first_and_then_reaches_along_both_axes():
    view = LongView(4, reach=9).eval()
    features = torch.randn(1, 4, 40, 40, requires_grad=True)
    assert torch.equal(view(features), features)
    torch.nn.init.ones_(view.join.weight)
    for line in (view.column, view.row):
        torch.nn.init.ones_(line[1].bias)  # in the linear part of the ReLU6
    (slope,) = torch.autograd.grad(view(features)[0, :, 20, 20].sum(), features)
    seen = slope[0].abs().sum(dim=0) > 0
    assert seen[11:30, 20].all()
    assert seen[20, 11:30].all()
    assert not seen[11:20, 11:20].any()


def test_a_training_goes_on_from_what_fits(detector, tmp_path):
    path = tmp_path / "detector.safetensors"
    path.write_bytes(weights.packed(detector.state_dict()))
    other = detector_network(DetectorArchitecture.CENTRE_LITE0, 2)
    anew = weights.go_on_from(other, path)
    assert set(anew) == {"centre.weight", "centre.bias", "box.weight", "box.bias"}
    assert torch.equal(other.context.join.weight, detector.context.join.weight)


def test_weights_of_another_network_are_refused(detector, tmp_path):
    path = tmp_path / "detector.safetensors"
    path.write_bytes(weights.packed(detector.state_dict()))
    other = classifier_network(ClassifierArchitecture.POOLED_LITE0, 3)
    with pytest.raises(ConfigError, match=r"another network: \d+ of \d+ tensors fit"):
        weights.go_on_from(other.head, path)
    path.write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="not a safetensors file"):
        weights.go_on_from(other, path)
    with pytest.raises(ConfigError, match="cannot read weights"):
        weights.go_on_from(other, tmp_path / "absent.safetensors")


@torch.inference_mode()
def test_folded_networks_answer_the_same(detector):
    images = torch.randn(1, 1, 64, 64)
    folded = for_inference(detector, CPU)
    for expected, answer in zip(detector(images), folded(images), strict=True):
        assert torch.allclose(expected, answer, atol=1e-3)
    left = [one for one in folded.modules() if isinstance(one, torch.nn.BatchNorm2d)]
    assert left == []


@torch.inference_mode()
@pytest.mark.parametrize("count", [0, 1, 33, 16 * 24])
def test_boxes_asked_for_at_single_cells_are_those_of_the_whole_picture(detector, count):
    images = torch.randn(2, 1, 64, 96)
    detector = copy.deepcopy(detector)
    torch.nn.init.normal_(detector.box.weight, std=0.3)
    _, features = detector(images)
    _, merged = detector.centres(images)
    every = torch.arange(16 * 24).roll(1)[:count]  # begins in a corner
    pictures, rows, columns, labels = every % 2, every // 24, every % 24, every % detector.classes
    expected = detector.distances(features[pictures, :, rows, columns], labels)
    answer = detector.distances_at(merged, pictures, rows, columns, labels)
    assert answer.shape == (count, 4)
    assert torch.allclose(answer, expected, rtol=1e-4, atol=1e-3)


@torch.inference_mode()
def test_the_classifier_gives_a_logit_for_each_pair():
    network = classifier_network(ClassifierArchitecture.POOLED_LITE0, 5).eval()
    assert network(torch.zeros(2, 1, 64, 64)).shape == (2, 5)


def test_cell_boxes_reach_from_the_middle_of_a_cell():
    cells, distances = torch.tensor([[2, 5]]), torch.tensor([[2.0, 10, 8, 20]])
    assert cell_boxes(cells, distances).tolist() == [[20.0, 0.0, 30.0, 30.0]]


def test_narrowed_weights_answer_as_autocast_does():
    torch.manual_seed(1)
    network = ComponentNetwork(Backbone.LITE0, 3).eval()
    pictures = torch.randn(2, 1, 64, 96)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = network(pictures)
        narrow(network)
        found = network(pictures)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
    assert network.backbone.conv_stem.weight.dtype is torch.bfloat16
    assert network.centre.weight.dtype is torch.float32
