"""rank_attributes: which attributes can this generator change, and which of them become editors?"""

import math
from collections.abc import Sequence
from pathlib import Path

from sceneshift.latents.boundaries import load_boundary
from sceneshift.latents.rescoring import Row, best_level, effect, rescoring_rows
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.settings import EditsSettings

COLUMNS = (
    "rank", "attribute", "standardized", "low", "high", "changes_most", "mean_change", "validation_accuracy",
    "remaining_accuracy", "best_level", "chosen", "direction",
)  # fmt: skip


def rank_attributes(
    out: Path | str, settings: EditsSettings, *, rescoring: Sequence[Path | str], boundaries: Sequence[Path | str]
) -> None:
    """Rank attributes by what their boundaries change, and choose those that go on.

    out: table to write (.csv)
    rescoring: tables of rescore-boundary
    boundaries: boundaries, in the same order

    Ranked by the boundaries' standardized effect on their own attribute, all layers moved (HiGAN's ranking).
    changes_most, mean_change: the attribute that moves most, up or down, and how far. Directions without an attribute
    of their own (SeFa's, imported under another name) follow in that order, and have no effect of their own.
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
    others = [row["attribute"] for row in rows if row["attribute"] not in named and row["standardized"] is not None]
    chosen = {*named, *others[: max(0, settings.top - len(named))]}
    marked = (
        {"rank": rank, **row, "chosen": row["attribute"] in chosen, "direction": named.get(row["attribute"], "more")}
        for rank, row in enumerate(rows, start=1)
    )
    write_table(out, COLUMNS, marked)


def _row(table: Path, boundary_path: Path) -> Row:
    boundary, rows = load_boundary(boundary_path), rescoring_rows(table)
    edited = {row["edited"] for row in rows}
    if edited != {boundary.attribute}:
        raise SceneshiftError(
            f"{table} re-scores {', '.join(sorted(edited))!r}, but {boundary_path}, given in its place, is the boundary"
            f" of {boundary.attribute!r}. Give both in the same order."
        )
    whole = {row["attribute"]: row for row in rows if row["level"] == "all"}
    own, strongest = whole.get(boundary.attribute), max(whole.values(), key=effect, default=None)
    if strongest is None:
        raise SceneshiftError(f"{table} does not measure all layers moved together. Re-score {boundary_path} again.")
    accuracies = {name: getattr(boundary, name) for name in ("validation_accuracy", "remaining_accuracy")}
    return {
        "attribute": boundary.attribute,
        **{name: own[name] if own else None for name in ("standardized", "low", "high")},
        "changes_most": strongest["attribute"],
        "mean_change": strongest["mean_change"],
        **{name: None if math.isnan(value) else value for name, value in accuracies.items()},
        "best_level": best_level((own or strongest)["attribute"], table),
    }


def _place(row: Row) -> tuple[bool, float, str]:
    """Directions without an attribute of their own come last."""
    own = row["standardized"]
    return own is None, -(abs(row["mean_change"]) if own is None else own), row["attribute"]
