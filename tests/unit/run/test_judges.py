"""Which judges a run has, from its settings and the names of its photos."""

import pytest

from sceneshift.photos.held_out import is_held_out, is_judges
from sceneshift.run.judges import judges_of
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import load_settings

FORMULAS = {"kind": "photometric"}


def names(count, folder):
    """So many names of photos that are not held out, half of them the judge's."""
    usable = [name for i in range(9 * count) if not is_held_out(name := f"{folder}/{i}.png", 0.1)]
    judges = [name for name in usable if is_judges(name)][: count // 2]
    return judges + [name for name in usable if not is_judges(name)][: count - len(judges)]


def folder_of(path, **counts):
    for folder, count in counts.items():
        (path / folder).mkdir(parents=True)
        for name in names(count, folder):
            (path / name).touch()
    return {"source": "folder", "folder": str(path)}


def judges(**config):
    return judges_of(load_settings(config))


def test_streets_have_a_judge_of_their_own():
    assert judges() == {"streets": "streets"}
    assert judges(evaluation={"judges": []}) == {}


def test_a_folder_with_enough_labels_has_heads_on_another_network(tmp_path):
    photos = folder_of(tmp_path / "photos", snow=20, forest=24, unlabelled=3)
    (judge,) = judges(photos=photos).values()
    assert (judge.kind, judge.backbone) == ("heads", "efficientnet-lite2")
    assert judges(photos=photos, predictors=[FORMULAS]) == {}
    assert judges(photos=folder_of(tmp_path / "few", snow=19, forest=24)) == {}


def test_a_table_of_labels_is_counted_by_label(tmp_path):
    photos = folder_of(tmp_path / "photos", all=40)
    for high, enough in ((20, True), (19, False)):
        one, other = names(high, "a"), names(20, "b")
        lines = [f"{name},{value}\n" for files, value in ((one, 0.5), (other, "0"), (["c"], "")) for name in files]
        (tmp_path / "labels.csv").write_text("file,snow\n" + "".join(lines))
        heads = {"kind": "heads", "labels": str(tmp_path / "labels.csv")}
        assert list(judges(photos=photos, predictors=[heads])) == ["heads"] * enough


def test_judges_are_called_by_their_kind_and_numbered():
    named = judges(evaluation={"judges": ["streets", FORMULAS, {"kind": "heads"}, FORMULAS]})
    assert list(named) == ["streets", "photometric", "heads", "photometric2"]


def test_streets_cannot_judge_photos(tmp_path):
    photos = folder_of(tmp_path / "photos", snow=20, forest=20)
    with pytest.raises(SceneshiftError, match="`streets` is for rendered streets"):
        judges(photos=photos, evaluation={"judges": ["streets"]})


def test_the_old_key_names_the_new_one():
    with pytest.raises(SceneshiftError, match=r"evaluation: .*`judge` is now `judges`"):
        load_settings({"evaluation": {"judge": "none"}})


def test_a_kind_that_there_is_not_is_an_error_that_names_the_key():
    with pytest.raises(SceneshiftError, match=r"evaluation\.judges\.0"):
        load_settings({"evaluation": {"judges": [{"kind": "clip"}]}})
    with pytest.raises(SceneshiftError, match=r"evaluation\.judges\.0"):
        load_settings({"evaluation": {"judges": ["auto"]}})
