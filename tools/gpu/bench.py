"""What every part works with: the device, sizes, scratch files, and how things are compared and timed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sceneshift.generator import steps
from sceneshift.generator.augmentation import AdaptiveStrength
from sceneshift.photos.store import PhotoStoreWriter
from sceneshift.runtime.devices import to_device
from sceneshift.training.microbatches import Part
from sceneshift.vision.wideresnet import SHAPES
from tools.gpu.results import Results


@dataclass(frozen=True)
class Bench:
    """device: what is tried; small: sizes for a CPU; folder: scratch; out: for pictures; photos: a folder of real ones;
    seconds: how long the part may take."""

    device: torch.device
    small: bool
    folder: Path
    out: Path
    results: Results
    photos: Path | None = None
    seconds: float = 60.0

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    def seconds_of(self, work: Callable[[], object], repeats: int = 1) -> float:
        """Seconds that `work` takes, the device's part included; once before for what happens only once."""
        work()
        self.finish()
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        self.finish()
        return (time.perf_counter() - start) / repeats

    def finish(self) -> None:
        """Wait for the device."""
        if self.cuda:
            torch.cuda.synchronize(self.device)


def error(found: Tensor, wanted: Tensor, floor: float = 1e-12) -> float:
    """Root mean square of the difference of two tensors of one shape, as a share of that of `wanted`."""
    found, wanted = found.detach().cpu().double(), wanted.detach().cpu().double()
    return float((found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt().clamp(min=floor))


def on_device(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """The same network there."""
    return network.to(device)


def noise_pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth noise, uint8 [count, H, W, 3]: no two alike, and made in no time."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=rng)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return (fine * 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


def places365_weights() -> dict[str, np.ndarray]:
    """Random weights of Places365's network that keep the size of what goes through."""
    rng, weights = np.random.default_rng(0), {}
    for name, shape in SHAPES.items():
        if len(shape) > 1:
            weights[name] = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        else:
            weights[name] = np.full(shape, float(name.endswith((".weight", "running_var"))), np.float32)
    return weights


def photo_store(path: Path, count: int, side: int) -> Path:
    """A photo store of noise."""
    with PhotoStoreWriter(path, (side, side), crop="center", folder="", provenance="{}") as store:
        store.append(noise_pictures(count, side, side), [f"{i}.png" for i in range(count)], [False] * count)
    return path


def pairs_folder(folder: Path, count: int, side: int) -> Path:
    """Pairs of noise and darker noise."""
    for name, gain in (("train_A", 1.0), ("train_B", 0.6)):
        (folder / name).mkdir(parents=True)
        for place, picture in enumerate(noise_pictures(count, side, side)):
            Image.fromarray((picture * gain).astype(np.uint8)).save(folder / name / f"{place}.png")
    return folder


@contextmanager
def same_noise() -> Iterator[None]:
    """The generator's noise drawn on the CPU, which draws other numbers than a GPU."""

    def drawn(g, count: int, part: Part, rng: torch.Generator) -> Tensor:
        sizes = [height * width for height, width in g.synthesis.noise_shapes]
        noise = torch.cat([torch.randn(count, size, generator=rng) for size in sizes], dim=1)
        return to_device(part.of(noise), g.w_avg.device)

    with mock.patch.object(steps, "draw_noise", drawn):
        yield


@contextmanager
def augmented(p: float) -> Iterator[None]:
    """Trainings begin with this strength of the augmentation."""
    start = AdaptiveStrength.__init__

    def begun(self: AdaptiveStrength, *how: float) -> None:
        start(self, *how)
        self.p = p

    with mock.patch.object(AdaptiveStrength, "__init__", begun):
        yield
