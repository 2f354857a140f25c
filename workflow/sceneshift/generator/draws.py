"""Random numbers for the images of a batch."""

import torch
from torch import Tensor

from sceneshift.training.microbatches import Part


class Draws:
    """Random numbers [n] or [n, columns] of the images, drawn on the CPU so that they are the same on every device."""

    def __init__(self, n: int, p: float, rng: torch.Generator, part: Part) -> None:
        self.batch, self.p, self.rng, self.part = n * part.count, p, rng, part

    def uniform(self, columns: int | None = None) -> Tensor:
        return self.part.of(torch.rand(self.batch, *([columns] if columns else []), generator=self.rng))

    def normal(self, columns: int | None = None) -> Tensor:
        return self.part.of(torch.randn(self.batch, *([columns] if columns else []), generator=self.rng))

    def chosen(self, values: Tensor, neutral: float, p: float | None = None) -> Tensor:
        """`values`, [n] or [n, columns], each row with probability p, else `neutral`."""
        take = self.uniform() < (self.p if p is None else p)
        return torch.where(take if values.ndim == 1 else take[:, None], values, neutral)
