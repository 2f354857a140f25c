"""What ADA's larger pipes do beyond geometry and color (arXiv 2006.06676, appendix B): filtering, noise, cutout.

Each is drawn for the images of a batch, and applied to them.
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.draws import Draws
from sceneshift.training.microbatches import Part

# Daubechies' second wavelet: |H(ω)|²/2 = ½ + 9/16·cos ω − 1/16·cos 3ω, and its mirror image; together they are 1.
LOW = torch.tensor([-1.0, 0.0, 9.0, 16.0, 9.0, 0.0, -1.0]) / 32
HIGH = torch.tensor([1.0, 0.0, -9.0, 16.0, -9.0, 0.0, 1.0]) / 32
EXPECTED_POWER = torch.tensor([10.0, 1.0, 1.0, 1.0]) / 13  # of photos in the four bands
NOISE, CUTOUT = 0.1, 0.5  # deviation, and share of the sides


def band_gains(n: int, p: float, rng: torch.Generator, part: Part) -> Tensor:
    """`Transformations.gains` of `n` images: each band by a log-normal factor, the expected power kept."""
    draw, gains = Draws(n, p, rng, part), torch.ones(n, 4)
    for band in range(4):
        factors = torch.ones(n, 4)
        factors[:, band] = draw.chosen(torch.exp2(draw.normal()), 1.0)
        gains = gains * factors / (EXPECTED_POWER * factors.square()).sum(dim=1, keepdim=True).sqrt()
    return gains


def additive_noise(shape: tuple[int, int, int], p: float, rng: torch.Generator, part: Part) -> Tensor:
    """`Transformations.noise` of images of `shape` (N, H, W): its deviation is half-normal."""
    n, height, width = shape
    draw = Draws(n, p, rng, part)
    deviation = draw.chosen(draw.normal().abs() * NOISE, 0.0)
    noise = part.of(torch.randn(draw.batch, 3, height, width, generator=rng))
    return noise * deviation[:, None, None, None]


def cutout(n: int, p: float, rng: torch.Generator, part: Part) -> Tensor:
    """`Transformations.cutout` of `n` images."""
    draw = Draws(n, p, rng, part)
    sides = draw.chosen(torch.full([n], CUTOUT), 0.0)
    return torch.cat([draw.uniform(2), sides[:, None]], dim=1)


@functools.cache
def band_filters() -> Tensor:
    """The four band-pass filters [4, 43], from the lowest to the highest: H(ω) is the last, H(2ω)·L(ω) before it, …"""
    filters = torch.eye(4)[:, :1]
    for band in range(1, 4):
        spread = torch.zeros(4, 2 * filters.shape[1] - 1)
        spread[:, ::2] = filters
        filters = F.conv1d(spread[:, None], LOW[None, None], padding=len(LOW) - 1)[:, 0]
        middle = filters.shape[1] // 2
        filters[band, middle - 3 : middle + 4] += HIGH
    return filters


@functools.lru_cache(maxsize=8)
def _band_matrices(size: int, device: torch.device) -> Tensor:
    """What filters `size` values with mirrored borders by each band: [4, size, size]."""
    taps = band_filters()
    period = 2 * (size - 1)
    places = (torch.arange(size)[:, None] + torch.arange(taps.shape[1]) - taps.shape[1] // 2) % period
    places = torch.where(places < size, places, period - places).expand(4, -1, -1)
    return torch.zeros(4, size, size).scatter_add_(2, places, taps[:, None].expand_as(places)).to(device)


def filtered(images: Tensor, gains: Tensor) -> Tensor:
    """Images [N, 3, H, W] with their bands amplified by [N, 4], along both axes."""
    rows, columns = (torch.einsum("nb,boi->noi", gains, _band_matrices(s, images.device)) for s in images.shape[2:])
    return rows[:, None] @ images @ columns[:, None].transpose(2, 3)


def cut_out(images: Tensor, rectangles: Tensor) -> Tensor:
    """Images [N, 3, H, W] with zeros in the rectangles [N, 3]."""
    height, width = images.shape[2:]
    x, y, sides = rectangles[:, :, None].unbind(dim=1)
    across, down = (
        ((torch.arange(s, device=images.device) + 0.5) / s - c).abs() < sides / 2 for s, c in ((width, x), (height, y))
    )
    return images * ~(down[:, None, :, None] & across[:, None, None, :])
