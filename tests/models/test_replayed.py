"""On a GPU only: a recorded pass answers as the plain one, whoever asks and in whatever order."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from catenary.models import on_device
from catenary.models.replayed import Replayed, _each

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


class Pair(NamedTuple):
    one: Tensor
    other: Tensor


def test_outputs_keep_their_form():
    tensor = torch.ones(2)
    assert torch.equal(_each(tensor, torch.neg), -tensor)
    assert isinstance(_each(Pair(tensor, tensor), torch.neg), Pair)
    first, second = _each((tensor, 2 * tensor), torch.neg)
    assert torch.equal(first, -tensor)
    assert torch.equal(second, -2 * tensor)


@pytest.mark.gpu
@NO_GPU
def test_threads_on_streams_of_their_own_are_answered_as_one_by_one():
    device = torch.device("cuda", 0)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU6(), nn.Conv2d(8, 4, 3)).to(device).eval()

    def plain(pictures: Tensor) -> Pair:
        told = network(pictures)
        return Pair(told, told.amax(dim=1))

    replayed = Replayed(plain)

    def difference(number: int) -> float:
        with torch.inference_mode(), on_device.own_stream(device):
            pictures = torch.full((1 + number % 3, 1, 64, 64), float(number), device=device)
            pictures[0, 0, number % 64] = -1.0
            found, expected = replayed(pictures), plain(pictures)
            return max(
                float((one - other).abs().max()) for one, other in zip(found, expected, strict=True)
            )

    with ThreadPoolExecutor(4) as threads:
        assert max(threads.map(difference, range(200))) < 1e-4
    assert len(replayed._recorded) == 3
