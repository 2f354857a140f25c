"""fast: what the device reaches, beside what others have published and what it could reach at most."""

import contextlib
import io
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sceneshift.generator import convolutions, reference
from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.networks import Generator
from sceneshift.generator.state import State
from sceneshift.images.pixels import from_uint8
from sceneshift.latents.codes import z_of
from sceneshift.latents.rendering import Renderer, batches, in_order
from sceneshift.runtime.devices import autocast, compute_dtype, set_up
from sceneshift.runtime.randomness import torch_generator
from sceneshift.scoring.kinds.heads import Heads, View
from sceneshift.scoring.kinds.places365 import Places365, sun_attributes
from sceneshift.scoring.predictor import save_predictor
from sceneshift.settings import GeneratorSettings, SynthesisSettings, TranslatorSettings
from sceneshift.stages.synthesize import synthesize
from sceneshift.stages.train_generator import train_generator
from sceneshift.stages.translate import translate
from sceneshift.training.distributed import World
from sceneshift.training.microbatches import MicroBatches
from sceneshift.training.recording import recorder
from sceneshift.translator import state as translator_state
from sceneshift.translator.architecture import architecture
from sceneshift.translator.perceptual import perceptual_stages
from sceneshift.translator.steps import Losses, minimize
from sceneshift.vision.backbone import FEATURES
from tools.flops import Flops
from tools.gpu.bench import Bench, augmented, error, noise_pictures, photo_store, places365_weights
from tools.gpu.right import SMALL, random_translator

# stylegan2-ada's auto configuration for one GPU: batch, and seconds per 1,000 images that its authors give for an A100
AUTO = {256: (16, "12.5"), 128: (32, "6.8"), 64: (32, "none")}
WANTED_SYNTHESIS = 500_000  # images, in under 15 minutes
P = 0.2  # the augmentation's strength, which costs time


def peak(bench: Bench) -> None:
    """The most that this device gives: matrix products, convolutions, copies."""
    side, channels = (256, 8) if bench.small else (8192, 512)
    dtype = compute_dtype("auto", bench.device)
    a, b = (torch.randn(side, side, device=bench.device).to(dtype) for _ in range(2))
    seconds = bench.seconds_of(lambda: a @ b, 10)
    bench.results.figure(f"matrix product {side}³, {dtype}", 2 * side**3 / seconds / 1e12, "TFLOP/s")
    bench.results.figure("3×3 convolution of 32 images of 32 px", _convolution_rate(bench, channels, dtype), "TFLOP/s")
    memory = torch.empty(2**20 if bench.small else 2**31, dtype=torch.uint8, device=bench.device)
    seconds = bench.seconds_of(lambda: memory.clone(), 5)
    bench.results.figure("copy on the device, read and written", 2 * memory.numel() / seconds / 1e9, "GB/s")


def _convolution_rate(bench: Bench, channels: int, dtype: torch.dtype) -> float:
    """TFLOP/s of a plain convolution, channels last."""
    x = torch.randn(32, channels, 32, 32, device=bench.device).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, device=bench.device).to(x.dtype, memory_format=torch.channels_last)
    torch.backends.cudnn.benchmark = True
    seconds = bench.seconds_of(lambda: F.conv2d(x, weight, padding=1), 10)
    return 2 * 9 * channels**2 * 32 * 32 * 32 / seconds / 1e12


def training(bench: Bench) -> None:
    """Seconds per 1,000 images in the auto configuration, every regularizer and augmentation on."""
    for resolution, (batch, published) in ({16: (4, "none")} if bench.small else AUTO).items():
        seconds = training_seconds(bench, resolution, batch)
        name = f"training, {resolution} px, batch {batch}, per 1,000 images"
        bench.results.figure(name, seconds, f"s (published, A100: {published})")
        if bench.cuda:
            used = torch.cuda.max_memory_allocated(bench.device)
            bench.results.figure("… most memory", used / 2**30, "GiB")
            torch.cuda.reset_peak_memory_stats(bench.device)


def training_seconds(bench: Bench, resolution: int, batch: int) -> float:
    """Per 1,000 images, of a training's steps 64 to 128: before, cuDNN tries its algorithms and steps are recorded."""
    first, last = (2, 4) if bench.small else (64, 128)
    times = {}

    def note(step: int) -> None:
        if step in (first, last):
            bench.finish()
            times[step] = time.perf_counter()

    _train(bench, resolution, batch, last, note)
    return 1000 * (times[last] - times[first]) / ((last - first) * batch)


def _train(bench: Bench, resolution: int, batch: int, steps: int, after_step: Callable[[int], None]) -> None:
    """Train `steps` steps; `after_step` is told how many are done."""
    photos = bench.folder / f"photos{resolution}.h5"
    if not photos.exists():
        photo_store(photos, 256, resolution)
    sizes = SMALL if bench.small else {"mapping_layers": 2}
    settings = GeneratorSettings(images=steps * batch, batch=batch, frechet_images=0, **sizes)
    average, done = State.average, itertools.count(1)

    def noted(state: State, decay: float) -> None:
        average(state, decay)
        after_step(next(done))

    with (
        tempfile.TemporaryDirectory() as folder,
        augmented(P),
        mock.patch.object(State, "average", noted),
        mock.patch("sceneshift.stages.train_generator.draw_samples"),
    ):
        train_generator(photos, Path(folder) / "g.safetensors", settings, device=bench.device)


def synthesis(bench: Bench) -> None:
    """Images a second: rendered, and rendered, scored and stored; for each predictor alone."""
    side, count = (16, 16) if bench.small else (256, 2048)
    generator = bench.folder / "g.safetensors"
    torch.manual_seed(0)
    save_generator(generator, Generator(resolution=side, **(SMALL if bench.small else _auto_sizes())))
    renderer = Renderer(generator, bench.device)
    codes = renderer.mapped(z_of(0, "synthesis", range(count), renderer.z_dim))
    for size in (8,) if bench.small else (64, 256):
        parts = [codes[part.start : part.stop] for part in batches(count, size)]
        seconds = bench.seconds_of(lambda parts=parts: list(in_order(renderer.render, parts, bench.device)))
        bench.results.figure(f"synthesis, {side} px, {size} a pass", count / seconds, "images/s")
    pictures = renderer.render(codes[:64])
    for name, predictor in _predictors(bench).items():
        path = bench.folder / f"{name}.safetensors"
        save_predictor([predictor], path, {})
        scored = bench.seconds_of(lambda predictor=predictor: predictor.score(pictures))
        bench.results.figure(f"scores of {name}, a thread", len(pictures) / scored, "images/s")

        def all_of_it(path: Path = path) -> None:
            shard, device = bench.folder / "shard.h5", bench.device
            shard.unlink(missing_ok=True)
            synthesize(generator, shard, SynthesisSettings(), predictor=path, count=count, device=device)

        rate = count / bench.seconds_of(all_of_it)
        bench.results.figure(f"synthesis, {side} px, scored by {name} and stored", rate, "images/s")
        bench.results.figure(f"… so {WANTED_SYNTHESIS:,} take (wanted: 15)", WANTED_SYNTHESIS / rate / 60, "min")


def _predictors(bench: Bench) -> dict[str, Heads | Places365]:
    """Predictors with random weights."""
    rng, names = np.random.default_rng(0), list(sun_attributes())[: 5 if bench.small else 102]
    weight = rng.standard_normal((len(names), FEATURES), np.float32)
    side = 16 if bench.small else 256
    view = View("efficientnet-lite0", (side, side), 128, str(bench.device))
    found: dict[str, Heads | Places365] = {"heads": Heads(names, weight, weight[:, 0], ["logit"] * len(names), view)}
    if not bench.small:
        tensors = places365_weights() | {
            "attributes_matrix": rng.standard_normal((102, 512), np.float32),
            "outdoor_scenes": np.zeros(365, bool), "columns": np.arange(102),
        }  # fmt: skip
        found["Places365"] = Places365(names, tensors, precision="auto", device=str(bench.device))
    return found


def _auto_sizes() -> dict[str, int]:
    return {"z_dim": 512, "w_dim": 512, "channel_base": 16384, "channel_max": 512, "mapping_layers": 2}


def translators(bench: Bench) -> None:
    """pix2pixHD at its published width, and photos of 12 megapixels from file to file."""
    side, batch = (32, 2) if bench.small else (256, 8)
    settings = TranslatorSettings(**({"width": 4, "blocks": 1, "downsamplings": 2} if bench.small else {}))
    dtype = compute_dtype("auto", bench.device)
    set_up(bench.device)
    stages = perceptual_stages("backbone", bench.device)
    photos, targets = (from_uint8(noise_pictures(batch, side, side, seed), bench.device) for seed in (0, 1))
    held = [
        picture.contiguous(memory_format=translator_state.memory_format(bench.device)) for picture in (photos, targets)
    ]
    state = translator_state.initial_state(architecture(settings, side), settings, 0, bench.device)
    losses = Losses(state.translator, state.discriminator, settings, stages, dtype)
    batches = MicroBatches(World(), batch, recorder=recorder(bench.device, deterministic=False))

    def step() -> None:
        minimize(state, batches, losses, held, batch, 1e-4)

    def forward() -> None:
        with torch.no_grad(), autocast(dtype, bench.device):
            state.translator(held[0])

    how, repeats = f"{side} px, batch {batch}", 1 if bench.small else 10
    step()  # as it is; the next one is recorded
    bench.results.figure(f"translator's training, {how}", batch / bench.seconds_of(step, repeats), "images/s")
    bench.results.figure(f"translator forward, {how}", batch / bench.seconds_of(forward, repeats), "images/s")
    _photos(bench, settings, side)


def _photos(bench: Bench, settings: TranslatorSettings, side: int) -> None:
    count, height, width = (2, 90, 120) if bench.small else (16, 3000, 4000)
    folder, path = bench.folder / "photos", random_translator(bench.folder / "t.safetensors", settings, side)
    folder.mkdir()
    Image.fromarray(noise_pictures(1, height, width)[0]).save(folder / "0.jpg", quality=90)
    for place in range(1, count):
        shutil.copy(folder / "0.jpg", folder / f"{place}.jpg")

    def run() -> None:
        with tempfile.TemporaryDirectory() as out:
            translate(path, folder, out, device=bench.device)

    megapixels = height * width / 1e6
    bench.results.figure(f"translate, photos of {megapixels:.3g} megapixels", count / bench.seconds_of(run), "photos/s")


def profile(bench: Bench) -> None:
    """A few steps of training: the kernels that take longest, share of the peak, time in which the device waits."""
    resolution, batch = (16, 4) if bench.small else (256, 16)
    first, last = (1, 2) if bench.small else (32, 36)
    activities = [torch.profiler.ProfilerActivity.CPU, *[torch.profiler.ProfilerActivity.CUDA] * bench.cuda]
    profiler, counter, marks = torch.profiler.profile(activities=activities), Flops(), []

    def profiled(step: int) -> None:
        if step in (first, last):
            bench.finish()
            marks.append(time.perf_counter())
            profiler.start() if step == first else profiler.stop()

    def counted(step: int) -> None:
        if step == 1:
            counter.__enter__()
        elif step == 5:  # four steps, one with path lengths
            counter.__exit__(None, None, None)

    with mock.patch("sceneshift.stages.train_generator.recorder", return_value=None):  # a recording counts nothing
        _train(bench, resolution, batch, 5, counted)
    _train(bench, resolution, batch, last, profiled)
    seconds, flops = marks[1] - marks[0], counter.total * (last - first) / 4
    bench.results.figure("convolutions and products a step", flops / (last - first) / 1e12, "TFLOP")
    bench.results.figure("reached in training, profiler running", flops / seconds / 1e12, "TFLOP/s")
    most = _convolution_rate(bench, 8 if bench.small else 512, compute_dtype("auto", bench.device))
    bench.results.figure("… share of a plain convolution's rate", flops / seconds / 1e12 / most, "×")
    kernels = [event for event in profiler.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    if kernels:
        busy = sum(event.time_range.elapsed_us() for event in kernels) / 1e6
        bench.results.figure("device busy", busy / seconds, "of the time")
        bench.results.figure("kernels a step", len(kernels) / (last - first), "")
        bench.results.figure(
            "kernel time in convolutions and products", _matrix_share(kernels, busy), "of the busy time"
        )
        order = "self_device_time_total"
    else:
        order = "self_cpu_time_total"
    bench.results.note(profiler.key_averages().table(sort_by=order, row_limit=25, max_name_column_width=60))


def _matrix_share(kernels: list, busy: float) -> float:
    words = ("conv", "gemm", "cudnn", "wgrad", "dgrad", "fprop", "xmma", "cutlass")
    own = (e for e in kernels if any(word in e.name.lower() for word in words))
    return sum(event.time_range.elapsed_us() for event in own) / 1e6 / busy


def variants(bench: Bench) -> None:
    """Forms that might be faster here: which one wins is to be kept."""
    _layers(bench)
    _optimizers(bench)
    _whole_synthesis(bench)


def _layers(bench: Bench) -> None:
    """One layer with its gradients at the sizes of 256 px, in several forms and layouts."""
    dtype = compute_dtype("auto", bench.device)
    sizes = [(4, 8, 8)] if bench.small else [(16, 512, 32), (16, 256, 64), (16, 128, 128), (16, 64, 256)]
    forms = {
        "production": convolutions.modulated_conv,
        "weights by sample": reference.modulated_conv,
        "blur folded into the kernel": folded_modulated_conv,
    }
    set_up(bench.device)
    for n, channels, side in sizes:
        for upsampling in (False, True):
            wanted = None
            for name, form in forms.items():
                for layout in (torch.channels_last, torch.contiguous_format):
                    work, outcome = _layer(
                        bench, form, (n, channels, side // (1 + upsampling)), upsampling, dtype, layout
                    )
                    how = f"{channels} channels, {side} px{', upsampling' * upsampling}, {str(layout)[6:]}: {name}"
                    try:
                        seconds = bench.seconds_of(work, 1 if bench.small else 5)
                    except RuntimeError as refused:  # a form that the device has no kernel for
                        bench.results.note(f"{how}: {str(refused).splitlines()[0][:200]}")
                        continue
                    wanted = outcome() if wanted is None else wanted
                    bench.results.figure(how, 1000 * seconds, "ms")
                    bench.results.check(f"{how}, error", error(outcome(), wanted), 5e-2)


def _layer(
    bench: Bench, form: Callable, shape: tuple[int, int, int], upsampling: bool, dtype: torch.dtype,
    layout: torch.memory_format,
) -> tuple[Callable[[], None], Callable[[], Tensor]]:  # fmt: skip
    """(one pass forward and backward, its output) on shape [N, C, H = W]."""
    n, channels, side = shape
    rng = torch_generator("layer")
    x = torch.randn(n, channels, side, side, generator=rng).to(bench.device, dtype).contiguous(memory_format=layout)
    weight = torch.randn(channels, channels, 3, 3, generator=rng).to(bench.device).requires_grad_()
    style = torch.randn(n, channels, generator=rng).to(bench.device).requires_grad_()
    noise = torch.zeros(n, 1, side * (1 + upsampling), side * (1 + upsampling), device=bench.device)
    bias = torch.zeros(channels, device=bench.device, requires_grad=True)
    x.requires_grad_()

    def output() -> Tensor:
        # the published form multiplies float32 weights; here it gets them in the arithmetic that is measured
        own = form is reference.modulated_conv
        cast = (lambda t: t.to(dtype)) if own else (lambda t: t)
        return form(x, cast(weight), cast(style), cast(noise), cast(bias), upsampling)

    def work() -> None:
        output().float().square().mean().backward()
        for tensor in (x, weight, style, bias):
            tensor.grad = None

    return work, output


def folded_modulated_conv(
    x: Tensor, weight: Tensor, style: Tensor, noise: Tensor, bias: Tensor, upsampling: bool
) -> Tensor:
    """As `convolutions.modulated_conv`, the blur made part of the kernel, 6×6: more products, no depthwise pass."""
    if not upsampling:
        return convolutions.modulated_conv(x, weight, style, noise, bias, upsampling)
    outputs, inputs = weight.shape[:2]
    demodulation = (style.square() @ weight.square().sum(dim=[2, 3]).T + 1e-8).rsqrt()
    blur = convolutions.blur_kernel(4.0, x.device, torch.float32)
    kernel = F.conv2d(weight.reshape(-1, 1, 3, 3), blur[None, None], padding=3).reshape(outputs, inputs, 6, 6)
    x = x * style[:, :, None, None].to(x.dtype)
    x = F.conv_transpose2d(x, kernel.transpose(0, 1).to(x.dtype), stride=2, padding=2)
    x = x * demodulation[:, :, None, None].to(x.dtype) + noise.to(x.dtype) + bias[:, None, None].to(x.dtype)
    return convolutions.activate(x)


def _optimizers(bench: Bench) -> None:
    sizes = SMALL if bench.small else _auto_sizes()
    for how in ({"fused": True}, {"foreach": True}):
        network = Generator(resolution=16 if bench.small else 256, **sizes).to(bench.device)
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer = torch.optim.Adam(network.parameters(), **how)
        seconds = bench.seconds_of(optimizer.step, 1 if bench.small else 20)
        bench.results.figure(f"Adam's step, {next(iter(how))}", 1000 * seconds, "ms")


def _whole_synthesis(bench: Bench) -> None:
    """Synthesis as it is, as a CUDA graph, compiled."""
    side, count = (16, 4) if bench.small else (256, 64)
    g = Generator(resolution=side, **(SMALL if bench.small else _auto_sizes())).eval().requires_grad_(False)
    g = g.to(bench.device)
    g.synthesis.compute_dtype = compute_dtype("auto", bench.device)
    w = torch.randn(count, g.w_dim, device=bench.device)
    repeats = 1 if bench.small else 10

    def graph() -> Callable[[], object]:
        g.synthesis(w)
        bench.finish()
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            g.synthesis(w)
        return captured.replay

    def compiled() -> Callable[[], object]:
        faster = torch.compile(g.synthesis, dynamic=False)
        with contextlib.redirect_stdout(io.StringIO()):
            faster(w)
        return lambda: faster(w)

    ways: dict[str, Callable[[], Callable[[], object]]] = {"as it is": lambda: lambda: g.synthesis(w)}
    if bench.cuda:
        ways |= {"as a CUDA graph": graph, "compiled": compiled}
    for name, make in ways.items():
        try:
            with torch.no_grad():
                rate = count / bench.seconds_of(make(), repeats)
        except Exception as refused:  # CUDA's, Dynamo's, Inductor's, Triton's or the C compiler's
            bench.results.note(f"synthesis, {name}: {type(refused).__name__}: {str(refused)[:300]}")
            continue
        bench.results.figure(f"synthesis, {side} px, {name}", rate, "images/s")
