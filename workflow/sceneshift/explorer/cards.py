"""What the page says about an editor: what it does, by which judge, on which photos."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sceneshift.evaluation.summary import OWN_UNIT, Change, read_evaluation, summarize
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.report.text import figure, signed, spoken
from sceneshift.translator.checkpoints import TranslatorFacts

Table = list[list[str]]  # rows of cells, the first one the header


@dataclass(frozen=True)
class Card:
    """A title, and paragraphs and tables in the order in which they are read."""

    title: str
    blocks: list[str | Table]


def shipped_card(name: str, text: str) -> Card:
    """The card of an editor that ships, from the Markdown beside it: paragraphs and tables, its title left out."""
    blocks = []
    for paragraph in text.replace("`", "").split("\n\n"):
        lines = [line.strip() for line in paragraph.strip().splitlines()]
        if lines and lines[0].startswith("|"):
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            blocks.append([row for row in rows if set("".join(row)) != {"-"}])
        elif lines and not lines[0].startswith(("#", "!")):
            blocks.append(" ".join(lines))
    return Card(spoken(name), blocks)


def plain_card(name: str, facts: TranslatorFacts) -> Card:
    """The card of a translator of which no more is known than its file says."""
    edit = facts.edit
    title = f"{edit['direction']} {spoken(edit['attribute'])}" if {"direction", "attribute"} <= edit.keys() else name
    return Card(title, [f"No figures: nothing but its file is here. {_length(facts)}"])


def run_card(run: Path, attribute: str, facts: TranslatorFacts, kind: str, attribution: str) -> Card:
    """The card of a run's edit. kind: `photos` or `rendered streets`; attribution: whose the photos are, and licence.

    Raises SceneshiftError for a damaged file.
    """
    record = EditRecord.read(run / f"pairs/{attribute}/edit.json")
    rows = summarize(read_evaluation(run / f"evaluation/{attribute}.csv"))
    structure = next(row.after for row in rows if (row.scorer, row.attribute) == ("pixels", "structure"))
    scorers = dict.fromkeys(row.scorer for row in rows if row.attribute == record.measured_by)
    scorer = next((name for name in scorers if name.startswith("judge:")), "predictor")
    by_scorer = [row for row in rows if row.scorer == scorer]
    own = next(row for row in by_scorer if row.attribute == record.measured_by)
    who = (
        f"by the judge {spoken(scorer.removeprefix('judge:'))}, which took no part in making the edit"
        if scorer != "predictor"
        else "by the predictor that chose its pairs: no judge that took no part scores it"
    )
    unit = "on a scale of 0 to 1" if scorer in OWN_UNIT else "standard deviations of its scores"
    found = f"On {own.photos} held-out {kind} {spoken(own.attribute)} moved by {signed(own.change, 2)} {unit}"
    if pd.isna(own.change):
        found = f"On {own.photos} held-out {kind} {spoken(own.attribute)} went from {figure(own.before, 2)} to"
        found += f" {figure(own.after, 2)}"
    elif pd.notna(own.low):
        found += f" (95 % interval {signed(own.low, 2)} to {signed(own.high, 2)})"
    blocks: list[str | Table] = [f"{found}, {who}."]
    others = [row for row in by_scorer if row is not own and pd.notna(row.change)]
    if others:
        other = max(others, key=lambda row: abs(row.change))
        blocks.append(f"What else moved most: {spoken(other.attribute)}, {signed(other.change, 2)}.")
    blocks.append(f"Edges kept a correlation of {figure(structure, 2)} with those before.")
    blocks.append(_length(facts))
    if attribution:
        blocks.append(f"The photos that it learned from and was measured on: {attribution}.")
    if kind != "photos":
        blocks.append("It has seen drawn streets alone. What it makes of a real photo was not measured.")
    title = f"{record.direction} {spoken(record.measured_by)}"
    return Card(
        title if attribute == record.measured_by else f"{title}, by {spoken(attribute)}", [*blocks, _table(by_scorer)]
    )


def _length(facts: TranslatorFacts) -> str:
    length = f"It was shown {facts.images:,} pairs" if facts.images else "It was trained elsewhere"
    return f"{length}, at {facts.resolution} pixels."


def _table(changes: list[Change]) -> Table:
    rows = [["", "before", "after", "change"]]
    for row in changes:
        rows.append([spoken(row.attribute), figure(row.before, 2), figure(row.after, 2), signed(row.change, 2)])
    return rows
