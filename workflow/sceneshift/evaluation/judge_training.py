"""Training of the judge on renders that no run contains."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import r2_score
from torch.nn import functional as F

from sceneshift.evaluation.judge import FORMAT, Judge, JudgeNetwork, as_input
from sceneshift.runtime.devices import autocast, compute_dtype
from sceneshift.runtime.interruption import be_a_worker
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.randomness import key_of, torch_generator
from sceneshift.streets import VISIBLE, render_streets

HEIGHT = 64  # higher pictures are averaged down to this
BATCH = 64
JOB = 50  # renders that a process makes at a time
NOISE = 0.06  # standard deviation at most, of pixels in [-1, 1]


@dataclass(frozen=True)
class Lessons:
    """What a judge learns from: renders, further ones that measure it, and how often it sees each."""

    images: int = 3000
    held_out: int = 600
    epochs: int = 12


def train_judge(
    shape: tuple[int, int],
    out: Path,
    seed: int = 0,
    device: torch.device | str = "cpu",
    lessons: Lessons = Lessons(),
) -> dict[str, float]:
    """Fit a judge for renders of `shape` (height, width) and write it to `out` (.safetensors).

    Its renders come from a stream of their own, apart from any run's streets of the same seed. Blur, noise, shifts and
    mirroring are added while learning, as they leave every label as it is; brightness and color are not touched, as
    they carry labels.
    Returns R² per label on the held-out renders; they are recorded in the file's metadata too.
    """
    device, images = torch.device(device), lessons.images
    height = min(shape[0], HEIGHT)
    shape = (height, shape[1] * height // shape[0])
    pictures, labels = _render(key_of(seed, "judge") & (2**63 - 1), images + lessons.held_out, shape)
    pictures, labels = torch.from_numpy(pictures), torch.from_numpy(labels)
    network = _initialized(JudgeNetwork(len(VISIBLE)), torch_generator(seed, "judge", "weights"))
    network = network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    steps = lessons.epochs * (images // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    dtype = compute_dtype("auto", device)
    with Progress("fitting the judge", total=steps * BATCH, beside=out) as progress:
        for epoch in range(lessons.epochs):
            order = torch.randperm(images, generator=torch_generator(seed, "judge", "order", epoch))
            for step in range(images // BATCH):
                rng = torch_generator(seed, "judge", "augment", epoch, step)
                chosen = order[step * BATCH : (step + 1) * BATCH]
                inputs = as_input(disturbed(pictures[chosen], rng).to(device), shape)
                noise = torch.randn(inputs.shape, generator=rng) * torch.rand(BATCH, 1, 1, 1, generator=rng)
                inputs += NOISE * noise.to(device)
                with autocast(dtype, device):
                    guess = network(inputs)
                loss = F.smooth_l1_loss(guess.float(), labels[chosen].to(device), beta=0.1)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                progress.advance(BATCH)
    facts: dict[str, object] = {"attributes": list(VISIBLE), "shape": shape, "images": images, "seed": seed}
    guess = Judge(network.eval(), list(VISIBLE), shape, facts).score(pictures[images:].numpy())
    r2 = r2_score(labels[images:].numpy(), guess, multioutput="raw_values")
    facts["r2"] = {name: round(float(value), 4) for name, value in zip(VISIBLE, r2, strict=True)}
    FORMAT.save(out, network.state_dict(), {**facts, "provenance": made_by(seed=seed)})
    return dict(zip(VISIBLE, r2.tolist(), strict=True))


def disturbed(images: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Mirror, shift and blur uint8 [N, H, W, 3] as a translator's output may be; colors and brightness stay.

    Half of the batch is blurred by shrinking it to 35 to 90 % and enlarging it again, with antialiasing.
    """
    count, *shape = images.shape[:3]
    mirrored = torch.rand(count, generator=rng) < 0.5
    images = torch.where(mirrored[:, None, None, None], images.flip(2), images)
    reach = max(1, shape[0] // 32)
    rows, columns = (
        (torch.arange(side) + int(torch.randint(-reach, reach + 1, (1,), generator=rng))).clamp(0, side - 1)
        for side in shape
    )
    images = images[:, rows][:, :, columns]
    share = 0.35 + 0.55 * float(torch.rand(1, generator=rng))
    smaller = [max(4, round(side * share)) for side in shape]
    half = images[: count // 2].permute(0, 3, 1, 2)
    for size in (smaller, shape):
        half = F.interpolate(half, size=size, mode="bilinear", antialias=True)
    images[: count // 2] = half.permute(0, 2, 3, 1)
    return images


def _initialized(network: JudgeNetwork, rng: torch.Generator) -> JudgeNetwork:
    """Kaiming initialization from a generator of its own; biases zero."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=rng)
        else:
            torch.nn.init.zeros_(parameter)
    return network


def _render(seed: int, count: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [count, H, W, 3] and labels float32 [count, 5], drawn in parallel."""
    if count <= 2 * JOB:  # rendered before processes would have started
        return render_streets(seed, shape, range(count))
    jobs = [range(start, min(start + JOB, count)) for start in range(0, count, JOB)]
    # Processes, as drawing holds Python's lock; spawned, as forking a process that runs threads may hang.
    with ProcessPoolExecutor(torch.get_num_threads(), get_context("spawn"), be_a_worker) as pool:
        parts = list(pool.map(partial(render_streets, seed, shape), jobs))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
