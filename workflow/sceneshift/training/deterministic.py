"""Two operators whose gradients a GPU adds up in any order, in a form that gives the same bits each time.

The slower forms are used where `deterministic: true` has asked PyTorch for deterministic algorithms.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pad_mirrored(x: Tensor, columns: int, rows: int) -> Tensor:
    """x [N, C, H, W] with so many `rows` and `columns` mirrored beyond each border."""
    if not torch.are_deterministic_algorithms_enabled():
        return F.pad(x, (columns, columns, rows, rows), mode="reflect")
    for axis, margin in ((2, rows), (3, columns)):
        last = x.shape[axis] - 1
        places = torch.arange(-margin, last + margin + 1, device=x.device).abs()
        x = x.index_select(axis, last - (last - places).abs())
    return x


def spread_bilinear(gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of `F.grid_sample(x, grid)` (bilinear, zeros around) with respect to x of `shape` [N, C, H, W].

    gradient: [N, C, H', W'], of the samples; grid: [N, H', W', 2], where they were taken
    """
    n, c, height, width = shape
    x, y = ((grid[..., 0] + 1) * width - 1) / 2, ((grid[..., 1] + 1) * height - 1) / 2  # [N, H', W'], in pixels
    image = torch.arange(n, device=grid.device)[:, None, None]
    samples = gradient.movedim(1, -1)
    pixels = gradient.new_zeros(n * height * width, c)
    for right in (0, 1):
        for below in (0, 1):
            column, row = x.floor() + right, y.floor() + below
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            share = (1 - (x - column).abs()) * (1 - (y - row).abs()) * inside
            place = (image * height + row.long().clamp(0, height - 1)) * width + column.long().clamp(0, width - 1)
            pixels.index_add_(0, place.flatten(), (samples * share[..., None]).reshape(-1, c))
    return pixels.reshape(n, height, width, c).movedim(-1, 1)
