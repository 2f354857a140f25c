"""For every key of the config, which rules rerun when it changes: held against the table in config/README.md.

One process plans the finished tiny run once a key, a tenth of a second each. These plans look at times alone, so that
the ranking counts as made and the jobs behind it are known; what makes Snakemake rerun a job (its params, its code, its
set of input files) is compared here. test_reruns.py has real dry runs.
"""

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel
from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    RerunTrigger,
    ResourceSettings,
    StorageSettings,
)

from sceneshift.run import contents
from sceneshift.settings import EditSettings, Settings
from tools.reruns import rules_of_key

pytestmark = pytest.mark.slow

Job = tuple[str, str]  # rule, wildcards

OF_ANOTHER_TARGET = {"render_pairs", "evaluate_editor"}  # snakemake editors

# What other keys must be for a change of these to be possible.
FORMULAS: dict[str, Any] = {
    "predictors": [{"kind": "photometric"}], "boundaries": {}, "edits": {"top": 1}, "evaluation": {"count": 10},
}  # fmt: skip
BASES: dict[str, dict[str, Any]] = {
    "photos.source": FORMULAS,
    "photos.folder": FORMULAS | {"photos": {"source": "folder", "folder": "photos", "resolution": 32}},
    "photos.places": FORMULAS | {"photos": {"source": "folder", "folder": "photos", "resolution": 32}},
    "generator.class_label": {"generator": {"import": "generator.pkl"}},
    "generator.freeze_discriminator": {"generator": {"warm_start": "warm.safetensors"}},
    "generator.keep": {"generator": {"batch": 16, "frechet_images": 10}},
    "translator.fix_global": {"translator": {"local_enhancer": True, "warm_start": "warm.safetensors"}},
    "translate.folder": {"translate": {"editors": ["night"]}},
    **{
        f"metrics.{key}": {"metrics": {"images": 10}}
        for key in ("truncation_psi", "inception", "path_lengths", "lpips")
    },
    "seed": {"metrics": {"images": 10}},
}

# Values for keys whose types do not say what else they may be: the key's own, or whole sections.
ALTERNATIVES: dict[str, Any] = {
    "container": "sceneshift.sif",
    "photos.source": {
        "photos": {"source": "folder", "folder": "photos", "resolution": 32, "licence": "CC0 1.0"}  # as the run
    },
    "photos.folder": "photos/more",
    "photos.resolution": 64,
    "photos.width": 64,
    "photos.places": "places.csv",
    "photos.licence": "CC BY 4.0",
    "photos.credit": "whose they are",
    "generator.import": "generator.pkl",
    "generator.batch": 32,
    "generator.warm_start": "warm.safetensors",
    "metrics.inception": "inception.pt",
    "metrics.lpips": "vgg16.pt",
    "predictors": [{"kind": "heads", "input_size": 64}],
    "boundaries.attributes": ["natural_light", "greenery", "snow", "fog"],
    "boundaries.import": [{"name": "snow", "file": "other.npy", "layers_of": "stylegan", "space": "w"}],
    "boundaries.sefa.levels": ["layout"],
    "edits.attributes": [],
    "edits.attributes.attribute": "snow",
    "edits.attributes.condition_on": ["snow"],
    "edits.attributes.also": {"snow": 0.5},
    "edits.attributes.level": "0-2",
    "edits.attributes.measured_by": "greenery",
    "edits.attributes.pairs": "pairs",
    "edits.attributes.distance": 3.0,
    "translator.discriminators": 3,
    "translator.discriminator_layers": 2,
    "translator.warm_start": "warm.safetensors",
    "translator.perceptual_network": "vgg19.pth",
    "translate.folder": "photos",
    "translate.editors": ["night"],
    "evaluation.judges": [{"kind": "heads"}],
    "study.questions": ["Which looks greener?"],
    "study.doses": [0, 2],
    "study.send_to": "https://example.org/votes",
}


def plan(config: dict[str, Any], workflow: Path) -> dict[Job, Any]:
    """Job -> what its next run is compared in; plus its log and outputs. Nothing is run."""
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        dag_api = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path("config.yaml")]),
            storage_settings=StorageSettings(),
            snakefile=workflow,
        ).dag(DAGSettings(rerun_triggers=frozenset({RerunTrigger.MTIME})))
        dag_api.execute_workflow(executor="dryrun")
        jobs = [job for job in dag_api.workflow_api._workflow.dag.jobs if job.log]
    return {
        (job.rule.name, str(dict(job.wildcards_dict))): (
            sorted(map(str, job.non_derived_params)),
            sorted(map(str, job.input)),
            job.rule.shellcmd,
            sorted(map(str, [*job.output, *job.log, job.benchmark])),
        )
        for job in jobs
    }


def keys(model: type[BaseModel] = Settings, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the config with its field, those of sections in sections included."""
    for name, field in model.model_fields.items():
        key = before + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys(field.annotation, f"{key}.")
        else:
            yield key, field
    if before == "edits.":
        yield from keys(EditSettings, "edits.attributes.")


def changed(config: dict[str, Any], key: str, field: Any) -> dict[str, Any]:
    """The config with another value of one key."""
    new = yaml.safe_load(yaml.safe_dump(config))
    *sections, last = key.split(".")
    inner = new
    for section in sections:
        inner = inner.setdefault(section, {})
        inner = inner[0] if isinstance(inner, list) else inner
    known = ALTERNATIVES.get(key)
    if isinstance(known, dict) and get_origin(field.annotation) is not dict:  # whole sections
        return new | known
    inner[last] = known if key in ALTERNATIVES else another(field.annotation, inner.get(last, field.get_default()))
    return new


def another(kind: Any, value: Any) -> Any:
    """A value of this type other than `value`."""
    options = get_args(kind)
    if get_origin(kind) is Literal:
        return next((option for option in options if option != value), None)
    if get_origin(kind) in (Union, types.UnionType):
        return next(new for option in options if option is not type(None) and (new := another(option, value)))
    if hasattr(kind, "__metadata__"):  # Annotated
        return another(options[0], value)
    if kind is bool:
        return not value
    if kind is int:
        return 2 * value + 2 if value else 2
    if kind is float:
        return value / 2 if isinstance(value, float) and value else 0.5
    raise AssertionError(f"give a value for it in ALTERNATIVES ({kind})")


@pytest.fixture(scope="module")
def planning(run, tmp_path_factory):
    """A function from a config to its plan, in a copy of the finished run with what the alternatives name."""
    folder = run.copy(tmp_path_factory.mktemp("planned") / "run").folder
    (folder / "photos" / "more").mkdir(parents=True)
    for side in ("train_A", "train_B"):
        (folder / "pairs" / side).mkdir(parents=True)
    picture = min(run.results.glob("translated/*/*.png")).read_bytes()
    for name in ("forest", "snowy"):
        (folder / "classes" / name).mkdir(parents=True)
        for number in range(10):  # the fewest to learn from
            (folder / "classes" / name / f"{number}.png").write_bytes(picture)
    (folder / "places.csv").write_text("file,lat,lon\na.png,1.3,103.8\n")
    (folder / "votes.csv").write_text("question,left,right,winner\nsafer,a,b,left\n")
    for name in (
        "photos/a.png",
        "photos/more/b.png",
        "generator.pkl",
        "warm.safetensors",
        "vgg19.pth",
        "other.npy",
        "inception.pt",
        "vgg16.pt",
    ):
        (folder / name).write_bytes(picture)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield lambda config: plan(config, run.repository / "Snakefile")


def compared(before: dict[Job, Any], after: dict[Job, Any]) -> set[str]:
    """The rules whose jobs Snakemake finds changed, new or gone."""
    jobs = set(before) | set(after)
    if not {"make_pairs"} <= {rule for rule, _ in after}:  # the ranking is to be made: what is behind it is unknown
        jobs = {job for job in after if job[0] not in ("build_explorer", "report")}  # they read what is chosen
    return {job[0] for job in jobs if before.get(job) != after.get(job)}


def test_each_key_reruns_what_the_table_says_and_nothing_else(run, planning):
    tiny = run.config("evaluation", "judges", to=["streets", {"kind": "photometric"}])
    plans: dict[str, Any] = {}
    wrong = []
    for key, field in keys():
        if key in ("run", "editors"):  # another folder; jobs of another target
            continue
        base = tiny | BASES.get(key, {})
        before = plans[str(base)] = plans.get(str(base)) or planning(base)
        marked, found = rules_of_key(key), compared(before, planning(changed(base, key, field)))
        if marked is None or found != set(marked) - OF_ANOTHER_TARGET:
            wrong.append(f"{key} reruns {sorted(found)}; its mark in the settings says {marked and sorted(marked)}")
    assert not wrong, "\n".join(wrong)


ON_CLASSES = {"boundaries": {}, "edits": {"top": 1}}


@pytest.mark.parametrize(
    ("config", "added", "rule"),
    [
        (BASES["photos.folder"], "photos/more/c.png", "prepare_photos"),
        ({"translate": {"folder": "photos"}}, "photos/more/d.png", "translate"),
        (
            {"edits": {"top": 1, "attributes": [{"attribute": "greenery", "pairs": "pairs"}]}},
            "pairs/train_A/e.png",
            "import_pairs",
        ),
        (ON_CLASSES | {"predictors": [{"kind": "heads", "labels": "classes"}]}, "classes/snowy/f.png", "fit_predictor"),
        (
            ON_CLASSES | {"predictors": [{"kind": "comparisons", "votes": "votes.csv", "photos": "photos"}]},
            "photos/more/g.png",
            "fit_predictor",
        ),
    ],
    ids=["photos.folder", "translate.folder", "pairs", "labels", "photos voted on"],
)
def test_a_file_added_below_a_folder_reruns_what_reads_it(run, planning, config, added, rule):
    before = planning(run.config() | config)
    picture = Path("photos/a.png").read_bytes()
    Path(added).write_bytes(picture)
    contents._digest.cache_clear()  # as in a new command
    assert compared(before, planning(run.config() | config)) == {rule}


def test_runs_of_other_names_share_no_file(run, planning):
    one, other = planning(run.config()), planning(run.config("run", to="other"))
    assert len(other) > 10
    files = [{path for *_, inputs, _, made in jobs.values() for path in (*inputs, *made)} for jobs in (one, other)]
    assert files[0] & files[1] == {"snow_boundary.npy"}  # the user's


def test_a_value_put_back_leaves_nothing_to_do(run):
    assert run.plan(run.config("pairs", "count", to=25)) != {}
    assert run.plan(run.config()) == {}
