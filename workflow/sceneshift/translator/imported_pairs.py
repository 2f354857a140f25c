"""Pairs made elsewhere: checked, and laid down as make-pairs lays down its own."""

import csv
import json
import shutil
from pathlib import Path

from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.provenance import made_by
from sceneshift.settings import EditSettings
from sceneshift.translator.pairs_dataset import PairsDataset


def import_pairs(folder: Path | str, out_dir: Path | str, edit: EditSettings) -> None:
    """Copy train_A and train_B of `folder` to `out_dir` as they are, beside pairs.csv and edit.json.

    Raises SceneshiftError that names the file if a picture has no partner, another size, or cannot be read.
    """
    pairs = PairsDataset(folder)
    count = len(pairs)
    facts = {
        "attribute": edit.attribute, "measured_by": edit.measure, "direction": edit.direction, "reason": "imported",
        "curve": [], "kept": count, "tried": count,
        "provenance": json.loads(made_by(command="import-pairs", pairs_sha256=pairs.sha256, edit=edit.model_dump())),
    }  # fmt: skip
    with atomic_directory(out_dir) as out:
        for pair in pairs.files:
            for path in pair:
                copied = out / path.relative_to(pairs.folder)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copied)
        with open(out / "pairs.csv", "w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["index", "kept", "reason"])
            table.writerows([index, True, ""] for index in range(count))
        (out / "edit.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
