import pytest
import timm
import torch
import torchvision

from catenary.domain.errors import ConfigError
from catenary.models.backbones import (
    Backbone,
    backbone_of,
    freeze_start,
    imagenet_weights,
    start_backbone,
    widths_of,
)
from catenary.models.build import DetectorArchitecture, RefinerArchitecture, backbone_name
from catenary.models.fold import for_inference
from catenary.models.network import ComponentNetwork

SMALL = [one for one in Backbone if one is not Backbone.RESNET50]  # as resnet18, but slower


@torch.inference_mode()
@pytest.mark.parametrize("backbone", SMALL)
def test_a_backbone_gives_levels_at_its_strides(backbone):
    network = backbone_of(backbone, (4, 8, 16, 32)).eval()
    levels = network(torch.zeros(1, 1, 64, 96))
    assert [tuple(level.shape[2:]) for level in levels] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert [level.shape[1] for level in levels] == widths_of(network)
    (coarse,) = backbone_of(backbone, (16,)).eval()(torch.zeros(1, 1, 64, 96))
    assert coarse.shape == levels[2].shape


@torch.inference_mode()
@pytest.mark.parametrize("backbone", SMALL)
def test_a_detector_on_any_backbone_answers_the_same_when_folded(backbone):
    torch.manual_seed(0)
    network = ComponentNetwork(backbone, 2).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    images = torch.randn(1, 1, 64, 64)
    folded = for_inference(network, torch.device("cpu"))
    assert torch.allclose(network(images)[0], folded(images)[0], atol=1e-3)


@pytest.mark.parametrize("backbone", SMALL)
def test_the_frozen_start_is_stem_and_stages(backbone):
    network = backbone_of(backbone, (4, 8, 16, 32))
    freeze_start(network, backbone, 0)
    assert all(one.requires_grad for one in network.parameters())
    freeze_start(network, backbone, 1)
    frozen = [not one.requires_grad for one in network.parameters()]
    count = sum(frozen)
    assert 0 < count < len(frozen) / 2
    assert all(frozen[:count])  # a start without gaps
    freeze_start(network, backbone, 2)
    assert sum(not one.requires_grad for one in network.parameters()) > count


@torch.inference_mode()
def test_packaged_weights_start_lite0_and_grey_is_seen_as_equal_colours():
    network = backbone_of(Backbone.LITE0, (4, 8, 16, 32))
    weights = imagenet_weights(Backbone.LITE0)
    assert start_backbone(network, Backbone.LITE0, weights) > 200
    grey = torch.randn(1, 1, 8, 8)
    stem = next(value for value in weights.values() if value.ndim == 4 and value.shape[1] == 3)
    coloured = torch.nn.functional.conv2d(grey.repeat(1, 3, 1, 1), stem)
    own = torch.nn.functional.conv2d(grey, network.conv_stem.weight)
    assert torch.allclose(coloured, own, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("backbone", "published"),
    [
        (Backbone.RESNET18, lambda: torchvision.models.resnet18()),
        (Backbone.EFFICIENTNET_B0, lambda: timm.create_model("efficientnet_b0")),
    ],
)
def test_a_published_file_starts_its_backbone(backbone, published, tmp_path):
    torch.manual_seed(0)
    original = published().eval()
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    network = backbone_of(backbone, (4,))
    given = imagenet_weights(backbone, tmp_path / "weights.pth")
    assert start_backbone(network, backbone, given) == len(
        [name for name in network.state_dict() if "num_batches" not in name]
    )
    network = network.eval()
    grey = torch.rand(1, 1, 64, 64) * 255
    coloured = ((grey / 255 - 0.449) / 0.226).repeat(1, 3, 1, 1)
    first = original.conv1 if backbone is Backbone.RESNET18 else original.conv_stem
    own = network.body.conv1 if backbone is Backbone.RESNET18 else network.conv_stem
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    expected, answer = first(coloured)[inside], own((grey - 127) / 128)[inside]
    shift = (expected - answer).mean(dim=(2, 3), keepdim=True)  # of the offset of grey alone
    assert torch.allclose(expected, answer + shift, atol=1e-3)


def test_weights_of_another_network_are_refused(tmp_path):
    network = backbone_of(Backbone.RESNET18, (4, 8, 16, 32))
    with pytest.raises(ConfigError, match=r"not of resnet18: \d+ of its \d+ tensors are missing"):
        start_backbone(network, Backbone.RESNET18, imagenet_weights(Backbone.LITE0))
    state = torchvision.models.resnet18().state_dict()
    state["layer1.0.conv1.weight"] = torch.zeros(1, 2, 3, 3)
    with pytest.raises(ConfigError, match="needs shape"):
        start_backbone(network, Backbone.RESNET18, state)


def test_missing_and_unreadable_weights_say_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="no package brings ImageNet weights of resnet18"):
        imagenet_weights(Backbone.RESNET18)
    with pytest.raises(ConfigError, match=r"no weights file .*absent\.pth"):
        imagenet_weights(Backbone.RESNET18, tmp_path / "absent.pth")
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ConfigError, match="cannot be read as weights"):
            imagenet_weights(Backbone.RESNET18, tmp_path / name)


def test_an_architecture_ends_with_its_backbone():
    for kind in (DetectorArchitecture, RefinerArchitecture):
        assert {backbone_name(one) for one in kind} == set(Backbone)
