"""The report's sections about what the run learned: generator, predictor, boundaries."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from sceneshift.generator.checkpoints import images_seen
from sceneshift.latents.rescoring import COLUMNS
from sceneshift.report.pictures import data_uri, read_picture, spread
from sceneshift.report.plots import entanglement, ranking, training_curves
from sceneshift.report.run_files import history, if_sound, needed, table

METRICS = {
    "metric": str, "value": float, "images": int, "photos": int, "truncation_psi": float, "features": str,
    "resize": str,
}  # fmt: skip
SHEETS = 5  # of samples over training
SHEET_SIDE = 2048  # as it opens
SHOWN = (3, 4)  # rows and columns of a sheet on the page itself


def generator_section(run: Path, shape: tuple[int, int]) -> dict[str, Any]:
    """Curves and samples of the generator's training; all empty for a generator made elsewhere.

    shape: of its images. seen_before: images that its start had seen, None until the training has ended.
    """
    file = run / "generator/generator.safetensors"
    section: dict[str, Any] = {"images": 0, "seen_before": None, "frechet": None, "curves": None, "sheets": []}
    damaged = section["damaged"] = []
    section["metrics"] = if_sound(_metrics, run / "generator/metrics.csv", damaged)
    section["made"] = file.exists()
    folder = run / "generator/training"
    if not folder.exists():
        needed(file)
        return section
    sheets = sorted(folder.glob("samples-*.png"), key=_images_of)
    figures = folder / "history.csv"
    rows = if_sound(history, figures, damaged) if figures.exists() or file.exists() else None
    if rows is None or rows.empty:
        section["images"] = max(map(_images_of, sheets), default=images_seen(file) if file.exists() else 0)
    else:
        section["images"] = int(rows["images"].max())
        section["curves"] = training_curves(rows) if len(rows) > 1 else None
        if "frechet_lite2" in rows and rows["frechet_lite2"].notna().any():
            section["frechet"] = float(rows["frechet_lite2"].dropna().iloc[-1])
    if file.exists():
        section["seen_before"] = max(0, images_seen(file) - section["images"])  # by what it went on from
    for path in spread(sheets, SHEETS):
        if picture := if_sound(read_picture, path, damaged):
            section["sheets"].append(_sheet(picture, shape) | {"images": _images_of(path)})
    return section


def _metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of measure-generator's table; none where nothing was measured."""
    return table(path, METRICS).to_dict(orient="records") if path.exists() else []


def _sheet(picture: Image.Image, shape: tuple[int, int]) -> dict[str, str]:
    """A sheet as it opens, and its first samples large enough to see something."""
    height, width = (count * side for count, side in zip(SHOWN, shape, strict=True))
    first = picture.crop((0, 0, min(width, picture.width), min(height, picture.height)))
    return {"picture": data_uri(first, 640), "whole": data_uri(picture, SHEET_SIDE)}


def predictor_section(run: Path) -> dict[str, Any] | None:
    """Held-out accuracy of what was fitted; None if nothing was."""
    measured = ["auc", "r2", "agreement", "unreachable"]
    columns = {"attribute": str, "kind": str} | dict.fromkeys(measured, float | None)
    accuracy = table(run / "predictor/accuracy.csv", columns)
    if accuracy.empty:
        return None
    voted = bool(accuracy["agreement"].notna().any())
    accuracy[measured] = accuracy[measured].map(_figure)
    return {"rows": accuracy.to_dict(orient="records"), "voted": voted}


def judges_section(run: Path, names: Iterable[str]) -> list[dict[str, Any]]:
    """Of each judge that was learned from photos: its name, and its AUC by attribute on the held-out ones."""
    columns, section = {"attribute": str, "auc": float | None}, []
    for name in names:
        if (path := run / f"judges/{name}.csv").exists() and len(rows := table(path, columns).dropna()):
            section.append({"name": name, "auc": dict(zip(rows["attribute"], rows["auc"].map(_figure), strict=True))})
    return section


def ranking_section(run: Path, ranked: pd.DataFrame) -> dict[str, Any]:
    """The ranking, and the effect of every boundary on every attribute."""
    effects = []
    for attribute in ranked["attribute"]:
        rescored = table(run / f"rescoring/{attribute}.csv", COLUMNS)
        effects.append(rescored[rescored["level"] == "all"])
    matrix = pd.concat(effects).pivot_table(index="edited", columns="attribute", values="mean_change", sort=False)
    own_first = [name for name in matrix.index if name in matrix.columns]
    order = own_first + [name for name in matrix.columns if name not in own_first]
    return {
        "rows": ranked.to_dict(orient="records"),
        "bars": ranking(ranked.dropna(subset=["standardized"])),
        "matrix": entanglement(matrix[order]),
    }


def _images_of(path: Path) -> int:
    """`samples-020000.png` -> 20000."""
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else 0


def _figure(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.3f}"
