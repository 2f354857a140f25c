# Settings, paths and the few functions that the rules share. No stage's logic is here.
import csv
import re
import subprocess

WORKFLOW = Path(str(workflow.current_basedir.get_path_or_uri(secret_free=False))).parent
sys.path.insert(0, str(WORKFLOW))

from sceneshift.attributes import check_attributes, scored_attributes
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import EditSettings, canonical_json, load_settings

# Jobs run this checkout's code, with the interpreter's own tools first, whether or not the venv is activated; inside a
# conda environment `python` is that environment's.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
shell.prefix(f'set -euo pipefail; sceneshift() {{{{ PYTHONPATH="{WORKFLOW}" python -m sceneshift "$@"; }}}}; ')


def checked_settings():
    """The validated config; everything that can be known to be wrong before a job starts is said here."""
    try:
        settings = load_settings(config, shipped=WORKFLOW.parent)
        if settings.photos.source == "folder":
            from sceneshift.photos import check_folder

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


def settings_json(section, but=()):
    """Canonical JSON of a section, for `--settings`. A rule's only setting parameter: it reruns when the meaning changes.

    `but` leaves out keys that do not shape the rule's result, so that changing them reruns nothing.
    """
    return canonical_json(getattr(settings, section), but=but)


def minutes(first):
    """Time limit in minutes; three times as long with each retry."""
    return lambda wildcards, attempt: first * 3 ** (attempt - 1)


def megabytes(first):
    """Memory limit; doubled with each retry."""
    return lambda wildcards, attempt: first * 2 ** (attempt - 1)


def edit_of(attribute):
    """The edit that the config asks for, or the default edit of an attribute that came in by its rank."""
    named = {edit.attribute: edit for edit in settings.edits.attributes}
    return named.get(attribute, EditSettings(attribute=attribute))


def chosen_attributes(wildcards):
    """The attributes that go on, read from the table that the checkpoint made."""
    table = checkpoints.rank_attributes.get(run=settings.run).output.attributes
    with open(table, encoding="utf-8", newline="") as file:
        return [row["attribute"] for row in csv.DictReader(file) if row["chosen"] == "True"]


def for_each_chosen(pattern):
    """An input function: `pattern` with each chosen attribute filled in."""
    return lambda wildcards: expand(pattern, run=settings.run, attribute=chosen_attributes(wildcards))


def boundary_attributes():
    """The attributes that get a boundary."""
    wanted = settings.boundaries.attributes
    return scored_attributes(settings) if wanted == "all" else list(wanted)


def edits_to_rank():
    """What the ranking depends on: how many go on, which are named, and their directions. Not distances, levels or targets."""
    edits = [edit.model_dump(include={"attribute", "direction"}) for edit in settings.edits.attributes]
    return canonical_json(settings.edits.model_validate({"top": settings.edits.top, "attributes": edits}))
