"""What a change makes anew, and what it leaves: by dry run on the finished tiny run."""

import pytest

pytestmark = pytest.mark.slow

OF_ALL_EDITS = {"report", "build_explorer"}
BEHIND_PAIRS = {"make_pairs", "train_translator", "translate", "evaluate_translator", "measure_dose", "pack_translator"}
BEHIND_PAIRS |= {"edit"}
BEHIND_PAIRS |= OF_ALL_EDITS
BEHIND_BOUNDARIES = BEHIND_PAIRS | {"fit_boundary", "rescore_boundary", "rank_attributes"}


def test_writing_the_same_differently_reruns_nothing(run):
    config = dict(reversed(run.config("pairs", "keep", "source", to=1.0).items()))
    config["generator"]["ada_target"] = 0.6  # the default, spelled out
    config["generator"]["gpus"] = 2  # what the rule asks for, not what it makes
    assert run.plan(config) == {}


def test_the_distance_of_one_edit_redoes_its_pairs_and_what_follows(run):
    plan = run.plan(run.config("edits", "attributes", 0, "distance", to=2.5))
    assert plan == dict.fromkeys(BEHIND_PAIRS, 1)


def test_the_translators_settings_leave_the_pairs(run):
    plan = run.plan(run.config("translator", "learning_rate", to=1e-4))
    assert plan == dict.fromkeys(BEHIND_PAIRS - {"make_pairs", "edit"}, 2) | dict.fromkeys(OF_ALL_EDITS, 1)


def test_the_strength_of_translation_leaves_the_translators(run):
    plan = run.plan(run.config("translate", "strength", to=0.5))
    assert plan == {"translate": 2, "evaluate_translator": 2} | dict.fromkeys(OF_ALL_EDITS, 1)


def test_the_boundaries_settings_leave_the_synthesis(run):
    plan = run.plan(run.config("boundaries", "examples", to=50))
    assert plan["fit_boundary"] == 2
    assert set(plan) <= BEHIND_BOUNDARIES


def test_one_more_boundary_fits_only_that(run):
    plan = run.plan(run.config("boundaries", "attributes", to=["natural_light", "greenery", "snow", "fog"]))
    assert plan["fit_boundary"] == plan["rescore_boundary"] == 1
    assert "synthesize" not in plan
    assert "make_pairs" not in plan


def test_more_images_add_shards(run):
    plan = run.plan(run.config("synthesis", "count", to=400))
    assert plan["synthesize"] == 2  # 256 to 384, and 384 to 400
    assert "train_generator" not in plan
    assert "fit_predictor" not in plan


def test_mirroring_trains_again_but_keeps_the_photos(run):
    plan = run.plan(run.config("photos", "mirror", to=False))
    assert plan["train_generator"] == 1
    assert "prepare_photos" not in plan
    assert "fit_predictor" not in plan


def test_another_seed_redoes_everything(run):
    plan = run.plan(run.config("seed", to=1))
    assert plan["prepare_photos"] == plan["train_generator"] == 1


def test_pairs_made_elsewhere_take_the_place_of_synthesised_ones(run):
    plan = run.plan(run.config("edits", "attributes", 0, "pairs", to=str(run.results / "pairs" / "greenery")))
    assert plan == dict.fromkeys({"import_pairs", *BEHIND_PAIRS} - {"make_pairs"}, 1)


def test_one_more_edit_computes_only_what_is_new(run, tmp_path):
    """Executed, since the choice is made by a checkpoint. The edit moves along a direction found without labels."""
    config = run.config()
    config["edits"]["attributes"].append({"attribute": "sefa_all_1", "measured_by": "greenery", "distance": 2})
    made = run.copy(tmp_path / "run").made(config)
    expected = dict.fromkeys([*BEHIND_PAIRS, "rank_attributes", "default"], 1)
    assert dict(made) == expected


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text, path
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_another_checkout_of_the_same_code_reruns_nothing(run, checkout):
    assert run.with_workflow(checkout).plan(run.config()) == {}


def test_comments_and_docstrings_rerun_nothing(run, checkout):
    for path in (checkout / "workflow" / "sceneshift").rglob("*.py"):
        path.write_text(path.read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")
    edit(checkout / "workflow" / "sceneshift" / "latents" / "moving.py", '"""', '"""Well: ')
    assert run.with_workflow(checkout).plan(run.config()) == {}


@pytest.mark.parametrize(
    ("module", "old", "new", "again", "untouched"),
    [
        (
            "latents/separation.py", "C=1.0", "C=2.0", {"fit_boundary", "rescore_boundary"},
            {"prepare_photos", "train_generator", "fit_predictor", "synthesize", "index_synthesis"},
        ),
        (
            "translator/losses.py", "import torch", "import torch\nFACTOR = 2", {"train_translator"},
            {"make_pairs", "fit_boundary", "synthesize", "train_generator"},
        ),
        (
            "streets/render.py", "import numpy as np", "import numpy as np\nFACTOR = 2", {"prepare_photos"}, set(),
        ),
        (
            "report/page.css", "{", "{\n  color: red;", {"report"}, {"edit", "make_pairs", "evaluate_translator"},
        ),
    ],
)  # fmt: skip
def test_a_formula_reruns_the_stages_that_use_it(run, checkout, module, old, new, again, untouched):
    edit(checkout / "workflow" / "sceneshift" / module, old, new)
    plan = run.with_workflow(checkout).plan(run.config())
    assert again <= set(plan)
    assert not untouched & set(plan)
