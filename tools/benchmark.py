"""`make benchmark`: what the fast paths gain on this machine, each measured beside the plain path it is compared with.

Absolute rates depend on the machine and on what else it does; the ratios, measured in turns, are what to look at. Of
each stage it also says how much arithmetic it does a second, beside what this machine reaches in a plain convolution
and a plain matrix product.
"""

import argparse
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import torch
from torch.nn import functional as F

from sceneshift.generator import convolutions, load_generator, reference
from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.images.pixels import to_uint8
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.latents.separation import fit_boundary
from sceneshift.latents.store import LatentStore, LatentStoreWriter
from sceneshift.runtime.devices import autocast, compute_dtype, pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.memory import keep_freed_memory
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.heads import HeadsPredictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import GeneratorSettings, PhotosSettings, SynthesisSettings, TranslatorSettings
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.index_synthesis import index_synthesis
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.synthesize import synthesize
from sceneshift.stages.train_generator import train_generator
from sceneshift.translator.architecture import architecture
from sceneshift.translator.perceptual import perceptual_stages
from sceneshift.translator.state import initial_state
from sceneshift.translator.steps import Losses

# The settings that published reference implementations were timed in: 64 px, every regularizer.
from tools.flops import Flops

NETWORK = {"z_dim": 512, "w_dim": 512, "channel_base": 4096, "channel_max": 128, "mapping_layers": 8}
BATCH = 32
TRAINING_IMAGES = 16 * BATCH  # one interval of R1, four of path-length regularization
FLOPS_IMAGES = 16 * 4  # whose arithmetic is counted
SYNTHESIS_IMAGES = 1024
SMALL_RUN, LARGE_RUN = 5_000, 50_000  # images whose synthesis should take the same memory
SHARDS, SHARD_SIZE = 100, 5_000  # of the published 500,000
PHOTOS = 1000
TRANSLATOR_SIZE = 256
TURNS = 2
PLAIN = {"channels": 128, "side": 64, "product": 2048}  # of the plain convolution and matrix product
REPOSITORY = Path(__file__).parents[1]

Row = tuple[str, float, str]


def main() -> None:
    parser = argparse.ArgumentParser("python -m tools.benchmark", description=__doc__)
    parser.add_argument("out", type=Path, help="table to write (.csv)")
    out = parser.parse_args().out
    keep_freed_memory()
    device = pick_device()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for measure in MEASURES:
            for row in measure(Path(folder), device):
                rows.append(row)
                print(f"{row[0]:<58} {row[1]:>9.2f} {row[2]}", flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=["measure", "value", "unit"]).to_csv(out, index=False)
    precision = str(compute_dtype("auto", device)).removeprefix("torch.")
    print(f"\nOn {device}, {torch.get_num_threads()} threads, production arithmetic {precision}. Written to {out}.")


def _machine(folder: Path, device: torch.device) -> Iterator[Row]:
    """What plain operators reach, in the production arithmetic, in the layout of the networks."""
    dtype, channels, side, product = compute_dtype("auto", device), *PLAIN.values()
    x = torch.randn(BATCH, channels, side, side, device=device).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
    a = torch.randn(product, product, device=device).to(dtype)
    for name, work, flops in (
        ("3×3 convolution", partial(F.conv2d, x, weight, padding=1), 18 * BATCH * side**2 * channels**2),
        ("matrix product", partial(torch.matmul, a, a), 2 * product**3),
    ):
        work()
        yield f"plain {name}", flops / min(_seconds(work) for _ in range(3)) / 1e9, "GFLOP/s"


def _flops(work: Callable[[], object]) -> float:
    """Floating-point operations of the convolutions and products in `work`, forward and backward."""
    with Flops() as counted:
        work()
    return counted.total


def _training(folder: Path, device: torch.device) -> Iterator[Row]:
    photos = folder / "photos.h5"
    prepare_photos(None, photos, PhotosSettings(count=PHOTOS), table=folder / "photos.csv", seed=0)
    settings = GeneratorSettings(**NETWORK, images=TRAINING_IMAGES, batch=BATCH, precision="auto")
    plain_settings = settings.model_copy(update={"precision": "float32"})
    fast, slow = _in_turns(
        partial(_seconds, partial(_train, photos, settings, device)),
        partial(_seconds_plainly, partial(_train, photos, plain_settings, device)),
        TRAINING_IMAGES,
    )
    yield "training, production path", fast, "images/s"
    yield "training, plain float32 path", slow, "images/s"
    yield "training, production / plain (wanted: 3)", fast / slow, "×"
    # the difference of two lengths leaves out the sheets of samples that both draw; each has whole intervals
    short, long = (
        _flops(partial(_train, photos, settings.model_copy(update={"batch": 4, "images": images}), device))
        for images in (FLOPS_IMAGES, 2 * FLOPS_IMAGES)
    )
    yield "training reaches", fast * (long - short) / FLOPS_IMAGES / 1e9, "GFLOP/s"


def _train(photos: Path, settings: GeneratorSettings, device: torch.device) -> None:
    with tempfile.TemporaryDirectory() as folder:
        train_generator(photos, Path(folder) / "g.safetensors", settings, device=device)


def _synthesis(folder: Path, device: torch.device) -> Iterator[Row]:
    generator, predictor = folder / "g.safetensors", folder / "predictor.safetensors"
    torch.manual_seed(0)
    save_generator(generator, Generator(resolution=64, **NETWORK))
    heads = [HeadsPredictor(kind="heads")]
    fit_predictor(folder / "photos.h5", predictor, heads, accuracy=folder / "accuracy.csv", device=device)
    renderer, scorer = Renderer(generator, device), load_predictor(predictor, str(device))
    settings, count = SynthesisSettings(), SYNTHESIS_IMAGES
    codes = renderer.mapped(z_of(0, "synthesis", range(count), renderer.z_dim))
    parts = [codes[part.start : part.stop] for part in batches(count, settings.batch)]
    images = [renderer.render(part) for part in parts]

    def together() -> None:
        shard = folder / "store.h5"
        synthesize(generator, shard, settings, predictor=predictor, seed=0, start=0, count=count, device=device)

    def alone(work: Callable[[np.ndarray], np.ndarray], items: list[np.ndarray]) -> Callable[[], float]:
        return partial(_seconds, lambda: list(in_order(work, items, device)))

    plainly = partial(_seconds_plainly, partial(_render_plainly, generator, parts, device))
    fast, slow = _in_turns(alone(renderer.render, parts), plainly, count)
    yield "synthesis, production path", fast, "images/s"
    yield "synthesis, plain float32 path", slow, "images/s"
    yield "synthesis, production / plain (wanted: 3)", fast / slow, "×"
    yield "synthesis reaches", fast * _flops(partial(renderer.render, parts[0])) / len(parts[0]) / 1e9, "GFLOP/s"
    both, scoring = _in_turns(partial(_seconds, together), alone(scorer.score, images), count)
    yield "scoring alone", scoring, "images/s"
    yield "scoring reaches", scoring * _flops(partial(scorer.score, images[0])) / len(images[0]) / 1e9, "GFLOP/s"
    yield "synthesis with scoring and storing", both, "images/s"
    yield "with scoring / the slower alone (wanted: 0.85)", both / min(fast, scoring), "×"
    # on a CPU the two share the cores: without any other cost they reach what they take one after the other
    yield "with scoring / one after the other", both * (1 / fast + 1 / scoring), "×"


@torch.no_grad()
def _render_plainly(generator: Path, parts: list[np.ndarray], device: torch.device) -> None:
    synthesis = load_generator(generator, device).synthesis
    for part in parts:
        to_uint8(synthesis(torch.from_numpy(part).to(device)))


def _boundary(folder: Path, device: torch.device) -> Iterator[Row]:
    rng = np.random.default_rng(0)
    w = rng.standard_normal((20_000, 512), dtype=np.float32)
    scores = w @ rng.standard_normal(512).astype(np.float32) + 5 * rng.standard_normal(20_000)
    start = time.perf_counter()
    fit_boundary(w, scores, selection="extremes", examples=2000, split=0.7, seed=0, attribute="benchmark")
    yield "boundary, 2 × 2000 codes of 512", time.perf_counter() - start, "s"


def _memory(folder: Path, device: torch.device) -> Iterator[Row]:
    """Peak memory of the command, with a generator so small that 50,000 images take seconds."""
    generator, predictor = folder / "tiny.safetensors", folder / "formulas.safetensors"
    torch.manual_seed(0)
    small = Generator(z_dim=64, w_dim=64, resolution=16, channel_base=64, channel_max=8, mapping_layers=2)
    save_generator(generator, small)
    fit_predictor(
        None, predictor, [PhotometricPredictor(kind="photometric")], accuracy=folder / "formulas.csv", shape=(16, 16)
    )
    for count in (SMALL_RUN, LARGE_RUN):
        numbers = ("--count", str(count), "--device", str(device))
        arguments = ("synthesize", generator, folder / f"{count}.h5", "--predictor", predictor, *numbers)
        _, peak = _of_command("sceneshift", *arguments)
        yield f"synthesis of {count:,} images, peak memory", peak, "MB"


def _published_scale(folder: Path, device: torch.device) -> Iterator[Row]:
    """A store of 500,000 codes and 102 scores in 100 shards, 1.2 GB; and the plan of such a run."""
    rng, shards, store = np.random.default_rng(0), folder / "shards", folder / "store.h5"
    mixing = rng.standard_normal((512, 102), dtype=np.float32)
    facts = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.5, "generator_sha256": "", "predictor_sha256": ""}
    paths = [shards / f"{number:04d}.h5" for number in range(SHARDS)]
    shards.mkdir()
    for number, path in enumerate(paths):
        w, names = rng.standard_normal((SHARD_SIZE, 512), dtype=np.float32), [f"attribute {k}" for k in range(102)]
        with LatentStoreWriter(path, 512, names, facts | {"provenance": "{}"}) as writer:
            writer.append(np.arange(SHARD_SIZE) + SHARD_SIZE * number, w, w @ mixing, np.zeros(0))
    start = time.perf_counter()
    index_synthesis(paths, store, SynthesisSettings())
    yield f"index of {SHARDS} shards, {SHARDS * SHARD_SIZE:,} codes", time.perf_counter() - start, "s"
    start = time.perf_counter()
    with LatentStore(store) as latents:
        assert len(latents) == SHARDS * SHARD_SIZE
    yield "opening it (wanted: 1 at most)", time.perf_counter() - start, "s"
    seconds, peak = _of_command("sceneshift", "fit-boundary", store, "attribute 7", folder / "boundary.npz")
    shutil.rmtree(shards)
    yield "a boundary over it, start included (wanted: 10 at most)", seconds, "s"
    yield "its peak memory (wanted: 1500 at most)", peak, "MB"
    photos = folder / "data" / "photos"  # where config/paper.yaml looks from the run's folder
    photos.mkdir(parents=True)
    PIL.Image.new("RGB", (256, 256)).save(photos / "a.png")
    files = ("--snakefile", REPOSITORY / "Snakefile", "--configfile", REPOSITORY / "config" / "paper.yaml")
    seconds, _ = _of_command("snakemake", "--dry-run", "--directory", folder, *files)
    yield "dry run of the published scale (wanted: 6 at most)", seconds, "s"


# A process starts with the peak of the one that started it; so commands are started by a small one.
STARTER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def _of_command(module: str, *arguments: str | Path) -> tuple[float, float]:
    """Seconds and peak megabytes of `python -m module` in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, "-c", STARTER, sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SceneshiftError(f"`{module} {arguments[0]}` failed with exit code {done.returncode}.")
    return time.perf_counter() - start, int(done.stdout) / 1024  # Linux counts kilobytes


def _translator(folder: Path, device: torch.device) -> Iterator[Row]:
    settings, batch, size = TranslatorSettings(), 2, TRANSLATOR_SIZE
    state = initial_state(architecture(settings, size), settings, 0, device)
    stages, dtype = perceptual_stages(settings.perceptual_network, device), compute_dtype("auto", device)
    losses = Losses(state.translator, state.discriminator, settings, stages, dtype)
    photos, targets = torch.rand(2, batch, 3, size, size, device=device) * 2 - 1

    def train() -> None:
        losses.gradients(photos, targets, share=1.0)

    def translate() -> None:
        with torch.no_grad(), autocast(dtype, device):
            state.translator(photos)

    training, translating = _in_turns(partial(_seconds, train), partial(_seconds, translate), batch)
    yield f"translator gradients, {size} px, published width", training, "images/s"
    yield f"translator forward, {size} px, published width", translating, "images/s"
    yield "translator gradients reach", training * _flops(train) / batch / 1e9, "GFLOP/s"
    yield "translator forward reaches", translating * _flops(translate) / batch / 1e9, "GFLOP/s"


def _in_turns(one: Callable[[], float], other: Callable[[], float], images: int) -> tuple[float, float]:
    """Images a second of both, given the seconds that they take, run alternately so that a busy machine slows both."""
    fast, slow = images / np.min([[one(), other()] for _ in range(TURNS)], axis=0)
    return float(fast), float(slow)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _seconds_plainly(work: Callable[[], object]) -> float:
    """As `_seconds`, with the networks' plain forms, in a process where PyTorch is as it comes."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_seconds_of_reference, work).result()


def _seconds_of_reference(work: Callable[[], object]) -> float:
    for name in reference.FORMS:
        setattr(convolutions, name, getattr(reference, name))
    return _seconds(work)


MEASURES = (_machine, _training, _synthesis, _memory, _boundary, _published_scale, _translator)

if __name__ == "__main__":
    main()
