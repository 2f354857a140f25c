"""Training a translator on pairs: pix2pixHD's training (arXiv 1711.11585), counted in pairs shown."""

import math
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sceneshift.images.pixels import from_uint8
from sceneshift.pairs.dataset import PairsBatch, PairsDataset
from sceneshift.pairs.edit_record import NAME as EDIT_RECORD
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.devices import autocast, compute_dtype, pick_device, set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.interruption import Interrupted, stop_requested
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import TranslatorSettings
from sceneshift.training.distributed import ALONE, World
from sceneshift.training.microbatches import MicroBatches, Part
from sceneshift.training.snapshots import History, Snapshots, digest_of
from sceneshift.translator.architecture import (
    Architecture,
    TranslatorNetwork,
    architecture,
    discriminator_for,
)
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.examples import save_sheet
from sceneshift.translator.losses import absolute_difference, discriminator_loss, feature_matching, least_squares
from sceneshift.translator.networks import MultiscaleDiscriminator, initialise
from sceneshift.translator.perceptual import Stages, perceptual_loss, perceptual_stages

STATUS_IMAGES = 200  # a row of history.csv every so many pairs
LOSSES = ("adversarial", "feature_matching", "perceptual", "pixel", "discriminator")
COLUMNS = ["images", *LOSSES, "learning_rate", "images_per_second"]
ADAM_BETAS = (0.5, 0.999)


def train_translator(
    pairs: Path | str, out: Path | str, settings: TranslatorSettings, *, seed: int = 0,
    device: torch.device | str = "cpu", world: World = ALONE,
) -> None:  # fmt: skip
    """Train pix2pixHD on pairs. Killed and started again, it goes on.

    pairs: folder with train_A and train_B, and what make-pairs wrote beside them
    out: translator to write (.safetensors); history, samples and snapshots go to training/ beside it
    seed: of the weights' start, the order of the pairs and their mirroring

    A training that was stopped goes on from its last snapshot and ends with bit for bit the weights of one that was
    not, on the same machine and number of threads. Several processes make the steps of one, to rounding.

    Raises SceneshiftError for unusable pairs or losses that are no longer finite, Interrupted when asked to stop.

    Example: pairs/vegetation translators/vegetation/translator.safetensors
    """
    # Data, and what shapes the result
    out, where = Path(out), pick_device(str(device))
    arithmetic = set_up(where, settings.precision, settings.deterministic)
    edit = recorded_edit(Path(pairs))
    pairs = PairsDataset(pairs)
    sizes = architecture(settings, min(pairs.height, pairs.width))
    _check_size(pairs, sizes)
    dtype = compute_dtype(settings.precision, where)
    code = code_version(__name__)
    digest = digest_of(
        settings=settings.shaping_snapshots("train_translator"),
        pairs=pairs.sha256,
        seed=seed,
        dtype=str(dtype),
        code=code,
    )

    # Networks and optimisers
    layout = memory_format(where)
    translator, discriminator = new_networks(sizes, seed)
    translator.to(where, memory_format=layout)
    discriminator.to(where, memory_format=layout)
    stages = perceptual_stages(settings.perceptual_network, where) if settings.perceptual else None
    adam = {"lr": settings.learning_rate, "betas": ADAM_BETAS, "fused": True}
    optimisers = (
        torch.optim.Adam(translator.parameters(), **adam),
        torch.optim.Adam(discriminator.parameters(), **adam),
    )
    parameters = [*translator.parameters(), *discriminator.parameters()]
    batches = MicroBatches(world, settings.batch)
    sums, summed, seen = torch.zeros(len(LOSSES), device=where), 0, 0

    # Resume
    folder = out.parent / "training"
    snapshots = Snapshots(folder, digest, writes=world.first)
    world.wait()  # until the first process has the folder to itself
    if state := snapshots.load(where):
        seen, sums, summed = state["images"], state["sums"], state["summed"]
        translator.load_state_dict(state["translator"])
        discriminator.load_state_dict(state["discriminator"])
        for optimiser, name in zip(optimisers, ("translator_adam", "discriminator_adam"), strict=True):
            optimiser.load_state_dict(state[name])
    history = History(folder / "history.csv", COLUMNS, seen)
    for sheet in folder.glob("samples-*.png"):  # of another training, or about to be drawn again
        if world.first and int(sheet.stem.removeprefix("samples-")) > seen:
            sheet.unlink()

    def save_snapshot() -> None:
        snapshots.save(
            {
                "images": seen,
                "sums": sums,
                "summed": summed,
                "translator": translator.state_dict(),
                "discriminator": discriminator.state_dict(),
                "translator_adam": optimisers[0].state_dict(),
                "discriminator_adam": optimisers[1].state_dict(),
            }
        )

    def next_batch(first: int) -> PairsBatch:
        return pairs.batch(seed, first, min(settings.batch, settings.images - first), batches.own)

    # Main loop
    label = f"training translator (on {arithmetic}{f', {world.size} processes' * (world.size > 1)})"
    with (
        stop_requested() as stop,
        ThreadPoolExecutor(1) as reader,
        Progress(label, settings.images, seen, folder=folder, shown=world.first) as progress,
    ):
        pending = reader.submit(next_batch, seen)
        since, started = seen, time.monotonic()
        while seen < settings.images:
            batch = pending.result()
            count = min(settings.batch, settings.images - seen)
            pending = reader.submit(next_batch, min(seen + count, settings.images - 1))
            held = [from_uint8(side, where).contiguous(memory_format=layout) for side in batch]

            # One step of both networks
            def backward(part: Part, held=held, count=count) -> dict[str, Tensor]:
                photos, targets = (part.of_own(side) for side in held)
                if not (share := len(photos) / count):  # the last batch may be smaller
                    return {"losses": torch.zeros(len(LOSSES), device=where)}
                with autocast(dtype, where):
                    losses = compute_gradients(translator, discriminator, stages, settings, photos, targets, share)
                return {"losses": losses * share}

            rate = learning_rate(settings.learning_rate, seen, settings.images)
            losses = batches.gradients(parameters, torch.Generator(), backward)["losses"]
            for optimiser in optimisers:
                optimiser.param_groups[0]["lr"] = rate
                optimiser.step()
            sums, summed = sums + losses * count, summed + count
            before, seen = seen, seen + count
            progress.advance(count)

            # Status, snapshot
            done = seen >= settings.images
            stopping = world.any(stop.is_set(), where) and not done
            if done or _crossed(before, seen, STATUS_IMAGES):
                means = dict(zip(LOSSES, (sums / summed).tolist(), strict=True))
                _check_finite(means, seen, snapshots, settings)
                speed = (seen - since) / max(time.monotonic() - started, 1e-9)
                if world.first:
                    history.append(images=seen, **means, learning_rate=rate, images_per_second=speed)
                sums, summed = torch.zeros_like(sums), 0
                since, started = seen, time.monotonic()
            if done or _crossed(before, seen, settings.snapshot_images):
                _check_finite(dict(zip(LOSSES, sums.tolist(), strict=True)), seen, snapshots, settings)
                if world.first:
                    save_sheet(translator, pairs, folder / f"samples-{seen:06d}.png", where)
                    save_snapshot()
            if stopping:
                _check_finite(dict(zip(LOSSES, sums.tolist(), strict=True)), seen, snapshots, settings)
                if world.first:
                    save_snapshot()
                raise Interrupted(f"Stopped at {seen:,} of {settings.images:,} pairs; the same command goes on there.")

    facts = TranslatorFacts(sizes, min(pairs.height, pairs.width), seen, digest, edit)
    if world.first:
        save_translator(translator, out, facts)


def compute_gradients(
    translator: nn.Module,
    discriminator: MultiscaleDiscriminator,
    stages: Stages | None,
    settings: TranslatorSettings,
    photos: Tensor,
    targets: Tensor,
    share: float = 1.0,
) -> Tensor:
    """Add a batch's gradients to both networks' `.grad`; return its losses, float32, as in `LOSSES`.

    photos, targets: [N, 3, H, W] in [-1, 1]; `share`: of the gradients, where they are a part of the whole batch.

    Translator: LSGAN + λ_FM·feature matching + λ_perceptual·perceptual + λ_pixel·L1; discriminator: LSGAN. Both
    gradients come from the same forward passes, taken before either network moves, as in the published code; the
    discriminator therefore sees each picture once.
    """
    edited = translator(photos)
    fake, real = discriminator(photos, edited), discriminator(photos, targets)
    judged = discriminator_loss(real, fake)
    adversarial, matching = least_squares(fake, 1.0), feature_matching(real, fake)
    pixel = absolute_difference(edited, targets)
    perceptual = perceptual_loss(stages, edited, targets) if stages else torch.zeros_like(pixel)
    total = (
        adversarial + settings.feature_matching * matching + settings.perceptual * perceptual + settings.pixel * pixel
    )
    _add_gradients(discriminator, judged * share, retain_graph=True)
    _add_gradients(translator, total * share)
    return torch.stack([adversarial, matching, perceptual, pixel, judged]).detach()


def _add_gradients(network: nn.Module, loss: Tensor, retain_graph: bool = False) -> None:
    """Gradients of `loss` for this network's weights alone: the other network's are not even computed."""
    parameters = list(network.parameters())
    for parameter, gradient in zip(
        parameters, torch.autograd.grad(loss, parameters, retain_graph=retain_graph), strict=True
    ):
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def new_networks(sizes: Architecture, seed: int) -> tuple[TranslatorNetwork, MultiscaleDiscriminator]:
    """Translator and discriminators as training starts: N(0, 0.02), the edit head as the identity."""
    translator, discriminator = TranslatorNetwork(sizes), discriminator_for(sizes)
    initialise(translator, torch_generator(seed, "translator weights"))
    initialise(discriminator, torch_generator(seed, "discriminator weights"))
    if sizes.head == "edit":
        translator.start_as_identity()
    return translator, discriminator


def learning_rate(initial: float, seen: int, images: int) -> float:
    """Constant for the first half of training, then linear to zero at its end."""
    return initial * min(1.0, 2.0 * (1.0 - seen / images))


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on a GPU; on a CPU oneDNN chooses its own layout, and norms and mirrored borders are three times
    as fast on contiguous maps."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def recorded_edit(pairs: Path) -> dict[str, Any]:
    """What make-pairs wrote about the edit in edit.json; empty if there is none."""
    path = pairs / EDIT_RECORD
    return EditRecord.read(path).facts() if path.exists() else {}


def _crossed(before: int, now: int, interval: int) -> bool:
    return before // interval != now // interval


def _check_size(pairs: PairsDataset, sizes: Architecture) -> None:
    if pairs.height % sizes.multiple or pairs.width % sizes.multiple:
        raise SceneshiftError(
            f"The pairs in {pairs.folder} are {pairs.width}×{pairs.height} pixels, but with {sizes.downsamplings} "
            f"downsamplings{' and the local enhancer' if sizes.local_enhancer else ''} both sides must be multiples "
            f"of {sizes.multiple}. Lower translator.downsamplings, or make pairs of another size."
        )


def _check_finite(means: dict[str, float], seen: int, snapshots: Snapshots, settings: TranslatorSettings) -> None:
    broken = [name for name, value in means.items() if not math.isfinite(value)]
    if broken:
        last = (
            f"The last good snapshot is {snapshots.path}." if snapshots.path.exists() else "There is no snapshot yet."
        )
        raise SceneshiftError(
            f"Training the translator: {', '.join(broken)} no longer finite at {seen:,} pairs. {last} Try a lower "
            f"translator.learning_rate (now {settings.learning_rate:g}) or translator.precision: float32."
        )
