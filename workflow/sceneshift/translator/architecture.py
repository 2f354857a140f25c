"""Which networks a translator is made of, by settings and resolution; and the translator as one module."""

import dataclasses

import torch
from torch import Tensor, nn

from sceneshift.settings import TranslatorSettings
from sceneshift.translator.heads import OUTPUT_CHANNELS, EditMaps, Head, apply_edit, as_image, edit_maps
from sceneshift.translator.networks import GlobalGenerator, LocalEnhancer, MultiscaleDiscriminator

# from this resolution on: width, stride-2 convolutions, residual blocks; pix2pixHD's own sizes at the top
SIZES = ((256, 64, 4, 9), (128, 32, 3, 6), (0, 32, 2, 4))
LARGEST = {"width": 4096, "downsamplings": 8, "blocks": 1000, "discriminators": 8, "local_blocks": 1000,
           "discriminator_layers": 8}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Architecture:
    """Sizes of a translator and of the discriminators that train it (none for one made elsewhere)."""

    head: Head
    width: int
    downsamplings: int
    blocks: int
    local_enhancer: bool
    discriminators: int
    local_blocks: int = 3  # residual blocks of the local enhancer
    discriminator_layers: int = 3

    def __post_init__(self) -> None:
        """Raises ValueError for sizes that no translator has, as a damaged file may name them."""
        for name, largest in LARGEST.items():
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value <= largest:
                raise ValueError(f"{name} is {value!r}, expected a number up to {largest}")
        if self.head not in OUTPUT_CHANNELS or type(self.local_enhancer) is not bool:
            raise ValueError(f"head is {self.head!r}, local_enhancer is {self.local_enhancer!r}")

    @property
    def multiple(self) -> int:
        """Height and width that the networks take are multiples of this: 16 as published, 32 with the enhancer."""
        return 2 ** (self.downsamplings + self.local_enhancer)


def architecture(settings: TranslatorSettings, resolution: int) -> Architecture:
    """The sizes that `settings` name, or where they are null those for `resolution` (the pairs' shorter side).

    | resolution | width | downsamplings | blocks |
    |------------|-------|---------------|--------|
    | 256 and up | 64    | 4             | 9      |
    | 128        | 32    | 3             | 6      |
    | below      | 32    | 2             | 4      |

    With the local enhancer, `width` is the global generator's; the enhancer around it has half, as published.
    The discriminators are as wide as the translator, as in pix2pixHD (64 and 64).
    """
    _, width, downsamplings, blocks = next(row for row in SIZES if resolution >= row[0])
    return Architecture(
        head=settings.head,
        width=settings.width or width,
        downsamplings=settings.downsamplings or downsamplings,
        blocks=settings.blocks or blocks,
        local_enhancer=settings.local_enhancer,
        discriminators=settings.discriminators,
        discriminator_layers=settings.discriminator_layers,
    )


class TranslatorNetwork(nn.Module):
    """Photo [N, 3, H, W] in [-1, 1] to edited photo, same shape and range; H and W multiples of `sizes.multiple`."""

    def __init__(self, sizes: Architecture) -> None:
        super().__init__()
        self.sizes = sizes
        outputs = OUTPUT_CHANNELS[sizes.head]
        self.network: GlobalGenerator | LocalEnhancer
        if sizes.local_enhancer:
            enhancer = (sizes.width // 2, sizes.downsamplings, sizes.blocks, sizes.local_blocks)
            self.network = LocalEnhancer(outputs, *enhancer)
        else:
            self.network = GlobalGenerator(outputs, sizes.width, sizes.downsamplings, sizes.blocks)

    def start_as_identity(self) -> None:
        """Zero the edit head's last convolution, so that the translator starts with gain 1 and mask 0.12."""
        nn.init.zeros_(self.network.out.weight)
        nn.init.zeros_(self.network.out.bias)

    def maps(self, photo: Tensor) -> EditMaps:
        """The edit head's gain, offset and mask for `photo`, [N, 3, H, W] in [-1, 1]."""
        return edit_maps(self.network(photo))

    def forward(self, photo: Tensor) -> Tensor:
        if self.sizes.head == "edit":
            return apply_edit(photo, self.maps(photo))
        return as_image(self.network(photo))


def network_shapes(sizes: Architecture) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a `TranslatorNetwork`, without making one."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in TranslatorNetwork(sizes).state_dict().items()}


def discriminator_for(sizes: Architecture) -> MultiscaleDiscriminator:
    """The discriminators that see a photo and its edit side by side."""
    return MultiscaleDiscriminator(6, sizes.width, sizes.discriminators, sizes.discriminator_layers)
