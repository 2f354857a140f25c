"""Generators of the first StyleGAN with random weights, in genforce's, HiGAN's and TensorFlow's layouts.

The forward pass is plain and in genforce's names: doubling below 128 px by repeated pixels, above by the transposed
convolution of the original. It shares nothing with the package.
"""

import math

import torch
import torch.nn.functional as F

from foreign_generators import Network, Sizes, write_tensorflow

BLUR = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1])) / 16


def generator(sizes: Sizes) -> dict[str, torch.Tensor]:
    """A state dict of genforce."""
    sd = sizes.mapping("mapping.dense{}") | {"truncation.w_avg": sizes.randn(sizes.w_dim)}
    sd |= {"synthesis.layer0.const": sizes.randn(1, sizes.channels[4], 4, 4), "synthesis.lod": torch.zeros([])}
    for step, r in enumerate(sizes.resolutions):
        count = sizes.channels[r]
        for number in (2 * step, 2 * step + 1):
            name, inputs = f"synthesis.layer{number}", sizes.channels[r if number % 2 else max(r // 2, 4)]
            if number:
                sd[f"{name}.weight"] = sizes.randn(count, inputs, 3, 3)
            if number and not number % 2:
                sd[f"{name}.blur.kernel"] = BLUR.expand(count, 1, 3, 3).clone()
            sd |= {f"{name}.bias": 0.1 * sizes.randn(count), f"{name}.apply_noise.weight": 0.3 * sizes.randn(count)}
            sd[f"{name}.apply_noise.noise"] = sizes.randn(1, 1, r, r)
            sd[f"{name}.style.weight"] = sizes.randn(2 * count, sizes.w_dim)
            sd[f"{name}.style.bias"] = 0.1 * sizes.randn(2 * count)
        sd[f"synthesis.output{step}.weight"] = sizes.randn(3, count, 1, 1)
        sd[f"synthesis.output{step}.bias"] = 0.1 * sizes.randn(3)
    return sd


def images(sd: dict[str, torch.Tensor], sizes: Sizes, z: torch.Tensor, psi: float, cut: int = 8) -> torch.Tensor:
    """What it makes of z, with the codes of the first `cut` layers truncated."""
    w = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for i in range(sizes.layers):
        weight, bias = sd[f"mapping.dense{i}.weight"], sd[f"mapping.dense{i}.bias"]
        w = F.leaky_relu(F.linear(w, weight * math.sqrt(2) * 0.01 / math.sqrt(weight.shape[1]), bias * 0.01), 0.2)
    near = sd["truncation.w_avg"] + psi * (w - sd["truncation.w_avg"])
    x = sd["synthesis.layer0.const"].expand(len(z), -1, -1, -1)
    for number in range(2 * len(sizes.resolutions)):
        name = f"synthesis.layer{number}"
        if number:
            kernel = sd[f"{name}.weight"]
            kernel = kernel * math.sqrt(2 / kernel[0].numel())
            if number % 2:
                x = F.conv2d(x, kernel, padding=1)
            elif x.shape[-1] >= 64:
                wide = F.pad(kernel, (1, 1, 1, 1))
                wide = wide[:, :, 1:, 1:] + wide[:, :, :-1, 1:] + wide[:, :, 1:, :-1] + wide[:, :, :-1, :-1]
                x = F.conv_transpose2d(x, wide.transpose(0, 1), stride=2, padding=1)
            else:
                x = F.conv2d(x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3), kernel, padding=1)
            if not number % 2:
                x = F.conv2d(x, BLUR.expand(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])
        x = x + sd[f"{name}.apply_noise.noise"] * sd[f"{name}.apply_noise.weight"][:, None, None]
        x = F.leaky_relu(x + sd[f"{name}.bias"][:, None, None], 0.2)
        x = x - x.mean(dim=(2, 3), keepdim=True)
        x = x / (x.square().mean(dim=(2, 3), keepdim=True) + 1e-8).sqrt()
        code = near if number < cut else w
        style = F.linear(code, sd[f"{name}.style.weight"] / math.sqrt(sizes.w_dim), sd[f"{name}.style.bias"])
        scale, offset = style.reshape(len(z), 2, -1, 1, 1).unbind(1)
        x = x * (scale + 1) + offset
    last = f"synthesis.output{len(sizes.resolutions) - 1}"
    kernel = sd[f"{last}.weight"]
    return F.conv2d(x, kernel / math.sqrt(kernel.shape[1]), sd[f"{last}.bias"])


def as_higan(sd: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """HiGAN's names; from 128 px on the layers that double keep their kernels as TensorFlow does."""
    new = {"truncation.truncation": torch.ones(1, 10, 1)}
    for name, tensor in sd.items():
        network, layer, *rest = name.split(".")
        end = ".".join(rest)
        if network == "mapping":
            end = {"weight": "fc.weight", "bias": "wscale.bias"}[end]
        elif layer.startswith("output") or (layer.startswith("layer") and end == "weight"):
            step = int(layer.removeprefix("layer")) if layer.startswith("layer") else 1
            if layer.startswith("layer") and not step % 2 and 2 ** (step // 2 + 2) >= 128:
                tensor = tensor.permute(2, 3, 1, 0)
            elif end == "weight":
                end = "conv.weight"
        elif end.startswith("style."):
            end = {"weight": "epilogue.style_mod.dense.fc.weight", "bias": "epilogue.style_mod.dense.wscale.bias"}[
                rest[1]
            ]
        elif end == "bias" or end.startswith("apply_noise"):
            end = f"epilogue.{end}"
        new[".".join([network, layer, *([end] if end else [])])] = tensor
    return new


def as_tensorflow(sd: dict[str, torch.Tensor], sizes: Sizes) -> Network:
    """The network Gs of a pickle."""
    mapping = {f"Dense{i}/weight": sd[f"mapping.dense{i}.weight"].T for i in range(sizes.layers)}
    mapping |= {f"Dense{i}/bias": sd[f"mapping.dense{i}.bias"] for i in range(sizes.layers)}
    synthesis = {"lod": torch.zeros([]), "4x4/Const/const": sd["synthesis.layer0.const"]}
    for number in range(2 * len(sizes.resolutions)):
        r, own = 2 ** (number // 2 + 2), f"synthesis.layer{number}"
        place = (
            f"{r}x{r}/" + ("Const", "Conv")[number] if number < 2 else f"{r}x{r}/" + ("Conv0_up", "Conv1")[number % 2]
        )
        synthesis[f"noise{number}"] = sd[f"{own}.apply_noise.noise"]
        synthesis |= {f"{place}/bias": sd[f"{own}.bias"], f"{place}/Noise/weight": sd[f"{own}.apply_noise.weight"]}
        synthesis[f"{place}/StyleMod/weight"] = sd[f"{own}.style.weight"].T
        synthesis[f"{place}/StyleMod/bias"] = sd[f"{own}.style.bias"]
        if number:
            synthesis[f"{place}/weight"] = sd[f"{own}.weight"].permute(2, 3, 1, 0)
    for step in range(len(sizes.resolutions)):
        lod = len(sizes.resolutions) - 1 - step
        synthesis[f"ToRGB_lod{lod}/weight"] = sd[f"synthesis.output{step}.weight"].permute(2, 3, 1, 0)
        synthesis[f"ToRGB_lod{lod}/bias"] = sd[f"synthesis.output{step}.bias"]
    main = {"lod": torch.zeros([]), "dlatent_avg": sd["truncation.w_avg"]}
    return Network("G_style", main, mapping=Network("G_mapping", mapping), synthesis=Network("G_synthesis", synthesis))


def write(path, layout: str, sizes: Sizes) -> dict[str, torch.Tensor]:
    """Write one with random weights; its state dict in genforce's names."""
    sd = generator(sizes)
    if layout == "tensorflow":
        g = as_tensorflow(sd, sizes)
        write_tensorflow(path, g, Network("D_basic", {"lod": torch.zeros([])}), g)
    else:
        torch.save(as_higan(sd) if layout == "higan" else {"models": {"generator_smooth": sd}}, path)
    return sd
