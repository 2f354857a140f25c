import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import h5py
import numpy as np
import pandas as pd
import pytest

from sceneshift.evaluation.audit import Pair, audited
from sceneshift.evaluation.pixels import pixel_facts
from sceneshift.evaluation.summary import COLUMNS, read_evaluation
from sceneshift.report import reads
from sceneshift.report.measured import PIXEL_UNITS
from sceneshift.run.plan import Circumstances, JobOfRule, Plan, PlannedRule, write_plan
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import write_table
from sceneshift.stages import report as stage
from sceneshift.stages.report import report
from sceneshift.streets import VISIBLE

EDITS = ("natural_light", "greenery")  # of the run
VOID = {"meta", "img", "input", "source", "link", "br"}


class Page(HTMLParser):
    """Collects tags, attributes and text; fails at tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def built(finished_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("page") / "report.html"
    report(finished_run, out)
    return out


@pytest.fixture(scope="module")
def page(built):
    return Page(built.read_text(encoding="utf-8"))


@pytest.fixture
def broken(finished_run, tmp_path):
    """A copy of the run, to take things away from."""
    return shutil.copytree(finished_run, tmp_path / "run")


def test_nothing_is_loaded_from_elsewhere(built, page):
    text = built.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href|srcset)\s*=\s*["']?\s*(https?:)?//""", text)
    assert not re.search(r"url\(|@import|fetch\(", text)
    assert page.all("link") == []
    pictures = [image["src"] for image in page.all("img")] + [source["srcset"] for source in page.all("source")]
    assert len(pictures) > 40
    assert all(uri.startswith("data:image/") for uri in pictures)
    assert all(script.get("src") is None for script in page.all("script"))
    assert len(text) < 15_000_000


def test_every_picture_has_a_description(page):
    assert all(image["alt"] for image in page.all("img"))


def test_values_of_the_run_appear(page, finished_run):
    for value in ("20,000", "1,234", "97 %", "0.875", "26 of 40 candidates", "less natural light", "more greenery"):
        assert value in page.text
    photos = pd.read_csv(finished_run / "photos.csv")
    assert f"{int(photos['held_out'].sum())} held out" in page.text
    rows = pd.read_csv(finished_run / "evaluation/greenery.csv").query("scorer == 'judge:streets'")
    own = rows[rows["attribute"] == "greenery"]
    assert f"{(own['after'] - own['before']).mean():+.3f}" in page.text


def test_the_judge_stands_before_the_predictor_and_nothing_is_warned_of(page):
    assert re.search(r"moved by \+0\.\d\d on a scale of 0 to 1 by the judge streets \(95 % interval", page.text)
    assert re.search(r"by \+\d\.\d\d standard deviations by the predictor that chose the pairs", page.text)
    assert page.all("ul")[0].get("class") == "figures"


def test_the_page_opens_with_what_moved_what_stayed_and_how_sure_that_is(page, finished_run):
    opening = " ".join(page.text[: page.text.index("images synthesized")].split())
    count = int(pd.read_csv(finished_run / "photos.csv")["held_out"].sum())
    assert re.search(
        rf"More greenery \+0.40 \(\+0.\d\d … \+0.\d\d\) the judge streets 100 % \(8\d … 100\) 0.88 .* {count}",
        opening,
    )
    assert f"1 of {count} photos have something against them" in page.text
    assert "halos of 2.0 levels per pixel" in page.text


def test_what_speaks_against_an_edit_is_said_first(broken, tmp_path):
    path = broken / "evaluation/greenery.csv"
    rows = pd.read_csv(path)
    judged = (rows["scorer"] == "judge:streets") & (rows["attribute"] == "greenery")
    rows.loc[judged, "after"] = rows.loc[judged, "before"] - 0.1 * rows.loc[judged, "before"]
    rows.loc[rows["scorer"] == "judge:streets", "scorer"] = "judge:heads"
    rows.to_csv(path, index=False)
    path = broken / "evaluation/natural_light.csv"
    rows = pd.read_csv(path)
    own = (rows["scorer"] == "predictor") & (rows["attribute"] == "natural_light")
    rows.loc[own, "after"] = rows.loc[own, "before"] + np.where(np.arange(own.sum()) % 2, 0.1, -0.1)
    rows[rows["scorer"] != "judge:streets"].to_csv(path, index=False)
    ranked = pd.read_csv(broken / "attributes.csv")
    ranked.loc[ranked["attribute"] == "greenery", "validation_accuracy"] = 0.64
    ranked.to_csv(broken / "attributes.csv", index=False)
    (broken / "judges").mkdir()
    write_table(broken / "judges/heads.csv", ("attribute", "auc"), [("snow", 0.8765), ("clouds", None)])
    report(broken, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    for warning in (
        r"More greenery: the judge heads \(−\d.\d\d\) and the predictor \(\+\d.\d\d\) disagree\.",
        r"More greenery: it moved the wrong way, by −\d.\d\d\.",
        r"More greenery: its boundary tells only 0\.64 of codes apart",
        r"Less natural light: no judge scores it",
        r"Less natural light: the interval of its effect, −\d.\d\d to \+\d.\d\d, holds zero",
    ):
        assert re.search(warning, text[: text.index("images synthesized")]), warning
    assert "standard deviations by the judge heads" in text
    assert "AUC of judge heads" in text
    assert "0.876" in text or "0.877" in text


def test_an_edit_that_its_judge_hardly_sees_is_warned_of(broken, tmp_path):
    path = broken / "evaluation/greenery.csv"
    rows = pd.read_csv(path)
    seen = rows[(rows["scorer"] == "predictor") & (rows["attribute"] == "greenery")]
    hardly = seen.assign(scorer="judge:heads", after=seen["before"] + 0.3 * (seen["after"] - seen["before"]))
    pd.concat([rows[rows["scorer"] != "judge:streets"], hardly]).to_csv(path, index=False)
    report(broken, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert re.search(r"More greenery: the judge heads sees \+0.\d\d standard deviations, the predictor", text)


@pytest.mark.parametrize(
    ("factor", "shift", "says"), [(1, 3, r"\+\d+\.\d standard"), (0.1, 0, r"0\.1\d? times their spread")]
)
def test_images_far_from_the_photos_are_warned_of(factor, shift, says, broken, tmp_path):
    path = broken / "evaluation/greenery.csv"
    rows = pd.read_csv(path)
    own = (rows["scorer"] == "predictor") & (rows["attribute"] == "greenery")
    rows.loc[own, ["before", "after"]] = rows.loc[own, ["before", "after"]] / factor - shift
    rows.to_csv(path, index=False)
    report(broken, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    opening = text[: text.index("images synthesized and")]
    assert re.search(rf"More greenery: the generator's images are far from the photos: .*{says}", opening)
    assert "Less natural light: the generator's" not in opening


def test_photos_shown_are_those_that_leave_the_edit_something_to_do(page, finished_run):
    rows = pd.read_csv(finished_run / "evaluation/greenery.csv").query("scorer == 'predictor'")
    before = rows[rows["attribute"] == "greenery"].set_index("photo")["before"]
    shown = [image["alt"].split(".png")[0] for image in page.all("img") if image["alt"].endswith(" after")][8:]
    assert len(shown) == 8
    assert before[shown].max() <= before.median()


def test_photos_are_compared_by_keyboard_and_what_changed_can_be_shown(page):
    sliders = page.all("input")
    assert len(sliders) == 16
    assert all(slider["type"] == "range" and slider["aria-label"] for slider in sliders)
    targets = {tag.get("id") for _, tag in page.tags}
    buttons = [button for button in page.all("button") if "data-changes" in button]
    assert len(buttons) == 2
    assert all(button["data-changes"] in targets for button in buttons)
    assert all(link["href"].removeprefix("#") in targets for link in page.all("a"))


def test_equal_runs_give_equal_bytes(built, finished_run, tmp_path):
    report(finished_run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == built.read_bytes()


def test_the_page_is_made_from_the_declared_files_alone(built, finished_run, tmp_path):
    """What the rule declares, and the trainings' histories."""
    chosen = {name: (*reads.BOUNDARY, *reads.EDIT) for name in EDITS}
    each = [one.format(attribute=name) for name in VISIBLE for one in chosen.get(name, reads.BOUNDARY)]
    trainings = ["generator/training", *(f"translators/{name}/training" for name in EDITS)]
    run = tmp_path / finished_run.name
    for name in (*reads.RUN, *each, *trainings):
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (finished_run / name).is_dir() else shutil.copy
        copy(finished_run / name, run / name)
    report(run, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_bytes() == built.read_bytes()


@pytest.mark.parametrize(
    "missing",
    [
        "photos.csv", "attributes.csv", "rescoring/snow.csv", "edits/greenery.png", "pairs/greenery/pairs.csv",
        "translated/natural_light", "evaluation/greenery.csv", "predictor/accuracy.csv", "synthesis.h5",
    ],
)  # fmt: skip
def test_what_is_missing_is_named_and_the_rest_is_shown(broken, missing, tmp_path):
    target = broken / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    report(broken, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "This run is not finished" in text
    assert missing in text[text.index("Not there yet") : text.index("Sections" if "Sections" in text else "Words used")]
    assert "The generator" in text


def test_a_folder_of_anything_else_is_refused(tmp_path):
    with pytest.raises(SceneshiftError, match="no folder of a run"):
        report(tmp_path, tmp_path / "report.html")


def started(run):
    """Write a plan as the workflow does, with the log of a rule that runs."""
    results = f"{run.parent.name}/{{run}}"
    rules = [
        PlannedRule(
            rule=rule, log=f"{results}/logs/{rule}.log", benchmark=f"{results}/benchmarks/{rule}.tsv", outputs=[output],
            behind_ranking=False, attributes=".*", jobs=[JobOfRule(wildcards={"run": run.name}, due=True)],
        )
        for rule, output in (("prepare_photos", f"{results}/photos.h5"), ("train_generator", f"{results}/generator/g"))
    ]  # fmt: skip
    config = {"edits": {"attributes": [{"attribute": "greenery"}], "top": 2}}
    circumstances = Circumstances(
        started="2026-01-02T03:04:05+00:00", machine="a machine", commit="c0ffee", config=config
    )
    write_plan(run / "plan.json", Plan(run=run.name, circumstances=circumstances, rules=rules))
    for folder in ("logs", "benchmarks"):
        (run / folder).mkdir()
    (run / "logs/prepare_photos.log").touch()
    (run / "benchmarks/prepare_photos.tsv").write_text("s\tmax_rss\n12.5\t246.17\n")
    (run / "logs/train_generator.log").touch()


def test_a_run_in_training_is_shown_as_far_as_it_is(broken, tmp_path):
    for path in ("synthesis.h5", "attributes.csv", "generator/generator.safetensors", "predictor/accuracy.csv"):
        (broken / path).unlink()
    started(broken)
    report(broken, tmp_path / "report.html")
    text = " ".join(Page((tmp_path / "report.html").read_text(encoding="utf-8")).text.split())
    assert "This run is not finished" in text
    assert re.search(r"train_generator: (running|failed)", text)
    assert "prepare_photos: " not in text
    assert "Trained for 20,000 images of 32×32 px so far" in text
    assert "from scratch" not in text


def test_a_page_that_is_watched_is_written_until_the_run_ends(broken, tmp_path, monkeypatch):
    (broken / "attributes.csv").unlink()
    started(broken)
    pages, alive = [], iter([True, True, False])
    status = stage.status_of
    monkeypatch.setattr(stage, "status_of", lambda run: replace(status(run), alive=next(alive)))
    monkeypatch.setattr(stage.time, "sleep", lambda seconds: pages.append((tmp_path / "p.html").read_text()))
    report(broken, tmp_path / "p.html", watch=20)
    assert len(pages) == 2
    assert all('http-equiv="refresh" content="20"' in page for page in pages)
    assert 'http-equiv="refresh"' not in (tmp_path / "p.html").read_text()


def test_when_where_and_with_what_config_it_was_made_is_said(broken, tmp_path):
    started(broken)
    report(broken, tmp_path / "report.html")
    text = " ".join(Page((tmp_path / "report.html").read_text(encoding="utf-8")).text.split())
    assert "Last started 2026-01-02 03:04:05 UTC on a machine. Commit c0ffee." in text
    assert re.search(r"prepare_photos ?1 ?12\.5 ?246", text)
    assert '"attribute": "greenery"' in text
    assert (
        "Greenery (rank 2) became an editor because the config names it (edits.attributes), whatever the rank." in text
    )
    assert "Natural light (rank 1) became an editor as the best of the ranking that the config does not name" in text


def test_figures_and_tables_are_numbered_one_by_one(page):
    for kind in ("Figure", "Table"):
        numbers = [int(number) for number in re.findall(rf"{kind} (\d+)\. ", page.text)]
        assert len(numbers) > 5
        assert numbers == list(range(1, len(numbers) + 1))


def test_words_of_the_trade_have_a_sentence_and_facts_a_unit(page):
    words = page.text[page.text.index("Words used here") :]
    for word in ("in W", "own effect", "boundary accuracy", "fréchet", "standard deviations along the normal"):
        assert word.lower() in words.lower()
    picture = np.zeros((1, 64, 64, 3), np.uint8)
    pair = Pair(picture[0], picture[0], picture[0], (picture[0], picture[0]), np.ones((64, 64), bool))
    facts = {*pixel_facts(picture, picture, np.ones((1, 64, 64), bool)), *audited(pair), "backbone_distance"}
    assert facts == set(PIXEL_UNITS)


def test_methods_follow_from_the_run_and_there_is_an_entry_to_cite(page):
    text = " ".join(page.text.split())
    assert "was trained for 20,000 images on" in text
    assert "from one that had seen 400,000 images" in text
    assert "26 of 40 candidate pairs were kept" in text
    assert "@software{sceneshift," in text


def test_how_much_of_the_photos_the_generator_covers_is_said(page, broken, tmp_path):
    columns = ("metric", "value", "images", "photos", "truncation_psi", "features", "resize")
    facts = (5000, 3600, 1.0, "efficientnet-lite2", "bilinear")
    rows = [("density", 0.9, *facts), ("coverage", 0.42, *facts)]
    write_table(broken / "generator/metrics.csv", columns, rows)
    report(broken, tmp_path / "report.html")
    text = " ".join(Page((tmp_path / "report.html").read_text(encoding="utf-8")).text.split())
    assert "It covers 42 % of the photos: of 3,600 training photos, that share has one of 5,000 images" in text
    assert "It covers" not in page.text  # where nothing was measured


def test_an_edit_of_several_attributes_names_them_all(broken, tmp_path):
    path = broken / "pairs/greenery/edit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"also": {"snow": -0.5}}))
    report(broken, tmp_path / "report.html")
    text = " ".join(Page((tmp_path / "report.html").read_text(encoding="utf-8")).text.split())
    assert "More greenery, with less snow" in text
    assert "along the normal, orthogonal to fog, and −0.50 of that along the one of snow (all layers" in text


def test_what_is_damaged_and_no_rule_makes_again_is_left_out_and_named(broken, tmp_path):
    damaged = [
        "generator/training/history.csv", "translators/greenery/training/history.csv",
        min((broken / "generator/training").glob("samples-*.png")).relative_to(broken).as_posix(),
    ]  # fmt: skip
    for name in damaged:
        (broken / name).write_bytes(b"\xff\x00" * 40)
    report(broken, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert all(name in page.text for name in damaged)
    assert "imported" not in page.text


def test_agreement_with_votes_stands_beside_what_is_out_of_reach(page):
    assert "out of reach" in page.text
    assert "0.714" in page.text


def test_stages_that_a_run_does_not_have_are_left_out(broken, tmp_path):
    shutil.rmtree(broken / "generator/training")
    for attribute in ("natural_light", "greenery"):
        for path in (f"evaluation/{attribute}.csv", f"translators/{attribute}/translator.dose.csv"):
            table = pd.read_csv(broken / path)
            table[~table["scorer"].str.startswith("judge")].to_csv(broken / path, index=False)
    facts = {"attribute": "greenery", "measured_by": "snow", "direction": "more", "curve": [], "kept": 9, "tried": 9}
    (broken / "pairs/greenery/edit.json").write_text(json.dumps(facts))
    (broken / "predictor/accuracy.csv").write_text("attribute,kind,auc,r2,agreement,unreachable\n")
    pairs = pd.read_csv(broken / "pairs/greenery/pairs.csv")
    pairs.assign(kept=True, reason="").to_csv(broken / "pairs/greenery/pairs.csv", index=False)
    report(broken, tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Judge" not in page.text
    assert "imported" in page.text
    assert "learned from pairs made elsewhere" in page.text
    assert "more snow, by greenery" in page.text
    assert "The predictor" not in page.text


def test_a_folder_of_other_photos_is_compared_with_its_originals(broken, tmp_path):
    translated = broken / "translated/greenery"
    shutil.rmtree(translated / "masks")
    originals = shutil.copytree(translated, tmp_path / "originals")
    for attribute in ("natural_light", "greenery"):
        folder = broken / f"translated/{attribute}"
        shutil.rmtree(folder)
        folder.mkdir()
        shutil.copy(next(originals.glob("*.png")), folder / "mine.png")
    shutil.copy(next(originals.glob("*.png")), originals / "mine.png")
    with pytest.raises(SceneshiftError, match="--translated-from"):
        report(broken, tmp_path / "report.html")
    report(broken, tmp_path / "report.html", translated_from=originals)
    assert "mine.png" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_photos_that_say_where_they_were_taken_are_shown_there_by_their_change(page, broken, tmp_path):
    assert "Where" not in page.text
    photos = pd.read_csv(broken / "photos.csv")
    photos["latitude"], photos["longitude"], photos["time"] = 59.4 + photos.index / 1e4, 24.7, ""
    photos.loc[0, ["latitude", "longitude"]] = np.nan
    photos.to_csv(broken / "photos.csv", index=False)
    report(broken, tmp_path / "report.html")
    shown = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    maps = [image for image in shown.all("img") if "where it was taken" in image["alt"]]
    assert {image["alt"].partition("change of ")[2] for image in maps} == {
        "natural light; north is up",
        "greenery; north is up",
    }


def test_editors_that_ship_stand_beside_the_run_with_the_photos_licences(broken, tmp_path):
    originals = tmp_path / "photos"
    originals.mkdir()
    (originals / "LICENCES.md").write_text("mine.png: CC BY 4.0")
    mine = shutil.copy(next((broken / "translated/greenery").glob("*.png")), originals / "mine.png")
    for name in ("night", "snow"):
        (broken / "shipped" / name).mkdir(parents=True)
        shutil.copy(mine, broken / "shipped" / name)
    (broken / "shipped" / "snow.progress.jsonl").touch()  # of a job that was killed
    made = [broken / "shipped" / name for name in ("night", "snow")]
    report(broken, tmp_path / "report.html", shipped=made, shipped_from=originals)
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert text.index("Editors that ship, on real photos") < text.index("Night") < text.index("Snow")
    assert text.count("mine.png") == 3
    assert "CC BY 4.0" in text
    (originals / "mine.png").unlink()
    with pytest.raises(SceneshiftError, match=r"mine\.png"):
        report(broken, tmp_path / "report.html", shipped=made, shipped_from=originals)


def test_what_is_said_of_photos_and_generator_follows_from_the_run(page, broken, tmp_path):
    assert "edit rendered streets that this run trained nothing on" in page.text
    assert "Trained for 20,000 images of 32×32 px, from a generator that had seen 400,000 before" in page.text
    with h5py.File(broken / "photos.h5", "r+") as file:
        file.attrs["folder"] = "photos"
    report(broken, tmp_path / "report.html")
    assert "edit real photos that this run trained nothing on" in Page((tmp_path / "report.html").read_text()).text


def test_photos_that_score_the_same_have_no_standard_deviations(broken, tmp_path):
    path = broken / "evaluation/greenery.csv"
    rows = read_evaluation(path)
    one = rows[0]["photo"]
    write_table(path, list(COLUMNS), [row for row in rows if row["photo"] == one and row["scorer"] != "judge:streets"])
    report(broken, tmp_path / "report.html")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    own = next(row for row in rows if (row["scorer"], row["attribute"]) == ("predictor", "greenery"))
    assert f"{own['before']:.2f} → {own['after']:.2f}" in text
    assert "on 1 held-out photo; no spread before, so no standard deviations" in text
    assert not re.search(r"\d{6}\.\d", text), "a number that means nothing"
    assert not re.search(r"\bnan\b", text)


def test_numbers_below_zero_have_a_minus_sign(page):
    assert re.search(r"−\d\.\d\d", page.text)
    assert not re.search(r"(?<![\w-])-\d\.\d\d", page.text)


def test_names_are_text_and_never_markup(broken, tmp_path):
    path = broken / "pairs/greenery/edit.json"
    path.write_text(path.read_text().replace('"fog"', '"<script>alert(1)</script>"'))
    report(broken, tmp_path / "report.html")
    assert "<script>alert" not in (tmp_path / "report.html").read_text(encoding="utf-8")
