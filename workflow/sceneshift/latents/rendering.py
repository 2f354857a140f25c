"""Rendering and scoring batch after batch, with every core or the accelerator busy."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from sceneshift.generator import load_generator
from sceneshift.images.pixels import to_uint8
from sceneshift.latents.boundaries import Boundary, check_fits, load_boundary
from sceneshift.latents.codes import Codes
from sceneshift.latents.moving import Move, truncated
from sceneshift.runtime import parallel
from sceneshift.runtime.devices import set_up
from sceneshift.training.microbatches import InHalves

Item, Result = TypeVar("Item"), TypeVar("Result")


class Renderer:
    """A generator that takes and gives arrays."""

    def __init__(self, generator_path: Path | str, device: torch.device | str = "cpu") -> None:
        self.path, self.device = Path(generator_path), torch.device(device)
        set_up(self.device, "float32")  # the generator has its own arithmetic; codes and scores stay exact
        self.generator = load_generator(generator_path, device=self.device, precision="auto")
        self.w_avg = self.generator.w_avg.detach().float().cpu().numpy()
        self.z_dim, self.w_dim = self.generator.z_dim, self.generator.w_dim
        self.resolution, self.width = self.generator.resolution, self.generator.width
        self.ws_resolutions = list(self.generator.ws_resolutions)

    @torch.no_grad()
    def mapped(self, z: np.ndarray) -> np.ndarray:
        """z [N, z_dim] -> untruncated w: float32 [N, w_dim]."""
        return self.generator.mapping(torch.from_numpy(z).to(self.device)).float().cpu().numpy()

    @torch.no_grad()
    def render(self, w: np.ndarray) -> np.ndarray:
        """Codes as the generator takes them, [N, w_dim] or [N, num_ws, w_dim] -> uint8 [N, H, W, 3], fixed noise."""
        return to_uint8(self.generator.synthesis(torch.from_numpy(w).to(self.device), noise="const"))

    def codes(self, z: np.ndarray) -> Codes:
        """z [N, z_dim] with their codes in W."""
        return Codes(z, self.mapped(z))

    def render_moved(self, codes: Codes, move: Move) -> np.ndarray:
        """Codes moved, truncated and rendered: uint8 [N, H, W, 3]."""
        return self.render(move.of(codes, self.mapped, self.w_avg))

    def boundary(self, path: Path | str) -> Boundary:
        """Read a boundary that is for this generator's codes; SceneshiftError if it is not."""
        boundary = load_boundary(path)
        check_fits(boundary, path, self.generator, self.path)
        return boundary

    def truncation(self, truncation_psi: float) -> float | np.ndarray:
        """ψ as this generator takes it: for all layers alike, or [num_ws, 1]: 1 where it does not truncate."""
        cut = self.generator.truncated_layers
        if cut is None:
            return truncation_psi
        return np.where(np.arange(len(self.ws_resolutions)) < cut, truncation_psi, 1.0).astype(np.float32)[:, None]

    def render_truncated(self, w: np.ndarray, truncation_psi: float) -> np.ndarray:
        """Untruncated codes [N, w_dim] -> uint8 [N, H, W, 3] of their truncated selves."""
        return self.render(truncated(w, self.truncation(truncation_psi), self.w_avg))


def in_order(function: Callable[[Item], Result], items: Iterable[Item], device: torch.device | str) -> Iterator[Result]:
    """`function` of each item, in the items' order; as many at a time as keep the machine busy, few waiting in memory.

    On a CPU each core works on a batch of its own: layers this small do not split well over cores, so this is faster
    than all cores on one batch, and rendering overlaps with scoring and writing. On an accelerator, two batches at a
    time: one is scored and written while the next is rendered. Items that memory has no room for (ranges or arrays)
    are taken in halves, each with a result of its own.
    """
    on_cpu = torch.device(device).type == "cpu"
    threads = torch.get_num_threads()
    workers = threads if on_cpu else 2
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for results in parallel.in_order(pool, InHalves(function), items, waiting=2 * workers):
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # a worker's 1 has become the default of new threads


def batches(count: int, size: int, start: int = 0) -> Iterator[range]:
    """Consecutive ranges of at most `size` that cover start … start + count - 1."""
    for first in range(start, start + count, size):
        yield range(first, min(first + size, start + count))
