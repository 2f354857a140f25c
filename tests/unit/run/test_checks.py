"""What is wrong with the paths of a config is said before any job starts."""

import pytest

from sceneshift.run.checks import check_paths
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import load_settings


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"photos": {"source": "folder", "folder": "nowhere"}}, "photos.folder: nowhere does not exist"),
        ({"photos": {"source": "folder", "folder": "."}}, "photos.folder: . is or holds this working directory"),
        ({"photos": {"source": "folder", "folder": ".."}}, "photos.folder: .. is or holds this working directory"),
        ({"photos": {"source": "folder", "folder": "results"}}, "photos.folder: results is or holds"),
        ({"translate": {"folder": "a.jpg"}}, "translate.folder: a.jpg is not a folder"),
        ({"translate": {"folder": "."}}, "translate.folder: . is or holds"),
        ({"generator": {"import": "g.pkl"}}, "generator.import: g.pkl does not exist"),
        ({"generator": {"warm_start": "g.safetensors"}}, "generator.warm_start: g.safetensors does not exist"),
        ({"translator": {"perceptual_network": "vgg.pth"}}, "translator.perceptual_network: vgg.pth does not exist"),
        (
            {"boundaries": {"import": [{"name": "snow", "file": "s.npy"}]}},
            r"boundaries.import \(snow\): s.npy does not exist",
        ),
        (
            {"predictors": [{"kind": "places365", "network": "n.pth"}]},
            r"predictors \(places365\): network: n.pth does not exist",
        ),
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
    check_paths(load_settings({"photos": {"source": "folder", "folder": "photos"}, "translate": {"folder": "photos"}}))
    with pytest.raises(SceneshiftError, match=says):
        check_paths(load_settings(config))
