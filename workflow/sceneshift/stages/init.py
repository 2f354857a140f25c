"""init: a first config for a folder of photos, after a look at it and a trial of this machine."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sceneshift.photos.survey import Survey, survey
from sceneshift.run.gpu_slots import visible_gpus
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.interruption import end_with_parent
from sceneshift.runtime.progress import NAME, last_progress

Choice = dict[str, dict[str, Any]]  # some sections of a config

TRIAL_SECONDS = 20
TRIAL_PHOTOS = 100
FEW = 1000  # photos with which a generator mostly learns them by heart
CPU: Choice = {"generator": {"images": 20_000, "batch": 16}, "synthesis": {"count": 10_000}}
GPU: Choice = {"generator": {"warm_start": None, "images": 2_000_000, "batch": 32}, "synthesis": {"count": 50_000}}


def init(folder: Path | str, out: Path | str = "my.yaml", *, trial: bool = True) -> None:
    """Write a first config for a folder of photos, after looking at it.

    folder: folder of photos; its subfolders, if there are, become the attributes
    out: the config to write (.yaml; default: my.yaml)
    trial: train on these photos for 20 seconds, and say what the run will take on this machine

    Sizes, shape and predictors follow from the photos and from whether there is a GPU; comments say why. The config is
    an ordinary one, to be changed by hand.

    Example: my_photos my.yaml
    """
    out = Path(out)
    seen, gpus = survey(folder), visible_gpus()
    resolution = seen.resolution(128 if gpus else 64)
    photos = {"source": "folder", "folder": str(folder), "resolution": resolution, "width": seen.width(resolution)}
    choice = (GPU if gpus else CPU) | {"photos": photos}
    takes = "How long it takes was not measured."
    if trial:
        takes = what_it_takes(choice["generator"]["images"], images_per_second(seen, choice))
    with atomic_file(out) as temporary:
        temporary.write_text(config_text(seen, choice, takes), encoding="utf-8")
    print(f"{folder}: {found(seen)}.\n{takes}\nNow: sceneshift run --configfile {out}")


def images_per_second(seen: Survey, choice: Choice) -> float:
    """The generator's training on some of these photos, for TRIAL_SECONDS: the real commands, in a folder of its own.

    Raises SceneshiftError with a command's own words if it fails.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "photos").mkdir()
        for number, path in enumerate(seen.photos[:: -(-len(seen.photos) // TRIAL_PHOTOS)]):
            (folder / "photos" / f"{number}{path.suffix}").symlink_to(path.absolute())
        store, log = folder / "photos.h5", folder / "trial.log"
        shaped = {key: choice["photos"][key] for key in ("resolution", "width")} | {"max_skipped": 1}
        settings = {**choice["generator"], "images": 10**9, "frechet_images": 0}
        prepare = ["prepare-photos", str(folder / "photos"), str(store), "--settings", json.dumps(shaped)]
        train = ["train-generator", str(store), str(folder / "g.safetensors"), "--settings", json.dumps(settings)]
        with open(log, "w") as said:
            command = [sys.executable, "-m", "sceneshift"]
            failed = subprocess.run([*command, *prepare], stdout=said, stderr=said).returncode
            training = None
            if not failed:
                training = subprocess.Popen([*command, *train], stdout=said, stderr=said, preexec_fn=end_with_parent)
            began, figures = time.monotonic(), None
            while training and training.poll() is None and not (figures and time.monotonic() - began > TRIAL_SECONDS):
                time.sleep(0.5)
                newest = last_progress(folder / "training" / NAME)
                figures = newest if newest and newest.done else None
            if training:
                training.terminate()
                training.wait()
        if figures is None:
            raise SceneshiftError(f"The trial failed (--no-trial leaves it out):\n{log.read_text().strip()[-1000:]}")
        return figures.per_second


def what_it_takes(images: int, rate: float) -> str:
    """In words: the generator's training, and with it the whole run."""
    minutes = images / rate / 60
    whole = f"{2 * minutes:.0f} minutes" if minutes < 60 else f"{2 * minutes / 60:.0f} hours"
    return (
        f"{rate:.1f} images/s in training here, so {images:,} images take {minutes:,.0f} minutes; what follows takes"
        f" about as long again: {whole} in all."
    )


def found(seen: Survey) -> str:
    """What there is, in a line."""
    width, height = sorted(seen.sizes.tolist())[len(seen.sizes) // 2]
    classes = f"{len(seen.classes)} classes ({', '.join(seen.classes)})" if seen.classes else "no classes"
    return (
        f"{len(seen.photos):,} photos in {classes}, the usual one {width} x {height}, sides from {seen.sizes.min()} to"
        f" {seen.sizes.max()} pixels"
    )


def config_text(seen: Survey, choice: Choice, takes: str) -> str:
    """The config with its reasons as comments."""
    photos, synthesis = choice["photos"], choice["synthesis"]
    remarks = [f"Written by `sceneshift init`. Found: {found(seen)}."]
    if len(seen.photos) < FEW:
        remarks.append("These are few, which the generator may learn by heart: some thousand are better.")
    if seen.unusable:
        path, reason = seen.unusable[0]
        share = f"{len(seen.unusable)} of {len(seen.unusable) + len(seen.sizes)} looked at"
        remarks.append(f"{share} cannot be used, as {path}: {reason}.")
    remarks += ["Run it: sceneshift run --configfile THIS_FILE. Every option: config/README.md of sceneshift.", takes]
    header = "\n".join(f"# {remark}" for remark in remarks)
    if seen.classes:
        predictors = "# One attribute per subfolder.\n  - kind: heads"
    else:
        predictors = f"# Closed formulas, since there are no labels: {seen.no_classes}\n  - kind: photometric"
    transfers = "warm_start" not in choice["generator"]
    start = "Training goes on from the street generator that ships." if transfers else "From scratch, with full sizes."
    lengths = "\n".join(f"  {key}: {json.dumps(value)}" for key, value in choice["generator"].items())
    folder = Path(os.path.abspath(photos["folder"])).name
    run = re.sub(r"[^A-Za-z0-9_.-]+", "_", folder).lstrip("_.-") or "photos"
    return f"""\
{header}

run: {run}  # everything goes to results/{run}/
seed: 0

photos:
  source: folder
  folder: {json.dumps(photos["folder"], ensure_ascii=False)}
  resolution: {photos["resolution"]}  # the height; what is smaller is skipped
  width: {json.dumps(photos["width"])}  # nearest to the usual shape; null: square
  crop: center  # `pad` keeps the whole picture

generator:
  # {start} `images` is its length: more is better. Raise it and run again.
{lengths}

predictors:
  {predictors}

synthesis:
  count: {synthesis["count"]}

edits:
  top: 2  # the attributes that the generator can change most; or name them:
  # attributes: [{{attribute: {seen.classes[0] if seen.classes else "brightness"}, direction: more}}]

translate:
  folder: null  # null: the held-out photos; or another folder of photos
"""
