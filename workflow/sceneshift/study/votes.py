"""The table that the study's page writes: a row a vote."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sceneshift.attributes.votes import WINNERS
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import read_table

COLUMNS = {
    "rater": str, "question": str, "left": str, "right": str, "winner": str, "editor": str, "photo": str,
    "left_dose": float, "right_dose": float, "expected": str,
}  # fmt: skip


@dataclass(frozen=True)
class Vote:
    """A rater's word on two doses of an editor. winner: 1: left, -1: right, 0: equal."""

    rater: str
    question: str
    editor: str
    photo: str
    left: str  # file names of the pictures
    right: str
    left_dose: float
    right_dose: float
    winner: int


def read_study(paths: Sequence[Path], most_failed: int = 0) -> list[Vote]:
    """The votes of tables, or of folders of tables, without attention checks and without raters who failed more than
    `most_failed` of theirs; these are named on stderr. A rater's table that is there twice counts once.

    Raises SceneshiftError that names what is damaged, and if no vote is left.
    """
    files = [file for path in paths for file in (sorted(path.rglob("*.csv")) if path.is_dir() else [path])]
    if not files:
        raise SceneshiftError(f"{', '.join(map(str, paths))}: there is no table of votes (.csv).")
    rows, seen = [], set()
    for file in files:
        for line, row in enumerate(read_table(file, COLUMNS, "Take the rater's own file again."), start=2):
            if row["winner"] not in WINNERS:
                raise SceneshiftError(
                    f"{file}, line {line}: winner is {row['winner']!r:.80}, expected {', '.join(WINNERS)}."
                )
            if row["expected"] not in ("", "left", "right"):
                raise SceneshiftError(f"{file}, line {line}: expected is {row['expected']!r:.80}, not left or right.")
            key = tuple(row[name] for name in COLUMNS)
            if key not in seen:
                rows.append(row)
            seen.add(key)
    failed: dict[str, int] = {}
    for row in rows:
        if row["expected"] and row["winner"] != row["expected"]:
            failed[row["rater"]] = failed.get(row["rater"], 0) + 1
    out = {rater for rater, count in failed.items() if count > most_failed}
    for rater in sorted(out):
        print(f"rater {rater}: left out: failed {failed[rater]} attention checks", file=sys.stderr)
    votes = [
        Vote(
            row["rater"], row["question"], row["editor"], row["photo"], row["left"], row["right"], row["left_dose"],
            row["right_dose"], WINNERS[row["winner"]],
        )
        for row in rows
        if not row["expected"] and row["rater"] not in out
    ]  # fmt: skip
    if not votes:
        raise SceneshiftError(f"{', '.join(map(str, paths))}: no votes are left.")
    return votes
