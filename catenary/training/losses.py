"""Losses of the networks, as functions of tensors."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own customary name
from torch import Tensor


def centre_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Return the penalty-reduced focal loss per centre.

    Source: Zhou et al., "Objects as Points", 2019, arXiv:1904.07850, equation 1, with its
    alpha 2 and beta 4.

    Args:
        logits: (B, C, h, w).
        heat: Same shape in [0, 1], 1 at centres.
        weight: Same shape; 0 takes a cell out.

    Returns:
        Scalar, the sum over the cells divided by the number of centres (at least 1).
    """
    logits = logits.float()
    score = logits.sigmoid()
    is_centre = heat == 1
    hit = -F.logsigmoid(logits) * (1 - score) ** 2
    miss = -F.logsigmoid(-logits) * score**2 * (1 - heat) ** 4
    total = (torch.where(is_centre, hit, miss) * weight).sum()
    return total / is_centre.sum().clamp(min=1)


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Return the generalised intersection over union of boxes pair by pair.

    Source: Rezatofighi et al., CVPR 2019, doi:10.1109/CVPR.2019.00075.

    Args:
        first: (N, 4), x0 y0 x1 y1, sides greater than 0.
        second: (N, 4).

    Returns:
        (N,) in (-1, 1]: 1 for equal boxes, below 0 for boxes far apart.
    """
    low = torch.maximum(first[:, :2], second[:, :2])
    high = torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(dim=1)
    union = _area(first) + _area(second) - shared
    hull_low = torch.minimum(first[:, :2], second[:, :2])
    hull_high = torch.maximum(first[:, 2:], second[:, 2:])
    hull = (hull_high - hull_low).prod(dim=1)
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def box_loss(boxes: Tensor, truth: Tensor, shares: Tensor) -> Tensor:
    """Return 1 - GIoU, averaged over parts.

    Args:
        boxes: (M, 4) predicted by M cells.
        truth: (M, 4).
        shares: (M,); the cells of one part add up to 1.
    """
    return ((1 - giou(boxes, truth)) * shares).sum() / shares.sum().clamp(min=1e-6)


def sides_loss(sides: Tensor, truth: Tensor) -> Tensor:
    """Return how badly distributions of sides speak for the true ones.

    Source: Li et al., "Generalized Focal Loss", NeurIPS 2020, arXiv:2006.04388, equation 6
    (distribution focal loss): cross entropy with the two places next to the truth.

    Args:
        sides: (N, 4, P) logits over P places, the first at 0.5 / P of the crop.
        truth: (N, 4) in [0, 1] of the crop.

    Returns:
        (N,), the mean over the four sides.
    """
    places = sides.shape[-1]
    at = (truth * places - 0.5).clamp(0, places - 1.001)
    low = at.floor().long()
    share = at - low
    chances = sides.log_softmax(dim=-1)
    below, above = (chances.gather(-1, index[..., None])[..., 0] for index in (low, low + 1))
    return -(below * (1 - share) + above * share).mean(dim=1)


def condition_loss(logits: Tensor, truth: Tensor, focal: float) -> Tensor:
    """Return the cross entropy of crops, turned to those whose condition is not yet told.

    Source: Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, arXiv:1708.02002,
    equation 4 without alpha: how often a rare condition is shown is decided by `balance`.

    Args:
        logits: (B, P).
        truth: (B,) index of the true pair.
        focal: Exponent, at least 0; a crop of chance p counts (1 - p) to its power.

    Returns:
        Scalar, the mean over the crops.
    """
    entropy = F.cross_entropy(logits, truth, reduction="none")
    unsure = (-torch.expm1(-entropy)).clamp(min=1e-6)  # the root of 0 has no slope
    return (entropy * unsure**focal).mean()


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
