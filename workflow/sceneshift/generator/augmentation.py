"""Adaptive discriminator augmentation (StyleGAN2-ADA, arXiv 2006.06676) and its pipes.

Every transformation is applied to each image on its own with probability p: pixel blitting (x-flip, 90° rotations,
integer translation), geometry (scale, rotations, anisotropic scale, fractional translation), color (brightness,
contrast, luma flip, hue, saturation), and the corruptions of corruptions.py. Appendix B of the paper fixes order,
distributions and the anti-aliased warp. All is differentiable twice, since R1's gradient goes through it.

On images wider than high, translations are shares of each side and rotations turn pixels, as on squares. Only the
quarter turns become half turns: a picture lying on its side does not fit its own frame, and the discriminator would
see mostly mirrored borders.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sceneshift.generator.corruptions import additive_noise, band_gains, cut_out, cutout, filtered
from sceneshift.generator.draws import Draws
from sceneshift.runtime.devices import to_device
from sceneshift.training.deterministic import pad_mirrored, spread_bilinear
from sceneshift.training.microbatches import WHOLE, Part

# The low-pass filter of the symlet of order 6 (Daubechies 1992): orthogonal, so 2× up and down again changes nothing.
SYM6 = (0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
        0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
        0.0017677118642428036, -0.007800708325034148)  # fmt: skip

# The symlet is not symmetric: its center of mass lies at tap 5.1 and not in the middle, 5.5. So a fine pixel
# shows what lies 0.2 pixels of the image further on. Transformations are taken about a point 0.25 further on, half a
# pixel of the fine grid, as in the authors' code; the rest displaces mirrored pictures by 0.1 pixels.
FINE_SHIFT = 0.25

GROUPS = ("blit", "geom", "color", "filter", "noise", "cutout")  # in the order in which they are applied
PIPES = {name: GROUPS[: len(name)] for name in ("bg", "bgc", "bgcf", "bgcfn", "bgcfnc")} | {g: (g,) for g in GROUPS}

FROM_SCRATCH, TRANSFERRED = 500_000, 100_000  # images in which p can go from 0 to 1, as in the authors' code


class AdaptiveStrength:
    """The probability p: steered so that E[sign D(real)] stays at `target`; 0 to 1 takes `images`."""

    INTERVAL = 4  # batches between adjustments

    def __init__(self, target: float, images: int = FROM_SCRATCH) -> None:
        self.target, self.images, self.p = target, images, 0.0
        self._sum, self._count, self._batches = 0.0, 0, 0

    def update(self, real_sign: Tensor, count: int) -> None:
        """Take note of the mean sign of D, a scalar [], on one batch of `count` real images; every 4 batches move p."""
        self._sum = self._sum + real_sign.detach().double() * count  # stays on the device until it is needed
        self._count += count
        self._batches += 1
        if self._batches == self.INTERVAL:
            step = self._count / self.images
            direction = math.copysign(1.0, self.signs / self._count - self.target)
            self.p = min(max(self.p + direction * step, 0.0), 1.0)
            self._sum, self._count, self._batches = 0.0, 0, 0

    @property
    def signs(self) -> int:
        """Sum of the signs since p was last moved."""
        return round(float(self._sum))

    def state_dict(self) -> dict[str, float]:
        return {"p": self.p, "sum": float(self.signs), "count": self._count, "batches": self._batches}

    def load_state_dict(self, state: dict[str, float]) -> None:
        self.p, self._sum = state["p"], state["sum"]
        self._count, self._batches = int(state["count"]), int(state["batches"])


@dataclass(frozen=True)
class Transformations:
    """What is done to each image of a batch; None for what the pipe does not have.

    margins: columns and rows beyond each border that are reached
    inverse: [N, 3, 3], from places in the augmented image to places in the given one, in pixels from the center
    color: [N, 4, 4], on homogeneous RGB
    gains: [N, 4], of the four frequency bands
    noise: [N, 3, H, W], which is added
    cutout: [N, 3], center of a rectangle, x first, and its sides, in shares of the image's
    """

    margins: tuple[int, int]
    inverse: Tensor | None = None
    color: Tensor | None = None
    gains: Tensor | None = None
    noise: Tensor | None = None
    cutout: Tensor | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Those that there are, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


def draw_transformations(
    shape: tuple[int, int, int], p: float, rng: torch.Generator, part: Part, device: torch.device, pipe: str = "bgc"
) -> Transformations:
    """Of images of `shape` (N, H, W), each transformation of the pipe with probability `p`; tensors on `device`.

    `part` of a batch that they are: numbers are drawn for the whole batch. They are computed on the CPU: a GPU would be
    asked for 200 tiny sums.
    """
    groups, n, margins = PIPES[pipe], shape[0], (0, 0)
    drawn: dict[str, Tensor] = {}
    if "blit" in groups or "geom" in groups:
        blit, geom = (p * (group in groups) for group in ("blit", "geom"))
        drawn["inverse"] = _geometry(shape, blit, geom, rng, part)
        margins = _margins_on(device, drawn["inverse"], *shape[1:])
    if "color" in groups:
        drawn["color"] = _color(n, p, rng, part)
    if "filter" in groups:
        drawn["gains"] = band_gains(n, p, rng, part)
    if "noise" in groups:
        drawn["noise"] = additive_noise(shape, p, rng, part)
    if "cutout" in groups:
        drawn["cutout"] = cutout(n, p, rng, part)
    return Transformations(margins, **{name: to_device(tensor, device) for name, tensor in drawn.items()})


def _margins_on(device: torch.device, inverse: Tensor, height: int, width: int) -> tuple[int, int]:
    """Room for what is reached of images of this size; on a GPU one of two sizes, so that a step can be recorded."""
    if device.type == "cpu":
        return _margins(inverse[_moved(inverse)], height, width)
    half = all(m <= s // 2 for m, s in zip(_margins(inverse, height, width), (width, height), strict=True))
    return (width // 2, height // 2) if half else (width - 1, height - 1)


def augment(images: Tensor, p: float, rng: torch.Generator, pipe: str = "bgc") -> Tensor:
    """Augment images [N, 3, H, W] in [-1, 1] with probability `p` a transformation; p = 0 returns them as they are."""
    if p == 0:
        return images
    n, _, height, width = images.shape
    return transformed(images, draw_transformations((n, height, width), p, rng, WHOLE, images.device, pipe))


def transformed(images: Tensor, by: Transformations) -> Tensor:
    """Images [N, 3, H, W] in [-1, 1] so transformed."""
    if by.inverse is not None and images.device.type != "cpu":
        images = _warp(images, by.inverse, by.margins)
    elif by.inverse is not None and len(moved := _moved(by.inverse)):  # at small p most images stay where they are
        images = images.index_copy(0, moved, _warp(images[moved], by.inverse[moved], by.margins))
    if by.color is not None:
        images = _apply_color(images, by.color)
    if by.gains is not None:
        images = filtered(images, by.gains)
    if by.noise is not None:
        images = images + by.noise
    return images if by.cutout is None else cut_out(images, by.cutout)


def _moved(inverse: Tensor) -> Tensor:
    """Of `inverse` [N, 3, 3], which are not the identity."""
    return (inverse != torch.eye(3)).any(dim=(1, 2)).nonzero()[:, 0]


def _margins(inverse: Tensor, height: int, width: int) -> tuple[int, int]:
    """Room for the corners of images that `inverse` [N, 3, 3] reaches, as far as mirrored pixels exist: x, y."""
    if not len(inverse):
        return 0, 0
    corners = torch.tensor([[x, y, 1.0] for x in (-0.5, 0.5) for y in (-0.5, 0.5)])
    corners = corners * torch.tensor([width, height, 1.0])
    reach = (inverse @ corners.T)[:, :2].abs().amax(dim=(0, 2)) - torch.tensor([width, height]) / 2
    x, y = (min(max(math.ceil(r) + len(SYM6) // 2, 0), s - 1) for r, s in zip(reach, (width, height), strict=True))
    return int(x), int(y)


def _geometry(shape: tuple[int, int, int], blit: float, geom: float, rng: torch.Generator, part: Part) -> Tensor:
    """`Transformations.inverse` of images of `shape` (N, H, W); blit, geom: probabilities of these transformations."""
    n, height, width = shape
    draw = Draws(n, blit, rng, part)
    size = torch.tensor([float(width), float(height)])
    flip = draw.chosen(torch.floor(draw.uniform() * 2), 0.0)
    inverse = _scale(1 - 2 * flip, torch.ones_like(flip))
    turns = 4 if height == width else 2
    turn = draw.chosen(torch.floor(draw.uniform() * turns), 0.0)
    inverse = inverse @ _rotation(2 * math.pi / turns * turn)
    shift = draw.chosen((draw.uniform(2) * 2 - 1) * 0.125, 0.0)
    inverse = inverse @ _translation(-torch.round(shift * size))
    draw = Draws(n, geom, rng, part)
    scale = draw.chosen(torch.exp2(draw.normal() * 0.2), 1.0)
    inverse = inverse @ _scale(1 / scale, 1 / scale)
    # two rotations, before and after the anisotropic scale, so that together they happen with probability p
    rotation_p = 1 - math.sqrt(max(1 - geom, 0.0))
    inverse = inverse @ _rotation(draw.chosen((draw.uniform() * 2 - 1) * math.pi, 0.0, rotation_p))
    stretch = draw.chosen(torch.exp2(draw.normal() * 0.2), 1.0)
    inverse = inverse @ _scale(1 / stretch, stretch)
    inverse = inverse @ _rotation(draw.chosen((draw.uniform() * 2 - 1) * math.pi, 0.0, rotation_p))
    return inverse @ _translation(-draw.chosen(draw.normal(2) * 0.125, 0.0) * size)


def _color(n: int, p: float, rng: torch.Generator, part: Part) -> Tensor:
    """`Transformations.color` of `n` images."""
    draw = Draws(n, p, rng, part)
    eye = torch.eye(4)
    luma = torch.tensor([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
    along = torch.outer(luma, luma)

    brightness = eye.repeat(n, 1, 1)
    brightness[:, :3, 3] = draw.chosen(draw.normal() * 0.2, 0.0)[:, None]
    contrast = draw.chosen(torch.exp2(draw.normal() * 0.5), 1.0)
    color = torch.diag_embed(torch.stack([contrast, contrast, contrast, torch.ones_like(contrast)], dim=1)) @ brightness
    luma_flip = draw.chosen(torch.floor(draw.uniform() * 2), 0.0)
    color = (eye - 2 * along * luma_flip[:, None, None]) @ color
    angle = draw.chosen((draw.uniform() * 2 - 1) * math.pi, 0.0)
    color = _rotation_about(luma[:3], angle) @ color
    saturation = draw.chosen(torch.exp2(draw.normal()), 1.0)
    return (along + (eye - along) * saturation[:, None, None]) @ color


def _apply_color(images: Tensor, color: Tensor) -> Tensor:
    """Images [N, 3, H, W] under matrices [N, 4, 4] on homogeneous RGB."""
    return torch.einsum("noc,nchw->nohw", color[:, :3, :3], images) + color[:, :3, 3, None, None]


def _warp(images: Tensor, inverse: Tensor, margins: tuple[int, int]) -> Tensor:
    """Sample images [N, 3, H, W] at `inverse` places [N, 3, 3]: mirrored borders, 2× oversampled, low-passed."""
    height, width = images.shape[2:]
    taps = len(SYM6)
    fine = _resample(pad_mirrored(images, *margins), up=True)

    fine_height, fine_width = fine.shape[2:]
    # output on the same 2× grid with room for the low-pass
    places = _places(2 * (height + taps), 2 * (width + taps), images.device)
    exact = torch.float64 if images.is_cuda else torch.float32  # TF32 would miss places by a tenth of a pixel
    source = (places.to(exact) @ inverse[:, None, :2, :2].transpose(-1, -2).to(exact)).float()
    source = source + inverse[:, None, None, :2, 2] - FINE_SHIFT
    grid = source * _edges(fine_width, fine_height, images.device)  # grid_sample: ±1 are the outer edges
    warped = _Sample.apply(fine, grid)
    coarse = _resample(warped, up=False)
    return coarse[:, :, taps // 2 : taps // 2 + height, taps // 2 : taps // 2 + width]


def _resample(x: Tensor, up: bool) -> Tensor:
    """[N, C, H, W] at twice or half the size through the symlet; one is the other's transpose (times 2 an axis).

    As products with banded matrices: strided convolutions of 3 channels with 12 taps take ten times as long on CPUs.
    """
    for axis in (2, 3):
        size = x.shape[axis] if up else x.shape[axis] // 2
        matrix = _symlet_matrix(size, x.device)  # [size, 2·size]
        x = torch.movedim(torch.movedim(x, axis, -1) @ (matrix * 2 if up else matrix.T), -1, axis)
    return x


@functools.lru_cache(maxsize=64)
def _places(height: int, width: int, device: torch.device) -> Tensor:
    """Where a fine grid's pixels lie, from the point that is transformed about, in pixels of the coarse image:
    [height, width, 2], x first."""
    ys, xs = ((torch.arange(size) + 0.5 - size / 2) / 2 for size in (height, width))
    return (torch.stack([xs.expand(height, -1), ys[:, None].expand(-1, width)], dim=-1) + FINE_SHIFT).to(device)


@functools.lru_cache(maxsize=64)
def _edges(width: int, height: int, device: torch.device) -> Tensor:
    """What takes places in pixels of the coarse image to shares of the fine one: [2]."""
    return (4 / torch.tensor([width, height])).to(device)


@functools.lru_cache(maxsize=64)
def _symlet_matrix(size: int, device: torch.device) -> Tensor:
    """Row i holds the taps, summing to 1, centered at place 2i + ½ of 2·size places."""
    places = 2 * torch.arange(size)[:, None] - 5 + torch.arange(len(SYM6))
    inside = (places >= 0) & (places < 2 * size)
    taps = torch.tensor(SYM6).expand(size, -1) / sum(SYM6)
    matrix = torch.zeros(size, 2 * size).scatter_add_(1, places.clamp(0, 2 * size - 1), taps * inside)
    return matrix.to(device)


class _Sample(torch.autograd.Function):
    """Bilinear grid_sample of x [N, C, H, W] at a grid [N, H', W', 2], linear in x; its backward is differentiable
    again (PyTorch's own is not)."""

    @staticmethod
    def forward(ctx, x: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape = x.shape
        return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _Spread.apply(gradient, grid, ctx.shape), None


class _Spread(torch.autograd.Function):
    """The transpose of `_Sample`: [N, C, H', W'] -> [N, C, H, W]."""

    @staticmethod
    def forward(ctx, gradient: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        if torch.are_deterministic_algorithms_enabled():
            return spread_bilinear(gradient, grid, shape)
        x = gradient.new_empty(shape)  # its values do not matter: sampling is linear
        return torch.ops.aten.grid_sampler_2d_backward(gradient, x, grid, 0, 0, False, (True, False))[0]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(gradient, grid), None, None


def _matrix(rows: list[list[Tensor | float]]) -> Tensor:
    """Entries [N] or the same for all, by rows -> [N, rows, columns]."""
    like = next(entry for row in rows for entry in row if isinstance(entry, Tensor))
    entries = [torch.as_tensor(e, dtype=like.dtype, device=like.device).expand(like.shape) for row in rows for e in row]
    return torch.stack(entries, dim=-1).reshape(*like.shape, len(rows), len(rows[0]))


def _scale(x: Tensor, y: Tensor) -> Tensor:
    """Factors [N] -> matrices [N, 3, 3]."""
    return _matrix([[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, 1.0]])


def _translation(shift: Tensor) -> Tensor:
    """Pixels [N, 2], x first -> matrices [N, 3, 3]."""
    return _matrix([[1.0, 0.0, shift[:, 0]], [0.0, 1.0, shift[:, 1]], [0.0, 0.0, 1.0]])


def _rotation(angle: Tensor) -> Tensor:
    """Radians [N] -> matrices [N, 3, 3]."""
    s, c = angle.sin(), angle.cos()
    return _matrix([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _rotation_about(axis: Tensor, angle: Tensor) -> Tensor:
    """Rodrigues' rotation about a unit axis, homogeneous: [N, 4, 4]."""
    x, y, z = axis.tolist()
    cross = axis.new_tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    s, c = angle.sin()[:, None, None], angle.cos()[:, None, None]
    rotation = torch.eye(3, device=axis.device) * c + cross * s + torch.outer(axis, axis) * (1 - c)
    return F.pad(rotation, (0, 1, 0, 1)) + torch.diag(axis.new_tensor([0.0, 0.0, 0.0, 1.0]))
