"""The settings that follow from resolution and batch when the config leaves them open."""

import dataclasses

from sceneshift.settings import GeneratorSettings


@dataclasses.dataclass(frozen=True)
class Defaults:
    """Values of StyleGAN2-ADA's automatic configuration (arXiv 2006.06676), overridden by what the settings give."""

    channel_base: int
    learning_rate: float
    r1_gamma: float
    ema_images: float


def defaults(settings: GeneratorSettings, resolution: int, width: int) -> Defaults:
    """`null` settings filled in: γ = 0.0002·H·W/batch, EMA half-life batch·10000/32 images, the rest by the height."""

    def given(value: float | None, automatic: float) -> float:
        return automatic if value is None else value

    return Defaults(
        channel_base=int(given(settings.channel_base, 16384 if resolution < 512 else 32768)),
        learning_rate=given(settings.learning_rate, 0.0025 if resolution < 1024 else 0.002),
        r1_gamma=given(settings.r1_gamma, 0.0002 * (resolution * width) / settings.batch),
        ema_images=given(settings.ema_images, settings.batch * 10_000 / 32),
    )


def ema_decay(batch: int, images: int, half_life: float, rampup: float | None) -> float:
    """β = 0.5^(batch / half-life), the half-life at most `rampup` of the images seen."""
    if rampup is not None:
        half_life = min(half_life, images * rampup)
    return 0.5 ** (batch / max(half_life, 1e-8))
