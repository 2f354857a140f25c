"""Attributes' names: which are known, and that no two predictors of a run share one."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from sceneshift.runtime.errors import SceneshiftError

RESOURCES = Path(__file__).parents[3] / "resources"
SHOWN = 120  # names that an error lists


def must_be_known(name: str, known: Sequence[str], where: str, who: str) -> None:
    """Raise SceneshiftError if `name` is not among `known`, with the nearest name and those that `who` has."""
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ";"
        more = ", …" if len(known) > SHOWN else ""
        raise SceneshiftError(f"{where}: found {name!r}{hint} {who}: {', '.join(known[:SHOWN])}{more}")


def side_by_side(scored: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """The attributes of several predictors, given as (kind, attributes), in one list.

    Raises SceneshiftError if a name occurs twice, naming the predictors by number and kind.
    """
    scorers: dict[str, list[str]] = {}
    for number, (kind, names) in enumerate(scored, start=1):
        for name in names:
            scorers.setdefault(name, []).append(f"number {number} ({kind})")
    clashes: dict[str, list[str]] = {}
    for name, who in scorers.items():
        if len(who) > 1:
            clashes.setdefault(" and ".join(who), []).append(name)
    if clashes:
        listed = "; ".join(f"{', '.join(names)} by {who}" for who, names in clashes.items())
        raise SceneshiftError(
            f"predictors: scored more than once: {listed}."
            " Names must differ: leave each out of one of them (its `attributes` say what it scores), or rename the"
            " label's column or folder."
        )
    return list(scorers)


# Files are named after attributes, and Snakemake reads {x} and <x> in their names as its own, commas as lists.
_IN_FILE_NAMES = str.maketrans({" ": "_", "{": "(", "}": ")", "<": "(", ">": ")", "/": "-", ",": ";"})


def as_attribute(name: str) -> str:
    """An attribute's name everywhere: `snowy road` becomes `snowy_road`; { } < > parentheses, / a hyphen, a comma ;."""
    return name.strip().translate(_IN_FILE_NAMES)


def chosen(wanted: str | Sequence[str], known: list[str], where: object) -> list[str]:
    """`known` if `wanted` is "all", else those that it lists; SceneshiftError for one that `where` does not have."""
    if wanted == "all":
        return known
    names = [as_attribute(name) for name in wanted]
    for name in names:
        must_be_known(name, known, "predictors.attributes", f"{where} has")
    return names
