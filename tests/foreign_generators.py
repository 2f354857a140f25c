"""Checkpoints of other code bases with random weights, and what those code bases compute from them.

The forward passes are plain: one sample at a time, explicit zero insertion, in each code base's own names, shapes and
conventions, written from its description. They share nothing with the package.
"""

import math
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from contextlib import contextmanager

import torch
import torch.nn.functional as F

TAPS = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64


def fir(x, gain, before, after):
    x = F.pad(x, (before, after, before, after))
    return F.conv2d(x, (TAPS * gain).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def spread(x, last):
    """Zeros between the pixels, and `last` of them (0 or 1) after the last."""
    y = x.new_zeros(*x.shape[:2], *(2 * side - 1 + last for side in x.shape[2:]))
    y[:, :, ::2, ::2] = x
    return y


def lrelu(x):
    return F.leaky_relu(x, 0.2) * math.sqrt(2)


def limited(x, clamp):
    return x if clamp is None else x.clamp(-clamp, clamp)


def modulated(x, kernel, style, up):
    """Demodulated convolution with one kernel a sample; with `up`, it is correlated with the spread image."""
    images = []
    for image, s in zip(x, style, strict=True):
        k = kernel * s[None, :, None, None]
        k = k / (k.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if up:
            y = F.conv2d(spread(image[None], 0), k, padding=2)
            images.append(fir(y, 4, 1, 1))
        else:
            images.append(F.conv2d(image[None], k, padding=1))
    return torch.cat(images)


def to_rgb(x, kernel, style, bias):
    images = [F.conv2d(image[None], kernel * s[None, :, None, None]) for image, s in zip(x, style, strict=True)]
    return torch.cat(images) + bias.reshape(1, 3, 1, 1)


def doubled(image):
    return fir(spread(image, 1), 4, 2, 1)


def mapped(z, layers, w_avg, psi):
    """Layers: (weight, bias) stored for a learning rate of 0.01."""
    x = z / (z.square().mean(dim=1, keepdim=True) + 1e-8).sqrt()
    for weight, bias in layers:
        x = lrelu(F.linear(x, weight * 0.01 / math.sqrt(weight.shape[1]), bias * 0.01))
    return w_avg + psi * (x - w_avg)


def dense(x, weight, bias, extra=0.0):
    return F.linear(x, weight / math.sqrt(weight.shape[1]), bias) + extra


class Sizes:
    def __init__(self, resolution, base=1024, most=16, z_dim=12, w_dim=12, layers=3, seed=0, columns=4):
        self.columns = columns  # of the constant: images are columns / 4 times as wide as high
        self.deviation_channels = 1  # that minibatch deviation appends
        self.resolution, self.z_dim, self.w_dim, self.layers = resolution, z_dim, w_dim, layers
        self.resolutions = [2**i for i in range(2, resolution.bit_length())]
        self.channels = {r: min(base // r, most) for r in self.resolutions}
        self.rng = torch.Generator().manual_seed(seed)

    def randn(self, *shape):
        return torch.randn(shape, generator=self.rng)

    def width(self, resolution):
        return self.columns * resolution // 4

    def mapping(self, name):
        sd = {}
        for i in range(self.layers):
            inputs = self.z_dim if i == 0 else self.w_dim
            sd[f"{name.format(i)}.weight"] = self.randn(self.w_dim, inputs) * 100
            sd[f"{name.format(i)}.bias"] = self.randn(self.w_dim)
        return sd

    def blocks(self):
        """(inputs, outputs, resolution, number of the layer, doubling?) of the layers."""
        for step, r in enumerate(self.resolutions):
            if step:
                yield self.channels[r // 2], self.channels[r], r, 2 * step - 1, True
            yield self.channels[r], self.channels[r], r, 2 * step, False


def kernel_of(weight):
    return weight / math.sqrt(weight[0].numel())


# NVIDIA


def nvidia_generator(sizes):
    sd = sizes.mapping("mapping.fc{}") | {"mapping.w_avg": sizes.randn(sizes.w_dim)}
    sd["synthesis.b4.const"] = sizes.randn(sizes.channels[4], 4, sizes.columns)
    for inputs, outputs, r, _, up in sizes.blocks():
        name = f"synthesis.b{r}.conv{0 if up else 1}"
        sd[f"{name}.affine.weight"], sd[f"{name}.affine.bias"] = sizes.randn(inputs, sizes.w_dim), sizes.randn(inputs)
        sd[f"{name}.weight"], sd[f"{name}.bias"] = sizes.randn(outputs, inputs, 3, 3), sizes.randn(outputs) * 0.1
        sd[f"{name}.noise_const"], sd[f"{name}.noise_strength"] = sizes.randn(r, sizes.width(r)), sizes.randn() * 0.1
        sd[f"{name}.resample_filter"] = TAPS.clone()
        if not up:
            name = f"synthesis.b{r}.torgb"
            sd[f"{name}.affine.weight"], sd[f"{name}.affine.bias"] = (
                sizes.randn(outputs, sizes.w_dim),
                sizes.randn(outputs),
            )
            sd[f"{name}.weight"], sd[f"{name}.bias"] = sizes.randn(3, outputs, 1, 1), sizes.randn(3) * 0.1
            sd[f"synthesis.b{r}.resample_filter"] = TAPS.clone()
    return sd


def nvidia_images(sd, sizes, z, psi, clamp=None):
    layers = [(sd[f"mapping.fc{i}.weight"], sd[f"mapping.fc{i}.bias"]) for i in range(sizes.layers)]
    w = mapped(z, layers, sd["mapping.w_avg"], psi)
    x, image = sd["synthesis.b4.const"].expand(len(z), -1, -1, -1), None
    for _, _, r, _, up in sizes.blocks():
        name = f"synthesis.b{r}.conv{0 if up else 1}"
        style = dense(w, sd[f"{name}.affine.weight"], sd[f"{name}.affine.bias"])
        kernel = sd[f"{name}.weight"].flip(2, 3) if up else sd[f"{name}.weight"]  # convolution up, else correlation
        x = modulated(x, kernel, style, up) + sd[f"{name}.noise_const"] * sd[f"{name}.noise_strength"]
        x = limited(lrelu(x + sd[f"{name}.bias"][:, None, None]), clamp)
        if not up:
            name = f"synthesis.b{r}.torgb"
            style = dense(w, sd[f"{name}.affine.weight"], sd[f"{name}.affine.bias"])
            style = style / math.sqrt(sizes.channels[r])
            rgb = limited(to_rgb(x, sd[f"{name}.weight"], style, sd[f"{name}.bias"]), clamp)
            image = rgb if image is None else doubled(image) + rgb
    return image


def nvidia_discriminator(sizes):
    sd = {}
    for r in sizes.resolutions[:0:-1]:
        inputs, outputs = sizes.channels[r], sizes.channels[r // 2]
        shapes = {"conv0": (inputs, inputs, 3, 3), "conv1": (outputs, inputs, 3, 3), "skip": (outputs, inputs, 1, 1)}
        if r == sizes.resolution:
            shapes["fromrgb"] = (inputs, 3, 1, 1)
        for layer, shape in shapes.items():
            sd[f"b{r}.{layer}.weight"] = sizes.randn(*shape)
            sd[f"b{r}.{layer}.resample_filter"] = TAPS.clone()
            if layer != "skip":
                sd[f"b{r}.{layer}.bias"] = sizes.randn(shape[0]) * 0.1
        sd[f"b{r}.resample_filter"] = TAPS.clone()
    c = sizes.channels[4]
    sd |= {"b4.conv.weight": sizes.randn(c, c + sizes.deviation_channels, 3, 3), "b4.conv.bias": sizes.randn(c)}
    sd |= {
        "b4.conv.resample_filter": TAPS.clone(),
        "b4.fc.weight": sizes.randn(c, 4 * sizes.columns * c),
        "b4.fc.bias": sizes.randn(c),
    }
    return sd | {"b4.out.weight": sizes.randn(1, c), "b4.out.bias": sizes.randn(1)}


def nvidia_logits(sd, sizes, images, clamp=None):
    def conv(x, name, padding=0, stride=1, gain=1.0):
        y = F.conv2d(x, kernel_of(sd[f"{name}.weight"]), padding=padding, stride=stride)
        if f"{name}.bias" not in sd:
            return y * gain
        y = lrelu(y + sd[f"{name}.bias"][:, None, None]) * gain
        return limited(y, None if clamp is None else clamp * gain)

    x = conv(images, f"b{sizes.resolution}.fromrgb")
    for r in sizes.resolutions[:0:-1]:
        skip = conv(fir(x, 1, 1, 1), f"b{r}.skip", stride=2, gain=math.sqrt(0.5))
        x = conv(x, f"b{r}.conv0", padding=1)
        x = skip + conv(fir(x, 1, 2, 2), f"b{r}.conv1", stride=2, gain=math.sqrt(0.5))
    deviation = (x.var(dim=0, unbiased=False) + 1e-8).sqrt().mean()  # one group: at most four images
    x = torch.cat([x, deviation.expand(len(x), 1, *x.shape[2:])], dim=1)
    x = conv(x, "b4.conv", padding=1).flatten(1)
    x = lrelu(dense(x, sd["b4.fc.weight"], sd["b4.fc.bias"]))
    return dense(x, sd["b4.out.weight"], sd["b4.out.bias"])


def _reconstruct_persistent_obj(meta):
    raise AssertionError("pickles are read, never run")


class Persisted:
    """A module as torch_utils.persistence pickles it: a call of its function with the state and the source."""

    def __init__(self, class_name, source="raise SystemExit('the source was run')", **fields):
        self.meta = {"type": "class", "version": 6, "module_src": source, "class_name": class_name}
        self.fields = {"training": False, "_parameters": OrderedDict(), "_buffers": OrderedDict()}
        self.fields |= {"_modules": OrderedDict(), "_non_persistent_buffers_set": set(), **fields}

    def __reduce__(self):
        return _reconstruct_persistent_obj, (self.meta | {"state": self.fields},)

    def inner(self, name):
        return self.fields["_modules"].setdefault(name, Persisted("Layer"))


@contextmanager
def torch_utils():
    """Its function under the name that pickles call it by."""
    module = types.ModuleType("torch_utils.persistence")
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    own, _reconstruct_persistent_obj.__module__ = _reconstruct_persistent_obj.__module__, module.__name__
    sys.modules |= {"torch_utils": types.ModuleType("torch_utils"), module.__name__: module}
    try:
        yield
    finally:
        _reconstruct_persistent_obj.__module__ = own
        del sys.modules["torch_utils"], sys.modules[module.__name__]


def nvidia_module(sd, **fields):
    """A tree of persisted modules; `fields` go to those whose class has them."""
    root = Persisted("Network", **fields.get("root", {}))
    for name, tensor in sd.items():
        module = root
        *path, last = name.split(".")
        for part in path:
            module = module.inner(part)
            if part.startswith(("conv", "torgb", "fromrgb", "skip")):
                clamp = None if part == "skip" else fields.get("conv_clamp")
                module.fields |= {"conv_clamp": clamp, "activation": "linear" if part == "skip" else "lrelu"}
            elif part.startswith("fc"):
                module.fields |= {"activation": "lrelu", "bias_gain": 0.01 if "mapping" in path else 1}
            elif part.startswith("b"):
                module.fields |= {"architecture": fields.get("architecture"), "use_fp16": True}
        buffer = last in ("resample_filter", "noise_const", "w_avg")
        module.fields["_buffers" if buffer else "_parameters"][last] = tensor if buffer else torch.nn.Parameter(tensor)
    return root


def write_nvidia(path, g, d=None, clamp=None, g_architecture="skip", d_architecture="resnet", c_dim=0, group_size=4):
    root = {"root": {"c_dim": c_dim, "_init_kwargs": {"c_dim": c_dim}}, "conv_clamp": clamp}
    content = {"G": None, "training_set_kwargs": {"resolution": 64}, "augment_pipe": None}
    content["G_ema"] = nvidia_module(g, architecture=g_architecture, **root)
    content["D"] = d and nvidia_module(d, architecture=d_architecture, **root)
    if d:
        deviation = content["D"].inner("b4").inner("mbstd").fields
        deviation |= {"group_size": group_size, "num_channels": 1}
    with torch_utils():
        path.write_bytes(pickle.dumps(content))


# rosinality


def rosinality_generator(sizes):
    sd = sizes.mapping("style.{}")
    sd = {f"style.{int(name.split('.')[1]) + 1}.{name.split('.')[2]}": tensor for name, tensor in sd.items()}
    sd["input.input"] = sizes.randn(1, sizes.channels[4], 4, sizes.columns)
    for inputs, outputs, r, number, up in sizes.blocks():
        name = "conv1" if number == 0 else f"convs.{number - 1}"
        sd[f"{name}.conv.modulation.weight"] = sizes.randn(inputs, sizes.w_dim)
        sd[f"{name}.conv.modulation.bias"] = sizes.randn(inputs)
        sd[f"{name}.conv.weight"] = sizes.randn(1, outputs, inputs, 3, 3)
        sd[f"{name}.noise.weight"] = sizes.randn(1) * 0.1
        sd[f"{name}.activate.bias"] = sizes.randn(outputs) * 0.1
        sd[f"noises.noise_{number}"] = sizes.randn(1, 1, r, sizes.width(r))
        if up:
            sd[f"{name}.conv.blur.kernel"] = TAPS * 4
        else:
            name = "to_rgb1" if number == 0 else f"to_rgbs.{number // 2 - 1}"
            sd[f"{name}.conv.modulation.weight"] = sizes.randn(outputs, sizes.w_dim)
            sd[f"{name}.conv.modulation.bias"] = sizes.randn(outputs)
            sd[f"{name}.conv.weight"] = sizes.randn(1, 3, outputs, 1, 1)
            sd[f"{name}.bias"] = sizes.randn(1, 3, 1, 1) * 0.1
            if number:
                sd[f"{name}.upsample.kernel"] = TAPS * 4
    return sd


def rosinality_images(sd, sizes, z, psi, latent_avg):
    layers = [(sd[f"style.{i + 1}.weight"], sd[f"style.{i + 1}.bias"]) for i in range(sizes.layers)]
    w = mapped(z, layers, latent_avg, psi)
    x, image = sd["input.input"].expand(len(z), -1, -1, -1), None
    for _, _, _, number, up in sizes.blocks():
        name = "conv1" if number == 0 else f"convs.{number - 1}"
        style = dense(w, sd[f"{name}.conv.modulation.weight"], sd[f"{name}.conv.modulation.bias"])
        kernel = kernel_of(sd[f"{name}.conv.weight"][0])
        x = modulated(x, kernel.flip(2, 3) if up else kernel, style, up)
        x = x + sd[f"{name}.noise.weight"] * sd[f"noises.noise_{number}"]
        x = lrelu(x + sd[f"{name}.activate.bias"][:, None, None])
        if not up:
            name = "to_rgb1" if number == 0 else f"to_rgbs.{number // 2 - 1}"
            style = dense(w, sd[f"{name}.conv.modulation.weight"], sd[f"{name}.conv.modulation.bias"])
            rgb = to_rgb(x, kernel_of(sd[f"{name}.conv.weight"][0]), style, sd[f"{name}.bias"])
            image = rgb if image is None else doubled(image) + rgb
    return image


def rosinality_discriminator(sizes):
    """The names of NVIDIA's layers in rosinality's, which numbers them from the image on."""
    sd = {}
    for name, tensor in nvidia_discriminator(sizes).items():
        block, *rest = name.split(".")
        number = int(math.log2(sizes.resolution / int(block[1:]))) + 1
        if rest[-1] == "resample_filter":
            if rest[0] in ("conv1", "skip"):
                sd[f"convs.{number}.{'conv2' if rest[0] == 'conv1' else 'skip'}.0.kernel"] = tensor
            continue
        place = {
            "fromrgb.weight": "convs.0.0.weight", "fromrgb.bias": "convs.0.1.bias",
            "conv0.weight": f"convs.{number}.conv1.0.weight", "conv0.bias": f"convs.{number}.conv1.1.bias",
            "conv1.weight": f"convs.{number}.conv2.1.weight", "conv1.bias": f"convs.{number}.conv2.2.bias",
            "skip.weight": f"convs.{number}.skip.1.weight", "conv.weight": "final_conv.0.weight",
            "conv.bias": "final_conv.1.bias", "fc.weight": "final_linear.0.weight", "fc.bias": "final_linear.0.bias",
            "out.weight": "final_linear.1.weight", "out.bias": "final_linear.1.bias",
        }["".join(rest[0] + "." + rest[1])]  # fmt: skip
        sd[place] = tensor
    return sd


# genforce


def genforce_generator(sizes):
    sd = sizes.mapping("mapping.dense{}") | {"truncation.w_avg": sizes.randn(sizes.w_dim)}
    sd["synthesis.early_layer.const"] = sizes.randn(1, sizes.channels[4], 4, sizes.columns)
    for inputs, outputs, r, number, up in sizes.blocks():
        name = f"synthesis.layer{number}"
        sd[f"{name}.weight"], sd[f"{name}.bias"] = sizes.randn(outputs, inputs, 3, 3), sizes.randn(outputs) * 0.1
        sd[f"{name}.style.weight"], sd[f"{name}.style.bias"] = sizes.randn(inputs, sizes.w_dim), sizes.randn(inputs)
        sd[f"{name}.noise"], sd[f"{name}.noise_strength"] = sizes.randn(1, 1, r, sizes.width(r)), sizes.randn() * 0.1
        if up:
            sd[f"{name}.filter.kernel"] = (TAPS * 4)[None, None]
        else:
            name = f"synthesis.output{number // 2}"
            sd[f"{name}.weight"], sd[f"{name}.bias"] = sizes.randn(3, outputs, 1, 1), sizes.randn(3) * 0.1
            sd[f"{name}.style.weight"], sd[f"{name}.style.bias"] = (
                sizes.randn(outputs, sizes.w_dim),
                sizes.randn(outputs),
            )
    return sd | {"synthesis.upsample.kernel": (TAPS * 4)[None, None]}


def genforce_images(sd, sizes, z, psi):
    layers = [(sd[f"mapping.dense{i}.weight"], sd[f"mapping.dense{i}.bias"]) for i in range(sizes.layers)]
    w = mapped(z, layers, sd["truncation.w_avg"], psi)
    x, image = sd["synthesis.early_layer.const"].expand(len(z), -1, -1, -1), None
    for _, _, _, number, up in sizes.blocks():
        name = f"synthesis.layer{number}"
        style = dense(w, sd[f"{name}.style.weight"], sd[f"{name}.style.bias"], extra=1.0)
        x = modulated(x, kernel_of(sd[f"{name}.weight"]), style, up)  # flipped for a transposed one: a correlation
        x = x + sd[f"{name}.noise"] * sd[f"{name}.noise_strength"]
        x = lrelu(x + sd[f"{name}.bias"][:, None, None])
        if not up:
            name = f"synthesis.output{number // 2}"
            style = dense(w, sd[f"{name}.style.weight"], sd[f"{name}.style.bias"], extra=1.0)
            rgb = to_rgb(x, kernel_of(sd[f"{name}.weight"]), style, sd[f"{name}.bias"])
            image = rgb if image is None else doubled(image) + rgb
    return image


def genforce_discriminator(sizes):
    sd = {}
    for name, tensor in nvidia_discriminator(sizes).items():
        block, layer, *kind = name.split(".")
        step = int(math.log2(sizes.resolution / int(block[1:])))
        place = {
            "fromrgb": "input0",
            "conv0": f"layer{2 * step}",
            "conv1": f"layer{2 * step + 1}",
            "skip": f"skip_layer{step}",
            "conv": f"layer{2 * step}",
            "fc": f"layer{2 * step + 1}",
            "out": f"layer{2 * step + 2}",
        }.get(layer)
        if kind in (["weight"], ["bias"]):
            sd[f"{place}.{kind[0]}"] = tensor
        elif layer in ("conv1", "skip"):
            sd[f"{place}.filter.kernel"] = tensor[None, None]
    return sd


def as_higan(sd):
    """The layout of HiGAN's own models: dense layers within `fc`, kernels [H, W, I, O], ψ by layer."""
    new = {"truncation.truncation": torch.ones(1, 10, 1)}
    for name, tensor in sd.items():
        parts = name.split(".")
        if parts[-1] == "weight" and (parts[0] == "mapping" or "style" in parts):
            name = ".".join([*parts[:-1], "fc", "weight"])
        new[name] = tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 and parts[-1] == "weight" else tensor
    return new


# NVIDIA's TensorFlow code: genforce's values, other names and orders of axes


class Network:
    """What a pickle holds of a `dnnlib.tflib.network.Network`: its state, by __getstate__."""

    def __init__(self, function, variables, **components):
        self.state = {"version": 4, "name": function, "static_kwargs": {"label_size": 0}, "components": components}
        self.state |= {"build_module_src": "raise SystemExit('the source was run')", "build_func_name": function}
        self.state["variables"] = [(name, value.numpy()[()]) for name, value in variables.items()]

    def __getstate__(self):
        return self.state


@contextmanager
def dnnlib():
    """The class under the name that pickles call it by."""
    names = ("dnnlib", "dnnlib.tflib", "dnnlib.tflib.network")
    sys.modules |= {name: types.ModuleType(name) for name in names}
    sys.modules[names[-1]].Network = Network
    own, Network.__module__ = Network.__module__, names[-1]
    try:
        yield
    finally:
        Network.__module__ = own
        for name in names:
            del sys.modules[name]


def tensorflow_variable(name, tensor):
    if not name.endswith("weight"):
        return tensor
    return tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T


def tensorflow_generator(g, sizes):
    parts = {"weight": "weight", "bias": "bias", "style.weight": "mod_weight", "style.bias": "mod_bias"}
    mapping, synthesis = {}, {"4x4/Const/const": g["synthesis.early_layer.const"]}
    for i in range(sizes.layers):
        mapping |= {f"Dense{i}/{end}": g[f"mapping.dense{i}.{end}"] for end in ("weight", "bias")}
    for _, _, r, number, up in sizes.blocks():
        layer = "Conv0_up" if up else "Conv1" if r > 4 else "Conv"
        synthesis[f"noise{number}"] = g[f"synthesis.layer{number}.noise"]
        synthesis[f"{r}x{r}/{layer}/noise_strength"] = g[f"synthesis.layer{number}.noise_strength"]
        for theirs, name in parts.items():
            synthesis[f"{r}x{r}/{layer}/{name}"] = g[f"synthesis.layer{number}.{theirs}"]
            if not up:
                synthesis[f"{r}x{r}/ToRGB/{name}"] = g[f"synthesis.output{number // 2}.{theirs}"]
    mapping, synthesis = (
        {name: tensorflow_variable(name, tensor) for name, tensor in part.items()} for part in (mapping, synthesis)
    )
    main = {"lod": torch.zeros([]), "dlatent_avg": g["truncation.w_avg"]}
    return Network(
        "G_main", main, mapping=Network("G_mapping", mapping), synthesis=Network("G_synthesis_stylegan2", synthesis)
    )


def tensorflow_discriminator(sizes):
    layers = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip", "conv": "Conv"}
    variables = {}
    for name, tensor in nvidia_discriminator(sizes).items():
        block, layer, *kind = name.split(".")
        if kind in (["weight"], ["bias"]):
            r = block[1:]
            place = "Output" if layer == "out" else f"{r}x{r}/{layers.get(layer, 'Dense0')}"
            variables[f"{place}/{kind[0]}"] = tensorflow_variable(name, tensor)
    return Network("D_stylegan2", variables)


def write_tensorflow(path, *networks):
    with dnnlib():
        path.write_bytes(pickle.dumps(networks, protocol=4))


def write(path, name, sizes, discriminator=True) -> Callable[..., torch.Tensor]:
    """Write a checkpoint of code base `name` with random weights; the images that it computes: f(z, psi)."""
    if name == "stylegan2-ada-pytorch":
        g = nvidia_generator(sizes)
        write_nvidia(path, g, nvidia_discriminator(sizes) if discriminator else None)
        return lambda z, psi=1.0: nvidia_images(g, sizes, z, psi)
    if name == "rosinality":
        g, average = rosinality_generator(sizes), sizes.randn(sizes.w_dim)
        d = {"d": rosinality_discriminator(sizes)} if discriminator else {}
        torch.save({"g_ema": g, "latent_avg": average, "g_optim": {"state": {}}, **d}, path)
        return lambda z, psi=1.0: rosinality_images(g, sizes, z, psi, average)
    g = genforce_generator(sizes)
    if name == "stylegan2":
        average, d = tensorflow_generator(g, sizes), tensorflow_discriminator(sizes)
        write_tensorflow(path, *((average, d, average) if discriminator else (average,)))
        return lambda z, psi=1.0: genforce_images(g, sizes, z, psi)
    d = {"discriminator": genforce_discriminator(sizes)} if discriminator else {}
    models = {"generator_smooth": g, "generator": g, **d}
    torch.save({"models": models, "running_metadata": {"iter": 5}}, path, _use_new_zipfile_serialization=False)
    return lambda z, psi=1.0: genforce_images(g, sizes, z, psi)
