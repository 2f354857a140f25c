"""`audit` of photos and edits by any tool."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sceneshift import cli
from sceneshift.evaluation.pair_files import find_pairs
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import AuditSettings
from sceneshift.stages.audit import audit
from sceneshift.stages.fit_predictor import fit_predictor

NAMES = ("a", "sub/b", "c")


@pytest.fixture
def folders(tmp_path):
    """Photos, and what made them darker: another format, `c` at another size; `c` is zoomed in too."""
    rng = np.random.default_rng(0)
    for name in NAMES:
        coarse = rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)
        photo = Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC)
        edited = Image.fromarray((np.asarray(photo) * 0.6).astype(np.uint8))
        if name == "c":
            edited = edited.resize((256, 192), Image.Resampling.BICUBIC, (2.46, 1.846, 125.54, 94.154))
        for folder, picture, suffix in (("photos", photo, "jpg"), ("edited", edited, "png")):
            path = tmp_path / folder / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    return tmp_path


@pytest.fixture
def light(folders):
    fit_predictor(
        None, folders / "light.safetensors", [PhotometricPredictor(kind="photometric", attributes=["brightness"])],
        accuracy=folders / "a.csv",
    )  # fmt: skip
    return folders / "light.safetensors"


def test_folders_are_audited(folders, light, capsys):
    words = ["audit", "photos", "edited", "out", "--judges", "light.safetensors", "--attribute", "brightness"]
    words = [str(folders / word) if (folders / word).exists() or word == "out" else word for word in words]
    assert cli.main([*words, "--direction", "less", "--real", str(folders / "edited")]) == 0
    verdicts = pd.read_csv(folders / "out/audit.csv").set_index("photo")
    assert sorted(verdicts.index) == ["a.jpg", "c.jpg", "sub/b.jpg"]
    assert verdicts["passed"].to_dict() == {"a.jpg": True, "sub/b.jpg": True, "c.jpg": False}
    assert verdicts.loc["c.jpg", "reasons"].startswith("zoomed by")
    assert verdicts.loc["c.jpg", "zoom"] == pytest.approx(1.04, abs=1e-3)
    assert (verdicts["moved"] > 0).all()
    summary = pd.read_csv(folders / "out/summary.csv").set_index(["scorer", "attribute"])
    assert summary.loc[("verdict", "same_place"), "after"] == pytest.approx(2 / 3, abs=1e-4)
    assert summary.loc[("verdict", "wrong_direction"), "after"] == 0
    assert summary.loc[("judge:light", "brightness"), "high"] < 0
    real = summary.loc[("real photos", "kernel_distance")]
    assert real["after"] < real["before"]
    page = (folders / "out/index.html").read_text()
    assert page.index("c.jpg") < page.index("a.jpg"), "worst first"
    assert "zoomed by" in page
    assert "Wrote" in capsys.readouterr().err
    assert cli.main(words) == 1, "nothing is overwritten unasked"
    assert "--overwrite" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite"]) == 0


def test_two_files_are_a_pair(folders):
    (verdict,) = audit(folders / "photos/a.jpg", folders / "edited/a.png", folders / "out", AuditSettings())
    assert (verdict.photo, verdict.reasons) == ("a.jpg", [])
    assert pd.read_csv(folders / "out/summary.csv")["low"].isna().all(), "one photo has no interval"


def test_a_table_names_pairs_and_masks(folders):
    Image.new("L", (128, 96), 255).save(folders / "photos/everywhere.png")
    (folders / "pairs.csv").write_text(
        "before,after,mask\na.jpg,c.png,\nsub/b.jpg,sub/b.png,everywhere.png\na.jpg,a.png,\n", encoding="utf-8"
    )
    found = audit(folders / "photos", folders / "edited", folders / "out", AuditSettings(), pairs=folders / "pairs.csv")
    assert [one.photo for one in found] == ["a.jpg", "sub/b.jpg", "a.jpg (a.png)"]
    assert any(reason.startswith("structure") for reason in found[0].reasons), "another place"
    assert not found[1].reasons
    assert found[1].facts["inside_mask"] == 1


def test_masks_lie_in_a_folder_of_their_own(folders, capsys):
    (folder := folders / "masks").mkdir()
    Image.new("L", (64, 48), 255).save(folder / "a.png")
    found = audit(folders / "photos", folders / "edited", folders / "out", AuditSettings(), masks=folder)
    assert {one.photo: one.facts.get("inside_mask") for one in found} == {"a.jpg": 1, "c.jpg": None, "sub/b.jpg": None}
    assert "c.jpg: measured without a mask" in capsys.readouterr().err


def test_what_has_no_partner_or_cannot_be_read_is_named(folders, capsys):
    (folders / "edited/a.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    (folders / "edited/c.png").rename(folders / "edited/d.png")
    (verdict,) = audit(folders / "photos", folders / "edited", folders / "out", AuditSettings())
    said = capsys.readouterr().err
    assert verdict.photo == "sub/b.jpg"
    assert all(words in said for words in ("photos/c: left out: no partner", "edited/d: left out", "a.jpg: left out:"))


@pytest.mark.parametrize(
    ("before", "after", "options", "says"),
    [
        ("photos", "edited/a.png", {}, "one is a file, the other a folder"),
        ("photos/sub", "edited", {}, "no photo|has the name of one"),
        ("photos", "empty", {}, "hold no photo"),
        ("photos", "edited", {"pairs": "x,y\n1,2\n"}, "expected one column before, after"),
        ("photos", "edited", {"pairs": "before,after\na.jpg,none.png\n"}, "line 2: there is no file .*none.png"),
        ("photos", "edited", {"pairs": "before,after\n"}, "names no pair"),
        ("photos", "edited", {"pairs": "before,after\n../pairs.csv,a.png\n"}, "names a file '../pairs.csv'"),
        ("photos", "edited", {"pairs": "before,after,mask\na.jpg,a.png,/etc/x\n"}, "names a file '/etc/x'"),
        ("photos", "edited", {"attribute": "snow"}, "no scorer given knows it"),
    ],
)
def test_what_cannot_be_audited_is_refused_before_the_work(before, after, options, says, folders):
    (folders / "empty").mkdir()
    if "pairs" in options:
        (folders / "pairs.csv").write_text(options["pairs"])
        options = {"pairs": folders / "pairs.csv"}
    with pytest.raises(SceneshiftError, match=says):
        audit(folders / before, folders / after, folders / "out", AuditSettings(), **options)
    assert not (folders / "out").exists()


def test_two_photos_of_one_stem_are_no_guess(folders):
    Image.new("RGB", (64, 64)).save(folders / "edited/a.jpg")
    with pytest.raises(SceneshiftError, match="both could be a"):
        find_pairs(folders / "photos", folders / "edited")
