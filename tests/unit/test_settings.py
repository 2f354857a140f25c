"""The config: what is refused, in which words; what counts as the same; files and documentation in step with it."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import ValidationError

from sceneshift.generator.defaults import defaults
from sceneshift.run.attributes import scored_attributes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import Section
from sceneshift.scoring.kind import PredictorSettings
from sceneshift.settings import (
    BoundariesSettings,
    EditSettings,
    GeneratorSettings,
    PhotosSettings,
    Settings,
    SynthesisSettings,
    TranslatorSettings,
    canonical_json,
    load_settings,
    parse,
    with_downloads,
)
from tools import documentation
from tools.reruns import reruns

REPOSITORY = Path(__file__).parents[2]
WORKFLOW_TEXT = "\n".join(path.read_text() for path in (REPOSITORY / "workflow" / "rules").glob("*.smk"))
CONFIGS = sorted((REPOSITORY / "config").glob("*.yaml"))


def sections():
    """Every kind of section that a config may have."""
    found, new = set(), {Section}
    while new:
        found |= new
        new = {child for parent in new for child in parent.__subclasses__()} - found
    return found


def refusal(config):
    with pytest.raises(SceneshiftError) as error:
        load_settings(config)
    return str(error.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"photos": {"resolution": 100}}, ["photos.resolution", "100", "64, 128"]),
        ({"photos": {"resolution": 64, "width": 100}}, ["photos.width", "100", "resolution / 4 = 16", "nearest is 96"]),
        ({"photos": {"width": 32}}, ["photos.width", "32", "from 64 to 256", "nearest is 64"]),
        ({"photos": {"resolution": 32, "width": 1920}}, ["photos.width", "1920", "from 32 to 128", "nearest is 128"]),
        ({"photos": {"resolutoin": 64}}, ["photos.resolutoin", "did you mean resolution?"]),
        ({"fotos": {}}, ["fotos", "did you mean photos?"]),
        ({"photos": {"held_out": 1.5}}, ["photos.held_out", "1.5", "less than or equal to 1"]),
        ({"synthesis": {"truncation_psi": 3}}, ["synthesis.truncation_psi", "3", "less than or equal to 1"]),
        ({"generator": {"images": "many"}}, ["generator.images", "'many'", "integer"]),
        ({"photos": {"source": "folder"}}, ["photos", "must name a folder"]),
        ({"photos": {"resolution": 512, "width": 2048}}, ["photos", "up to 1024 px high or wide; found 512 × 2048"]),
        ({"photos": {"held_out": 0}}, ["held_out", "0"]),
        ({"photos": {"source": "folder", "folder": "p", "held_out": 0}}, ["held_out", "0"]),
        ({"translate": {"strength": 3.5}}, ["translate", "strength", "3.5", "less than or equal to 3"]),
        ({"translator": {"head": "image"}, "translate": {"strength": 1.5}}, ["translate.strength is 1.5", "up to 1"]),
        ({"predictors": [{"kind": "magic"}]}, ["predictors", "magic", "heads"]),
        ({"predictors": []}, ["predictors", "at least 1"]),
        (
            {"predictors": [{"kind": "places365", "network": ["n.pth"]}]},
            ["predictors.0.network:", "'n.pth' is not an http"],
        ),
        (
            {"predictors": [{"kind": "places365", "network": ["http://a/n#sha256=12"]}]},
            ["#sha256=12' is not an http"],
        ),
        (
            {"predictors": [{"kind": "places365", "network": []}]},
            ["network: found []; must be a path, or a list of URLs"],
        ),
        (
            {"predictors": [{"kind": "places365", "network": "http://a/n", "attributes_matrix": ["http://b/n"]}]},
            ["two different files to download are called n"],
        ),
        ({"predictors": [{"kind": "heads", "lables": "x.csv"}]}, ["lables", "did you mean labels?"]),
        ({"edits": {"attributes": [{"direction": "more"}]}}, ["edits.attributes.0.attribute", "missing"]),
        ({"edits": {"attributes": [{"attribute": "a", "direction": "up"}]}}, ["direction", "'up'", "more", "less"]),
        ({"edits": {"attributes": [{"attribute": "a"}, {"attribute": "a"}]}}, ["listed twice: a"]),
        ({"edits": {"attributes": [{"attribute": "a", "distance": -1}]}}, ["distance", "-1"]),
        ({"run": "../elsewhere"}, ["run", "../elsewhere"]),
        ({"boundaries": {"split": 1}}, ["boundaries.split", "1", "less than 1"]),
        ({"photos": {"count": "1e5"}}, ["photos.count", "'1e5'", "Write it out: 100000"]),
        ({"photos": {"count": True}}, ["photos.count", "True", "YAML reads yes, no, on and off as true"]),
        ({"edits": {"attributes": [{"attribute": False}]}}, ["attribute: found False", "put the word in quotes"]),
        ({"run": 2024}, ["run", 'Put it in quotes: "2024"']),
        ({"photos": None}, ["photos: found None", "write its keys below it, or leave it out"]),
        ({"predictors": [{"kind": "onnx", "network": "m"}]}, ["network: unknown key; known keys: kind, model"]),
        ({"photos.folder": "x"}, ["photos.folder: unknown key", "write `photos: {folder: …}`"]),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(config, says):
    message = refusal(config)
    for part in says:
        assert part in message


def test_keys_that_do_not_go_together_are_named_without_the_whole_section():
    assert refusal({"photos": {"held_out": 0}}).splitlines()[1].startswith("  photos.held_out is 0, but")
    shards = {"synthesis": {"count": 10**9, "shard_size": 1}}
    assert refusal(shards).splitlines()[1].startswith("  synthesis: 1,000,000,000")


def test_photos_are_square_unless_they_have_a_width():
    assert PhotosSettings(resolution=128).shape == (128, 128)
    assert PhotosSettings(resolution=128, width=224).shape == (128, 224)


def test_every_mistake_is_named_at_once():
    message = refusal({"photos": {"resolution": 100}, "synthesis": {"count": 0}})
    assert "photos.resolution" in message
    assert "synthesis.count" in message


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_is_finite(number):
    assert "rescoring.distance" in refusal({"rescoring": {"distance": number}})


def test_a_key_given_twice_is_an_error_with_its_lines_beside_all_others(tmp_path):
    edits = "edits:\n  attributes:\n  - attribute: a\n    direction: less\n    direction: more\n"
    text = "photos: {count: 3}\n" + edits + "photos: {width: 1}\n"
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(SceneshiftError) as error:
        load_settings(yaml.safe_load(text), files=[tmp_path / "my.yaml"])
    message = str(error.value)
    assert "photos: given twice" in message
    assert "lines 1 and 7" in message
    assert "edits.attributes.0.direction: given twice" in message
    assert "photos.width: found 1" in message


def test_no_option_takes_true_for_one():
    for section in sections():
        for name, field in section.model_fields.items():
            if bool not in (field.annotation, *get_args(field.annotation)):
                with pytest.raises(ValidationError) as error:
                    section.model_validate({field.alias or name: True})
                assert (field.alias or name) in [part for wrong in error.value.errors() for part in wrong["loc"]]


def test_a_path_may_begin_at_home_or_with_a_dash(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    given = {
        "photos": {"source": "folder", "folder": "~/photos"},
        "generator": {"import": "~/g.pkl"},
        "predictors": [{"kind": "places365", "network": "~/n.pth"}, {"kind": "heads", "labels": "-labels.csv"}],
        "translate": {"folder": "-new"},
    }
    settings = load_settings(given)
    assert settings.photos.folder == "/home/me/photos"
    assert settings.generator.import_ == "/home/me/g.pkl"
    assert settings.predictors[0].network == "/home/me/n.pth"
    assert (settings.predictors[1].labels, settings.translate.folder) == ("./-labels.csv", "./-new")


def test_meaning_not_writing_decides_what_is_the_same():
    written = [EditSettings(attribute="a", distance=3), EditSettings(distance=3.0, attribute="a", direction="more")]
    assert canonical_json(written[0]) == canonical_json(written[1])
    assert canonical_json(written[0]) != canonical_json(EditSettings(attribute="a", distance=3.5))


def test_a_key_says_which_rules_it_shapes():
    photos = PhotosSettings()
    assert "mirror" not in photos.shaping("prepare_photos") | photos.taken_by("prepare_photos")
    assert photos.shaping("train_generator") == {"mirror": True}
    assert "max_skipped" not in photos.shaping("prepare_photos")  # shapes nothing,
    assert photos.taken_by("prepare_photos")["max_skipped"] == 0.05  # but the command needs it
    assert SynthesisSettings().shaping("synthesize_unedited") == {"truncation_psi": 0.7, "batch": 64}
    assert BoundariesSettings(attributes=["a"]).shaping("fit_boundary") == BoundariesSettings().shaping("fit_boundary")


def test_snapshots_outlive_the_keys_that_say_so():
    one, other = GeneratorSettings(images=100, gpus=1, batch=8), GeneratorSettings(images=200, gpus=2, batch=8)
    assert one.shaping("train_generator") != other.shaping("train_generator")
    assert one.shaping_snapshots("train_generator") == other.shaping_snapshots("train_generator")
    assert "images" in TranslatorSettings().shaping_snapshots("train_translator")  # as does its rate


def test_every_mark_names_a_rule():
    rules = set(re.findall(r"^ *(?:rule|checkpoint) (\w+):$", WORKFLOW_TEXT, flags=re.M))
    named = {rule for rules in reruns().values() for rule in rules}
    assert {rule for rule in named if rule.isidentifier()} <= rules


def test_the_canonical_form_reads_back_as_the_same_settings():
    settings = GeneratorSettings(**{"import": "g.safetensors", "images": 5})
    assert parse(GeneratorSettings, canonical_json(settings)) == settings
    predictors = load_settings({"predictors": [{"kind": "heads"}, {"kind": "photometric"}]}).predictors
    assert parse(list[PredictorSettings], canonical_json(predictors)) == predictors


def test_files_named_by_urls_get_a_path():
    network = ["https://a/x/n.pth?download=1#sha256=" + 64 * "0", "http://b/m.pth"]
    given = {"kind": "places365", "network": network, "attributes_matrix": "W.npy"}
    (predictor,), downloads = with_downloads(load_settings({"predictors": [given]}).predictors, "here")
    assert predictor.sources() == {"network": "here/n.pth", "attributes_matrix": "W.npy"}
    assert downloads == {"n.pth": network}


def test_settings_given_as_json():
    assert parse(PhotosSettings, None) == PhotosSettings()
    assert parse(PhotosSettings, '{"resolution": 128}').resolution == 128
    with pytest.raises(SceneshiftError, match="not JSON"):
        parse(PhotosSettings, "{resolution: 128}")
    with pytest.raises(SceneshiftError, match="did you mean resolution"):
        parse(PhotosSettings, '{"resolutionn": 128}')


def test_shipped_files_are_found_from_other_working_directories(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"generator": {"warm_start": "resources/streets64.safetensors"}}
    shipped = str(REPOSITORY / "resources" / "streets64.safetensors")
    assert load_settings(config).generator.warm_start == shipped
    own = {"generator": {"warm_start": "my/g.safetensors"}}
    assert load_settings(own).generator.warm_start == "my/g.safetensors"


def test_an_imported_generator_is_used_as_it_is_or_trained_on():
    config = {"run": "r", "generator": {"import": "network-snapshot-025000.pkl"}}
    assert load_settings(config).generator.warm_start is None
    config["generator"]["warm_start"] = "imported"
    assert load_settings(config).generator.warm_start == "results/r/generator/imported.safetensors"
    config["generator"]["warm_start"] = "other.safetensors"
    with pytest.raises(SceneshiftError, match=r"warm_start is 'other\.safetensors': set it to null, or to `imported`"):
        load_settings(config)
    with pytest.raises(SceneshiftError, match=r"so generator\.import must name a checkpoint"):
        load_settings({"generator": {"warm_start": "imported"}})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_that_ships_is_valid(path):
    load_settings(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("photos", "generator", "start"),
    [
        ({"source": "folder", "folder": "p"}, {}, "resources/streets64.safetensors"),
        ({"source": "folder", "folder": "p", "resolution": 128, "width": 256}, {}, "resources/streets64.safetensors"),
        ({"source": "folder", "folder": "p", "resolution": 256}, {}, None),
        ({"source": "folder", "folder": "p"}, {"w_dim": 512}, None),
        ({"source": "folder", "folder": "p"}, {"warm_start": None}, None),
        ({"source": "folder", "folder": "p"}, {"import": "g.pkl"}, None),
        ({"source": "rendered"}, {}, None),
    ],
)
def test_transfer_is_the_default_for_small_photos_of_a_folder(photos, generator, start):
    assert load_settings({"photos": photos, "generator": generator}).generator.warm_start == start


def test_the_published_scale_scores_every_sun_attribute():
    names = (REPOSITORY / "resources" / "sun_attributes.txt").read_text(encoding="utf-8").split()
    paper = load_settings(yaml.safe_load((REPOSITORY / "config" / "paper.yaml").read_text(encoding="utf-8")))
    assert scored_attributes(paper) == names
    assert paper.boundaries.attributes == "all"
    assert len(names) == 102
    assert paper.synthesis.count == 500_000
    assert paper.photos.resolution == 256


def test_the_papers_schedules_are_the_papers():
    paper = load_settings(yaml.safe_load((REPOSITORY / "config" / "paper.yaml").read_text(encoding="utf-8")))
    filled = defaults(paper.generator, 256, 256)
    assert (filled.channel_base, filled.learning_rate, filled.r1_gamma, filled.ema_images) == (32768, 0.002, 10, 10_000)
    assert (paper.generator.augment, paper.generator.ema_rampup, paper.generator.mapping_layers) == ("none", None, 8)
    translator = paper.translator
    assert (translator.head, translator.pixel, translator.batch) == ("image", 0, 1)
    assert (translator.feature_matching, translator.perceptual, translator.discriminators) == (10, 10, 2)


def test_a_preset_fills_in_what_is_not_given():
    preset = GeneratorSettings(preset="stylegan2", batch=16)
    assert (preset.batch, preset.r1_gamma, preset.mapping_layers, preset.ema_rampup) == (16, 10, 8, None)
    paper = GeneratorSettings(preset="paper256")
    assert (paper.batch, paper.mbstd_group_size, paper.shares) == (64, 8, 8)
    assert GeneratorSettings(preset="paper1024").mbstd_group_size is None  # 4
    assert GeneratorSettings() == GeneratorSettings(preset="auto")
    assert GeneratorSettings(**preset.model_dump(by_alias=True)) == preset
    with pytest.raises(SceneshiftError, match=r"generator\.preset: found 'paper128'; .*'stylegan2'"):
        load_settings({"generator": {"preset": "paper128"}})


def test_the_documentation_was_made_from_these_settings():
    readme = documentation.README.read_text(encoding="utf-8")
    assert documentation.with_tables(readme) == readme, "run `make docs`"
    assert documentation.schema() == documentation.SCHEMA.read_text(encoding="utf-8"), "run `make docs`"


def test_the_conda_environment_has_the_versions_that_pip_is_locked_to():
    assert documentation.ENVIRONMENT.read_text(encoding="utf-8") == documentation.environment(), "run `make docs`"


def test_address_and_version_are_the_same_everywhere():
    for path, text in documentation.named_files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make docs`"


def test_every_option_has_a_description():
    def properties(schema):
        for definition in [schema, *schema["$defs"].values()]:
            yield from definition["properties"].items()

    schema = json.loads(documentation.schema())
    sections = set(Settings.model_fields)
    missing = [name for name, field in properties(schema) if "description" not in field and name not in sections]
    assert set(missing) <= {"kind"}  # the kind of a predictor is described by its section
