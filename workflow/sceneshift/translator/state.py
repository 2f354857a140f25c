"""Everything that training a translator changes, and how it starts."""

import dataclasses

import torch

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import TranslatorSettings
from sceneshift.training.snapshots import TrainingState
from sceneshift.training.status import LastSteps
from sceneshift.translator.architecture import Architecture, TranslatorNetwork, discriminator_for
from sceneshift.translator.checkpoints import read_translator
from sceneshift.translator.networks import MultiscaleDiscriminator, initialize

ADAM_BETAS = (0.5, 0.999)


@dataclasses.dataclass
class State(TrainingState):
    """Everything that training changes."""

    translator: TranslatorNetwork
    discriminator: MultiscaleDiscriminator
    optimizer_translator: torch.optim.Adam
    optimizer_discriminator: torch.optim.Adam
    last_steps: LastSteps
    images: int = 0


def initial_state(sizes: Architecture, settings: TranslatorSettings, seed: int, device: torch.device) -> State:
    """Fresh networks and optimizers; the translator as in `settings.warm_start`, which must be of these sizes."""
    new = new_networks(sizes, seed)
    if settings.warm_start:
        _start_from(settings.warm_start, new[0])
    networks = [network.to(device, memory_format=memory_format(device)) for network in new]
    adam = {"lr": settings.learning_rate, "betas": ADAM_BETAS, "fused": True}
    return State(*networks, *(torch.optim.Adam(n.parameters(), **adam) for n in networks), LastSteps())


def _start_from(path: str, translator: TranslatorNetwork) -> None:
    """Fill `translator` with another's weights; a global generator's become those of the one within the enhancer."""
    (network, facts), here = read_translator(path), translator.sizes
    enhanced = here.local_enhancer and not facts.sizes.local_enhancer
    names = ["head", "width", "downsamplings", "blocks"]
    names += ["local_enhancer"] * (not enhanced) + ["local_blocks"] * facts.sizes.local_enhancer
    if different := [
        f"{name} {getattr(facts.sizes, name)} there, {getattr(here, name)} here"
        for name in names
        if getattr(facts.sizes, name) != getattr(here, name)
    ]:
        raise SceneshiftError(
            f"translator.warm_start: {path} is another network: {', '.join(different)}. Give these keys its values."
        )
    if enhanced:
        translator.network.coarse.load_state_dict(network.network.features.state_dict())
    else:
        translator.load_state_dict(network.state_dict())


def new_networks(sizes: Architecture, seed: int) -> tuple[TranslatorNetwork, MultiscaleDiscriminator]:
    """Translator and discriminators as training starts: N(0, 0.02), the edit head as the identity."""
    translator, discriminator = TranslatorNetwork(sizes), discriminator_for(sizes)
    initialize(translator, torch_generator(seed, "translator weights"))
    initialize(discriminator, torch_generator(seed, "discriminator weights"))
    if sizes.head == "edit":
        translator.start_as_identity()
    return translator, discriminator


def memory_format(device: torch.device) -> torch.memory_format:
    """Channels last on a GPU; on a CPU oneDNN chooses its own layout, and norms and mirrored borders are three times
    as fast on contiguous maps."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format
