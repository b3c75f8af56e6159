"""What the networks are fed: grey pixels around 0, padded or fitted to a size; and precision."""

from collections.abc import Iterator
from enum import StrEnum

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from catenary.imaging import resize

MEAN = 127.0  # grey level that becomes 0; also the level of padding
STD = 128.0  # grey levels to 1.0
MULTIPLE = 32  # px; the deepest stride of the backbones
_GPU_SIZES = (16, 64, 256)  # crops in a batch


class Precision(StrEnum):
    """Number format of the convolutions; weights stay float32."""

    BF16 = "bf16"
    FP32 = "fp32"


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the context in which a network runs with this precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision is Precision.BF16)


def normalised(pictures: Tensor) -> Tensor:
    """Map (B, 1, H, W) uint8 to float32 about [-1, 1], channels last."""
    floats = pictures.float().sub_(MEAN).div_(STD)
    return floats.contiguous(memory_format=torch.channels_last)


def sent(batch: Tensor, device: torch.device) -> Tensor:
    """Return a batch on ``device``; to a GPU it is copied while the caller goes on."""
    if device.type == "cuda" and batch.device.type == "cpu":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Return (height, width) rounded up to multiples of 32 px.

    >>> padded_size(1070, 1280)
    (1088, 1280)
    """
    return -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE


def stacked(pictures: list[NDArray[np.uint8]], height: int, width: int) -> Tensor:
    """Return pictures as one (B, 1, height, width) uint8 batch.

    Each lies at the top left; what is left over has the level that becomes 0.
    """
    batch = np.full((len(pictures), 1, height, width), MEAN, np.uint8)
    for row, picture in zip(batch, pictures, strict=True):
        row[0, : picture.shape[0], : picture.shape[1]] = picture
    return torch.from_numpy(batch)


def batches(count: int, device: torch.device) -> Iterator[tuple[slice, int]]:
    """Yield the rows of each batch of crops and the number of rows that it is to be padded to.

    On a processor 16 rows, more gain nothing, and none too many: oneDNN remembers its layers for
    each number (`fused.remember_layers`). On a GPU up to 256, padded to 16, 64 or 256: cuDNN
    prepares every layer anew for each number, which took a second or more for one on an H200.

    >>> [(rows.start, rows.stop, size) for rows, size in batches(21, torch.device("cpu"))]
    [(0, 16, 16), (16, 21, 5)]
    >>> [(rows.start, rows.stop, size) for rows, size in batches(21, torch.device("cuda"))]
    [(0, 21, 64)]
    """
    is_gpu = device.type == "cuda"
    largest = _GPU_SIZES[-1] if is_gpu else 16
    for start in range(0, count, largest):
        rows = slice(start, min(start + largest, count))
        own = rows.stop - rows.start
        yield rows, next(size for size in _GPU_SIZES if size >= own) if is_gpu else own


def together(count: int, device: torch.device) -> int:
    """Return the number of pictures that a batch of ``count`` is padded to: a power of 2 on a GPU.

    >>> together(5, torch.device("cpu")), together(5, torch.device("cuda"))
    (5, 8)
    """
    return 1 << (count - 1).bit_length() if device.type == "cuda" else count


def filled(crops: Tensor, size: int) -> Tensor:
    """Return (N, 1, H, W) crops with so many of zeros after them that there are ``size``."""
    missing = size - len(crops)
    return torch.cat([crops, crops.new_zeros((missing, *crops.shape[1:]))]) if missing else crops


def fitted_size(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the (height, width) at which a crop is put into a square of ``side`` px.

    A small crop is enlarged with its proportions kept. In a large one each axis is reduced
    only as far as needed: a dropper of 90 x 1500 px keeps its wire three pixels wide, which
    equal reduction would blur away.

    >>> fitted_size(40, 80, 192), fitted_size(1500, 90, 192), fitted_size(400, 800, 192)
    ((96, 192), (192, 90), (192, 192))
    """
    longer = max(height, width)
    if longer <= side:
        return max(1, round(height * side / longer)), max(1, round(width * side / longer))
    return min(height, side), min(width, side)


def letterboxed(crop: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return ``crop`` (height, width) fitted into the middle of a (side, side) square."""
    height, width = fitted_size(crop.shape[0], crop.shape[1], side)
    if max(crop.shape) > side:
        fitted = resize.averaged(crop, height, width)
    else:
        fitted = np.asarray(cv2.resize(crop, (width, height)), np.uint8)  # enlarged
    square = np.full((side, side), MEAN, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = fitted
    return square
