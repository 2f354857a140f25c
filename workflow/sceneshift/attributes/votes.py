"""Tables of pairwise votes, as Place Pulse collects them: which of two photos has more of something?"""

import contextlib
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import encoding_of

# The columns that are read, and what Place Pulse's own files call them; others are ignored.
COLUMNS = {
    "question": ("question", "study_question", "category"),
    "left": ("left", "left_id"),
    "right": ("right", "right_id"),
    "winner": ("winner", "choice"),
}
WINNERS = {"left": 1, "right": -1, "equal": 0}
# What can be wrong with a vote, by its number in VoteTable.fault
FAULTS = (
    "",
    "have no question",
    "have no left or right photo",
    f"have a winner that is none of {', '.join(WINNERS)}",
    "are on a photo against itself",
)


@dataclass(frozen=True)
class VoteTable:
    """All votes of a table in its order, those at fault too."""

    questions: list[str]
    photos: list[str]  # as the table names them
    question: np.ndarray  # int64 [V], place in `questions`
    left: np.ndarray  # int64 [V], place in `photos`
    right: np.ndarray  # int64 [V]
    winner: np.ndarray  # int64 [V], 1: left, -1: right, 0: equal
    fault: np.ndarray  # int64 [V], place in FAULTS; 0: none


def questions_in(path: Path | str) -> set[str]:
    """The questions of a CSV of votes. Reads only their column: the plan of a run waits for it.

    Raises SceneshiftError for a file that is missing, has no such column, no votes or no text; what else is wrong with
    a vote, `read_votes` says.
    """
    with _rows(Path(path)) as (rows, header):
        place = _places(header, Path(path))[0]
        questions = {row[place].strip() for row in rows if len(row) > place} - {""}
        if not questions:
            raise SceneshiftError(f"The votes {path} have no rows below the header.")
        return questions


def read_votes(path: Path | str) -> VoteTable:
    """The votes of a CSV. Raises SceneshiftError as `questions_in`."""
    import pandas as pd  # late: the plan of a run needs only the questions

    path = Path(path)
    with _rows(path) as (_, header):
        places = _places(header, path)
        columns = pd.read_csv(
            path, encoding=encoding_of(path), header=0, names=range(len(header)), usecols=places, index_col=False,
            dtype=object, keep_default_na=False, na_filter=False,
        )  # fmt: skip
    if columns.empty:
        raise SceneshiftError(f"The votes {path} have no rows below the header.")
    values = [pd.factorize(columns[place].to_numpy()) for place in places]
    (question, questions), (winner, winners) = _renumbered(values[:1]), _renumbered(values[3:])
    sides, photos = _renumbered(values[1:3])
    left, right = np.split(sides, 2)
    sign_of = np.array([WINNERS.get(word.lower(), 9) for word in winners])
    winner = sign_of[winner]
    empty = photos.index("") if "" in photos else -1
    faults = [question == (questions.index("") if "" in questions else -1), (left == empty) | (right == empty)]
    fault = np.select([*faults, winner == 9, left == right], range(1, len(FAULTS)), 0)
    return VoteTable(questions, photos, question, left, right, winner, fault)


def lines_of(path: Path | str, places: Sequence[int]) -> list[int]:
    """The lines of a table's file where the votes at `places` stand."""
    wanted, lines = set(places), {}
    with _rows(Path(path)) as (rows, _):
        for place, _ in enumerate(row for row in rows if row and "".join(row).strip()):
            if place in wanted:
                lines[place] = rows.line_num
    return [lines[place] for place in places]


def _renumbered(columns: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, list[str]]:
    """Columns of (codes int [n], words) one below the other: (codes int64 [N], the words that they stand for)."""
    numbers: dict[str, int] = {}
    parts = []
    for codes, words in columns:
        new = [numbers.setdefault(word.strip(), len(numbers)) for word in words]
        parts.append(np.array(new, np.int64)[codes])
    return np.concatenate(parts), list(numbers)


@contextlib.contextmanager
def _rows(path: Path) -> Iterator[tuple[Any, list[str]]]:
    """(csv.reader below the header, the header)."""
    if not path.is_file():
        raise SceneshiftError(f"predictors.votes: found {str(path)!r}, which does not exist; expected a CSV of votes.")
    try:
        with open(path, encoding=encoding_of(path), newline="") as file:
            rows = csv.reader(file)
            yield rows, next(rows, [])
    except (ValueError, csv.Error) as error:  # pandas' and the decoder's errors are ValueErrors
        raise SceneshiftError(
            f"The votes {path} are not a CSV in UTF-8 or UTF-16: {error}. Save them as a CSV in UTF-8."
        ) from error


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
