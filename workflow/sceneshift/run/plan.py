"""plan.json: the jobs of a run's last command, which the workflow writes before the first of them starts.

`sceneshift status` holds logs and benchmarks against it; the next command looks there for what it may find made
(recovery.py); the report says from it when, where and with what config the run was started. No result depends on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file
from sceneshift.runtime.tables import read_table


class JobOfRule(BaseModel):
    """A job as Snakemake plans it."""

    wildcards: dict[str, str]
    due: bool  # whether it is to run


class PlannedRule(BaseModel):
    """A rule with the patterns of its files, and its jobs."""

    rule: str
    log: str
    benchmark: str
    outputs: list[str]
    behind_ranking: bool  # whether its jobs follow from the ranking of attributes
    attributes: str  # a regular expression: the attributes that it is for
    jobs: list[JobOfRule]


class Circumstances(BaseModel):
    """When, on what and with what the command was started."""

    started: str  # UTC, to the second, ISO 8601
    machine: str  # where Snakemake ran; on a cluster the jobs ran elsewhere
    commit: str  # of the package's own checkout, `+ changes` if it had any; empty without one
    config: dict[str, Any]  # with every default


class Plan(BaseModel):
    """The rules in the workflow's order."""

    run: str
    circumstances: Circumstances | None = None
    rules: list[PlannedRule]


@dataclass(frozen=True)
class PlannedJob:
    """A job, with its paths relative to the working directory."""

    name: str  # the wildcards other than the run: a shard, an attribute; empty if the rule has one job
    due: bool | None  # whether it was to run; None if that was to follow from the ranking of attributes
    log: Path
    benchmark: Path
    outputs: list[Path]


def write_plan(path: Path | str, plan: Plan) -> None:
    """Write plan.json."""
    with atomic_file(path) as temporary:
        temporary.write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_plan(path: Path) -> Plan:
    """Raises SceneshiftError if there is no plan.json, or it cannot be read."""
    try:
        return Plan.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise SceneshiftError(f"{path} does not exist: no run was started there. Give results/RUN of a run.") from None
    except (ValidationError, OSError) as error:
        raise _unreadable(path, error) from error


def planned_jobs(folder: Path | str) -> list[tuple[str, list[PlannedJob]]]:
    """(rule, its jobs) in the workflow's order, for results/RUN. No jobs: they follow from a ranking not yet made.

    Raises SceneshiftError if no run was started there, or its plan cannot be read.
    """
    folder = Path(folder)
    path = folder / "plan.json"
    plan = read_plan(path)
    chosen = _chosen_so_far(folder / "attributes.csv")
    try:
        planned = [(rule.rule, _jobs(rule, plan.run, chosen)) for rule in plan.rules]
    except (KeyError, re.error) as error:
        raise _unreadable(path, error) from error
    waiting = {rule.rule for rule in plan.rules if rule.behind_ranking and not chosen}
    return [(rule, jobs) for rule, jobs in planned if jobs or rule in waiting]


def _unreadable(path: Path, error: Exception) -> SceneshiftError:
    what = str(error).partition("\n")[0]
    return SceneshiftError(
        f"{path} cannot be read ({type(error).__name__}: {what}). Start the run again; it is then written again."
    )


def chosen_attributes(table: Path | str) -> list[str]:
    """The attributes that the ranking has chosen. Raises SceneshiftError if its table is damaged."""
    return [row["attribute"] for row in read_table(table, {"attribute": str, "chosen": bool}) if row["chosen"]]


def _chosen_so_far(table: Path) -> list[str]:
    try:
        return chosen_attributes(table) if table.is_file() else []
    except SceneshiftError:
        return []  # it is made again


def _jobs(rule: PlannedRule, run: str, chosen: Sequence[str]) -> list[PlannedJob]:
    jobs = [_job(rule, job.wildcards, job.due) for job in rule.jobs]
    if not jobs and rule.behind_ranking:  # the ranking was still to be made then
        mine = (name for name in chosen if re.fullmatch(rule.attributes, name))
        jobs = [_job(rule, {"run": run, "attribute": name}, None) for name in mine]
    return sorted(jobs, key=lambda job: job.name)


def _job(rule: PlannedRule, wildcards: dict[str, str], due: bool | None) -> PlannedJob:
    def filled(pattern: str) -> Path:
        return Path(re.sub(r"\{(\w+)\}", lambda match: wildcards[match[1]], pattern))

    name = " ".join(value for key, value in wildcards.items() if key != "run")
    return PlannedJob(name, due, filled(rule.log), filled(rule.benchmark), list(map(filled, rule.outputs)))
