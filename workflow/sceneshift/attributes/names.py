"""Attributes' names: which are known, and that no two predictors of a run share one."""

from collections.abc import Iterable, Sequence

from sceneshift.runtime.errors import SceneshiftError, must_be_known


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
