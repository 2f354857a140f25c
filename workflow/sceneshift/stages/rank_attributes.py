"""rank_attributes: which attributes can this generator change, and which of them become editors?"""

import csv
import math
from collections.abc import Sequence
from pathlib import Path

from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.rescoring import Row, best_level, effect, rescoring_rows
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.settings import EditsSettings

COLUMNS = (
    "rank", "attribute", "standardised", "low", "high", "changes_most", "mean_change", "validation_accuracy",
    "best_level", "chosen", "direction",
)  # fmt: skip


def rank_attributes(
    out: Path | str, settings: EditsSettings, *, rescoring: Sequence[Path | str], boundaries: Sequence[Path | str]
) -> None:
    """Rank attributes by what their boundaries change, and choose those that go on.

    out: table to write (.csv)
    rescoring: tables of rescore-boundary
    boundaries: boundaries, in the same order

    Ranked by the boundaries' standardised effect on their own attribute, all layers moved (HiGAN's ranking).
    changes_most, mean_change: the attribute that moves most, up or down, and how far. Directions without an attribute
    of their own (SeFa's, imported under another name) follow in the order of that, and have no effect of their own.
    chosen: the attributes that `settings` names, then the best of the ranking until there are `top`; directions without
    an attribute only where they are named.

    Raises SceneshiftError if tables and boundaries do not match or a named attribute was not re-scored.

    Example: attributes.csv --rescoring rescoring/*.csv --boundaries boundaries/*.npz
    """
    rows = [_row(Path(table), Path(boundary)) for table, boundary in zip(rescoring, boundaries, strict=True)]
    rows.sort(key=_place)
    named = {edit.attribute: edit.direction for edit in settings.attributes}
    ranked = [row["attribute"] for row in rows]
    if missing := [name for name in named if name not in ranked]:
        raise SceneshiftError(f"edits.attributes: {', '.join(missing)} was not re-scored; known: {', '.join(ranked)}.")
    others = [row["attribute"] for row in rows if row["attribute"] not in named and row["standardised"]]
    chosen = {*named, *others[: max(0, settings.top - len(named))]}
    with atomic_file(out) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for rank, row in enumerate(rows, start=1):
            name = row["attribute"]
            table.writerow({"rank": rank, **row, "chosen": name in chosen, "direction": named.get(name, "more")})


def _row(table: Path, boundary_path: Path) -> Row:
    boundary, rows = load_boundary(boundary_path), rescoring_rows(table)
    edited = {row["edited"] for row in rows}
    if edited != {boundary.attribute}:
        raise SceneshiftError(
            f"{table} re-scores {', '.join(sorted(edited))!r}, but {boundary_path}, given in its place, is the boundary"
            f" of {boundary.attribute!r}. Give both in the same order."
        )
    whole = {row["attribute"]: row for row in rows if row["level"] == "all"}
    strongest = max(whole.values(), key=effect)
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
