"""What an edit changed, where, and what it left behind; closed cases."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from sceneshift.evaluation.artifacts import blocks, blown, crushed, halos
from sceneshift.evaluation.audit import Aim, Pair, Verdict, audited, measured, shares, verdicts_on, worst_first
from sceneshift.evaluation.locality import share_inside
from sceneshift.evaluation.summary import COLUMNS
from sceneshift.images.photo_files import Saving
from sceneshift.runtime.shipped import RESOURCES
from sceneshift.settings import AuditSettings

PNG, JPEG50 = Saving("PNG", {}), Saving("JPEG", {"quality": 50})


@pytest.fixture(scope="module")
def photo():
    picture = Image.open(RESOURCES / "photos/opensfm-lund-05.jpg")
    return np.asarray(picture.resize((240, 180), Image.Resampling.LANCZOS))


def as_jpeg(photo, tmp_path, quality=50):
    Image.fromarray(photo).save(tmp_path / "a.jpg", quality=quality)
    return np.asarray(Image.open(tmp_path / "a.jpg"))


def test_a_photo_left_alone_has_nothing_against_it(photo):
    facts = audited(Pair.of_files(photo, photo, PNG))
    assert all(before == after for before, after in facts.values())
    (verdict,) = verdicts_on(measured(["a"], [Pair.of_files(photo, photo, PNG)], {}), AuditSettings())
    assert verdict.reasons == []
    assert verdict.same_place


def test_a_jpeg_of_the_photo_changes_what_its_encoding_changes_and_no_more(photo, tmp_path):
    facts = audited(Pair.of_files(photo, as_jpeg(photo, tmp_path), JPEG50))
    for name in ("changed_10", "changed_25", "halos"):
        floor, after = facts[name]
        assert floor == after > 0
    assert facts["zoom"][1] == 1
    assert facts["blocks"][1] - facts["blocks"][0] > 1
    assert [reason.split()[0] for reason in against(photo, as_jpeg(photo, tmp_path), JPEG50)] == ["blocks"]


def test_a_change_within_a_mask_lies_in_the_mask(photo):
    mask = np.zeros(photo.shape[:2], bool)
    mask[60:120, 40:100] = True
    edited = photo.copy()
    edited[mask] = 255 - edited[mask]
    facts = audited(Pair.of_files(photo, edited, PNG, mask))
    assert facts["inside_mask"] == (mask.mean(), 1.0)
    assert facts["changed_10"][0] == 0 < facts["changed_10"][1] <= mask.mean()
    spilled = np.where(np.roll(mask, 30, axis=1)[..., None], 255 - photo, photo)
    assert audited(Pair.of_files(photo, spilled, PNG, mask))["inside_mask"][1] < 0.8
    assert any("of the change in the mask" in r for r in against(photo, spilled, PNG, mask))


def test_half_of_an_even_change_lies_in_half_of_the_picture():
    differences = np.full((4, 8), 20, np.uint8)
    assert share_inside(differences, np.arange(8)[None].repeat(4, 0) < 4) == 0.5
    assert np.isnan(share_inside(differences // 4, np.ones((4, 8), bool))), "noise is no change"


def test_an_edited_photo_of_another_size_is_the_same_place(photo):
    half = np.asarray(Image.fromarray(photo).resize((120, 90), Image.Resampling.LANCZOS))
    facts = audited(Pair.of_files(photo, half, PNG))
    assert facts["changed_10"][0] == facts["changed_10"][1] > 0, "what shrinking alone changes is the floor"
    assert facts["aspect"][1] == 1
    assert against(photo, half, PNG) == []
    assert against(photo, photo[:, 30:-30], PNG)[0] == "other shape: 0.75 times as wide for its height"


def test_zoom_and_shift_are_said_and_the_change_is_measured_without_them(photo):
    zoomed = np.asarray(
        Image.fromarray(photo).resize((240, 180), Image.Resampling.BICUBIC, (4.615, 3.4615, 235.385, 176.5385))
    )
    facts = audited(Pair.of_files(photo, zoomed, PNG))
    assert facts["zoom"][1] == pytest.approx(1.04, abs=5e-4)
    assert facts["changed_25"][1] < 0.01
    assert against(photo, zoomed, PNG) == [f"zoomed by {facts['zoom'][1]:.4f}"]
    settings = AuditSettings(zoom=None)
    assert verdicts_on(measured(["a"], [Pair.of_files(photo, zoomed, PNG)], {}), settings)[0].reasons == []


def against(photo, edited, saving, mask=None):
    pair = Pair.of_files(photo, edited, saving, mask)
    (verdict,) = verdicts_on(measured(["a"], [pair], {}), AuditSettings())
    return verdict.reasons


def test_pixels_turned_black_and_white_are_counted(photo):
    edited = photo.copy()
    edited[:45], edited[45:90] = 0, 255
    assert crushed(edited) >= 0.25
    assert blown(edited) >= 0.25
    assert {"25% of the pixels turned black", "25% of the pixels turned white"} <= {
        reason.replace("24%", "25%") for reason in against(photo, edited, PNG)
    }


def test_halos_are_what_leaks_across_edges(photo):
    assert halos(photo, (photo * 0.5).astype(np.uint8)) < 0.3, "rounding"
    sharpened = Image.fromarray(photo).filter(ImageFilter.UnsharpMask(4, 150, 0))
    assert halos(photo, np.asarray(sharpened)) > 1.5
    assert np.isnan(halos(np.zeros_like(photo), np.zeros_like(photo))), "no edges, no ground"
    assert np.isnan(halos(photo[::2, ::2], photo[::2, ::2])), "no room"


def test_blocks_are_steps_at_their_borders():
    grey = np.tile(np.arange(128), (128, 1))
    flat_blocks = np.repeat((grey // 8 * 8)[..., None], 3, axis=2).astype(np.uint8)
    assert blocks(flat_blocks) == pytest.approx(4), "8 levels in one direction, none in the other"
    assert blocks(np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)) == pytest.approx(0, abs=1e-6)
    assert blocks(np.zeros((128, 128, 3), np.uint8)) == 0
    assert np.isnan(blocks(np.zeros((64, 128, 3), np.uint8))), "no room"


def rows_of(scorer, **values):
    return [
        dict(zip(COLUMNS, (photo, scorer, name, *both), strict=True))
        for name, pairs in values.items()
        for photo, both in zip("ab", pairs, strict=True)
    ]


FACTS = {name: [(1, 1), (1, 1)] for name in ("aspect", "zoom", "structure_aligned")}
FACTS |= {name: [(0, 0), (0, 0)] for name in ("shift_down", "shift_across", "residual")}


def test_the_first_judge_that_knows_says_what_moved():
    table = rows_of("predictor", snow=[(0, 9), (1, 9)]) + rows_of("judge:blind", fog=[(0, 9), (1, 9)])
    table += rows_of("judge:own", snow=[(0, 1), (2, 1)], fog=[(0, 0), (2, 6)], rain=[(5, 7), (5, 8)])
    found = verdicts_on(table + rows_of("pixels", **FACTS), AuditSettings(), Aim("snow", "more"))
    assert [(one.moved, one.side_effect, one.side_effect_of) for one in found] == [(1, 0, "fog"), (-1, 4, "fog")]
    assert found[1].reasons == [
        "moved the wrong way by 1.00 standard deviations",
        "fog moved along by +4.00 standard deviations",
    ]
    less = verdicts_on(table + rows_of("pixels", **FACTS), AuditSettings(side_effect=None), Aim("snow", "less"))
    assert [len(one.reasons) for one in less] == [1, 0]
    figures = {change.attribute: change for change in shares(found)}
    assert {name: change.after for name, change in figures.items()} == {
        "passed": 0.5, "same_place": 1, "wrong_direction": 0.5,
    }  # fmt: skip


def test_a_few_successes_are_no_certainty():
    found = [Verdict(str(k), [], {}) for k in range(24)]
    passed, _ = shares(found)
    assert (passed.before, passed.after, passed.change, passed.high) == (1, 1, 0, 0)
    assert passed.low == pytest.approx(-(1.96**2) / (24 + 1.96**2), abs=1e-4), "Wilson's lower end is n/(n + z²)"
    assert np.isnan(shares(found[:1])[0].low)


def test_without_an_aim_nothing_is_said_of_scores():
    table = rows_of("judge:own", snow=[(0, 1), (2, 1)]) + rows_of("pixels", **FACTS)
    assert all(one.moved is None and not one.reasons for one in verdicts_on(table, AuditSettings()))


def test_the_worst_comes_first():
    facts = {"structure_aligned": 0.9}
    good, poor = Verdict("good", [], facts), Verdict("poor", [], {"structure_aligned": 0.6})
    bad = replace(good, photo="bad", reasons=["zoomed"])
    assert [one.photo for one in worst_first([good, bad, poor])] == ["bad", "poor", "good"]
