"""rank_attributes: which attributes can this generator change, and which of them become editors?"""

import csv
from collections.abc import Sequence
from pathlib import Path

from sceneshift.latents.boundaries import load_boundary
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.settings import EditsSettings

COLUMNS = (
    "rank", "attribute", "standardised", "low", "high", "validation_accuracy", "best_level", "chosen", "direction",
)  # fmt: skip


def rank_attributes(
    rescoring: Sequence[Path | str], boundaries: Sequence[Path | str], edits: EditsSettings, out_csv: Path | str
) -> None:
    """Rank by the boundaries' standardised effect on their own attribute, all layers moved (HiGAN's ranking).

    rescoring, boundaries: tables of rescore_boundary and boundary files, in the same order.
    chosen: the attributes that `edits` names, then the best of the ranking until there are `top`.

    Raises SceneshiftError if tables and boundaries do not match or a named attribute was not re-scored.
    """
    rows = [_row(Path(table), Path(boundary)) for table, boundary in zip(rescoring, boundaries, strict=True)]
    rows.sort(key=lambda row: (-float(row["standardised"]), row["attribute"]))
    named = {edit.attribute: edit.direction for edit in edits.attributes}
    ranked = [row["attribute"] for row in rows]
    if missing := [name for name in named if name not in ranked]:
        raise SceneshiftError(f"edits.attributes: {', '.join(missing)} was not re-scored; known: {', '.join(ranked)}.")
    others = [name for name in ranked if name not in named]
    chosen = {*named, *others[: max(0, edits.top - len(named))]}
    with atomic_file(out_csv) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for rank, row in enumerate(rows, start=1):
            name = row["attribute"]
            table.writerow({"rank": rank, **row, "chosen": name in chosen, "direction": named.get(name, "more")})


def own_effects(table: Path | str) -> dict[str, dict[str, str]]:
    """Level -> the row of a re-scoring table that measures the edited attribute itself."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["edited"] == row["attribute"]]
    if not rows:
        raise SceneshiftError(f"{table} does not measure the attribute that it edits. Re-score with a predictor of it.")
    return {row["level"]: row for row in rows}


def best_level(table: Path | str) -> str:
    """The one level, other than all layers together, where re-scoring the own attribute is strongest."""
    effects = {level: row for level, row in own_effects(table).items() if level != "all"}
    return max(effects, key=lambda level: float(effects[level]["standardised"]))


def _row(table: Path, boundary_path: Path) -> dict[str, str]:
    boundary, whole = load_boundary(boundary_path), own_effects(table)["all"]
    if whole["edited"] != boundary.attribute:
        raise SceneshiftError(
            f"{table} re-scores {whole['edited']!r}, but {boundary_path}, given in its place, is the boundary of"
            f" {boundary.attribute!r}. Give both in the same order."
        )
    return {
        "attribute": boundary.attribute,
        **{name: whole[name] for name in ("standardised", "low", "high")},
        "validation_accuracy": f"{boundary.validation_accuracy:.6g}",
        "best_level": best_level(table),
    }
