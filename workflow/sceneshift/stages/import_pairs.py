"""Pairs made elsewhere: checked, and laid down as make-pairs lays down its own."""

import shutil
from pathlib import Path

from sceneshift.pairs.dataset import FILES, PairsDataset
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.tables import write_table
from sceneshift.settings import EditSettings


def import_pairs(folder: Path | str, out: Path | str, *, edit: EditSettings) -> None:
    """Check pairs made elsewhere and take them over as they are, for the workflow.

    folder: folder with train_A and train_B: pictures of the same names and one size
    out: folder to write: train_A, train_B, pairs.csv, edit.json
    edit: the edit (attribute, direction, measured_by)

    Raises SceneshiftError that names the file if a picture has no partner, another size, or cannot be read.

    Example: my_pairs pairs/snow --edit '{"attribute": "snow"}'
    """
    pairs = PairsDataset(folder)
    count = len(pairs)
    provenance = made_by(command="import-pairs", pairs_sha256=pairs.sha256, edit=edit.model_dump())
    with atomic_directory(out, FILES) as made:
        for pair in pairs.files:
            for path in pair:
                copied = made / path.relative_to(pairs.folder)
                copied.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copied)
        write_table(made / "pairs.csv", ["index", "kept", "reason"], ([index, True, ""] for index in range(count)))
        EditRecord(
            attribute=edit.attribute, direction=edit.direction, measured_by=edit.measure, reason="imported",
            curve=[], kept=count, tried=count, provenance=provenance,
        ).write(made)  # fmt: skip
