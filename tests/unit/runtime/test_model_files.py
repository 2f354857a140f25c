"""Model files: read back exactly, equal bytes for equal content, refused with what they are and what to do."""

import json

import pytest
import torch
from safetensors.torch import save_file

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.model_files import ModelFormat

PLAIN = ModelFormat("thing", "Make it again.", "sceneshift thing", version=2)
OLD = ModelFormat("relic", "Dig it up.", "sceneshift relic 1", key="relic")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("kind", [PLAIN, OLD])
def test_facts_and_tensors_come_back_and_equal_ones_give_equal_bytes(path, kind):
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.tensor([1, 2]), "half": torch.ones(3).bfloat16()}
    kind.save(path, tensors, {"sizes": [1, 2.5], "name": "ü"})
    facts, again = kind.load(path)
    assert (facts["sizes"], facts["name"]) == ([1, 2.5], "ü")
    assert facts == kind.facts(path)
    assert again.keys() == tensors.keys()
    assert all(torch.equal(again[name], tensors[name]) for name in tensors)
    content = path.read_bytes()
    kind.save(path, dict(reversed(tensors.items())), {"name": "ü", "sizes": [1, 2.5]})
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (None, "is not a thing: its format is None, expected 'sceneshift thing'"),
        ({"sceneshift": "{"}, "metadata is not JSON"),
        ({"sceneshift": "[" * 100_000}, "metadata is not JSON"),
        ({"sceneshift": "[1]"}, "its format is None"),
        (
            {"sceneshift": json.dumps({"format": "sceneshift relic"})},
            "not a thing: its format is 'sceneshift relic'",
        ),
        ({"sceneshift": json.dumps({"format": "sceneshift thing"})}, "format version None; this sceneshift reads 2"),
    ],
)
def test_another_file_is_named_by_what_it_is(path, metadata, says):
    save_file({"a": torch.ones(1)}, path, metadata)
    for read in (PLAIN.load, PLAIN.facts):
        with pytest.raises(SceneshiftError, match=says) as refusal:
            read(path)
        assert str(path) in str(refusal.value)
        assert str(refusal.value).endswith("Make it again.")


def test_missing_cut_and_broken_files_are_named(path):
    with pytest.raises(SceneshiftError, match=r"There is no thing .*a\.safetensors\. Make it again\."):
        PLAIN.load(path)
    PLAIN.save(path, {"a": torch.ones(4)}, {})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SceneshiftError, match=r"a\.safetensors is not a whole \.safetensors file"):
        PLAIN.load(path)
    PLAIN.save(path, {"fine": torch.ones(4), "broken": torch.tensor([1, float("inf")])}, {})
    with pytest.raises(SceneshiftError, match="tensor broken holds NaN or infinity"):
        PLAIN.load(path)


def test_what_the_facts_lack_is_named(path):
    for fails in (lambda: {}["width"], lambda: int(None), lambda: None.width, lambda: 1 / 0):
        with (
            pytest.raises(SceneshiftError, match=r"a\.safetensors: its metadata does not describe a thing"),
            PLAIN.understood(path),
        ):
            fails()
