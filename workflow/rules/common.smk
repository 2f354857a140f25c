# Settings, paths and the few functions that the rules share. No stage's logic is here.
import csv
import re
import signal

from snakemake_interface_executor_plugins.settings import ExecMode

sys.path.insert(0, str(WORKFLOW))

from sceneshift.run.attributes import boundary_names, check_attributes, fitted_attributes
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kind import FittedHeads
from sceneshift.settings import EditSettings, canonical_json, load_settings, with_downloads

# Jobs run this checkout's code, with the interpreter's own tools first, whether or not the venv is activated; inside a
# conda environment `python` is that environment's.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]))
# A time limit, `scancel` or preemption comes as SIGTERM, a scheduler's warning as SIGUSR1, to every process of a job. They
# are for the stage, which may have a snapshot to write: the shell and tee wait for it, and so does Snakemake inside a job.
if workflow.exec_mode != ExecMode.DEFAULT:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
shell.prefix(
    "set -euo pipefail; trap : TERM; tee() {{ trap '' TERM INT; command tee \"$@\"; }}; "
    f'sceneshift() {{{{ PYTHONPATH="{WORKFLOW}" python -m sceneshift "$@"; }}}}; '
)


def checked_settings():
    """The validated config; everything that can be known to be wrong before a job starts is said here."""
    try:
        settings = load_settings(config, shipped=WORKFLOW.parent)
        if settings.photos.source == "folder":
            from sceneshift.images.finding import check_folder

            check_folder(settings.photos.folder)
        check_attributes(settings)
        return settings
    except SceneshiftError as error:
        raise WorkflowError(str(error)) from None


settings = checked_settings()


wildcard_constraints:
    run=re.escape(settings.run),
    attribute=r"[^/]+",
    shard=r"\d{4}",


def results(path):
    """`{run}/photos.h5` -> `results/{run}/photos.h5`."""
    return f"results/{path}"


def logs(path):
    """`{run}/fit_boundary/snow.log` -> `results/{run}/logs/fit_boundary/snow.log`."""
    return path.replace("{run}", "results/{run}/logs", 1)


def benchmarks(path):
    """`{run}/fit_boundary/snow.tsv` -> `results/{run}/benchmarks/fit_boundary/snow.tsv`."""
    return path.replace("{run}", "results/{run}/benchmarks", 1)


def settings_json(section, rule):
    """The keys of a section that shape the rule's result, for `--settings`: it reruns when their meaning changes."""
    return canonical_json(getattr(settings, section).shaping(rule))


def uncompared_settings_json(section, rule):
    """As `settings_json`, with the keys that are no reason to rerun the rule.

    Snakemake does not compare params that are functions of `threads`; what it is to compare stands beside.
    """
    return lambda wildcards, threads: canonical_json(getattr(settings, section).taken_by(rule))


def minutes(first):
    """Time limit in minutes; doubled with each retry."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


def megabytes(first):
    """Memory limit; doubled with each retry."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


def one_of(names):
    """A wildcard's constraint: one of these names; without any, nothing (an empty one would let everything through)."""
    return "|".join(map(re.escape, names)) or "(?!)"


def retries(times):
    """How often a training is tried again. A cluster's job is tried again as a whole, with more time, not within itself."""
    return times if workflow.exec_mode == ExecMode.DEFAULT else 0
