"""plan.json: the jobs of a run's last command, which the workflow writes before the first of them starts."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sceneshift.runtime.errors import SceneshiftError


@dataclass(frozen=True)
class PlannedJob:
    """A job, with its paths relative to the working directory."""

    name: str  # the wildcards other than the run: a shard, an attribute; empty if the rule has one job
    due: bool | None  # whether it was to run; None if that was to follow from the ranking of attributes
    log: Path
    benchmark: Path
    outputs: list[Path]


def planned_jobs(folder: Path | str) -> Iterator[tuple[str, list[PlannedJob]]]:
    """(rule, its jobs) in the workflow's order, for results/RUN. No jobs: they follow from a ranking not yet made.

    Raises SceneshiftError if no run was started there.
    """
    folder = Path(folder)
    plan = folder / "plan.json"
    try:
        rules = json.loads(plan.read_text(encoding="utf-8"))["rules"]
    except FileNotFoundError:
        raise SceneshiftError(f"{plan} does not exist: no run was started there. Give results/RUN of a run.") from None
    except (ValueError, KeyError, OSError) as error:
        raise SceneshiftError(f"{plan} cannot be read ({error}). Start the run again; it is written anew.") from error
    run, chosen = folder.resolve().name, _chosen(folder / "attributes.csv")
    for rule in rules:
        jobs = [_job(rule, job["wildcards"], job["due"]) for job in rule["jobs"]]
        unknown = not jobs and rule["behind_ranking"]  # the ranking was still to be made then
        if unknown:
            mine = (name for name in chosen if re.fullmatch(rule["attributes"], name))
            jobs = [_job(rule, {"run": run, "attribute": name}, None) for name in mine]
        if jobs or (unknown and not chosen):
            yield rule["rule"], sorted(jobs, key=lambda job: job.name)


def _job(rule: dict[str, Any], wildcards: dict[str, str], due: bool | None) -> PlannedJob:
    def filled(pattern: str) -> Path:
        return Path(re.sub(r"\{(\w+)\}", lambda match: wildcards[match[1]], pattern))

    name = " ".join(value for key, value in wildcards.items() if key != "run")
    return PlannedJob(name, due, filled(rule["log"]), filled(rule["benchmark"]), list(map(filled, rule["outputs"])))


def _chosen(table: Path) -> list[str]:
    if not table.is_file():
        return []
    with open(table, encoding="utf-8", errors="replace", newline="") as file:
        return [row["attribute"] for row in csv.DictReader(file) if row.get("chosen") == "True"]
