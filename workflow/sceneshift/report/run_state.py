"""How a run stands, and when, where and with what config it was started: what the page says that results do not."""

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunState:
    """Of a run's last command. All empty for a folder that no workflow has written."""

    started: str = ""  # UTC, ISO 8601
    machine: str = ""
    commit: str = ""
    config: dict[str, Any] = field(default_factory=dict)  # with every default
    at_work: bool = False
    to_do: list[str] = field(default_factory=list)  # stages that are not done, and how far they are


@dataclass(frozen=True)
class Duration:
    """How long a rule's jobs took, all together."""

    rule: str
    jobs: int
    seconds: float
    memory: float  # MB of the largest job; 0 if it was not measured


def durations(run: Path) -> list[Duration]:
    """From the benchmarks of the jobs that succeeded, longest first; without the report's own, and damaged ones."""
    folder, found = run / "benchmarks", defaultdict(list)
    for path in sorted(folder.rglob("*.tsv")):
        if measured := _measured(path):
            found[path.relative_to(folder).parts[0].removesuffix(".tsv")].append(measured)
    found.pop("report", None)
    rows = [
        Duration(rule, len(jobs), sum(seconds for seconds, _ in jobs), max(memory for _, memory in jobs))
        for rule, jobs in found.items()
    ]
    return sorted(rows, key=lambda row: -row.seconds)


def _measured(path: Path) -> tuple[float, float] | None:
    """A job's seconds and its most memory in MB, 0 where Snakemake wrote a dash: it was over before it was measured."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            row = next(csv.DictReader(file, delimiter="\t"))
        return float(row["s"]), float(row["max_rss"].replace("-", "0"))
    except (OSError, ValueError, KeyError, AttributeError, StopIteration):
        return None
