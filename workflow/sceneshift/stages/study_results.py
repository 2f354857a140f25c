"""study_results: what the votes of a study mean."""

import sys
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from sceneshift.attributes.votes import WINNERS
from sceneshift.report.html import write_html
from sceneshift.runtime.section import Natural
from sceneshift.runtime.tables import write_table
from sceneshift.study.plots import dose_preference
from sceneshift.study.preferences import Preference, preferences
from sceneshift.study.votes import read_study

PAGE = Path(__file__).parents[1] / "study/results.html.j2"


def study_results(
    votes: Path | str, out: Path | str, *, more: Sequence[Path] = (), failed_checks: Natural = 0,
) -> list[Preference]:  # fmt: skip
    """Say what the votes of a study mean: which dose is preferred, how surely, and how far raters agree.

    votes: table of votes (.csv) that the study's page wrote, or folder of such tables
    out: folder to write: preferences.csv, index.html, and votes.csv, which predictors of kind `comparisons` learn from
    more: further tables of votes (.csv), or folders of them
    failed_checks: attention checks that a rater may fail; the votes of others are left out

    Per question, editor and dose: Bradley–Terry's score less that of the lowest dose, with a 95 % interval by bootstrap
    over raters, the share of votes that would prefer it, and Krippendorff's α of the raters.

    Raises SceneshiftError that names what is damaged in a table, and if no vote is left.

    Example: votes results
    """
    out = Path(out)
    cast = read_study([Path(votes), *map(Path, more)], failed_checks)
    rows, words = preferences(cast), {winner: word for word, winner in WINNERS.items()}
    write_table(out / "preferences.csv", [field.name for field in fields(Preference)], map(astuple, rows))
    write_table(
        out / "votes.csv", ["question", "left", "right", "winner"],
        ((vote.question, vote.left, vote.right, words[vote.winner]) for vote in cast),
    )  # fmt: skip
    groups: dict[tuple[str, str], list[Preference]] = {}
    for row in rows:
        groups.setdefault((row.question, row.editor), []).append(row)
    plots = {key: dose_preference(own) for key, own in groups.items()}
    facts = {"groups": groups, "plots": plots, "votes": len(cast), "raters": len({vote.rater for vote in cast})}
    write_html(out / "index.html", PAGE, facts)
    for row in rows:
        if row.dose != groups[row.question, row.editor][0].dose:
            said = f"preferred {row.preferred:.0%}, score {row.score:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
            print(f"{row.question} {row.editor} at {row.dose:g}: {said}", file=sys.stderr)
    return rows
