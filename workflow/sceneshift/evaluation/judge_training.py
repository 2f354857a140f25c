"""Training of the judge on renders that no run contains."""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from sceneshift.evaluation.judge import FORMAT, Judge, JudgeNetwork, as_input
from sceneshift.photos.streets import LABELS, render_street
from sceneshift.runtime.devices import autocast, compute_dtype
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.randomness import key_of, torch_generator

SIDE = 64  # larger pictures are averaged down to this
BATCH = 64
HELD_OUT = 1000


def fit_judge(
    resolution: int,
    out: Path,
    seed: int = 0,
    device: torch.device | str = "cpu",
    images: int = 6000,
    epochs: int = 12,
) -> dict[str, float]:
    """Fit a judge for renders of `resolution` px and write it to `out` (.safetensors).

    images: renders it learns from; they come from a stream of their own, apart from any run's streets of the same
    seed. Blur, resampling, noise, shifts and mirroring are added while learning, as they leave every label as it is;
    brightness and colour are not touched, as they carry labels.
    Returns R² per label on 1000 further renders; they are recorded in the file's metadata too.
    """
    device = torch.device(device)
    side = min(resolution, SIDE)
    pictures, labels = _render(key_of(seed, "judge") & (2**63 - 1), images + HELD_OUT, side)
    pictures, labels = torch.from_numpy(pictures), torch.from_numpy(labels)
    network = _initialised(JudgeNetwork(len(LABELS)), torch_generator(seed, "judge", "weights"))
    network = network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    steps = epochs * (images // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=steps)
    dtype = compute_dtype("auto", device)
    with Progress("fitting the judge", total=steps * BATCH) as progress:
        for epoch in range(epochs):
            order = torch.randperm(images, generator=torch_generator(seed, "judge", "order", epoch))
            for step in range(images // BATCH):
                random = torch_generator(seed, "judge", "augment", epoch, step)
                chosen = order[step * BATCH : (step + 1) * BATCH]
                inputs = disturbed(as_input(pictures[chosen].to(device), side), random)
                with autocast(dtype, device):
                    guess = network(inputs)
                loss = F.smooth_l1_loss(guess.float(), labels[chosen].to(device), beta=0.1)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                schedule.step()
                progress.advance(BATCH)
    facts: dict[str, object] = {"attributes": list(LABELS), "side": side, "images": images, "seed": seed}
    guess = Judge(network.eval(), list(LABELS), side, facts).score(pictures[images:].numpy())
    r2 = r_squared(labels[images:].numpy(), guess)
    facts["r2"] = {name: round(float(value), 4) for name, value in zip(LABELS, r2, strict=True)}
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_file(out) as temporary:
        save_file(weights, temporary, {"format": FORMAT, "judge": json.dumps(facts), "provenance": made_by(seed=seed)})
    return dict(zip(LABELS, r2.tolist(), strict=True))


def disturbed(images: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Blur, resample, shift, mirror and add noise to [N, 3, S, S] in [-1, 1], as a translator's output may be.

    Half of the batch is blurred (Gaussian, σ up to 1.5 px), a quarter shrunk by up to a half and enlarged again.
    The mean colour of a picture stays what it is.
    """
    count, side = len(images), images.shape[-1]
    draw = partial(torch.rand, generator=random)
    images = images.clone(memory_format=torch.channels_last)
    half, quarter = count // 2, count // 4
    images[:half] = blurred(images[:half], float(0.3 + 1.2 * draw(1)))
    smaller = max(4, int(side * (0.5 + 0.4 * float(draw(1)))))
    resampled = F.interpolate(images[half - quarter // 2 : half + quarter // 2], size=(smaller, smaller), mode="bilinear", antialias=True)
    images[half - quarter // 2 : half + quarter // 2] = F.interpolate(resampled, size=(side, side), mode="bicubic")
    mirror = (draw(count) < 0.5).to(images.device)
    images[mirror] = images[mirror].flip(3)
    reach = max(1, side // 32)
    down, across = (int(torch.randint(0, 2 * reach + 1, (1,), generator=random)) for _ in range(2))
    images = F.pad(images, (reach,) * 4, mode="replicate")[:, :, down : down + side, across : across + side]
    strength = 0.06 * draw(count, 1, 1, 1)
    noise = torch.randn(images.shape, generator=random) * strength
    return (images + noise.to(images.device)).contiguous(memory_format=torch.channels_last)


def blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of [N, C, H, W], mirrored at the borders."""
    radius = max(1, round(3 * sigma))
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=images.device) / sigma) ** 2)
    weights = (weights / weights.sum()).expand(images.shape[1], 1, 1, -1)
    padded = F.pad(images, (radius,) * 4, mode="reflect")
    across = F.conv2d(padded, weights, groups=images.shape[1])
    return F.conv2d(across, weights.transpose(2, 3), groups=images.shape[1])


def r_squared(truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Coefficient of determination per column, [N, K] each -> [K]."""
    return 1 - np.square(truth - guess).sum(axis=0) / np.square(truth - truth.mean(axis=0)).sum(axis=0)


def _initialised(network: JudgeNetwork, random: torch.Generator) -> JudgeNetwork:
    """Kaiming initialisation from a generator of its own; biases zero."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=random)
        else:
            torch.nn.init.zeros_(parameter)
    return network


def _render(seed: int, count: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [count, side, side, 3] and labels float32 [count, 5], drawn in parallel."""
    jobs = [range(start, min(start + 250, count)) for start in range(0, count, 250)]
    # Processes, as drawing holds Python's lock; spawned, as forking a process that runs threads may hang.
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(partial(_render_some, seed, side), jobs))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _render_some(seed: int, side: int, indices: range) -> tuple[np.ndarray, np.ndarray]:
    pairs = [render_street(seed, index, side) for index in indices]
    return np.stack([picture for picture, _ in pairs]), np.stack([label for _, label in pairs])
