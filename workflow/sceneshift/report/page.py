"""Building the report: the sections' facts, pictures and plots into one HTML file."""

import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

import sceneshift
from sceneshift.photos.store import PhotoStore
from sceneshift.report import reads
from sceneshift.report.edits import Edit, read_edit
from sceneshift.report.html import write_html
from sceneshift.report.measured import PIXEL_UNITS
from sceneshift.report.methods import bibtex, methods
from sceneshift.report.models import generator_section, judges_section, predictor_section, ranking_section
from sceneshift.report.run_files import codes_in, if_made, needed, provenance, table
from sceneshift.report.run_state import RunState, durations
from sceneshift.report.shipped import read_shipped
from sceneshift.report.text import figure, listed, sentence, signed, spoken
from sceneshift.report.warnings import warnings
from sceneshift.runtime.errors import SceneshiftError

PICTURES = 60  # before/after photos on the whole page, shared by its edits
MOST_PHOTOS = 8  # of one edit
SHIPPED_PHOTOS = 4  # of each editor that ships

PHOTOS = {"file": str, "status": str, "held_out": int | None}
RANKED = {
    "attribute": str, "standardized": float | None, "low": float | None, "high": float | None, "changes_most": str,
    "mean_change": float, "validation_accuracy": float | None, "best_level": str, "chosen": bool,
    "rank": int, "direction": str,
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
    state: RunState | None = None,
    reload_after: int | None = None,
) -> None:
    """Write one self-contained page about the run in `run_dir`, a results/RUN folder.

    translated_from: the folder whose photos were translated, if not the held-out ones (translate.folder).
    shipped, shipped_from: what each editor that ships has made of photos, and their folder (translate.editors).
    attribution: whose the run's photos are, and their licence (photos.credit, photos.licence).
    state: how the run stands; reload_after: seconds after which a browser reads the page again, None: never.
    What a run does not have is left out (no judge: no judge's verdict; an imported generator: no training curves), and
    what it has not made yet is named. Raises SceneshiftError for a damaged file, where there is nothing of a run, or if
    the page gets too large.
    """
    run, state, missing = Path(run_dir), state or RunState(), []
    if not any((run / name).exists() for name in ("plan.json", "generator", *reads.RUN)):
        raise SceneshiftError(
            f"{run} is no folder of a run: there is neither plan.json nor photos.h5. Give results/RUN."
        )
    photos = if_made(table, run / "photos.csv", PHOTOS, missing=missing)
    subject = if_made(_subject, run, translated_from, missing=missing)
    ranked = if_made(table, run / "attributes.csv", RANKED, missing=missing)
    directions = {} if ranked is None else dict(ranked.loc[ranked["chosen"], ["attribute", "direction"]].to_numpy())
    shown = max(2, min(MOST_PHOTOS, PICTURES // max(1, len(directions))))
    editors, licences = read_shipped(shipped, Path(shipped_from), SHIPPED_PHOTOS) if shipped_from else ([], "")
    originals = Path(translated_from) if translated_from else None
    edits = [read_edit(run, name, direction, shown, originals) for name, direction in directions.items()]
    generator = if_made(generator_section, run, subject["shape"], missing=missing) if subject else None
    judges = _judges(edits)
    codes = if_made(codes_in, run / "synthesis.h5", missing=missing)
    facts: dict[str, Any] = {
        "run": run.resolve().name,
        "subject": subject,
        "edits": edits,
        "shipped": editors,
        "licences": licences,
        "attribution": attribution,
        "explorer": (run / "explorer/index.html").exists(),
        "generator": generator,
        "predictor": if_made(predictor_section, run, missing=missing),
        "judges": judges_section(run, judges),
        "ranking": None if ranked is None else if_made(ranking_section, run, ranked, missing=missing),
        "choice": "" if ranked is None else _choice(ranked, state.config),
        "photos": None if photos is None else photos["status"].value_counts().to_dict(),
        "files": provenance(run, _files(run, directions, judges, missing)),
        "commands": COMMANDS,
        "pixel_units": PIXEL_UNITS,
        "state": state,
        "reload_after": reload_after,
        "durations": durations(run),
        "bibtex": bibtex(),
        "versions": {
            "sceneshift": sceneshift.__version__,
            "Python": platform.python_version(),
            "PyTorch": torch.__version__,
            "NumPy": np.__version__,
        },
    }
    accuracies = pd.Series(dtype=float) if ranked is None else ranked.set_index("attribute")["validation_accuracy"]
    facts["warnings"] = [warning for edit in edits for warning in warnings(edit, accuracies)]
    facts["warnings"] += [
        *(generator or {"damaged": []})["damaged"],
        *(lack for edit in edits for lack in edit.damaged),
    ]
    facts["figures"] = _figures(subject, generator, photos, codes, accuracies.dropna(), edits)
    facts["methods"] = methods(subject, generator, codes, edits, state.config)
    missing += [path for edit in edits for path in edit.missing]
    facts["missing"] = list(dict.fromkeys(path.relative_to(run).as_posix() for path in missing))
    write_html(out_html, "page.html.j2", facts)


def _subject(run: Path, translated_from: Path | str | None) -> dict[str, Any]:
    """What the run's photos are, how many and their size, and which of them the translators edit below."""
    with PhotoStore(needed(run / "photos.h5")) as store:
        shape, rendered = store.shape, store.folder is None
        trained, held_out = len(store.train_indices), len(store.held_out_indices)
    kind = "rendered streets" if rendered else "photos"
    edited = f"{'' if rendered else 'real '}{kind} that this run trained nothing on"
    if translated_from:
        edited = f"the photos in {Path(translated_from).resolve().name}"
    size = f"{shape[1]}×{shape[0]}"
    return {"kind": kind, "shape": shape, "size": size, "edited": edited, "trained": trained, "held_out": held_out}


def _judges(edits: Sequence[Edit]) -> list[str]:
    scorers = [verdict.scorer for edit in edits if edit.measured for verdict in edit.measured.verdicts]
    return [scorer.removeprefix("judge:") for scorer in dict.fromkeys(scorers) if scorer.startswith("judge:")]


def _choice(ranked: pd.DataFrame, config: dict[str, Any]) -> str:
    """Why these attributes became editors: the config names them, or the ranking put them first."""
    ranks = ranked[ranked["chosen"]].set_index("attribute")["rank"]
    listing = [edit["attribute"] for edit in config.get("edits", {}).get("attributes", [])]
    groups = {
        "because the config names {} (edits.attributes), whatever the rank": [n for n in ranks.index if n in listing],
        "as the best of the ranking that the config does not name (edits.top)": [
            n for n in ranks.index if n not in listing
        ],
    }
    if not config:
        return ""
    sentences = []
    for why, names in groups.items():
        one, ranked_names = len(names) == 1, [f"{spoken(name)} (rank {ranks[name]})" for name in names]
        became = f"became {'an editor' if one else 'editors'} {why.format('it' if one else 'them')}."
        sentences += [sentence(f"{listed(ranked_names)} {became}")] if names else []
    return " ".join(sentences)


def _figures(
    subject: dict[str, Any] | None, generator: dict[str, Any] | None, photos: pd.DataFrame | None, codes: int | None,
    accuracies: pd.Series, edits: Sequence[Edit],
) -> list[tuple[str, str, str]]:  # fmt: skip
    """(value, what it is, remark) of the headline, as far as it is known."""
    figures = []
    if subject and photos is not None:
        taken = int((photos["status"] == "taken").sum())
        remark = f"of {subject['size']} px; {subject['held_out']:,} held out, never trained on"
        figures.append((f"{taken:,}", subject["kind"], remark))
    if generator and generator["images"]:
        before, frechet = generator["seen_before"], generator["frechet"]
        remark = (
            "so far"
            if before is None
            else f"after the {before:,} that its start had seen"
            if before
            else "from scratch"
        )
        remark += f"; Fréchet distance {frechet:.3g}" if frechet is not None else ""
        remark += " at the end" if frechet is not None and before is not None else ""
        figures.append((f"{generator['images']:,}", "images of training", remark))
    if codes is not None:
        figures.append((f"{codes:,}", "images synthesized and scored", "to find the boundaries"))
    if len(accuracies):
        remark = f"median of {len(accuracies)} attributes, on codes held out"
        figures.append((f"{100 * accuracies.median():.0f} %", "boundary accuracy", remark))
    for edit in edits:
        if (measured := edit.measured) is None:
            continue
        own, where = measured.own, f"on {measured.own.photos} held-out photo{'s' * (measured.own.photos != 1)}"
        if pd.notna(own.change):
            remark = f"{measured.own_unit} by {measured.by}, {where}"
            if own is not measured.predictors and pd.notna(measured.predictors.change):
                remark += f"; {signed(measured.predictors.change, 2)} standard deviations by the predictor"
            figures.append((signed(own.change, 2), edit.title, remark))
        else:
            remark = f"the score by {measured.by} {where}; no spread before, so no standard deviations"
            figures.append((f"{figure(own.before, 2)} → {figure(own.after, 2)}", edit.title, remark))
    return figures


def _files(run: Path, chosen: Iterable[str], judges: list[str], missing: list[Path]) -> list[Path]:
    """What the page is made from, folders of pictures left out, what is not there yet in `missing`."""
    each = [pattern.replace("{attribute}", name) for name in chosen for pattern in (*reads.BOUNDARY, *reads.EDIT)]
    named = [run / name for name in (*reads.RUN, *each)]
    missing += [path for path in named if not path.exists()]
    files = [path for path in named if path.is_file()]
    return files + [path for name in judges if (path := run / f"judges/{name}.safetensors").exists()]
