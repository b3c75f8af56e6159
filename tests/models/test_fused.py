import pytest
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from catenary.models import fused
from catenary.models.build import DetectorArchitecture, detector_network
from catenary.models.fold import for_inference
from catenary.models.inputs import Precision, autocast

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(
    not fused.is_supported(CPU), reason="this processor does not compute in bfloat16"
)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.float() - other.float()).abs().mean())


@torch.inference_mode()
@pytest.mark.parametrize("shape", [(32, 48), (33, 47), (32, 47)])
@pytest.mark.parametrize("kernel", [3, 5])
def test_uneven_padding_is_kept(kernel, shape):
    torch.manual_seed(0)
    plain = Conv2dSame(4, 8, kernel, stride=2)
    images = torch.randn(1, 4, *shape)
    expected = plain(images).clamp(0, 6)
    answer = fused.FusedConvolution(plain, nn.ReLU6())(images)
    assert answer.shape == expected.shape
    assert torch.allclose(answer.float(), expected, atol=0.05)


@torch.inference_mode()
@pytest.mark.parametrize("strip_bytes", [1, 3000, 20_000])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (3, 2), (5, 2)])
def test_strips_give_what_all_at_once_gives(
    monkeypatch: pytest.MonkeyPatch, strip_bytes: int, kernel: int, stride: int
):
    torch.manual_seed(0)
    widen = fused.FusedConvolution(nn.Conv2d(4, 24, 1), nn.ReLU6())
    kind = Conv2dSame if stride == 2 else nn.Conv2d
    plain = kind(24, 24, kernel, stride=stride, padding=kernel // 2, groups=24)
    block = fused.InStrips(widen, fused.FusedConvolution(plain, nn.ReLU6()))
    images = torch.randn(2, 4, 46, 30).contiguous(memory_format=torch.channels_last)
    at_once = block(images)
    monkeypatch.setattr(fused, "_MOST_BYTES", 0)
    monkeypatch.setattr(fused, "_STRIP_BYTES", strip_bytes)
    assert torch.equal(block(images), at_once)


def test_the_widest_block_of_the_detector_runs_in_strips():
    network = for_inference(
        detector_network(DetectorArchitecture.CENTRE_LITE0, 3), CPU, Precision.BF16
    )
    found = [one for one in network.modules() if isinstance(one, fused.InStrips)]
    assert len(found) == 15
    assert found[0].widen.channels == 96


@torch.inference_mode()
@pytest.mark.parametrize(
    "architecture",
    [
        DetectorArchitecture.CENTRE_LITE0,
        DetectorArchitecture.CENTRE_RESNET18,  # one ReLU after a convolution and after a sum
        DetectorArchitecture.CENTRE_REGNETY_400MF,
        DetectorArchitecture.CENTRE_MOBILENETV3_LARGE,
    ],
)
def test_fused_networks_are_as_near_to_float32_as_autocast_is(architecture):
    torch.manual_seed(0)
    network = detector_network(architecture, 3)
    nn.init.normal_(network.centre.weight, std=0.3)
    images = torch.randn(1, 1, 96, 64)
    plain = for_inference(network, CPU)
    narrow = for_inference(network, CPU, Precision.BF16)
    expected, _ = plain(images)
    with autocast(CPU, Precision.BF16):
        usual, _ = plain(images)
        answer, _ = narrow(images)
    spread = float(expected.std())
    assert spread > 0
    assert difference(answer, expected) <= 1.5 * difference(usual, expected) + 0.01 * spread


def test_a_clamp_goes_only_with_the_convolution_before_it():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 1),
        nn.Identity(),
        nn.ReLU6(),
        nn.Conv2d(2, 2, 1),
        nn.MaxPool2d(2),
        nn.ReLU(),
    )
    fused.fuse(network)
    kinds = [type(one).__name__ for one in network]
    assert kinds == [
        "FusedConvolution",
        "Identity",
        "Identity",
        "FusedConvolution",
        "MaxPool2d",
        "ReLU",
    ]


def test_a_network_in_float32_is_left_as_it_is():
    network = detector_network(DetectorArchitecture.CENTRE_LITE0, 2)
    kept = for_inference(network, CPU, Precision.FP32)
    assert not [one for one in kept.modules() if isinstance(one, fused.FusedConvolution)]
