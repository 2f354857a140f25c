"""What the report shows of one edit: its strip, its pairs, its translator's training, and what that did to photos."""

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from sceneshift.images.finding import find_photos
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.report.measured import Measured, read_measured
from sceneshift.report.pictures import data_uri, read_picture, spread
from sceneshift.report.plots import Plot, counts, distance_curve, training_curves
from sceneshift.report.run_files import history, if_made, if_sound, needed, table
from sceneshift.report.text import spoken

PAIRS = 8
STRIP_SIDE = 1100


@dataclass(frozen=True)
class PairsView:
    """The pairs that a translator learns from, and how the edit that made them was found."""

    record: EditRecord
    kept: list[tuple[str, str]]
    reasons: Plot
    curve: Plot | None


@dataclass(frozen=True)
class Edit:
    """Everything the page shows of one edit; None is what the run has not made yet."""

    name: str  # of the boundary, and of the files
    attribute: str  # the one that measures the edit
    title: str
    pairs: PairsView | None
    measured: Measured | None
    strip: str | None
    training: Plot | None
    damaged: list[str]  # what the page lacks, a sentence each
    missing: list[Path]


def read_edit(run: Path, name: str, direction: str, shown: int, translated_from: Path | None) -> Edit:
    """Gather one edit's files, with `shown` real photos. direction: until the pairs say which."""
    damaged, missing = [], []
    pairs = if_made(_pairs_view, run / f"pairs/{name}", missing=missing)
    direction, attribute = (pairs.record.direction, pairs.record.measured_by) if pairs else (direction, name)
    measured = (
        if_made(read_measured, run, name, pairs.record, shown, translated_from, missing=missing) if pairs else None
    )
    moved = pairs.record.also.items() if pairs else ()
    also = "".join(f", with {'more' if step > 0 else 'less'} {spoken(other)}" for other, step in moved)
    strip = if_made(lambda: read_picture(needed(run / f"edits/{name}.png")), missing=missing)
    training = run / f"translators/{name}/training/history.csv"
    losses = if_sound(history, training, damaged) if training.exists() else None
    return Edit(
        name=name,
        attribute=attribute,
        title=f"{direction} {spoken(attribute)}" + (f", by {spoken(name)}" if name != attribute else "") + also,
        pairs=pairs,
        measured=measured,
        strip=data_uri(strip, STRIP_SIDE) if strip else None,
        training=None if losses is None or losses.empty else training_curves(losses),
        damaged=damaged,
        missing=missing,
    )


def _pairs_view(pairs: Path) -> PairsView:
    record = EditRecord.read(needed(pairs / "edit.json"))
    curve = pd.DataFrame(map(asdict, record.curve))
    return PairsView(
        record=record,
        kept=_pairs(pairs / "train_A", pairs / "train_B"),
        reasons=counts(_reasons(table(pairs / "pairs.csv", {"kept": bool, "reason": str}))),
        curve=distance_curve(curve, record.deviations) if len(curve) > 1 else None,
    )


def _pairs(before: Path, after: Path) -> list[tuple[str, str]]:
    pairs = zip(sorted(find_photos(needed(before))), sorted(find_photos(needed(after))), strict=True)
    return [(data_uri(read_picture(one)), data_uri(read_picture(other))) for one, other in spread(list(pairs), PAIRS)]


def _reasons(pairs: pd.DataFrame) -> pd.Series:
    """Candidates by outcome: kept, or by every threshold that refused them (one may be refused by several)."""
    refused = pairs.loc[~pairs["kept"], "reason"].str.split().explode().value_counts()
    names = {"source": "source has it already", "edited": "edit too weak", "effect": "too little change"}
    refused = refused.rename({**names, "others": "other attributes changed"})
    return pd.concat([pd.Series({"kept": int(pairs["kept"].sum())}), refused])
