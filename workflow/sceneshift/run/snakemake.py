"""What the workflow asks of Snakemake itself. Nothing else in the package imports it.

Not all of this is documented; it was checked with Snakemake 9.27 (the interfaces of executors 9.4 and loggers 2.1):

- of `workflow`: exec_mode, dryrun, dag_settings.force_incomplete, resource_settings.cores and .nodes, global_resources,
  register_resource, deployment_settings.deployment_method and .apptainer_args, _onstart,
  modifier.path_modifier.replace_prefix, rules (name, output, log, benchmark, wildcard_constraints),
  persistence.metadata, dag.jobs, dag.needrun and dag.forcefiles;
- of jobs: rule, wildcards_dict; of records that a logger gets: event, log, rule_msg;
- snakemake.io._IOFile and strip_wildcard_constraints; the files in .snakemake/locks;
- that its handler of SIGTERM is there when jobs start, and only sets a flag, behind a lock;
- that input functions are called before Snakemake looks for locks and for unfinished outputs;
- that an exception without a traceback is printed without the lines of the Snakefile.
"""

import logging
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from snakemake.exceptions import WorkflowError
from snakemake.io import _IOFile, strip_wildcard_constraints
from snakemake.logging import logger
from snakemake.settings.types import DeploymentMethod
from snakemake.shell import shell
from snakemake_interface_executor_plugins.settings import ExecMode
from snakemake_interface_logger_plugins.common import LogEvent

from sceneshift.run.attempts import note_another_attempt, note_failure
from sceneshift.run.circumstances import circumstances
from sceneshift.run.gpu_slots import visible_gpus
from sceneshift.run.paths import one_of, run_lock
from sceneshift.run.plan import JobOfRule, Plan, PlannedRule, chosen_attributes, planned_jobs, write_plan
from sceneshift.run.recovery import changed_outputs, stale_locks
from sceneshift.run.status import QUIET_STAGES
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.locks import NoLocksError, lock
from sceneshift.runtime.shipped import PACKAGE, ROOT
from sceneshift.settings import Settings


class ConfigError(WorkflowError):
    """What a user must mend: shown as its own text, without the lines of the Snakefile that found it."""

    __traceback__ = None


@dataclass(frozen=True)
class Machine:
    """What jobs share on one machine. On a cluster they share nothing."""

    cores: int | None
    gpus: int


def checked(read: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What `read` returns; its SceneshiftError as Snakemake's own, so that it ends the command before any job."""
    try:
        return read(*arguments, **options)
    except SceneshiftError as error:
        raise ConfigError(str(error)) from None


def on_disk(file: Any) -> str:
    """A file that an input function reads: where runs are kept in a storage, its copy here may be gone."""
    with file.open():  # if it is not here, Snakemake fetches it and calls the input function again
        return file


def set_up_jobs(workflow: Any, folder: Path) -> None:
    """Let jobs run this package, in `folder`; and leave signals to the stages."""
    # The interpreter's own tools come first, activated venv or not; inside a conda environment `python` is that one's.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if found := set(str(folder)) & {os.pathsep, "{", "}"}:
        raise ConfigError(
            f"{folder}: found {' '.join(sorted(found))} in this path. Python takes {os.pathsep} for the end of a path,"
            " and Snakemake braces for a pattern. Move the workflow to a folder of another name."
        )
    # A time limit, `scancel` or preemption comes as SIGTERM, a scheduler's warning as SIGUSR1, to every process of a
    # job. They are for the stage, which may have a snapshot to write: the shell and tee wait for it, and so does
    # Snakemake inside a job.
    if workflow.exec_mode != ExecMode.DEFAULT:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if workflow.exec_mode == ExecMode.REMOTE:
        os.environ.pop(QUIET_STAGES, None)  # a cluster's job has a log of its own
    shell.prefix(
        "set -euo pipefail; trap : TERM; "
        f'tee() {{{{ trap \'\' TERM INT; if [ "${{{{{QUIET_STAGES}:-}}}}" ]; then command tee "$@" > /dev/null;'
        ' else command tee "$@"; fi; }}; '
        f'sceneshift() {{{{ PYTHONPATH={shlex.quote(str(folder))} python -m sceneshift "$@"; }}}}; '
    )


def set_up_container(workflow: Any, image: str) -> None:
    """Let containers see this workflow: Apptainer shows them the working directory, and little else.

    image: a file, or an address, which Snakemake fetches before it runs anything
    """
    deployment = workflow.deployment_settings
    asked_for = DeploymentMethod.APPTAINER in deployment.deployment_method
    if asked_for and "://" not in image and not Path(image).exists():
        raise ConfigError(
            f"container: {image} does not exist. `apptainer build {image} envs/apptainer.def` makes it, in a clone."
        )
    binds = " ".join(f"--bind {shlex.quote(str(folder))}" for folder in (ROOT, PACKAGE))
    if binds not in deployment.apptainer_args:  # else this is a job of a command, which has bound them
        deployment.apptainer_args = f"{deployment.apptainer_args} {binds}"


def machine_of(workflow: Any) -> Machine:
    """The cores and GPUs here, of which Snakemake then gives out no more than there are.

    Each job takes a GPU for itself (gpu_slots.py). On a cluster the scheduler does both. `--resources gpu=K` is kept.
    """
    if workflow.exec_mode != ExecMode.DEFAULT or workflow.resource_settings.nodes is not None:
        return Machine(None, 0)
    gpus = len(visible_gpus())
    if "gpu" not in workflow.global_resources:
        if gpus:
            workflow.register_resource("gpu", gpus)
        else:
            logger.info("No GPU here: everything runs on the CPU.")
    return Machine(workflow.resource_settings.cores, gpus)


def placed(workflow: Any) -> Callable[[str], str]:
    """Path of a run's file -> where it lies: a workflow that takes this one as its `module` may give a prefix.

    Snakemake does so for inputs, outputs, logs and benchmarks; params and what is no output are ours to place.
    """
    modifier = workflow.modifier.path_modifier
    return lambda path: str(modifier.replace_prefix(path))


def retries(workflow: Any, times: int) -> int:
    """How often a training is tried again. A cluster's job is tried again as a whole, not within itself."""
    return times if workflow.exec_mode == ExecMode.DEFAULT else 0


def recovery(workflow: Any, folder: str) -> Callable[[Any], list[str]]:
    """An input function without inputs, for the first rules: puts in order what a kill or a hand left of a run.

    folder: the run's
    """
    held: list[IO[str] | None] = []  # the run's lock, until this process ends

    def recovered(wildcards: Any) -> list[str]:
        if workflow.exec_mode == ExecMode.DEFAULT and not held:
            workflow.dag_settings.force_incomplete = True
            held.append(None if workflow.dryrun else _recover(workflow, folder))
            _rank_again_if_damaged(workflow, Path(folder, "attributes.csv"))
        return []

    return recovered


def _recover(workflow: Any, folder: str) -> IO[str] | None:
    os.makedirs(".snakemake", exist_ok=True)
    try:
        held = lock(run_lock(folder))
    except NoLocksError as error:
        logger.warning(f"{error} Until then, after a kill: snakemake --unlock, and the same command again.")
        return None
    if held:  # else another command works on the run: Snakemake's own locks decide
        if stale := stale_locks(Path(".snakemake/locks"), folder):
            logger.info("The last command was killed. Going on from where it was.")
        for path in stale:
            path.unlink()
        _run_changed_again(workflow, Path(folder))
    return held


def _run_changed_again(workflow: Any, folder: Path) -> None:
    """Force the jobs whose finished outputs were changed or lost."""
    if not (folder / "plan.json").exists():
        return
    try:
        planned = planned_jobs(folder)
    except SceneshiftError as error:
        logger.warning(f"{error} Files that were changed by hand are not looked for.")
        return

    def ended(output: Path) -> float | None:
        record = workflow.persistence.metadata(_IOFile(str(output), rule=None))
        ours = output.is_relative_to(folder)  # else it is shared by runs
        return record.endtime if record and ours else None

    changed, all_of_them = changed_outputs(planned, ended)
    if changed and all_of_them:
        logger.warning(f"Every file of {folder} has a new time, as after a copy (next time: cp -a).")
        return
    for output in changed:
        kept = f" (kept as {shutil.copy2(output, f'{output}.set-aside')})" if output.is_file() else ""
        logger.warning(f"{output} was changed or lost after it was made, and is made again{kept}.")
    workflow.dag.forcefiles.update(map(str, changed))


def _rank_again_if_damaged(workflow: Any, table: Path) -> None:
    """Force the ranking of attributes if its table cannot be read: which jobs there are follows from it."""
    try:
        if table.is_file():
            chosen_attributes(table)
    except SceneshiftError:
        kept = "" if workflow.dryrun else f" (kept as {shutil.copy2(table, f'{table}.set-aside')})"
        logger.warning(f"{table} is damaged, and is made again{kept}.")
        workflow.dag.forcefiles.add(str(table))


def handle_sigterm_in_a_thread() -> None:
    """Let Snakemake's handler of SIGTERM wait for its lock in a thread of its own.

    In the main thread it waits for ever where that is choosing jobs, and so holds the lock that the handler takes.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        signal.signal(signal.SIGTERM, lambda *caught: threading.Thread(target=handler, args=caught).start())


def at_start(workflow: Any, start: Callable[..., None], *arguments: Any) -> None:
    """Call `start` when the jobs are known, before the first of them.

    As `onstart:`, which Snakemake leaves out where this workflow is another one's `module`. That one's own `onstart:`
    must stand above the `module`.
    """
    before = workflow._onstart

    def both(log: Any) -> None:
        before(log)
        start(*arguments)

    workflow._onstart = both


def note_start(
    workflow: Any,
    folder: str,
    settings: Settings,
    behind_ranking: Collection[str],
    in_place: Callable[[str], str] = str,
) -> None:
    """Write plan.json, and from now on tell the stages' logs what only Snakemake knows of their jobs.

    folder, settings: the run's; behind_ranking: the patterns of outputs that are made for attributes chosen by the
    ranking, which are `in_place` under a module's prefix
    """
    handle_sigterm_in_a_thread()
    logger.addHandler(_StageLogs())
    results, run = os.path.split(folder)
    ours = [rule for rule in workflow.rules if rule.log and str(rule.log[0]).startswith(f"{results}/")]
    patterns = set(map(in_place, behind_ranking))
    planned = [_planned(workflow, rule, patterns) for rule in ours]
    write_plan(f"{folder}/plan.json", Plan(run=run, circumstances=circumstances(settings), rules=planned))


def _planned(workflow: Any, rule: Any, behind_ranking: Collection[str]) -> PlannedRule:
    attributes = rule.wildcard_constraints.get("attribute", ".*")
    outputs = [strip_wildcard_constraints(str(output)) for output in rule.output]
    return PlannedRule(
        rule=rule.name,
        log=strip_wildcard_constraints(str(rule.log[0])),
        benchmark=strip_wildcard_constraints(str(rule.benchmark)),
        outputs=outputs,
        behind_ranking=attributes != one_of([]) and not set(outputs).isdisjoint(behind_ranking),
        attributes=attributes,
        jobs=[
            JobOfRule(wildcards=dict(job.wildcards_dict), due=workflow.dag.needrun(job))
            for job in workflow.dag.jobs
            if job.rule is rule
        ],
    )


class _StageLogs(logging.Handler):
    """Notes in the stages' logs that a job failed, and that it is tried again: a killed one says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._failed: set[str] = set()

    def emit(self, record: Any) -> None:
        event, logs = getattr(record, "event", None), getattr(record, "log", None)
        if event == LogEvent.JOB_ERROR and logs:
            self._failed.add(logs[0])
            note_failure(Path(logs[0]), record.rule_msg, [Path(log) for log in logs[1:]])
        elif event == LogEvent.JOB_INFO and logs and logs[0] in self._failed:
            note_another_attempt(Path(logs[0]))
