"""Tiny translators with a strong random edit."""

import pytest
import torch

from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import TranslatorSettings
from sceneshift.translator.architecture import architecture
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.training import new_networks


@pytest.fixture
def make_translator(tmp_path):
    """Save an untrained translator whose last layer is random; return its path."""

    def make(head="edit", resolution=16, **changes):
        settings = TranslatorSettings(head=head, width=4, downsamplings=2, blocks=1, **changes)
        sizes = architecture(settings, resolution)
        network, _ = new_networks(sizes, seed=0)
        torch.nn.init.normal_(network.network.out.weight, std=0.1, generator=torch_generator(0, "last layer"))
        path = tmp_path / "models" / f"{head}.safetensors"
        save_translator(network, path, TranslatorFacts(sizes, resolution, 0, "", {}))
        return path

    return make
