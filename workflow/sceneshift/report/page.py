"""Building the report: the sections' facts, pictures and plots into one HTML file."""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import sceneshift
from sceneshift.photos.store import PhotoStore
from sceneshift.report import reads
from sceneshift.report.edits import read_edit
from sceneshift.report.html import write_html
from sceneshift.report.models import generator_section, judges_section, predictor_section, ranking_section
from sceneshift.report.run_files import codes_in, needed, provenance, table
from sceneshift.report.shipped import read_shipped
from sceneshift.report.text import figure, signed
from sceneshift.report.warnings import warnings

PICTURES = 60  # before/after photos on the whole page, shared by its edits
MOST_PHOTOS = 8  # of one edit
SHIPPED_PHOTOS = 4  # of each editor that ships

PHOTOS = {"file": str, "status": str, "held_out": int | None}
RANKED = {
    "attribute": str, "standardized": float | None, "low": float | None, "high": float | None, "changes_most": str,
    "mean_change": float, "validation_accuracy": float | None, "best_level": str, "chosen": bool,
}  # fmt: skip
COMMANDS = (
    ("prepare-photos", "photos.h5"), ("train-generator", "generator/generator.safetensors"),
    ("fit-predictor", "predictor/predictor.safetensors"), ("synthesize", "synthesis/0000.h5"),
    ("index-synthesis", "synthesis.h5"), ("fit-boundary", "boundaries/{attribute}.npz"),
    ("rescore-boundary", "rescoring/{attribute}.csv"), ("rank-attributes", "attributes.csv"),
    ("make-pairs", "pairs/{attribute}/"), ("train-translator", "translators/{attribute}/translator.safetensors"),
    ("translate", "translated/{attribute}/"), ("evaluate-translator", "evaluation/{attribute}.csv"),
    ("measure-dose", "translators/{attribute}/translator.dose.csv"),
)  # fmt: skip


def write_page(
    run_dir: Path | str,
    out_html: Path | str,
    translated_from: Path | str | None = None,
    shipped: Sequence[Path] = (),
    shipped_from: Path | str | None = None,
    attribution: str = "",
) -> None:
    """Write one self-contained page about the run in `run_dir`, a finished results/RUN folder.

    translated_from: the folder whose photos were translated, if not the held-out ones (translate.folder).
    shipped, shipped_from: what each editor that ships has made of photos, and their folder (translate.editors).
    attribution: whose the run's photos are, and their licence (photos.credit, photos.licence).
    What a run does not have is left out (no judge: no judge's verdict; an imported generator: no training curves).
    Raises SceneshiftError that names a file which every run has and this one lacks, or if the page gets too large.
    """
    run = Path(run_dir)
    photos = table(run / "photos.csv", PHOTOS)
    ranked = table(run / "attributes.csv", RANKED)
    chosen = ranked.loc[ranked["chosen"], "attribute"].tolist()
    shown = max(2, min(MOST_PHOTOS, PICTURES // max(1, len(chosen))))
    editors, licences = read_shipped(shipped, Path(shipped_from), SHIPPED_PHOTOS) if shipped_from else ([], "")
    edits = [read_edit(run, name, shown, Path(translated_from) if translated_from else None) for name in chosen]
    scorers = dict.fromkeys(verdict.scorer for edit in edits for verdict in edit.verdicts)
    judges = [scorer.removeprefix("judge:") for scorer in scorers if scorer.startswith("judge:")]
    facts: dict[str, Any] = {
        "run": run.resolve().name,
        **_subject(run, translated_from),
        "edits": edits,
        "shipped": editors,
        "licences": licences,
        "attribution": attribution,
        "explorer": (run / "explorer/index.html").exists(),
        "generator": generator_section(run),
        "predictor": predictor_section(run),
        "judges": judges_section(run, judges),
        "ranking": ranking_section(run, ranked),
        "photos": photos["status"].value_counts().to_dict(),
        "files": provenance(run, _files(run, chosen, judges)),
        "commands": COMMANDS,
        "versions": {
            "sceneshift": sceneshift.__version__,
            "Python": platform.python_version(),
            "PyTorch": torch.__version__,
            "NumPy": np.__version__,
        },
    }
    accuracies = ranked.set_index("attribute")["validation_accuracy"]
    facts["warnings"] = [warning for edit in edits for warning in warnings(edit, accuracies)]
    facts["warnings"] += [*facts["generator"]["damaged"], *(lack for edit in edits for lack in edit.damaged)]
    facts["figures"] = _figures(run, facts, photos, ranked)
    write_html(out_html, "page.html.j2", facts)


def _subject(run: Path, translated_from: Path | str | None) -> dict[str, str]:
    """What the run's photos are, their size, and which of them the translators edit below."""
    with PhotoStore(run / "photos.h5") as store:
        (height, width), rendered = store.shape, store.folder is None
    kind = "rendered streets" if rendered else "photos"
    edited = f"{'' if rendered else 'real '}{kind} that this run trained nothing on"
    if translated_from:
        edited = f"the photos in {Path(translated_from).resolve().name}"
    return {"kind": kind, "size": f"{width}×{height}", "edited": edited}


def _figures(
    run: Path, facts: dict[str, Any], photos: pd.DataFrame, ranked: pd.DataFrame
) -> list[tuple[str, str, str]]:
    """(value, what it is, remark) of the headline."""
    generator = facts["generator"]
    taken = photos[photos["status"] == "taken"]
    held_out = int(taken["held_out"].sum())
    figures = [(f"{len(taken):,}", facts["kind"], f"of {facts['size']} px; {held_out:,} held out, never trained on")]
    if generator["images"]:
        before, frechet = generator["seen_before"], generator["frechet"]
        remark = f"after the {before:,} that its start had seen" if before else "from scratch"
        remark += f"; Fréchet distance {frechet:.3g} at the end" if frechet is not None else ""
        figures.append((f"{generator['images']:,}", "images of training", remark))
    figures.append((f"{codes_in(run / 'synthesis.h5'):,}", "images synthesized and scored", "to find the boundaries"))
    accuracies = ranked["validation_accuracy"].dropna()
    if len(accuracies):
        remark = f"median of {len(accuracies)} attributes, on codes held out"
        figures.append((f"{accuracies.median():.0%}", "boundary accuracy", remark))
    for edit in facts["edits"]:
        own, where = edit.own, f"on {edit.own.photos} held-out photo{'s' * (edit.own.photos != 1)}"
        if pd.notna(own.change):
            remark = f"{edit.own_unit} by {edit.by}, {where}"
            if own is not edit.predictors and pd.notna(edit.predictors.change):
                remark += f"; {signed(edit.predictors.change, 2)} standard deviations by the predictor"
            figures.append((signed(own.change, 2), edit.title, remark))
        else:
            remark = f"the score by {edit.by} {where}; no spread before, so no standard deviations"
            figures.append((f"{figure(own.before, 2)} → {figure(own.after, 2)}", edit.title, remark))
    return figures


def _files(run: Path, chosen: list[str], judges: list[str]) -> list[Path]:
    """What the page is made from, folders of pictures left out."""
    each = [pattern.replace("{attribute}", name) for name in chosen for pattern in (*reads.BOUNDARY, *reads.EDIT)]
    files = [path for name in (*reads.RUN, *each) if not needed(path := run / name).is_dir()]
    return files + [path for name in judges if (path := run / f"judges/{name}.safetensors").exists()]
