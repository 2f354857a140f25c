"""Training StyleGAN2 (arXiv 1912.04958): one loop, counted in images, that a kill at any moment does not change."""

import copy
import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneshift.generator.augmentation import AdaptiveStrength
from sceneshift.generator.checkpoints import images_seen, load_discriminator, load_generator, save_generator
from sceneshift.generator.defaults import Defaults, defaults, ema_decay
from sceneshift.generator.networks import GROUP_SIZE, Discriminator, Generator
from sceneshift.generator.steps import (
    Figures,
    LossOf,
    discriminator_adversarial,
    discriminator_r1,
    generator_adversarial,
    generator_path_length,
)
from sceneshift.generator.training_photos import photo_batches
from sceneshift.images.pixels import from_uint8, to_uint8
from sceneshift.images.sheets import grid
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.devices import compute_dtype, set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.interruption import Interrupted, stop_requested
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings, canonical_json
from sceneshift.training.distributed import ALONE, World
from sceneshift.training.microbatches import MicroBatches, Part
from sceneshift.training.snapshots import History, Snapshots, digest_of
from sceneshift.vision.backbone import load_backbone
from sceneshift.vision.frechet import FrechetMeter

HISTORY = ["images", "loss_g", "loss_d", "r1", "path_length", "real_sign", "ada_p", "images_per_second", "frechet"]
STATUS_STEPS = 32  # steps between rows of the history
SAMPLES = (8, 16)  # rows and columns of the sheet of samples, of square ones


@dataclasses.dataclass
class State:
    """Everything that training changes."""

    g: Generator
    d: Discriminator
    g_ema: Generator
    optimizer_g: torch.optim.Adam
    optimizer_d: torch.optim.Adam
    ada: AdaptiveStrength
    path_length_mean: Tensor
    images: int = 0

    def state_dict(self) -> dict[str, Any]:
        parts = ("g", "d", "g_ema", "optimizer_g", "optimizer_d", "ada")
        state = {part: getattr(self, part).state_dict() for part in parts}
        return state | {"path_length_mean": self.path_length_mean, "images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for part in ("g", "d", "g_ema", "optimizer_g", "optimizer_d", "ada"):
            getattr(self, part).load_state_dict(state[part])
        self.path_length_mean, self.images = state["path_length_mean"], state["images"]


def train_generator(
    photos: Path | str, out: Path | str, settings: GeneratorSettings, *, mirror: bool = True, seed: int = 0,
    device: torch.device | str = "cpu", world: World = ALONE,
) -> None:  # fmt: skip
    """Train StyleGAN2 on a photo store. Killed and started again, it goes on.

    photos: photo store (.h5), of which those are trained on that are not held out
    out: generator to write (.safetensors); history, samples and snapshots go to training/ beside it
    mirror: also train on mirrored photos

    A killed and resumed training gives bit for bit the file of an uninterrupted one on the same machine and thread
    count: every random draw is a function of (seed, images seen, place in the batch). Several processes make the steps
    of one, to rounding, and any number of them goes on from the snapshots of any other. SIGTERM, SIGUSR1 and Ctrl-C
    write a snapshot and raise Interrupted. Losses that are not finite raise SceneshiftError; the last good snapshot
    stays.

    Example: photos.h5 generator/generator.safetensors --settings '{"images": 100000}'
    """
    # Initialize.
    out, device = Path(out), torch.device(device)
    store = PhotoStore(photos)
    if len(store.train_indices) == 0:
        raise SceneshiftError(f"{photos} has no photos to train on: all are held out. Lower photos.held_out.")
    batch, shape = settings.batch, {"resolution": store.resolution, "width": store.width}
    values = defaults(settings, **shape)
    warm_images = images_seen(settings.warm_start) if settings.warm_start else 0
    arithmetic = set_up(device, settings.precision, settings.deterministic)
    state = _initial_state(settings, values, shape, seed, device)
    batches = MicroBatches(world, batch, group=GROUP_SIZE)
    if world.first:
        _say(state, settings, warm_images, arithmetic, world)

    # Resume.
    shaping = settings.shaping_snapshots("train_generator")
    warm = sha256_of(settings.warm_start) if settings.warm_start else None
    digest = world.from_first(
        lambda: digest_of(
            settings=shaping, warm=warm, photos=sha256_of(photos), mirror=mirror, seed=seed, code=code_version(__name__)
        )
    )
    snapshots = Snapshots(out.parent / "training", digest, writes=world.first)
    world.wait()  # until the first process has the folder to itself
    if (snapshot := snapshots.load(device)) is not None and snapshot["images"] <= settings.images:
        state.load_state_dict(snapshot)
    frechet = _frechet_distance(store, settings.frechet_images, device) if world.first else None
    history = History(snapshots.folder / "history.csv", HISTORY, state.images)
    if state.images == 0 and world.first:
        _draw_samples(state.g_ema, snapshots.folder / "samples-00000000.png", seed, device)

    # Main training loop.
    sums, counts = Counter(), Counter()  # of the figures in the history's columns, since its last row

    def note(figures: dict[str, Tensor]) -> None:
        for name in figures.keys() & set(HISTORY):
            sums[name] += figures[name].double()  # on the device, which is not waited for
            counts[name] += 1

    remark = ""
    with (
        stop_requested() as stop,
        Progress(
            "training generator", settings.images, state.images, folder=snapshots.folder, shown=world.first
        ) as progress,
    ):
        for photos_batch in photo_batches(store, seed, state.images, batch, mirror, batches.own):
            if state.images >= settings.images:
                break
            step, rng, p = state.images // batch, torch_generator(seed, "training", state.images), state.ada.p
            real = from_uint8(photos_batch, device)

            # Generator.
            state.d.requires_grad_(False)
            loss = partial(generator_adversarial, state.g, state.d, settings, p)
            figures = _step(state.optimizer_g, batches, rng, loss)
            state.g.mapping.track_w_avg(figures["w_mean"])
            note(figures)
            if settings.path_length_weight and step % settings.path_length_interval == 0:
                loss = generator_path_length(state.g, settings, state.path_length_mean, batches, rng)
                figures = _step(state.optimizer_g, batches, rng, loss)
                state.path_length_mean = figures["path_length_mean"]
                note(figures)

            # Discriminator.
            state.d.requires_grad_(True)
            loss = partial(discriminator_adversarial, state.g, state.d, settings, p, real)
            figures = _step(state.optimizer_d, batches, rng, loss)
            state.g.mapping.track_w_avg(figures["w_mean"])
            note(figures)
            if settings.augment == "ada":
                state.ada.update(figures["real_sign"], batch)
            if values.r1_gamma and step % settings.r1_interval == 0:
                loss = partial(discriminator_r1, state.d, settings, values.r1_gamma, p, real)
                note(_step(state.optimizer_d, batches, rng, loss))

            # Average the generator.
            state.images += batch
            _update_ema(state, ema_decay(batch, warm_images + state.images, values.ema_images, settings.ema_rampup))
            progress.advance(batch, remark)

            # Status, snapshot.
            done = state.images >= settings.images
            due = state.images // settings.snapshot_images > (state.images - batch) // settings.snapshot_images
            stopping = world.any(stop.is_set(), device)
            if done or due or stopping or (step + 1) % STATUS_STEPS == 0:
                means = {name: float(sums[name]) / counts[name] for name in counts}
                _require_finite(means, snapshots, settings, values)
                sums.clear(), counts.clear()
                remark = f"D(real) sign {means['real_sign']:+.2f}, ADA p {state.ada.p:.2f}"
                if world.first:
                    measured = (
                        frechet(_samples(state.g_ema, settings.frechet_images, seed, device)) if done or due else ""
                    )
                    means |= {"ada_p": state.ada.p, "images_per_second": progress.rate, "frechet": measured}
                    history.append(images=state.images, **means)
                    if done or due:
                        _draw_samples(state.g_ema, snapshots.folder / f"samples-{state.images:08d}.png", seed, device)
                    if done or due or stopping:
                        snapshots.save(state.state_dict())
                if stopping and not done:
                    raise Interrupted(f"stopped after {state.images:,} images; the same command goes on from there")

    # Save.
    facts = {"images_seen": warm_images + state.images, "settings": canonical_json(settings), "digest": digest}
    if world.first:
        save_generator(out, state.g_ema, state.d, **facts)


def _initial_state(
    settings: GeneratorSettings, values: Defaults, shape: dict[str, int], seed: int, device: torch.device
) -> State:
    """Networks and optimisers at the start: fresh, or those that the warm start has with fresh optimisers."""
    sizes, d = shape | {"channel_base": values.channel_base, "channel_max": settings.channel_max}, None
    with torch.random.fork_rng():  # initial weights come from torch's global generator
        torch.manual_seed(torch_generator(seed, "initial weights").initial_seed())
        if settings.warm_start:
            g, d = load_generator(settings.warm_start), load_discriminator(settings.warm_start)
            _require_match(g, settings, values, shape)
        else:
            g = Generator(z_dim=settings.z_dim, w_dim=settings.w_dim, mapping_layers=settings.mapping_layers, **sizes)
        if d is None:
            d = Discriminator(**sizes, conv_clamp=g.conv_clamp)
    g, d = g.to(device).train().requires_grad_(True), d.to(device).train().requires_grad_(True)
    g.synthesis.compute_dtype = d.compute_dtype = compute_dtype(settings.precision, device)
    g_ema = copy.deepcopy(g).eval().requires_grad_(False)
    return State(
        g=g,
        d=d,
        g_ema=g_ema,
        optimizer_g=_lazy_adam(
            g, values.learning_rate, settings.path_length_interval * bool(settings.path_length_weight)
        ),
        optimizer_d=_lazy_adam(d, values.learning_rate, values.r1_gamma and settings.r1_interval),
        ada=AdaptiveStrength(settings.ada_target),
        path_length_mean=torch.zeros([], device=device),
    )


def _lazy_adam(network: torch.nn.Module, rate: float, interval: float) -> torch.optim.Adam:
    """Adam for an extra step every `interval` steps (0: none): rate and betas scaled by interval/(interval + 1)."""
    ratio = interval / (interval + 1) if interval else 1.0
    return torch.optim.Adam(network.parameters(), lr=rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8, fused=True)


def _step(optimizer: torch.optim.Adam, batches: MicroBatches, rng: torch.Generator, loss_of: LossOf) -> Figures:
    """One step of the optimiser on the whole batch; the means over the batch of what `loss_of` measures."""

    def backward(part: Part) -> Figures:
        loss, figures = loss_of(part, rng)
        (loss / part.count).backward()
        return {name: figure.detach() / part.count for name, figure in figures.items()}

    figures = batches.gradients(optimizer.param_groups[0]["params"], rng, backward)
    optimizer.step()
    return figures


@torch.no_grad()
def _update_ema(state: State, decay: float) -> None:
    torch._foreach_lerp_(list(state.g_ema.parameters()), list(state.g.parameters()), 1 - decay)
    for averaged, current in zip(state.g_ema.buffers(), state.g.buffers(), strict=True):
        averaged.copy_(current)


@torch.no_grad()
def _samples(g: Generator, count: int, seed: int, device: torch.device, batch: int = 64) -> Iterator[np.ndarray]:
    """The same `count` untruncated images at every snapshot, in batches, uint8 [N, H, W, 3]."""
    z = torch.randn(count, g.z_dim, generator=torch_generator(seed, "samples"))
    for part in z.split(batch):
        yield to_uint8(g(part.to(device)))


def _frechet_distance(
    store: PhotoStore, count: int, device: torch.device
) -> Callable[[Iterator[np.ndarray]], float | str]:
    """The distance of uint8 batches [N, H, W, 3] to `count` of the training photos, evenly spread over the store."""
    if not count:
        return lambda _: ""
    rows = store.train_indices[:: max(1, len(store.train_indices) // count)][:count]
    batches = (store.images(rows[start : start + 64]) for start in range(0, len(rows), 64))
    return FrechetMeter(batches, load_backbone(device)).distance


def _draw_samples(g: Generator, path: Path, seed: int, device: torch.device) -> None:
    rows, columns = SAMPLES[0], SAMPLES[1] * g.resolution // g.width  # the wider the images, the fewer side by side
    images = np.concatenate(list(_samples(g, rows * columns, seed, device)))
    with atomic_file(path) as temporary:
        grid(images, columns).save(temporary)


def _require_match(g: Generator, settings: GeneratorSettings, values: Defaults, shape: dict[str, int]) -> None:
    wanted = {name: getattr(settings, name) for name in ("z_dim", "w_dim", "channel_max", "mapping_layers")}
    wanted |= shape | {"channel_base": values.channel_base}
    different = [
        f"{name} {g.architecture[name]} there, {wanted[name]} here"
        for name in wanted
        if g.architecture[name] != wanted[name]
    ]
    if different:
        raise SceneshiftError(
            f"generator.warm_start: {settings.warm_start} is another network than the config describes: "
            f"{'; '.join(different)}. Change the config's generator and photos sections to the file's values, or start "
            "from scratch with generator.warm_start: null."
        )


def _require_finite(
    means: dict[str, float], snapshots: Snapshots, settings: GeneratorSettings, values: Defaults
) -> None:
    bad = [name for name, value in means.items() if not math.isfinite(value)]
    if bad:
        kept = f"the last good snapshot is {snapshots.path}" if snapshots.path.exists() else "there is no snapshot yet"
        raise SceneshiftError(
            f"Training went wrong: {', '.join(bad)} is not finite; {kept}. Try a larger generator.r1_gamma "
            f"(now {values.r1_gamma:g}), a smaller generator.learning_rate (now {values.learning_rate:g}), or "
            f"generator.precision: float32 (now {settings.precision}), then run again."
        )


def _say(state: State, settings: GeneratorSettings, warm_images: int, arithmetic: str, world: World) -> None:
    count = sum(p.numel() for p in state.g.parameters()), sum(p.numel() for p in state.d.parameters())
    start = f"from {settings.warm_start} ({warm_images:,} images seen)" if settings.warm_start else "from scratch"
    shared = f", {world.size} processes with {settings.batch // world.size} images of a batch each" * (world.size > 1)
    print(
        f"Training {start}: generator {count[0]:,} parameters, discriminator {count[1]:,}, on {arithmetic}{shared}.",
        flush=True,
    )
