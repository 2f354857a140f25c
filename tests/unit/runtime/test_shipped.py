"""Shipped editors by name: a file wins, an unknown name is answered with those that ship."""

import shutil

import numpy as np
import pytest

from sceneshift import cli
from sceneshift.runtime import shipped
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.shipped import shipped_editors, translator_file, what_it_does
from sceneshift.stages.editors import editors
from sceneshift.stages.export_translator import export_translator
from sceneshift.translator import load_translator


@pytest.fixture
def night(make_translator, tmp_path, monkeypatch):
    """The one editor that ships, in an otherwise empty working directory."""
    monkeypatch.setattr(shipped, "EDITORS", tmp_path / "editors")
    (tmp_path / "editors").mkdir()
    path = shutil.copy(make_translator(), tmp_path / "editors" / "night.safetensors")
    card = "# night\n\n![](a.png)\n\nTurns a street\nby day into dusk at .5 of the light. Trained on streets.\n"
    (tmp_path / "editors" / "night.md").write_text(card)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return path


def test_every_editor_that_ships_loads_and_says_what_it_does():
    for path in shipped_editors().values():
        assert load_translator(path).head == "edit"
        assert path.stat().st_size < 6e6
        assert what_it_does(path).endswith(".")


def test_a_name_stands_for_the_editor_s_file(night, tmp_path):
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    assert np.array_equal(load_translator("night")(photo), load_translator(night)(photo))
    export_translator("night", tmp_path / "a.onnx")
    export_translator(night, tmp_path / "b.onnx")
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_file_of_that_name_wins_over_the_editor_and_a_folder_does_not(night, tmp_path):
    (tmp_path / "work" / "night").mkdir()
    assert translator_file("night") == night
    (tmp_path / "work" / "night").rmdir()
    (tmp_path / "work" / "night").touch()
    assert translator_file("night").resolve() == tmp_path / "work" / "night"


def test_an_unknown_name_is_answered_with_those_that_ship(night):
    with pytest.raises(
        SceneshiftError, match=r"'nigth'; did you mean night\? there is no such file, and .* are: night"
    ):
        load_translator("nigth")
    for path in ("nigth.safetensors", "results/nigth"):
        with pytest.raises(SceneshiftError, match=rf"There is no translator {path}.*`sceneshift editors` lists"):
            load_translator(path)


def test_editors_are_listed_with_the_first_sentence_of_their_cards(night, capsys):
    editors()
    assert capsys.readouterr().out == "night  Turns a street by day into dusk at .5 of the light.\n"


def test_the_command_line_takes_names(night, tmp_path, capsys):
    assert cli.main(["export-translator", "night", "a.onnx", "-q"]) == 0
    assert cli.main(["export-translator", "nihgt", "b.onnx"]) == 1
    assert "did you mean night?" in capsys.readouterr().err
