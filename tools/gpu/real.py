"""real: from photos to editors at 128 px, in the time that is left, with pictures to look at."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from sceneshift.images.reading import read_photo
from sceneshift.images.sheets import sheet
from sceneshift.pairs.dataset import PairsDataset
from sceneshift.photos.store import PhotoStore
from sceneshift.scoring import load_predictor
from sceneshift.scoring.kinds.heads import HeadsPredictor
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import (
    BoundariesSettings,
    EditSettings,
    GeneratorSettings,
    PairsSettings,
    PhotosSettings,
    SynthesisSettings,
    TranslatorSettings,
)
from sceneshift.stages.fit_boundary import fit_boundary
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.make_pairs import make_pairs
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.stages.synthesize import synthesize
from sceneshift.stages.train_generator import train_generator
from sceneshift.stages.train_translator import train_translator
from sceneshift.stages.translate import translate
from tools.gpu.bench import Bench
from tools.gpu.right import SMALL

GENERATOR, TRANSLATOR = 0.5, 0.15  # shares of the time that is left; a translator each for the best two attributes
EDITORS, SHOWN = 2, 8


def photos_to_editors(bench: Bench) -> None:
    """The stages in their order, the trainings as long as there is time."""
    start = time.monotonic()
    side, count = (16, 80) if bench.small else (128, 4000)
    folder, device = bench.folder, bench.device
    photos, predictor = folder / "photos.h5", folder / "predictor.safetensors"
    source = {"source": "folder", "folder": str(bench.photos)} if bench.photos else {"count": count}
    prepare_photos(bench.photos, photos, PhotosSettings(resolution=side, **source), table=folder / "photos.csv")
    kinds = [PhotometricPredictor(kind="photometric")] if bench.small else [HeadsPredictor(kind="heads")]
    fit_predictor(photos, predictor, kinds, accuracy=folder / "accuracy.csv", device=device)

    def left() -> float:
        return bench.seconds - (time.monotonic() - start)

    generator = folder / "generator" / "generator.safetensors"
    batch = 8 if bench.small else 32
    settings = GeneratorSettings(
        batch=batch, frechet_images=0 if bench.small else 1000, **(SMALL if bench.small else {})
    )

    def train(out: Path, images: int) -> None:
        train_generator(photos, out, settings.model_copy(update={"images": images}), device=device)

    _train_for(bench, "generator's training", train, generator, left() * GENERATOR, batch)
    shutil.copy(max((generator.parent / "training").glob("samples-*.png")), bench.out / "samples.png")
    store = folder / "synthesis.h5"
    images = SynthesisSettings(count=60 if bench.small else 10_000)
    synthesize(generator, store, images, predictor=predictor, device=device)
    boundaries = {}
    for attribute in load_predictor(predictor).attributes:
        boundaries[attribute] = folder / f"{attribute}.npz"
        fit_boundary(store, attribute, boundaries[attribute], BoundariesSettings(examples=20 if bench.small else 2000))
        with np.load(boundaries[attribute]) as boundary:
            bench.results.figure(
                f"boundary {attribute}, validation accuracy", float(boundary["validation_accuracy"]), ""
            )
    accuracy = {name: float(np.load(path)["validation_accuracy"]) for name, path in boundaries.items()}
    for attribute in sorted(accuracy, key=accuracy.__getitem__, reverse=True)[:EDITORS]:
        _editor(bench, attribute, boundaries[attribute], left)


def _editor(bench: Bench, attribute: str, boundary: Path, left: Callable[[], float]) -> None:
    """Pairs, translator and translated photos of one attribute, and pictures of them."""
    folder, device = bench.folder, bench.device
    pairs, out = folder / "pairs" / attribute, folder / "translators" / attribute / "translator.safetensors"
    settings, edit = PairsSettings(), EditSettings(attribute=attribute)
    if bench.small:
        settings = PairsSettings(count=4, candidates=400, keep={"effect": 0.0, "others": 99.0})
        edit = EditSettings(attribute=attribute, distance=3.0)
    make_pairs(
        folder / "generator" / "generator.safetensors", boundary, pairs, settings, edit=edit, device=device,
        predictor=folder / "predictor.safetensors", store=folder / "synthesis.h5",
    )  # fmt: skip
    sizes = {"width": 4, "blocks": 1} if bench.small else {}

    def train(out: Path, images: int) -> None:
        train_translator(pairs, out, TranslatorSettings(images=images, **sizes), device=device)

    _train_for(bench, f"translator's training, {attribute}", train, out, left() * 2 * TRANSLATOR, 8)
    shown = PairsDataset(pairs).at(range(min(SHOWN, len(PairsDataset(pairs)))))
    sheet([shown.photos, shown.targets]).save(bench.out / f"pairs-{attribute}.png")
    translate(out, folder / "photos.h5", folder / "translated" / attribute, device=device)
    with PhotoStore(folder / "photos.h5") as store:
        places = sorted(store.held_out_indices, key=lambda place: store.names[place])[:SHOWN]
        before = store.images(places)
        written = {path.with_suffix("").name: path for path in (folder / "translated" / attribute).rglob("*.png")}
        after = np.stack([read_photo(written[Path(store.names[place]).stem]) for place in places])
    sheet([before, after]).save(bench.out / f"edits-{attribute}.png")


def _train_for(
    bench: Bench, name: str, train: Callable[[Path, int], None], out: Path, seconds: float, batch: int
) -> None:
    """Train as many images as `seconds` allow, by the rate of a short training before."""
    short = batch * (2 if bench.small else 64)
    start = time.monotonic()
    train(out.parent / "short" / out.name, short)
    rate = short / (time.monotonic() - start)
    images = short if bench.small else max(short, int(rate * seconds) // batch * batch)
    train(out, images)
    table = pd.read_csv(out.parent / "training" / "history.csv")
    bench.results.figure(f"{name}, {images:,} images", float(table["images_per_second"].iloc[-1]), "images/s")
    if "frechet" in table:
        bench.results.figure(
            f"{name}: Fréchet distance (efficientnet-lite0)", float(table["frechet"].dropna().iloc[-1]), ""
        )
