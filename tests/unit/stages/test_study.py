"""A study as raters get it, and what becomes of their votes."""

import csv
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sceneshift import cli
from sceneshift.attributes.votes import read_votes
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import StudySettings
from sceneshift.stages.study import study
from sceneshift.stages.study_results import study_results

SETTINGS = StudySettings(questions=["Which looks <safer>?"], doses=[0, 1], photos=4, lists=6, pairs=4, checks=1)


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(5):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(tmp_path / f"photos/street {k}.png")
    return tmp_path / "photos"


@pytest.fixture
def made(make_translator, photos, tmp_path):
    study(make_translator(), tmp_path / "study", SETTINGS, photos=photos)
    return tmp_path / "study"


def shown(folder):
    """What the page holds."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    return json.loads(re.search(r'id="study">(.*?)</script>', text, re.S)[1])


def test_the_page_holds_every_list_and_the_folder_every_picture(made):
    lists = shown(made)["lists"]
    assert [len(own) for own in lists] == [5] * 6
    pictures = {trial[side] for own in lists for trial in own for side in ("left", "right")}
    assert pictures == {path.name for path in (made / "images").iterdir()}
    assert len(pictures) == 8, "4 photos, before and after"
    assert not any("edit" in name or "street" in name for name in pictures), "names tell nothing"
    pairs = pd.read_csv(made / "pairs.csv")
    assert len(pairs) == 4
    assert all((made / path).is_file() for path in (*pairs["left"], *pairs["right"]))
    assert 'toName="left,right"' in (made / "label_studio.xml").read_text()


def test_each_list_is_a_project_of_sp_survey(made):
    for number, own in enumerate(shown(made)["lists"]):
        project = json.loads((made / "sp_survey" / f"list-{number}.json").read_text(encoding="utf-8"))
        asked = [page["elements"][0] for page in project["config"]["pages"]]
        assert {element["type"] for element in asked} == {"imagepicker"}
        assert [[choice["value"] for choice in element["choices"]] for element in asked] == [
            [trial["left"], trial["right"]] for trial in own
        ]
        assert all((made / choice["imageLink"]).is_file() for element in asked for choice in element["choices"])
        checks = [element["title"] for element in asked if "please choose the" in element["title"]]
        assert len(checks) == 1
        assert {element["title"] for element in asked} - set(checks) == {"Which looks <safer>?"}


def test_the_page_loads_and_sends_nothing_elsewhere_unless_told_to(made, make_translator, photos, tmp_path):
    text = (made / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)\s*=\s*["'](https?:)?//""", text)
    assert "connect-src" not in text
    sending = SETTINGS.model_copy(update={"send_to": "https://example.org/votes"})
    study(make_translator(), tmp_path / "sending", sending, photos=photos)
    assert "connect-src https://example.org/votes" in (tmp_path / "sending/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("status", [200, 500])
def test_a_raters_answers_are_posted(make_translator, photos, tmp_path, browser, status):
    received = []

    class Researcher(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Researcher) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sending = SETTINGS.model_copy(update={"send_to": f"http://127.0.0.1:{server.server_port}/votes"})
        study(make_translator(), tmp_path / "study", sending, photos=photos)
        tab = browser.new_page()
        tab.goto(f"{(tmp_path / 'study' / 'index.html').as_uri()}?list=2")
        tab.click("#begin")
        for place in range(5):
            tab.get_by_text(f"{place + 1} of 5", exact=True).wait_for()
            tab.wait_for_timeout(400)
            tab.click("[data-winner=left]")
        says = "Your answers have arrived." if status == 200 else "Your answers could not be sent."
        tab.get_by_text(says).wait_for()
        tab.close()
        server.shutdown()
    (rows,) = [list(csv.DictReader(text.splitlines())) for text in received]
    assert [row["left"] for row in rows] == [trial["left"] for trial in shown(tmp_path / "study")["lists"][2]]
    assert {row["winner"] for row in rows} == {"left"}
    (tmp_path / "votes.csv").write_text(received[0], encoding="utf-8")
    study_results(tmp_path / "votes.csv", tmp_path / "results", failed_checks=1)
    assert (tmp_path / "results" / "preferences.csv").is_file()


def test_the_configs_own_section_is_taken(make_translator, photos, tmp_path):
    config = tmp_path / "my.yaml"
    config.write_text('run: mine\nstudy: {questions: ["Greener?"], photos: 3, pairs: 3, lists: 2, checks: 0}\n')
    study(make_translator(), tmp_path / "study", SETTINGS, photos=photos, configfile=config)
    lists = shown(tmp_path / "study")["lists"]
    assert [{trial["question"] for trial in own} for own in lists] == [{"Greener?"}] * 2
    for text, says in (
        ("study: {question: [a]}", "study.question"),
        ("a: [", "not a config in YAML"),
        ("- a", "config"),
    ):
        config.write_text(text)
        with pytest.raises(SceneshiftError, match=says):
            study(make_translator(), tmp_path / "other", SETTINGS, photos=photos, configfile=config)


def test_votes_become_preferences_and_a_table_to_learn_from(made, tmp_path):
    """Raters who always take the edited photo."""
    for rater, own in enumerate(shown(made)["lists"]):
        rows = [
            {**trial, "rater": rater, "list": rater, "seconds": 2.5,
             "winner": trial["expected"] or ("left" if trial["left_dose"] else "right")}
            for trial in own
        ]  # fmt: skip
        (tmp_path / "votes").mkdir(exist_ok=True)
        with open(tmp_path / f"votes/{rater}.csv", "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    lowest, edited = study_results(tmp_path / "votes", tmp_path / "results")
    assert (lowest.dose, edited.dose, edited.votes, edited.raters) == (0, 1, 24, 6)
    assert edited.low > 1
    assert edited.preferred > 0.9
    assert np.isnan(edited.agreement) or edited.agreement == 1
    table = read_votes(tmp_path / "results/votes.csv")
    assert table.questions == ["Which looks <safer>?"]
    assert not table.fault.any()
    assert {*table.photos} == {path.name for path in (made / "images").iterdir()}
    page = (tmp_path / "results/index.html").read_text(encoding="utf-8")
    assert "What 6 raters say" in page
    assert "&lt;safer&gt;" in page


def test_the_plan_is_said_and_nothing_made(capsys):
    assert cli.main(["study", "--plan", "0.65"]) == 0
    said = capsys.readouterr().out
    assert "85 votes" in said
    assert "raters" in said
    assert cli.main(["study", "--plan", "0.4"]) == 1
    assert cli.main(["study"]) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pairs": 40}, "There are 4 different pairs, fewer than the 40"),
        ({"photos": 2}, "There are 2 different pairs"),
    ],
)
def test_a_study_that_cannot_be_is_refused(changes, says, make_translator, photos, tmp_path):
    with pytest.raises(SceneshiftError, match=says):
        study(make_translator(), tmp_path / "study", SETTINGS.model_copy(update=changes), photos=photos)
    assert not (tmp_path / "study").exists()


def test_a_study_at_work_is_not_replaced(made, make_translator, photos):
    with pytest.raises(SceneshiftError, match="raters may be at work"):
        study(make_translator(), made, SETTINGS, photos=photos)


def test_a_run_without_translators_is_named(tmp_path):
    with pytest.raises(SceneshiftError, match="has no translators"):
        study(tmp_path, tmp_path / "study", SETTINGS)
