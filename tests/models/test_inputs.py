import pytest
import torch

from catenary.models.inputs import batches, sent

CPU = torch.device("cpu")


@pytest.mark.parametrize("count", [0, 1, 5, 16, 17, 39, 64, 65, 300])
@pytest.mark.parametrize(("device", "sizes"), [("cpu", range(1, 17)), ("cuda", (16, 64, 256))])
def test_batches_hold_every_row_once_in_few_sizes(count, device, sizes):
    found = list(batches(count, torch.device(device)))
    rows = [row for own, _ in found for row in range(own.start, own.stop)]
    assert rows == list(range(count))
    for own, size in found:
        assert size == min(one for one in sizes if one >= own.stop - own.start)


def test_a_batch_for_the_cpu_is_not_copied():
    batch = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    assert sent(batch, CPU) is batch


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_batch_arrives_on_the_gpu_unchanged():
    batch = torch.arange(64, dtype=torch.uint8).view(4, 1, 4, 4)
    assert torch.equal(sent(batch, torch.device("cuda")).cpu(), batch)
