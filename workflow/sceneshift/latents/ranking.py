"""rank_attributes: which attributes can this generator change, and which of them become editors?"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from sceneshift.latents.boundaries import load_boundary
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.settings import EditsSettings

COLUMNS = (
    "rank", "attribute", "standardised", "low", "high", "changes_most", "mean_change", "validation_accuracy",
    "best_level", "chosen", "direction",
)  # fmt: skip
Row = dict[str, str]


def rank_attributes(
    rescoring: Sequence[Path | str], boundaries: Sequence[Path | str], edits: EditsSettings, out_csv: Path | str
) -> None:
    """Rank by the boundaries' standardised effect on their own attribute, all layers moved (HiGAN's ranking).

    rescoring, boundaries: tables of rescore_boundary and boundary files, in the same order.
    changes_most, mean_change: the attribute that moves most, up or down, and how far. Directions without an attribute
        of their own (SeFa's, imported under another name) follow in the order of that, and have no effect of their own.
    chosen: the attributes that `edits` names, then the best of the ranking until there are `top`; directions without an
        attribute only where they are named.

    Raises SceneshiftError if tables and boundaries do not match or a named attribute was not re-scored.
    """
    rows = [_row(Path(table), Path(boundary)) for table, boundary in zip(rescoring, boundaries, strict=True)]
    rows.sort(key=_place)
    named = {edit.attribute: edit.direction for edit in edits.attributes}
    ranked = [row["attribute"] for row in rows]
    if missing := [name for name in named if name not in ranked]:
        raise SceneshiftError(f"edits.attributes: {', '.join(missing)} was not re-scored; known: {', '.join(ranked)}.")
    others = [row["attribute"] for row in rows if row["attribute"] not in named and row["standardised"]]
    chosen = {*named, *others[: max(0, edits.top - len(named))]}
    with atomic_file(out_csv) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for rank, row in enumerate(rows, start=1):
            name = row["attribute"]
            table.writerow({"rank": rank, **row, "chosen": name in chosen, "direction": named.get(name, "more")})


def effects_on(attribute: str, table: Path | str) -> dict[str, Row]:
    """Level -> the row of a re-scoring table that measures `attribute`."""
    rows = [row for row in _rows(table) if row["attribute"] == attribute]
    if not rows:
        raise SceneshiftError(f"{table} does not measure {attribute!r}. Re-score with a predictor of it.")
    return {row["level"]: row for row in rows}


def best_level(attribute: str, table: Path | str) -> str:
    """The one level, other than all layers together, where re-scoring `attribute` is strongest, up or down."""
    effects = {level: row for level, row in effects_on(attribute, table).items() if level != "all"}
    return max(effects, key=lambda level: _effect(effects[level]))


def lowers(attribute: str, level: str, table: Path | str) -> bool:
    """Whether moving along the boundary's normal makes less of `attribute`."""
    return float(effects_on(attribute, table)[level]["mean_change"]) < 0


def _effect(row: Row) -> float:
    """Mean standardised rise of the score along the normal, or, where that is more, against it (its mean fall)."""
    rise = float(row["standardised"])
    return max(rise, rise - float(row["mean_change"]))


def _rows(table: Path | str) -> list[Row]:
    with open(table, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _row(table: Path, boundary_path: Path) -> Row:
    boundary, rows = load_boundary(boundary_path), _rows(table)
    edited = {row["edited"] for row in rows}
    if edited != {boundary.attribute}:
        raise SceneshiftError(
            f"{table} re-scores {', '.join(sorted(edited))!r}, but {boundary_path}, given in its place, is the boundary"
            f" of {boundary.attribute!r}. Give both in the same order."
        )
    whole = {row["attribute"]: row for row in rows if row["level"] == "all"}
    strongest = max(whole.values(), key=_effect)
    own = whole.get(boundary.attribute)
    fitted = not math.isnan(boundary.validation_accuracy)
    return {
        "attribute": boundary.attribute,
        **{name: own[name] if own else "" for name in ("standardised", "low", "high")},
        "changes_most": strongest["attribute"],
        "mean_change": strongest["mean_change"],
        "validation_accuracy": f"{boundary.validation_accuracy:.6g}" if fitted else "",
        "best_level": best_level((own or strongest)["attribute"], table),
    }


def _place(row: Row) -> tuple[bool, float, str]:
    has_own = bool(row["standardised"])
    return not has_own, -float(row["standardised"] if has_own else abs(float(row["mean_change"]))), row["attribute"]
