"""Tables of pairwise votes, as Place Pulse collects them: which of two photos has more of something?"""

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sceneshift.runtime.errors import SceneshiftError

# The columns that are read, and what Place Pulse's own files call them; others are ignored.
COLUMNS = {
    "question": ("question", "study_question", "category"),
    "left": ("left", "left_id"),
    "right": ("right", "right_id"),
    "winner": ("winner", "choice"),
}
WINNERS = {"left": 1, "right": -1, "equal": 0}


class Vote(NamedTuple):
    """One answer."""

    line: int
    question: str
    left: str  # photos, as the table names them
    right: str
    winner: int  # 1: left, -1: right, 0: equal


def questions_in(path: Path | str) -> set[str]:
    """The questions of a CSV of votes. Looks at their column alone: the plan of a run waits for it.

    Raises SceneshiftError for a file that is missing, has no such column, no votes or no UTF-8 text; what else is wrong
    with a vote, `read_votes` says.
    """
    with _rows(Path(path)) as (rows, header):
        place = _places(header, Path(path))[0]
        questions = {row[place].strip() for row in rows if len(row) > place} - {""}
        if not questions:
            raise SceneshiftError(f"The votes {path} have no rows below the header.")
        return questions


def read_votes(path: Path | str) -> Iterator[Vote]:
    """The votes of a CSV, one by one. Raises SceneshiftError that names line and column of what is wrong."""
    path = Path(path)
    with _rows(path) as (rows, header):
        places = _places(header, path)
        empty = True
        for row in rows:
            if row:
                empty = False
                yield _vote(row, header, places, f"{path}, line {rows.line_num}", rows.line_num)
        if empty:
            raise SceneshiftError(f"The votes {path} have no rows below the header.")


@contextlib.contextmanager
def _rows(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """(csv.reader below the header, the header)."""
    if not path.is_file():
        raise SceneshiftError(f"predictors.votes: found {str(path)!r}, which does not exist; expected a CSV of votes.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            yield rows, next(rows, [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise SceneshiftError(f"The votes {path} are no UTF-8 CSV: {error}.") from error


def _places(header: list[str], path: Path) -> list[int]:
    found = [name.strip().lower() for name in header]
    places = []
    for names in COLUMNS.values():
        own = [i for i, name in enumerate(found) if name in names]
        if len(own) != 1:
            raise SceneshiftError(
                f"{path}, line 1: found {len(own)} columns called {' or '.join(names)} among {', '.join(header)};"
                " expected one. A vote has a question, a left and a right photo, and a winner."
            )
        places += own
    return places


def _vote(row: list[str], header: list[str], places: list[int], where: str, line: int) -> Vote:
    if len(row) != len(header):
        raise SceneshiftError(f"{where}: found {len(row)} columns, expected {len(header)}.")
    question, left, right, winner = (row[i].strip() for i in places)
    for name, value in zip(COLUMNS, (question, left, right), strict=False):
        if not value:
            raise SceneshiftError(f"{where}: the {name} is empty.")
    if winner.lower() not in WINNERS:
        raise SceneshiftError(f"{where}: found the winner {winner!r}, expected {', '.join(WINNERS)}.")
    if left == right:
        raise SceneshiftError(f"{where}: the photo {left!r} is voted on against itself.")
    return Vote(line, question, left, right, WINNERS[winner.lower()])
