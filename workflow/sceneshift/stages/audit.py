"""audit: any edit, by any tool, in numbers: the same place, local, real, and what moved."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from sceneshift.evaluation.audit import Aim, Verdict, measured, shares, verdicts_on, write_verdicts
from sceneshift.evaluation.judge import load_judge
from sceneshift.evaluation.pair_files import PairFiles, find_pairs, read_pair
from sceneshift.evaluation.realism import NETWORK, distances, features
from sceneshift.evaluation.summary import CHANGE_COLUMNS, COLUMNS, Row, summarize
from sceneshift.images.finding import check_folder, find_photos
from sceneshift.images.reading import UnusablePhotoError, read_photo
from sceneshift.report.audit import write_audit_page
from sceneshift.runtime.devices import pick_device
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.tables import write_table
from sceneshift.scoring import Predictor, load_predictor
from sceneshift.scoring.kinds.onnx import OnnxPredictor
from sceneshift.settings import AuditSettings
from sceneshift.vision.backbone import load_backbone


def audit(
    before: Path | str, after: Path | str, out: Path | str, settings: AuditSettings, *,
    pairs: Path | None = None, masks: Path | None = None, judges: Sequence[Path] = (), predictor: Path | None = None,
    attribute: str | None = None, direction: Literal["more", "less"] = "more", real: Path | None = None,
    device: torch.device | str = "cpu",
) -> list[Verdict]:  # fmt: skip
    """Audit edits, made by any tool: is it the same place, what changed, and does it look real?

    before: photo, or folder of photos
    after: edited photo, or folder of edited photos of the same names; sizes, formats and suffixes may differ
    out: folder to write: audit.csv (a verdict per pair), measurements.csv, summary.csv, index.html (worst cases first)
    pairs: table of pairs (.csv) where names differ: columns before and after, mask if wanted; paths below the folders
    masks: picture or folder of pictures, white where the edit was to be
    judges: predictors, judges, or exported models (.onnx), that took no part in the edit
    predictor: predictor (.safetensors) that took part
    attribute: that the edit is for, as judges and predictor call it
    direction: of the edit
    real: folder of real photos that have what the edit adds

    Pairs that cannot be read are named and left out. Intervals (95 %) are by bootstrap over photos, of
    shares Wilson's.

    Raises SceneshiftError if no pair is there, or no scorer knows the attribute.

    Example: photos edited audited --judges judge.safetensors --attribute natural_light --direction less
    """
    device, out = str(pick_device(str(device))), Path(out)
    if real is not None:
        check_folder(real)
    found = find_pairs(Path(before), Path(after), pairs, masks)
    scorers: dict[str, Predictor] = {f"judge:{Path(judge).stem}": _judge(judge, device) for judge in judges}
    if predictor is not None:
        scorers["predictor"] = load_predictor(predictor, device)
    aim = Aim(attribute, direction) if attribute else None
    known = {name for scorer in scorers.values() for name in scorer.attributes}
    if aim and aim.attribute not in known:
        raise SceneshiftError(
            f"--attribute {attribute}: no scorer given knows it; they know"
            f" {', '.join(sorted(known)) or 'nothing: give --judges or --predictor'}."
        )
    backbone = load_backbone(device, network=NETWORK) if real is not None else None
    table: list[Row] = []
    seen: dict[str, PairFiles] = {}
    pictures: list[list[np.ndarray]] = [[], []]  # features of photos and of edited photos
    with Progress("auditing", len(found), unit="pairs", beside=out / "audit.csv") as progress:
        for files in found:
            progress.advance(1)
            try:
                pair = read_pair(files)
            except UnusablePhotoError as reason:
                print(f"{files.name}: left out: {reason}", file=sys.stderr)
                continue
            seen[files.name] = files
            table += measured([files.name], [pair], scorers)
            if backbone is not None:
                for picture, own in zip((pair.before, pair.after), pictures, strict=True):
                    own.append(features([picture], backbone)[0])
    if not seen:
        raise SceneshiftError(f"None of the {len(found)} pairs can be read; each is named above.")
    judged = verdicts_on(table, settings, aim)
    changes = [*summarize(table), *shares(judged)]
    if backbone is not None:
        there = features(_photos(real), backbone)
        if min(len(there), len(pictures[0])) < 2:
            raise SceneshiftError(f"{real}: a distance needs two real photos and two pairs at least.")
        changes += distances(*map(np.array, pictures), there)
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / "measurements.csv", list(COLUMNS), table)
    write_table(out / "summary.csv", CHANGE_COLUMNS, map(astuple, changes))
    write_verdicts(out / "audit.csv", judged)
    write_audit_page(out / "index.html", judged, changes, seen, settings, aim)
    print(*changes, sep="\n", file=sys.stderr)
    return judged


def _judge(path: Path, device: str) -> Predictor:
    if path.suffix == ".onnx":
        return load_predictor(OnnxPredictor(kind="onnx", model=str(path)), device)
    return load_judge(path, device)


def _photos(folder: Path) -> Iterator[np.ndarray]:
    for path in find_photos(folder):
        try:
            yield read_photo(path)
        except UnusablePhotoError as reason:
            print(f"{path}: left out: {reason}", file=sys.stderr)
