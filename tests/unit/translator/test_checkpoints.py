"""A translator's file says all that is needed to use it, and a bad one says what is wrong."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.settings import TranslatorSettings
from sceneshift.translator import load_translator
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import TranslatorFacts, read_translator, save_translator
from sceneshift.translator.state import new_networks

SIZES = architecture(TranslatorSettings(width=4, downsamplings=1, blocks=1, local_enhancer=True), 16)
FACTS = TranslatorFacts(SIZES, 16, 72, "abc", {"attribute": "snow", "direction": "more"})


@pytest.fixture
def saved(tmp_path):
    network, _ = new_networks(SIZES, seed=0)
    path = tmp_path / "translator.safetensors"
    save_translator(network, path, FACTS)
    return path, network


def resaved(path, **changed):
    """The same weights with some facts changed."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["sceneshift"])
    save_file(load_file(path), path, metadata={"sceneshift": json.dumps({**facts, **changed})})


def test_weights_and_facts_come_back(saved):
    path, network = saved
    again, facts = read_translator(path)
    assert facts == FACTS
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    translator = load_translator(path)
    assert (translator.resolution, translator.head, translator.edit["attribute"]) == (16, "edit", "snow")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(SceneshiftError, match=r"There is no translator .*nothing\.safetensors"):
        load_translator(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("keep", [0, 5, 300, 5000])
def test_truncated_file_is_named(saved, keep):
    path, _ = saved
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SceneshiftError, match=r"translator\.safetensors is not a whole \.safetensors file"):
        load_translator(path)


def test_equal_translators_have_equal_bytes(saved, tmp_path):
    path, network = saved
    for again in range(8):
        save_translator(network, tmp_path / f"{again}.safetensors", FACTS)
        assert (tmp_path / f"{again}.safetensors").read_bytes() == path.read_bytes()


def test_other_format_and_version_are_named(saved):
    path, _ = saved
    resaved(path, format_version=7)
    with pytest.raises(SceneshiftError, match="format version 7; this sceneshift reads 1"):
        load_translator(path)
    resaved(path, format="sceneshift generator")
    with pytest.raises(SceneshiftError, match="'sceneshift generator', expected 'sceneshift translator'"):
        load_translator(path)
    save_file(load_file(path), path)
    with pytest.raises(SceneshiftError, match="format is None, expected"):
        load_translator(path)


def test_weights_of_other_sizes_are_named(saved):
    path, _ = saved
    resaved(path, sizes={**SIZES.__dict__, "width": 8})
    with pytest.raises(SceneshiftError, match=r"network\.blocks\.0\.conv1\.bias has shape \[4\]; expected \[8\]"):
        load_translator(path)
    resaved(path, sizes={})
    with pytest.raises(SceneshiftError, match="metadata does not describe a translator"):
        load_translator(path)


def test_weights_that_overflow_are_refused(saved):
    path, network = saved
    torch.nn.init.constant_(network.network.out.weight, 3e38)
    save_translator(network, path, FACTS)
    with pytest.raises(SceneshiftError, match=r"translator\.safetensors: its weights are so large that pictures overf"):
        load_translator(path)
