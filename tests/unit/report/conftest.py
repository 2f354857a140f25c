"""A small run folder in the formats that the stages write, with streets drawn by the renderer as every picture."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from sceneshift.evaluation.dose import Response, dose_table, write_responses
from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.latents.store import LatentStoreWriter
from sceneshift.photos.store import PhotoStore
from sceneshift.settings import PhotosSettings
from sceneshift.stages.prepare_photos import prepare_photos
from sceneshift.streets import VISIBLE, render_street

SIDE = 32
EDITS = {"natural_light": "less", "greenery": "more"}


def write_table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


def save_picture(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def street(index, **factors):
    return render_street(0, index, (SIDE, SIDE), **factors)


def sheet(count):
    return np.concatenate([np.concatenate([street(8 * r + c) for c in range(8)], axis=1) for r in range(count)])


def make_run(run, side=SIDE):
    """Write the run; `side` of its photos."""
    random = np.random.default_rng(0)
    prepare_photos(
        None,
        run / "photos.h5",
        PhotosSettings(count=80, resolution=side, held_out=0.3),
        table=run / "photos.csv",
        seed=0,
    )
    sizes = {"resolution": 8, "channel_base": 32, "channel_max": 4, "z_dim": 4, "w_dim": 4, "mapping_layers": 1}
    (run / "generator").mkdir(parents=True)
    save_generator(run / "generator/generator.safetensors", Generator(**sizes), images_seen=420_000)
    (run / "predictor").mkdir()
    save_file({"x": np.zeros(3, np.float32)}, run / "predictor/predictor.safetensors")
    rows = [
        (n, 0.7 + 0.1 * random.random(), 1.1, 0.2 + n / 1e5, 0.4, 60.1, 9 - n / 4000 if n % 10000 == 0 else "")
        for n in range(2000, 20001, 2000)
    ]
    columns = ("images", "loss_g", "loss_d", "ada_p", "real_sign", "images_per_second", "frechet_lite2")
    write_table(run / "generator/training/history.csv", columns, rows)
    for images in (10000, 20000):
        save_picture(run / f"generator/training/samples-{images:06d}.png", sheet(4))
    write_table(
        run / "predictor/accuracy.csv",
        ("attribute", "kind", "auc", "r2", "agreement", "unreachable", "held_out_votes"),
        [(name, "ridge", 0.98, 0.91, "", "", "") for name in VISIBLE]
        + [("safer", "ridge", 0.9, 0.6, 0.714, 0.125, 40)],
    )
    facts = {"seed": 0, "stream": "synthesis", "truncation_psi": 0.7, "provenance": "{}"}
    facts |= {"generator_sha256": "", "predictor_sha256": ""}
    with LatentStoreWriter(run / "synthesis.h5", 2, list(VISIBLE), facts) as store:
        store.append(np.arange(1234), np.zeros((1234, 2)), random.random((1234, len(VISIBLE))), np.zeros((0, 1, 1, 3)))
    columns = (
        "rank", "attribute", "standardized", "low", "high", "changes_most", "mean_change", "validation_accuracy",
        "best_level", "chosen",
    )  # fmt: skip
    ranked = [
        (n + 1, name, 2.5 - 0.4 * n, 2.4 - 0.4 * n, 2.6 - 0.4 * n, name, 2.5 - 0.4 * n, 0.97)
        for n, name in enumerate(VISIBLE)
    ]
    write_table(
        run / "attributes.csv",
        (*columns, "direction"),
        [(*row, "layout", row[1] in EDITS, EDITS.get(row[1], "more")) for row in ranked],
    )
    for name in VISIBLE:
        (run / "boundaries").mkdir(exist_ok=True)
        np.savez(run / f"boundaries/{name}.npz", normal=np.ones(4, np.float32) / 2)
        rows = [
            (name, level, other, 0.1, 0.5, 0.4, 0.6, 2.0 if other == name else random.normal() * 0.2, 0.8)
            for level in ("all", "layout")
            for other in VISIBLE
        ]
        columns = ("edited", "level", "attribute", "delta", "standardized", "low", "high", "mean_change", "structure")
        write_table(run / f"rescoring/{name}.csv", columns, rows)
    for attribute, direction in EDITS.items():
        make_edit(run, attribute, direction, random, side)
    return run


def make_edit(run, attribute, direction, random, side):
    sign = 1 if direction == "more" else -1
    target = {"vegetation" if attribute == "greenery" else attribute: 0.9 if sign > 0 else 0.1}
    save_picture(run / f"edits/{attribute}.png", sheet(3))
    pairs = run / f"pairs/{attribute}"
    rows = []
    for index in range(40):
        kept = index % 3 > 0
        rows.append((index, kept, "" if kept else ["source", "effect others"][index % 2], 0.2, 0.8))
        if kept:
            save_picture(pairs / f"train_A/{index:06d}.png", street(index))
            save_picture(pairs / f"train_B/{index:06d}.png", street(index, **target))
    write_table(pairs / "pairs.csv", ("index", "kept", "reason", f"before_{attribute}", f"after_{attribute}"), rows)
    curve = [{"distance": 2 * d, "deviations": d, "effect": d / 4, "structure": 1 - d / 20} for d in (1.5, 3.0, 4.5)]
    edit = {
        "attribute": attribute, "measured_by": attribute, "direction": direction, "level": "all",
        "condition_on": ["fog"], **curve[1], "reason": "target", "curve": curve, "kept": 26, "tried": 40,
    }  # fmt: skip
    (pairs / "edit.json").write_text(json.dumps(edit))
    translator = run / f"translators/{attribute}"
    write_table(translator / "training/history.csv", ("images", "pixel"), [(n, 1 / n) for n in range(200, 2001, 200)])
    save_file({"x": np.zeros(2, np.float32)}, translator / "translator.safetensors", {"format": "t"})
    rows = []
    with PhotoStore(run / "photos.h5") as store:
        for index in store.held_out_indices:
            name = store.names[index]
            before = store.images([index])[0]
            after = render_street(0, int(name.removeprefix("street-")), (side, side), **target)
            save_picture(run / f"translated/{attribute}/{name}.png", after)
            mask = np.abs(after.astype(int) - before).max(axis=2).astype(np.uint8)
            save_picture(run / f"translated/{attribute}/masks/{name}.png", mask)
            for scorer in ("judge:streets", "predictor"):
                for other in VISIBLE:
                    value = random.random()
                    moved = value + (sign * 0.4 if other == attribute else random.normal() * 0.05)
                    rows.append((name, scorer, other, value, moved))
            rows.append((name, "pixels", "structure", 1, 0.875))
            rows.append((name, "pixels", "sky_shift", 0, 0.02))
    responses = [
        Response(scorer, name, aim, strength, 24, 0.5, 0.5 + change, 0.2, change, change - 0.1, change + 0.1)
        for scorer, name, aim, move in (("judge:judge", attribute, direction, sign), ("pixels", "structure", "", -0.05))
        for strength, change in ((0.5, 0.5 * move), (1.0, move), (2.0, 1.02 * move))
    ]
    path = translator / "translator.safetensors"
    write_responses(dose_table(path), responses, path)
    columns = ("photo", "passed", "reasons", "moved", "side_effect", "side_effect_of", "structure_aligned")
    audited = [
        (name, place > 0, "" if place else "halos of 2.0 levels per pixel", 0.5, 0.1, "fog", 0.9)
        for place, name in enumerate(dict.fromkeys(row[0] for row in rows))
    ]
    write_table(run / f"audit/{attribute}.csv", columns, audited)
    write_table(run / f"evaluation/{attribute}.csv", ("photo", "scorer", "attribute", "before", "after"), rows)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("results") / "tiny")
