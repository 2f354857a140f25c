"""Training StyleGAN2 (arXiv 1912.04958): one loop, counted in images, that a kill at any moment does not change."""

import shutil
from pathlib import Path

import torch

from sceneshift.generator.checkpoints import images_seen, save_generator, shape_of
from sceneshift.generator.defaults import Defaults, defaults, ema_decay
from sceneshift.generator.networks import Discriminator
from sceneshift.generator.samples import distance_to_photos, draw_samples, is_nearer
from sceneshift.generator.state import initial_state
from sceneshift.generator.steps import Figures, Losses, minimize
from sceneshift.generator.training_photos import photo_batches
from sceneshift.images.pixels import from_uint8
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.devices import set_up
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, sha256_of
from sceneshift.runtime.interruption import Interrupted, stop_requested
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings, canonical_json
from sceneshift.training.distributed import ALONE, World
from sceneshift.training.microbatches import MicroBatches
from sceneshift.training.recording import recorder
from sceneshift.training.snapshots import Snapshots, digest_of
from sceneshift.training.status import STATUS_STEPS, History, announce, crossed, forget_sheets, require_finite


def train_generator(
    photos: Path | str,
    out: Path | str,
    settings: GeneratorSettings,
    *,
    mirror: bool = True,
    seed: int = 0,
    device: torch.device | str = "cpu",
    world: World = ALONE,
) -> None:
    """Train StyleGAN2 on a photo store. Killed and started again, it goes on.

    photos: photo store (.h5), of which those are trained on that are not held out
    out: generator to write (.safetensors); history, samples and snapshots go to training/ beside it
    mirror: also train on mirrored photos

    A killed and resumed training gives bit for bit the file of an uninterrupted one on the same machine and thread
    count: every random draw is a function of (seed, images seen, place in the batch). Several processes make the steps
    of one, to rounding, and any number of them goes on from the snapshots of any other. SIGTERM, SIGUSR1 and Ctrl-C
    write a snapshot and raise Interrupted. Losses that are not finite raise SceneshiftError; the last good snapshot
    stays. (The authors' code sets such gradients to zero and goes on; what is wrong then shows days later.)

    Example: photos.h5 generator/generator.safetensors --settings '{"images": 100000}'
    """
    # Initialize.
    out, folder, device = Path(out), Path(out).parent / "training", torch.device(device)
    arithmetic = set_up(device, settings.precision, settings.deterministic)
    store = PhotoStore(photos)
    if len(store.train_indices) == 0:
        raise SceneshiftError(f"{photos} has no photos to train on: all are held out. Lower photos.held_out.")
    settings = settings.started(store.folder is None, store.resolution)
    batch, shape = settings.batch, {"resolution": store.resolution, "width": store.width}
    values = defaults(settings, **shape)
    warm_images = images_seen(settings.warm_start) if settings.warm_start else 0
    rampup = None if settings.warm_start else settings.ema_rampup  # as the authors' code: the average is good already
    state = initial_state(settings, values, shape, seed, device)
    steps = recorder(device, settings.deterministic)
    batches = MicroBatches(world, batch, _group(state.d, settings, world), steps)

    # Resume.
    digest = world.from_first(
        lambda: digest_of(
            settings=settings.shaping_snapshots("train_generator"),
            seed=seed,
            code=code_version(__name__),
            mirror=mirror,
            photos=sha256_of(photos),
            warm=sha256_of(settings.warm_start) if settings.warm_start else None,
        )
    )
    snapshots = Snapshots(folder, digest, writes=world.first)
    world.wait()  # until the first process has the folder to itself
    start = "Training from scratch"
    if settings.warm_start:
        before, now = shape_of(settings.warm_start), (store.resolution, store.width)
        start = f"Training from {settings.warm_start} ({warm_images:,} images seen"
        start += ")" if before == now else f" at {before[0]} x {before[1]} px), adapted to {now[0]} x {now[1]} px"
    if snapshots.restore(state, settings.images, device):
        start = f"Going on at {state.images:,} of {settings.images:,} images"
    announce(start, {"generator": state.g, "discriminator": state.d}, arithmetic, world, batch)
    best = folder / "best.safetensors"
    history = History(folder / "history.csv", state.images, writes=world.first)
    if world.first:
        frechet = distance_to_photos(store, settings.frechet_images, seed, device)
        forget_sheets(folder, state.images)
        if state.images == 0:
            best.unlink(missing_ok=True)
            draw_samples(state.g_ema, folder / "samples-00000000.png", seed)
            history.show(0, folder / "samples-00000000.png")

    def save(path: Path, **measured: float) -> None:
        facts = {"images_seen": warm_images + state.images, "settings": canonical_json(settings), "digest": digest}
        facts["photos"] = store.attribution
        save_generator(path, state.g_ema, state.d, **facts, **measured)

    # Main training loop.
    remark, starts = "", range(state.images, settings.images, batch)
    with (
        stop_requested() as stop,
        Progress("training generator", settings.images, state.images, folder=folder, shown=world.first) as progress,
    ):
        for photos_batch in photo_batches(store, seed, starts, batch, mirror, batches.own):
            step, rng = state.images // batch, torch_generator(seed, "training", state.images)
            real = from_uint8(photos_batch, device)
            losses = Losses(state.g, state.d, settings, values.r1_gamma, state.ada.p, real)
            figures: Figures = {}

            # Generator.
            state.d.requires_grad_(False)
            figures |= minimize(state.optimizer_g, batches, rng, losses.generator)
            state.g.mapping.track_w_avg(figures.pop("w_mean"))
            if settings.path_length_weight and step % settings.path_length_interval == 0:
                path_length = losses.path_length(state.path_length_mean, batches, rng)
                figures |= minimize(state.optimizer_g, batches, rng, path_length)
                state.path_length_mean = figures.pop("path_length_mean")
                state.g.mapping.track_w_avg(figures.pop("w_mean"))

            # Discriminator.
            state.d.train_behind(settings.freeze_discriminator)
            figures |= minimize(state.optimizer_d, batches, rng, losses.discriminator)
            state.g.mapping.track_w_avg(figures.pop("w_mean"))
            if settings.augment == "ada":
                state.ada.update(figures["real_sign"], batch)
            if values.r1_gamma and step % settings.r1_interval == 0:
                figures |= minimize(state.optimizer_d, batches, rng, losses.r1)

            # Average the generator.
            before, state.images = state.images, state.images + batch
            state.average(ema_decay(batch, state.images, values.ema_images, rampup))
            state.last_steps.note(figures)
            progress.advance(batch, remark)

            # Status.
            done = state.images >= settings.images
            due = done or crossed(state.images, before, settings.snapshot_images)
            row = due or (step + 1) % STATUS_STEPS == 0
            stopping = world.any(stop.is_set()) and not done
            if row or stopping:
                means = state.last_steps.means()
                require_finite(means, state.images, snapshots.path, _remedies(settings, values))
                remark = f"D(real) sign {means['real_sign']:+.2f}, augmentation p {state.ada.p:.2f}"
            if row and world.first:
                measured = frechet(state.g_ema) if due else {}
                means |= {"ada_p": state.ada.p, "images_per_second": progress.rate} | measured
                history.append(images=state.images, **means)

            # Snapshot.
            if due and world.first:
                samples = folder / f"samples-{state.images:08d}.png"
                draw_samples(state.g_ema, samples, seed)
                history.show(state.images, samples)
                if settings.keep == "best" and is_nearer(measured, best, digest):
                    save(best, **measured)
            if (due or stopping) and world.first:
                snapshots.save(state)
            if stopping:
                raise Interrupted(
                    f"stopped after {state.images:,} of {settings.images:,} images; the same command goes on from there"
                )

    # Save.
    if world.first:
        if settings.keep == "best":
            with atomic_file(out) as temporary:
                shutil.copyfile(best, temporary)
        else:
            save(out)


def _group(d: Discriminator, settings: GeneratorSettings, world: World) -> int:
    """Images that the discriminator compares, which stay together; one that was imported may have its own number."""
    group = min(d.group_size or settings.batch, settings.batch)
    if settings.batch % (group * world.size):
        shared = f", and {world.size} processes share a batch" * (world.size > 1)
        raise SceneshiftError(
            f"generator.batch is {settings.batch}, but the discriminator of {settings.warm_start} compares images in "
            f"groups of {d.group_size or 'the whole batch'}{shared}. Set it to a multiple of {group * world.size}, or "
            "generator.gpus to 1."
        )
    return group


def _remedies(settings: GeneratorSettings, values: Defaults) -> str:
    return (
        f"a larger generator.r1_gamma (now {values.r1_gamma:g}), a smaller generator.learning_rate "
        f"(now {values.learning_rate:g}), or generator.precision: float32 (now {settings.precision})"
    )
