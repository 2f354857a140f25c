"""Where a run's files lie. These are Snakemake's patterns: it fills in {run} and the other wildcards."""

import re
from collections.abc import Iterable


def results(path: str) -> str:
    """`{run}/photos.h5` -> `results/{run}/photos.h5`."""
    return f"results/{path}"


def run_lock(folder: str) -> str:
    """The lock that a command holds which works on a run; `folder` is relative to the working directory."""
    return f".snakemake/sceneshift-{folder.replace('/', '-')}.lock"


def logs(path: str) -> str:
    """`{run}/fit_boundary/{attribute}.log` -> `results/{run}/logs/fit_boundary/{attribute}.log`."""
    return path.replace("{run}", "results/{run}/logs", 1)


def benchmarks(path: str) -> str:
    """`{run}/fit_boundary/{attribute}.tsv` -> `results/{run}/benchmarks/fit_boundary/{attribute}.tsv`."""
    return path.replace("{run}", "results/{run}/benchmarks", 1)


def one_of(names: Iterable[str]) -> str:
    """A wildcard's constraint: one of these names; without any, nothing (an empty one would let everything through)."""
    return "|".join(map(re.escape, names)) or "(?!)"
