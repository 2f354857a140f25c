"""measure_generator: how near a generator's images are to the photos, and how smooth its W is."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sceneshift.foreign.torchscript import load_scripted, run_scripted
from sceneshift.generator import load_generator
from sceneshift.generator.path_length import path_length, path_lengths
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer, batches
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import numpy_generator
from sceneshift.runtime.tables import write_table
from sceneshift.settings import MetricsSettings
from sceneshift.vision.backbone import load_backbone
from sceneshift.vision.features import backbone_features, inception_features
from sceneshift.vision.frechet import FeatureStatistics, distance_between
from sceneshift.vision.kernel import mean_kernel_distance
from sceneshift.vision.likeness import LARGEST, likeness_features, shrunk
from sceneshift.vision.neighbors import DENSITY_COVERAGE_K, density_coverage, precision_recall

BATCH = 32
COLUMNS = ("metric", "value", "images", "photos", "truncation_psi", "features", "resize")
VGG16 = "NVIDIA's vgg16.pt, called as network(images [N, 3, H, W] in 0 … 255, resize_images=False, return_lpips=True)"


def measure_generator(
    generator: Path | str,
    photos: Path | str,
    out: Path | str,
    settings: MetricsSettings,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> None:
    """Measure how near a generator's images are to the photos that it was trained on.

    generator: generator (.safetensors)
    photos: photo store (.h5)
    out: table to write (.csv): metric, value, and with what it was measured

    frechet_distance (arXiv 1706.08500), kernel_distance (KID, 1801.01401), precision and recall (1904.06991), density
    and coverage (2002.09797), all in the same features; path_length (1812.04948), in W, at paths' ends.
    Image i is that of code i; its noise is fixed. Photos are not mirrored.

    Raises SceneshiftError if the generator's images and the photos differ in shape, or a network given for the
    features is not what it should be.

    Example: generator.safetensors photos.h5 metrics.csv --settings '{"images": 5000}'
    """
    if settings.images <= DENSITY_COVERAGE_K:
        raise SceneshiftError(f"metrics.images is {settings.images}: give at least some hundred images to measure by.")
    network = inception_features(settings.inception, device) if settings.inception else backbone_features(device)
    lengths = _likeness(settings, device) if settings.path_lengths else None
    renderer = Renderer(generator, device)

    def made() -> Iterator[np.ndarray]:
        for index in batches(settings.images, BATCH):
            w = renderer.mapped(z_of(seed, "synthesis", index, renderer.z_dim))
            yield renderer.render_truncated(w, settings.truncation_psi)

    with PhotoStore(photos) as store:
        if store.shape != (renderer.resolution, renderer.width):
            raise SceneshiftError(
                f"{generator} makes images {renderer.resolution} px high and {renderer.width} px wide, but the photos"
                f" of {photos} are {store.shape[0]} by {store.shape[1]}."
            )
        rows = store.train_indices[:: max(1, len(store.train_indices) // settings.images)][: settings.images]
        if len(rows) <= DENSITY_COVERAGE_K:
            raise SceneshiftError(f"{photos} has {len(rows)} photos to train on, too few to measure by.")
        parts = (store.images(rows[part.start : part.stop]) for part in batches(len(rows), BATCH))
        total = len(rows) + settings.images
        with Progress("measuring the generator", total, beside=out) as progress:
            real, fake = (network.of_all(_counted(pictures, progress)) for pictures in (parts, made()))
    statistics = [FeatureStatistics(real.shape[1]).update(features) for features in (real, fake)]
    measured = {
        "frechet_distance": distance_between(*statistics),
        "kernel_distance": mean_kernel_distance(real, fake, numpy_generator(seed, "kernel distance")),
        **precision_recall(real, fake, device),
        **density_coverage(real, fake, device),
    }
    facts = (len(fake), len(rows), settings.truncation_psi, network.name, network.resize)
    table: list[tuple[Any, ...]] = [(name, value, *facts) for name, value in measured.items()]
    if lengths:
        name, features = lengths
        table.append(_path_length(generator, settings, seed, device, name, features))
    write_table(out, COLUMNS, table)


def _counted(batches: Iterator[np.ndarray], progress: Progress) -> Iterator[np.ndarray]:
    for batch in batches:
        yield batch
        progress.advance(len(batch))


def _likeness(settings: MetricsSettings, device: torch.device | str) -> tuple[str, Callable[[Tensor], Tensor]]:
    """The network for path lengths, by its name, and its features of images [N, 3, H, W] in about [-1, 1]."""
    if (path := settings.lpips) is None:
        backbone = load_backbone(device, precision="float32")
        return "efficientnet-lite0", lambda images: likeness_features(images, backbone.stages)
    network = load_scripted(path, device, VGG16)

    def features(images: Tensor) -> Tensor:
        return run_scripted(path, network, (shrunk(images) + 1) * 127.5, resize_images=False, return_lpips=True)

    return f"{Path(path).name} (sha256 {sha256_of(path)[:12]})", features


def _path_length(
    generator: Path | str,
    settings: MetricsSettings,
    seed: int,
    device: torch.device | str,
    name: str,
    features: Callable[[Tensor], Tensor],
) -> tuple[Any, ...]:
    """The row of the path length; in float32, as a step of 1e-4 is lost in less."""
    g, count = load_generator(generator, device), settings.path_lengths
    pairs = (
        torch.from_numpy(z_of(seed, "synthesis", range(2 * part.start, 2 * part.stop), g.z_dim)).to(device)
        for part in batches(count, BATCH)
    )
    value = path_length(path_lengths(g, (z.unflatten(0, (-1, 2)) for z in pairs), features))
    return ("path_length", value, count, 0, 1.0, name, f"whole blocks averaged above {LARGEST} px")
