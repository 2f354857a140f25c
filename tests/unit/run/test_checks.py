"""What is wrong with folders is said before any job starts."""

import pytest

from sceneshift.run.checks import check_folders
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import load_settings


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"photos": {"source": "folder", "folder": "nowhere"}}, "photos.folder: nowhere does not exist"),
        ({"photos": {"source": "folder", "folder": "."}}, "photos.folder: . is or holds this working directory"),
        ({"photos": {"source": "folder", "folder": ".."}}, "photos.folder: .. is or holds this working directory"),
        ({"photos": {"source": "folder", "folder": "results"}}, "photos.folder: results is or holds"),
        ({"translate": {"folder": "a.jpg"}}, "translate.folder: a.jpg is no folder"),
        ({"translate": {"folder": "."}}, "translate.folder: . is or holds"),
        (
            {"edits": {"attributes": [{"attribute": "snow", "pairs": "mine"}]}},
            r"edits.attributes \(snow\): pairs: mine/train_B does not exist",
        ),
    ],
)
def test_a_folder_that_cannot_be_meant_is_named(tmp_path, monkeypatch, config, says):
    here = tmp_path / "here"
    for folder in ("results", "photos", "mine/train_A"):
        (here / folder).mkdir(parents=True)
    for place in ("a.jpg", "results/a.jpg", "photos/a.jpg"):
        (here / place).write_bytes(b"\xff\xd8\xff")
    monkeypatch.chdir(here)
    check_folders(
        load_settings({"photos": {"source": "folder", "folder": "photos"}, "translate": {"folder": "photos"}})
    )
    with pytest.raises(SceneshiftError, match=says):
        check_folders(load_settings(config))
