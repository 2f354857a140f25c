# What all rules share. The functions, with their tests, are in workflow/sceneshift/run/.
import functools
import os
import sys

sys.path.insert(0, str(WORKFLOW))  # a checkout's own package; where sceneshift is installed, it is found anyway
# Snakemake imports the logger plugin of its environment, and with it that one's package: maybe another checkout's.
own = WORKFLOW / "sceneshift"
if "sceneshift" in sys.modules and own.is_dir() and not own.samefile(sys.modules["sceneshift"].__path__[0]):
    for module in [name for name in sys.modules if name.partition(".")[0] == "sceneshift"]:
        del sys.modules[module]

from sceneshift.run.attributes import attributes_of
from sceneshift.run.checks import check_paths
from sceneshift.run.contents import contents, file_inputs
from sceneshift.run.inputs import Edits, Ranking, Shards, learned, translator_settings
from sceneshift.run.judges import judges_of
from sceneshift.run.package import package_alone
from sceneshift.run.params import compared, edits_to_rank, settings_json, uncompared, uncompared_settings_json
from sceneshift.run.paths import benchmarks, logs, one_of, results
from sceneshift.run.plan import chosen_attributes
from sceneshift.run.resources import doubling, threads_each, training_threads
from sceneshift.run.snakemake import (
    at_start,
    checked,
    machine_of,
    note_start,
    on_disk,
    placed,
    recovery,
    retries,
    set_up_container,
    set_up_jobs,
)
from sceneshift.runtime.code_version import code_version
from sceneshift.runtime.shipped import RESOURCES, ROOT, shipped_files
from sceneshift.settings import canonical_json, load_settings, with_downloads

set_up_jobs(workflow, package_alone())
in_place = placed(workflow)
settings = checked(load_settings, config, workflow.configfiles, in_place(results("")))
checked(check_paths, settings)
set_up_container(workflow, settings.container)
attributes = checked(attributes_of, settings)
machine = machine_of(workflow)
share_of_cores = functools.partial(threads_each, cores=machine.cores, gpus=machine.gpus)
recovered = recovery(workflow, in_place(results(settings.run)))
shards = Shards(settings.synthesis.count, settings.synthesis.shard_size)
judges = checked(judges_of, settings)
second = {name: judge for name, judge in judges.items() if judge != "streets"}
halves = bool(learned(second.values()))
edits = Edits(settings.edits)
editors = {editor.name: editor for editor in settings.editors}
ranking = Ranking(
    lambda run: checked(chosen_attributes, on_disk(checkpoints.rank_attributes.get(run=run).output.attributes))
)


def given(*paths):
    """Files from outside the run, as inputs: they stay where they are, also where a `module` has a prefix."""
    return [local(path) for path in file_inputs(*paths)]


wildcard_constraints:
    run=one_of([settings.run]),
    attribute=r"[^/]+",
    shard=r"\d{4}",


at_start(workflow, note_start, workflow, in_place(results(settings.run)), settings, ranking.patterns, in_place)
