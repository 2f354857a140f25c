"""Attributes' names: those of Places365, and that no two predictors of a run share one. Known without any weights."""

import difflib
import functools
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


@functools.cache
def sun_attributes() -> tuple[str, ...]:
    """The 102 attributes of the SUN attribute database, in the order of Places365's attribute matrix."""
    return tuple((RESOURCES / "sun_attributes.txt").read_text(encoding="utf-8").split())


@functools.cache
def places365_scenes() -> dict[str, bool]:
    """The scores of Places365's 365 categories in the network's order, `scene_church_outdoor`: is it outdoors?"""
    lines = (RESOURCES / "places365_categories.txt").read_text(encoding="utf-8").splitlines()
    return {f"scene_{name.replace('/', '_')}": where == "outdoor" for name, where in map(str.split, lines)}


def places365_columns() -> list[str]:
    """All that the published network can score: SUN attributes, categories, `outdoor`."""
    return [*sun_attributes(), *places365_scenes(), "outdoor"]


def places365_attributes(wanted: Sequence[str]) -> list[str]:
    """The names that `attributes` of a `places365` predictor stands for: `sun` and `scenes` are all of theirs."""
    groups: dict[str, Sequence[str]] = {"sun": sun_attributes(), "scenes": list(places365_scenes())}
    names = [name for entry in wanted for name in groups.get(entry, [entry])]
    for name in names:
        must_be_known(name, [*groups, *places365_columns()], "predictors (places365): attributes", "it scores")
    return names
