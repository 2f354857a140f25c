"""Training a translator on pairs: pix2pixHD's training (arXiv 1711.11585), counted in pairs shown."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from sceneshift.images.pixels import from_uint8
from sceneshift.pairs.dataset import PairsBatch, PairsDataset
from sceneshift.pairs.edit_record import NAME as EDIT_RECORD
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.devices import compute_dtype, set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.interruption import Interrupted, stop_requested
from sceneshift.runtime.parallel import in_order
from sceneshift.runtime.progress import Progress
from sceneshift.settings import TranslatorSettings
from sceneshift.training.distributed import ALONE, World
from sceneshift.training.microbatches import MicroBatches
from sceneshift.training.recording import recorder
from sceneshift.training.snapshots import Snapshots, digest_of
from sceneshift.training.status import STATUS_STEPS, History, announce, crossed, forget_sheets, require_finite
from sceneshift.translator.architecture import Architecture, architecture
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.examples import save_sheet
from sceneshift.translator.perceptual import perceptual_stages, perceptual_weights
from sceneshift.translator.state import initial_state, memory_format
from sceneshift.translator.steps import Losses, learning_rate, minimize


def train_translator(
    pairs: Path | str,
    out: Path | str,
    settings: TranslatorSettings,
    *,
    mirror: bool = True,
    seed: int = 0,
    device: torch.device | str = "cpu",
    world: World = ALONE,
) -> None:
    """Train pix2pixHD on pairs. Killed and started again, it goes on.

    pairs: folder with train_A and train_B, and what make-pairs wrote beside them
    out: translator to write (.safetensors); history, samples and snapshots go to training/ beside it
    mirror: also train on mirrored pairs
    seed: of the weights' start, the order of the pairs and their mirroring

    A training that was stopped goes on from its last snapshot and ends with bit for bit the weights of one that was
    not, on the same machine and number of threads. Several processes make the steps of one, to rounding.

    Raises SceneshiftError for unusable pairs or losses that are no longer finite, Interrupted when asked to stop.

    Example: pairs/vegetation translators/vegetation/translator.safetensors
    """
    # Initialize.
    out, folder, device = Path(out), Path(out).parent / "training", torch.device(device)
    arithmetic = set_up(device, settings.precision, settings.deterministic)
    edit = recorded_edit(Path(pairs))
    pairs = PairsDataset(pairs)
    batch, sizes = settings.batch, architecture(settings, min(pairs.height, pairs.width))
    _check_size(pairs, sizes)
    state = initial_state(sizes, settings, seed, device)
    stages = perceptual_stages(settings.perceptual_network, device) if settings.perceptual else None
    dtype = compute_dtype(settings.precision, device)
    losses = Losses(state.translator, state.discriminator, settings, stages, dtype)
    batches = MicroBatches(world, batch, recorder=recorder(device, settings.deterministic))

    # Resume.
    digest = digest_of(
        settings=settings.shaping_snapshots("train_translator"),
        seed=seed,
        code=code_version(__name__),
        mirror=mirror,
        pairs=pairs.sha256,
        perceptual=perceptual_weights(settings),
        **({"warm": sha256_of(settings.warm_start)} if settings.warm_start else {}),
    )
    snapshots = Snapshots(folder, digest, writes=world.first)
    world.wait()  # until the first process has the folder to itself
    start = f"Training from {settings.warm_start}" if settings.warm_start else "Training from scratch"
    if snapshots.restore(state, settings.images, device):
        start = f"Going on at {state.images:,} of {settings.images:,} images"
    announce(start, {"translator": state.translator, "discriminator": state.discriminator}, arithmetic, world, batch)
    history = History(folder / "history.csv", state.images, writes=world.first)
    if world.first:
        forget_sheets(folder, state.images)

    # Main training loop.
    starts = range(state.images, settings.images, batch)

    def read(first: int) -> PairsBatch:
        return pairs.batch(seed, first, min(batch, settings.images - first), batches.own, mirror)

    with (
        stop_requested() as stop,
        ThreadPoolExecutor(1) as reader,
        Progress("training translator", settings.images, state.images, folder=folder, shown=world.first) as progress,
    ):
        for pairs_batch in in_order(reader, read, starts, waiting=1):
            step, count = state.images // batch, min(batch, settings.images - state.images)
            layout = memory_format(device)
            held = [from_uint8(side, device).contiguous(memory_format=layout) for side in pairs_batch]

            # Translator and discriminators.
            if settings.fix_global:
                trained = state.images >= settings.fix_global * settings.images
                state.translator.network.coarse.requires_grad_(trained)
            rate = learning_rate(settings.learning_rate, state.images, settings.images, settings.constant)
            figures = minimize(state, batches, losses, held, count, rate)
            before, state.images = state.images, state.images + count
            state.last_steps.note(figures)
            progress.advance(count)

            # Status.
            done = state.images >= settings.images
            due = done or crossed(state.images, before, settings.snapshot_images)
            row = due or (step + 1) % STATUS_STEPS == 0
            stopping = world.any(stop.is_set()) and not done
            if row or stopping:
                means = state.last_steps.means()
                require_finite(means, state.images, snapshots.path, _remedies(settings))
            if row and world.first:
                means |= {"learning_rate": rate, "images_per_second": progress.rate}
                history.append(images=state.images, **means)

            # Snapshot.
            if due and world.first:
                samples = folder / f"samples-{state.images:06d}.png"
                save_sheet(state.translator, pairs, samples, device)
                history.show(state.images, samples)
            if (due or stopping) and world.first:
                snapshots.save(state)
            if stopping:
                raise Interrupted(
                    f"stopped after {state.images:,} of {settings.images:,} images; the same command goes on from there"
                )

    # Save.
    if world.first:
        facts = TranslatorFacts(sizes, min(pairs.height, pairs.width), state.images, digest, edit)
        save_translator(state.translator, out, facts)


def recorded_edit(pairs: Path) -> dict[str, Any]:
    """What make-pairs wrote about the edit in edit.json; empty if there is none."""
    path = pairs / EDIT_RECORD
    return EditRecord.read(path).facts() if path.exists() else {}


def _check_size(pairs: PairsDataset, sizes: Architecture) -> None:
    if pairs.height % sizes.multiple or pairs.width % sizes.multiple:
        raise SceneshiftError(
            f"The pairs in {pairs.folder} are {pairs.width}×{pairs.height} pixels, but with {sizes.downsamplings} "
            f"downsamplings{' and the local enhancer' if sizes.local_enhancer else ''} both sides must be multiples "
            f"of {sizes.multiple}. Lower translator.downsamplings, or make pairs of another size."
        )


def _remedies(settings: TranslatorSettings) -> str:
    return (
        f"a lower translator.learning_rate (now {settings.learning_rate:g}) or translator.precision: float32 "
        f"(now {settings.precision})"
    )
