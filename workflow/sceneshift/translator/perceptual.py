"""The frozen networks whose features the perceptual loss compares."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import sha256_of
from sceneshift.settings import TranslatorSettings

# VGG19 as torchvision numbers it: channels of each convolution by its index in `features`, "M" where it pools
VGG19 = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512, "M", 512, 512, 512, 512, "M")
RELU1_OF_BLOCKS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1

Stages = Callable[[Tensor], Sequence[Tensor]]  # images [N, 3, H, W] in [0, 1] -> five feature maps


def perceptual_stages(network: str, device: torch.device) -> Stages:
    """The features named by `perceptual_network`: `backbone`, or the path of torchvision's VGG19 weights."""
    if network == "backbone":
        from sceneshift.vision.backbone import load_backbone

        return load_backbone(device).stages
    return load_vgg19(network).to(device)


def perceptual_weights(settings: TranslatorSettings) -> str | None:
    """SHA-256 of the file of weights that the perceptual loss reads; None if it reads none."""
    read = settings.perceptual and settings.perceptual_network != "backbone"
    return sha256_of(settings.perceptual_network) if read else None


class Vgg19Stages(nn.Module):
    """VGG19's relu1_1 to relu5_1 (arXiv 1409.1556): images [N, 3, H, W] in [0, 1] -> five maps.

    It is fed pictures in [-1, 1], as in pix2pixHD's code, and not normalized as ImageNet's were: with that, the loss
    would be 2.2 times smaller.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG19:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers[: RELU1_OF_BLOCKS[-1] + 1])

    def forward(self, images: Tensor) -> list[Tensor]:
        x = images * 2 - 1
        maps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in RELU1_OF_BLOCKS:
                maps.append(x)
        return maps


def load_vgg19(path: Path | str) -> Vgg19Stages:
    """VGG19 from torchvision's `vgg19-*.pth`, frozen. Raises SceneshiftError if the file is missing or not that."""
    wanted = "torchvision's VGG19 weights, vgg19-dcbb9e9d.pth; or set translator.perceptual_network to backbone"
    if not Path(path).is_file():
        raise SceneshiftError(f"translator.perceptual_network: there is no file {path}. Give {wanted}.")
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError, KeyError) as error:
        raise SceneshiftError(f"{path} cannot be read as weights ({type(error).__name__}). Give {wanted}.") from error
    network = Vgg19Stages()
    for name, parameter in network.state_dict().items():
        found = weights.get(name) if isinstance(weights, dict) else None
        shape = tuple(found.shape) if isinstance(found, Tensor) else "nothing"
        if shape != tuple(parameter.shape):
            raise SceneshiftError(f"{path}: {name} is {shape}, expected {tuple(parameter.shape)}. Give {wanted}.")
    network.load_state_dict({name: weights[name] for name in network.state_dict()})
    return network.eval().requires_grad_(False)
