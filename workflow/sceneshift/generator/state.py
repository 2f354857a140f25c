"""Everything that training StyleGAN2 changes, and how it starts."""

import copy
import dataclasses
from pathlib import Path

import torch
from torch import Tensor

from sceneshift.generator.adapting import adapted_discriminator, adapted_generator
from sceneshift.generator.augmentation import FROM_SCRATCH, TRANSFERRED, AdaptiveStrength
from sceneshift.generator.checkpoints import load_discriminator, load_generator
from sceneshift.generator.defaults import Defaults
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.runtime.devices import compute_dtype
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.randomness import torch_generator
from sceneshift.settings import GeneratorSettings
from sceneshift.training.snapshots import TrainingState, take_over
from sceneshift.training.status import LastSteps

CHANNELS = ("channel_base", "channel_max")


@dataclasses.dataclass
class State(TrainingState):
    """Everything that training changes. `path_length_mean`: the running mean that path lengths are held to."""

    g: Generator
    d: Discriminator
    g_ema: Generator
    optimizer_g: torch.optim.Adam
    optimizer_d: torch.optim.Adam
    ada: AdaptiveStrength
    path_length_mean: Tensor
    last_steps: LastSteps
    images: int = 0

    @torch.no_grad()
    def average(self, decay: float) -> None:
        """Move the averaged generator: g_ema = decay·g_ema + (1 − decay)·g; buffers are copied."""
        torch._foreach_lerp_(list(self.g_ema.parameters()), list(self.g.parameters()), 1 - decay)
        torch._foreach_copy_(list(self.g_ema.buffers()), list(self.g.buffers()))


def initial_state(
    settings: GeneratorSettings, values: Defaults, shape: dict[str, int], seed: int, device: torch.device
) -> State:
    """Networks and optimizers at the start: fresh, or those that the warm start has with fresh optimizers.

    shape: `resolution` and `width` of the photos, to which a warm start of another shape is adapted. Raises
    SceneshiftError if it has other sizes than the settings give, or cannot be adapted. A generator file holds the
    average alone, so a warm start trains that; the authors' code, whose files hold both, goes on with the unaveraged
    one.
    """
    settings = settings.started(rendered=True, resolution=shape["resolution"])  # whoever knows the photos has decided
    with torch.random.fork_rng():  # initial weights come from torch's global generator
        torch.manual_seed(torch_generator(seed, "initial weights").initial_seed())
        if settings.warm_start:
            g, d = _warm(settings, shape)
        else:
            mapping = {"z_dim": 512, "w_dim": 512, "mapping_layers": 8}
            channels = {"channel_base": values.channel_base, "channel_max": 512}
            g, d = Generator(**shape | mapping | channels | settings.sizes), None
        if settings.freeze_discriminator:
            _check_frozen(settings, d)
        if d is None:
            channels = {name: g.architecture[name] for name in CHANNELS}
            d = Discriminator(**shape, **channels, conv_clamp=g.conv_clamp)
        if settings.mbstd_group_size:
            d.b4.group_size = settings.mbstd_group_size
    g, d = g.to(device).train().requires_grad_(True), d.to(device).train().requires_grad_(True)
    g.synthesis.compute_dtype = d.compute_dtype = compute_dtype(settings.precision, device)
    ada = AdaptiveStrength(
        settings.ada_target, settings.ada_images or (TRANSFERRED if settings.warm_start else FROM_SCRATCH)
    )
    if settings.augment == "fixed":
        ada.p = settings.augment_strength
    return State(
        g=g,
        d=d,
        g_ema=copy.deepcopy(g).eval().requires_grad_(False),
        optimizer_g=lazy_adam(
            g, values.learning_rate, settings.path_length_interval * bool(settings.path_length_weight)
        ),
        optimizer_d=lazy_adam(d, values.learning_rate, values.r1_gamma and settings.r1_interval),
        ada=ada,
        path_length_mean=torch.zeros([], device=device),
        last_steps=LastSteps(),
    )


def _check_frozen(settings: GeneratorSettings, d: Discriminator | None) -> None:
    """Raise SceneshiftError if the warm start's discriminator has not so many convolutions."""
    count, there = settings.freeze_discriminator, len(d.convs) if d else 0
    if count > there:
        has = f"a discriminator of {there}, at the photos' resolution" if d else "no discriminator"
        raise SceneshiftError(
            f"generator.freeze_discriminator: {count} convolutions are to be frozen, but {settings.warm_start} has "
            f"{has}. Set it to {there}{' or fewer' * bool(there)}."
        )


def state_of(g: Generator, d: Discriminator, snapshot: Path | str | None = None) -> State:
    """The training that a generator file comes from, for going on elsewhere.

    snapshot: of that training, which then gives all of it. Without one the average `g` stands for the trained generator
    too, and the optimizers are fresh ones of StyleGAN2's own schedule. Raises SceneshiftError for a snapshot of other
    networks.
    """
    trained = copy.deepcopy(g) if snapshot else g
    state = State(
        g=trained,
        d=d,
        g_ema=g,
        optimizer_g=lazy_adam(trained, 0.002, 4),
        optimizer_d=lazy_adam(d, 0.002, 16),
        ada=AdaptiveStrength(target=0.6),
        path_length_mean=torch.zeros([]),
        last_steps=LastSteps(),
    )
    if snapshot:
        take_over(snapshot, state)
    return state


def lazy_adam(network: torch.nn.Module, rate: float, interval: float) -> torch.optim.Adam:
    """Adam for an extra step every `interval` steps (0: none): rate and betas scaled by interval/(interval + 1)."""
    ratio = interval / (interval + 1) if interval else 1.0
    return torch.optim.Adam(network.parameters(), lr=rate * ratio, betas=(0.0, 0.99**ratio), eps=1e-8, fused=True)


def _warm(settings: GeneratorSettings, shape: dict[str, int]) -> tuple[Generator, Discriminator | None]:
    """The warm start's networks, at the shape of the photos."""
    g, d = load_generator(settings.warm_start), load_discriminator(settings.warm_start)
    if g.kind != Generator.kind:
        raise SceneshiftError(
            f"generator.warm_start: {settings.warm_start} is of {g.kind}, which is used as it is: give it as"
            " generator.import and set warm_start to null."
        )
    there = g.architecture
    if different := [
        f"{name} {there[name]} there, {here} here" for name, here in settings.sizes.items() if there[name] != here
    ]:
        raise SceneshiftError(
            f"generator.warm_start: {settings.warm_start} is another network than the config describes: "
            f"{'; '.join(different)}. Leave these keys out of the config's generator section, or start from scratch "
            "with generator.warm_start: null."
        )
    if all(there[name] == size for name, size in shape.items()):
        return g, d
    channels = {name: there[name] for name in CHANNELS}
    return adapted_generator(g, **shape), d and adapted_discriminator(d, channels, **shape)
