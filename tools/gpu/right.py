"""right: the same numbers on the device as on the CPU, within stated tolerances.

The CPU in float32 is the reference. Errors are root mean squares relative to the reference's. TF32 keeps 10 bits of a
number, bfloat16 7, so one product is off by 2⁻¹¹ and 2⁻⁸ of itself; tolerances leave room for some twenty layers.
"""

import contextlib
import copy
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file
from torch import Tensor, distributed, nn

from sceneshift.evaluation.judge import JudgeNetwork
from sceneshift.generator.augmentation import augment
from sceneshift.generator.checkpoints import save_generator
from sceneshift.generator.defaults import defaults
from sceneshift.generator.networks import Discriminator, Generator
from sceneshift.generator.state import initial_state
from sceneshift.generator.steps import Losses
from sceneshift.generator.stylegan import StyleGAN
from sceneshift.images.pixels import from_uint8
from sceneshift.latents.separation import fit_boundary
from sceneshift.latents.store import LatentStore
from sceneshift.run.gpu_slots import visible_gpus
from sceneshift.runtime.devices import autocast, set_up, to_device
from sceneshift.runtime.randomness import torch_generator
from sceneshift.scoring.kinds.heads import Heads, View
from sceneshift.scoring.kinds.photometric import PhotometricPredictor
from sceneshift.settings import GeneratorSettings, SynthesisSettings, TranslatorSettings
from sceneshift.stages.fit_predictor import fit_predictor
from sceneshift.stages.synthesize import synthesize
from sceneshift.stages.train_generator import train_generator
from sceneshift.stages.train_translator import train_translator
from sceneshift.training.distributed import World
from sceneshift.training.microbatches import WHOLE, MicroBatches
from sceneshift.training.recording import Work, recorder
from sceneshift.training.status import LastSteps
from sceneshift.translator.architecture import TranslatorNetwork, architecture, discriminator_for
from sceneshift.translator.checkpoints import TranslatorFacts, save_translator
from sceneshift.translator.perceptual import Vgg19Stages
from sceneshift.translator.translator import load_translator
from sceneshift.vision.backbone import FEATURES, load_backbone
from sceneshift.vision.wideresnet import WideResNet18
from tools.gpu.bench import (
    Bench,
    augmented,
    error,
    noise_pictures,
    on_device,
    pairs_folder,
    photo_store,
    places365_weights,
    same_noise,
)

# arithmetic of the whole process, of the convolutions, and how far from the CPU's float32 it may be
ARITHMETICS = {
    "float32": ("float32", torch.float32, 1e-4),
    "TF32": ("auto", torch.float32, 1e-2),
    "bfloat16": ("auto", torch.bfloat16, 6e-2),
}
# of all weights together, second derivatives included; of the worst weight ten times that
GRADIENTS = {"float32": 2e-3, "bfloat16": 0.25}
TRANSLATOR_GRADIENTS = {"float32": 5e-2, "bfloat16": 0.6}  # absolute differences have steps: rounding turns signs
LOSSES = {"float32": 2e-2, "auto": 0.15}  # after 40 steps, in which rounding has grown
SMALL = {"z_dim": 16, "w_dim": 16, "channel_base": 64, "channel_max": 8, "mapping_layers": 2}
REAL = {"z_dim": 64, "w_dim": 64, "channel_base": 4096, "channel_max": 128, "mapping_layers": 2}


def networks(bench: Bench) -> None:
    """Every network's output, in every arithmetic."""
    for name, (network, inputs, call) in _networks(bench.small).items():
        with torch.no_grad():
            wanted = call(network, *inputs)
            for arithmetic, (precision, dtype, at_most) in ARITHMETICS.items():
                set_up(bench.device, precision)
                twin = on_device(copy.deepcopy(network), bench.device)
                with _computing_in(twin, dtype, bench.device):
                    found = call(twin, *(to_device(x, bench.device) for x in inputs))
                bench.results.check(f"{name}, {arithmetic}", error(found, wanted), at_most)
    _frozen(bench)


def _networks(small: bool) -> dict[str, tuple[nn.Module, list[Tensor], Callable[..., Tensor]]]:
    """Name -> (network on the CPU, its inputs, how it is called)."""
    torch.manual_seed(0)
    sizes, side = (SMALL, 16) if small else (REAL, 64)
    g, first = Generator(resolution=side, **sizes), StyleGAN(resolution=side, **sizes)
    conv = {"resolution": side, "channel_base": sizes["channel_base"], "channel_max": sizes["channel_max"]}
    for network in (g, first):
        for name, parameter in network.named_parameters():
            if name.endswith("noise_strength"):
                nn.init.constant_(parameter, 0.1)
    w, picture = torch.randn(4, g.w_dim), torch.rand(4, 3, 2 * side, 2 * side) * 2 - 1
    width = {"width": 4, "downsamplings": 2, "blocks": 1} if small else {}
    translators = {
        "translator, edit head": TranslatorSettings(**width),
        "translator, image head": TranslatorSettings(head="image", **width),
        "translator, local enhancer": TranslatorSettings(local_enhancer=True, **width),
    }
    found: dict[str, tuple[nn.Module, list[Tensor], Callable[..., Tensor]]] = {
        "mapping": (g.mapping, [torch.randn(64, g.z_dim)], lambda n, z: n(z)),
        "synthesis": (g.synthesis, [w], lambda n, w: n(w)),
        "synthesis of the first StyleGAN": (first.synthesis, [w], lambda n, w: n(w)),
        "discriminator": (Discriminator(**conv), [picture[:, :, :side, :side]], lambda n, x: n(x)),
        "judge": (JudgeNetwork(5), [picture], lambda n, x: n(x)),
        "VGG19": (Vgg19Stages(), [picture], lambda n, x: n(x)[-1]),
    }
    for name, settings in translators.items():
        plan = architecture(settings, 2 * side)
        found[name] = (TranslatorNetwork(plan), [picture], lambda n, x: n.network(x))
    judging = discriminator_for(architecture(translators["translator, edit head"], 2 * side))
    found["translator's discriminators"] = (judging, [picture, picture.flip(3)], lambda n, x, y: n(x, y)[-1][-1])
    return found


@contextmanager
def _computing_in(network: nn.Module, dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """StyleGANs have an arithmetic of their own; the others take autocast's."""
    own = [module for module in network.modules() if hasattr(module, "compute_dtype")]
    for module in own:
        module.compute_dtype = dtype
    with contextlib.nullcontext() if own else autocast(dtype, device):
        yield


def _frozen(bench: Bench) -> None:
    """The networks that are only ever used: their features on the device."""
    pictures = torch.rand(4, 3, 64, 64)
    weights = places365_weights()
    wanted = load_backbone("cpu", "float32").pooled(pictures)
    places = WideResNet18(weights, torch.device("cpu"), torch.float32).features(pictures)
    for arithmetic, (precision, dtype, at_most) in ARITHMETICS.items():
        set_up(bench.device, precision)
        there, word = to_device(pictures, bench.device), str(dtype).removeprefix("torch.")
        found = load_backbone(bench.device, word).pooled(there)
        bench.results.check(f"backbone, {arithmetic}", error(found, wanted), at_most)
        found = WideResNet18(weights, bench.device, dtype).features(there)
        bench.results.check(f"Places365's network, {arithmetic}", error(found, places), at_most)


def gradients(bench: Bench) -> None:
    """Every loss's gradients (R1 and path lengths are differentiated twice), and the augmentation's."""
    sizes, side, batch = (SMALL, 16, 4) if bench.small else (REAL, 64, 16)
    real = noise_pictures(batch, side, side)
    for arithmetic, at_most in GRADIENTS.items():
        set_up(bench.device, "float32" if arithmetic == "float32" else "auto")
        settings = GeneratorSettings(**sizes, batch=batch, precision=arithmetic)
        exact = settings.model_copy(update={"precision": "float32"})
        for name in ("generator", "discriminator", "r1", "path_length"):
            wanted = _gradients(name, exact, side, real, torch.device("cpu"))
            found = _gradients(name, settings, side, real, bench.device)
            together = [torch.cat([g.flatten() for g in weights.values()]) for weights in (found, wanted)]
            bench.results.check(f"gradients of {name}, {arithmetic}", error(*together), at_most)
            large = [weight for weight, g in wanted.items() if g.numel() > 1]  # one number may be a sum near zero
            worst = max(large, key=lambda weight: error(found[weight], wanted[weight]))
            apart = error(found[worst], wanted[worst])
            bench.results.check(f"gradients of {name}, {arithmetic}, worst: {worst}", apart, 10 * at_most)
    _translator_gradients(bench)
    _augmentation(bench)


def _gradients(
    name: str, settings: GeneratorSettings, side: int, real: np.ndarray, device: torch.device
) -> dict[str, Tensor]:
    """Weight -> its gradient of one loss at the start of a training, on the CPU."""
    values = defaults(settings, side, side)
    state = initial_state(settings, values, {"resolution": side, "width": side}, 0, device)
    for weight, parameter in state.g.named_parameters():
        if weight.endswith("noise_strength"):
            nn.init.constant_(parameter, 0.1)
    losses = Losses(state.g, state.d, settings, values.r1_gamma, 0.5, from_uint8(real, device))
    rng = torch_generator(0, name)
    batches = MicroBatches(World(), settings.batch, 4)
    of_path = losses.path_length(state.path_length_mean, batches, rng)
    loss_of = of_path if name == "path_length" else getattr(losses, name)
    with same_noise():
        drawn = loss_of(WHOLE, rng)
        loss, _ = drawn.loss(drawn.inputs)
    network = state.g if name in ("generator", "path_length") else state.d
    loss.backward(inputs=list(network.parameters()))
    return {weight: p.grad.cpu() for weight, p in network.named_parameters() if p.grad is not None}


def _translator_work(
    small: bool, device: torch.device, dtype: torch.dtype
) -> tuple[Callable[[int], Work], list[nn.Parameter]]:
    """A step of the translator's training on pictures drawn by the step's number, and both networks' weights."""
    from sceneshift.translator.state import initial_state as translator_state
    from sceneshift.translator.steps import Losses as TranslatorLosses

    side, sizes = 32, {"width": 4, "downsamplings": 2, "blocks": 1} if small else {}
    settings = TranslatorSettings(**sizes)
    state = translator_state(architecture(settings, side), settings, 0, device)
    stages = load_backbone(device, "float32").stages
    losses = TranslatorLosses(state.translator, state.discriminator, settings, stages, dtype)

    def work(step: int) -> Work:
        pictures = noise_pictures(4, side, side, step)
        photos, targets = (from_uint8(pictures, device) for pictures in (pictures, pictures[:, ::-1].copy()))
        inputs = {"photos": photos, "targets": targets}
        return Work(lambda inputs: losses.gradients(inputs["photos"], inputs["targets"], 1.0), inputs)

    return work, [*state.translator.parameters(), *state.discriminator.parameters()]


def _translator_gradients(bench: Bench) -> None:
    def gradients_on(device: torch.device, dtype: torch.dtype) -> Tensor:
        work_of, parameters = _translator_work(bench.small, device, dtype)
        work = work_of(0)
        work.run(work.inputs)
        return torch.cat([p.grad.cpu().flatten() for p in parameters])

    wanted = gradients_on(torch.device("cpu"), torch.float32)
    for arithmetic, at_most in TRANSLATOR_GRADIENTS.items():
        set_up(bench.device, "float32" if arithmetic == "float32" else "auto")
        found = gradients_on(bench.device, getattr(torch, arithmetic))
        bench.results.check(f"gradients of the translator, {arithmetic}", error(found, wanted), at_most)


def _augmentation(bench: Bench) -> None:
    pictures = torch.from_numpy(noise_pictures(8, 32, 32)).permute(0, 3, 1, 2) / 127.5 - 1
    for precision, deterministic, at_most in (("float32", False, 1e-3), ("auto", False, 1e-2), ("float32", True, 1e-3)):
        runs = []
        for device in (torch.device("cpu"), bench.device, bench.device):
            set_up(bench.device, precision, deterministic)
            x = to_device(pictures, device).requires_grad_()
            out = augment(x, 1.0, torch_generator("augmentation"))
            (slope,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
            (second,) = torch.autograd.grad(slope.square().sum(), x)
            runs.append((out, slope, second))
            torch.use_deterministic_algorithms(False)
        how = f"{precision}{', deterministic' if deterministic else ''}"
        for name, wanted, found, again in zip(("", ", gradient", ", second gradient"), *runs, strict=True):
            bench.results.check(f"augmentation{name}, {how}", error(found, wanted), at_most)
            if deterministic:
                bench.results.check(f"augmentation{name}, twice, {how}", float((found != again).any()), 0)


def use(bench: Bench) -> None:
    """Codes, scores, boundaries and edited photos."""
    _scores(bench)
    _boundaries(bench)
    _edited_photos(bench)


def _scores(bench: Bench) -> None:
    weight = np.random.default_rng(0).standard_normal((5, FEATURES), np.float32)
    heads = {
        place: Heads("abcde", weight, weight[:, 0], ["logit"] * 5, View("efficientnet-lite0", (64, 64), 64, place))
        for place in ("cpu", str(bench.device))
    }
    pictures = noise_pictures(8, 96, 96)
    wanted, found = (torch.from_numpy(heads[place].score(pictures)) for place in ("cpu", str(bench.device)))
    bench.results.check("scores of heads, as on this CPU", error(found - found.mean(0), wanted - wanted.mean(0)), 0.1)


def _boundaries(bench: Bench) -> None:
    torch.manual_seed(0)
    sizes, side, count = (SMALL, 16, 64) if bench.small else (REAL, 64, 2000)
    generator, predictor = bench.folder / "g.safetensors", bench.folder / "p.safetensors"
    save_generator(generator, Generator(resolution=side, **sizes))
    formulas = PhotometricPredictor(kind="photometric")
    fit_predictor(None, predictor, [formulas], accuracy=bench.folder / "a.csv", shape=(side, side))
    stores = {}
    for place in ("cpu", str(bench.device)):
        path = bench.folder / f"{place}.h5"
        synthesize(generator, path, SynthesisSettings(), predictor=predictor, count=count, device=place)
        with LatentStore(path) as store:
            stores[place] = store.w(slice(None)), store.column("warmth")
    (w, scores), (found_w, found_scores) = stores["cpu"], stores[str(bench.device)]
    bench.results.check("codes", error(torch.from_numpy(found_w), torch.from_numpy(w)), 1e-4)
    bench.results.check("warmth of the images", 1 - float(np.corrcoef(found_scores, scores)[0, 1]), 2e-2)
    normals = [fit_boundary(*pair, examples=count // 4).normal for pair in ((w, scores), (found_w, found_scores))]
    bench.results.check("boundary: 1 - cosine", 1 - float(normals[0] @ normals[1]), 0.1)


def _edited_photos(bench: Bench) -> None:
    """Through network and guided filter: levels of 255."""
    photo = noise_pictures(1, 120, 200)[0]
    for head in ("edit", "image"):
        settings = TranslatorSettings(head=head, width=8, downsamplings=2, blocks=1)
        path = random_translator(bench.folder / f"{head}.safetensors", settings, 32)
        wanted = load_translator(path, "cpu")(photo).astype(float)
        for precision, at_most in (("float32", 0.1), ("auto", 3.0)):
            set_up(bench.device, precision)
            found = load_translator(path, str(bench.device), precision)(photo).astype(float)
            name = f"edited photo, {head} head, {precision}: mean difference in levels"
            bench.results.check(name, float(np.abs(found - wanted).mean()), at_most)


def random_translator(path: Path, settings: TranslatorSettings, resolution: int) -> Path:
    """A translator that was not trained, its last layer not zero."""
    from sceneshift.translator.state import new_networks

    sizes = architecture(settings, resolution)
    network, _ = new_networks(sizes, seed=0)
    nn.init.normal_(network.network.out.weight, std=0.05, generator=torch_generator(0, "last layer"))
    save_translator(network, path, TranslatorFacts(sizes, resolution, 0, "", {}))
    return path


def trainings(bench: Bench) -> None:
    """Forty steps of both trainings: their losses beside the CPU's.

    Rounding grows from step to step, by how much depends on the loss: the yardstick is a second training on the CPU,
    whose first weights are a millionth off.
    """
    steps = 6 if bench.small else 40
    for name, train in _trainings(bench, steps).items():
        with same_noise(), augmented(0.2):
            wanted = _history(train("cpu", torch.device("cpu"), precision="float32"))
            with nudged("sceneshift.stages.train_" + name.split("'")[0]):
                apart = _apart(_history(train("nudged", torch.device("cpu"), precision="float32")), wanted)
            for precision, at_least in LOSSES.items():
                found = _apart(_history(train(precision, bench.device, precision=precision)), wanted)
                for column in found:
                    at_most = max(at_least, 10 * apart[column])
                    bench.results.check(f"{name}: {column} after {steps} steps, {precision}", found[column], at_most)


def _apart(found: pd.DataFrame, wanted: pd.DataFrame) -> dict[str, float]:
    """Relative differences of two histories' last losses."""
    losses = wanted.columns.difference(["images", "images_per_second", "learning_rate", "ada_p"])
    return {name: abs(found[name].iloc[-1] / wanted[name].iloc[-1] - 1) for name in losses}


@contextmanager
def nudged(stage: str) -> Iterator[None]:
    """Trainings of the module `stage` begin with weights that are a millionth off."""
    begin = sys.modules[stage].initial_state

    def begun(*arguments: object) -> object:
        state = begin(*arguments)
        with torch.no_grad():
            for network in (part for part in vars(state).values() if isinstance(part, nn.Module)):
                for parameter in network.parameters():
                    parameter.mul_(1 + 1e-6 * torch.randn(parameter.shape, generator=torch_generator("nudge")))
        return state

    with mock.patch(f"{stage}.initial_state", begun):
        yield


def _trainings(bench: Bench, steps: int) -> dict[str, Callable[..., Path]]:
    """Both trainings as functions of (folder's name, device, settings), which give the trained file."""
    sizes, side, batch = (SMALL, 16, 4) if bench.small else (REAL, 64, 16)
    photos, pairs = bench.folder / "photos.h5", bench.folder / "pairs"
    if not photos.exists():
        photo_store(photos, 64, side)
        pairs_folder(pairs, 16, side)
    width = {"width": 4, "downsamplings": 2, "blocks": 1} if bench.small else {}

    def generator(folder: str, device: torch.device, **changes: object) -> Path:
        out = bench.folder / folder / "generator" / "generator.safetensors"
        settings = {"images": steps * batch, "batch": batch, "frechet_images": 0} | sizes | changes
        train_generator(photos, out, GeneratorSettings(**settings), device=device)
        return out

    def translator(folder: str, device: torch.device, **changes: object) -> Path:
        out = bench.folder / folder / "translator" / "translator.safetensors"
        settings = {"images": steps * 4, "batch": 4} | width | changes
        train_translator(pairs, out, TranslatorSettings(**settings), device=device)
        return out

    return {"generator's training": generator, "translator's training": translator}


def _history(trained: Path) -> pd.DataFrame:
    return pd.read_csv(trained.parent / "training" / "history.csv")


def recording(bench: Bench) -> None:
    """Gradients of steps recorded as CUDA graphs, beside those of the same steps as they are."""
    sizes, side, batch = (SMALL, 16, 4) if bench.small else (REAL, 64, 16)
    set_up(bench.device, "float32")
    settings = GeneratorSettings(**sizes, batch=batch, precision="float32")
    values = defaults(settings, side, side)
    state = initial_state(settings, values, {"resolution": side, "width": side}, 0, bench.device)
    batches = MicroBatches(World(), batch, 4)
    real = from_uint8(noise_pictures(batch, side, side), bench.device)
    losses = Losses(state.g, state.d, settings, values.r1_gamma, 0.2, real)
    for name in ("generator", "discriminator", "r1", "path_length"):
        optimizer = state.optimizer_g if name in ("generator", "path_length") else state.optimizer_d
        state.d.requires_grad_(optimizer is state.optimizer_d)

        def work(step: int, name: str = name) -> Work:
            rng = torch_generator(0, name, step)
            of_path = losses.path_length(state.path_length_mean, batches, rng)
            return (of_path if name == "path_length" else getattr(losses, name))(WHOLE, rng).work(WHOLE)

        _compare_recorded(bench, name, work, optimizer.param_groups[0]["params"])
    _compare_recorded(bench, "translator", *_translator_work(bench.small, bench.device, torch.float32))


def _compare_recorded(
    bench: Bench, name: str, work: Callable[[int], Work], parameters: list[nn.Parameter], times: int = 4
) -> None:
    record = recorder(bench.device, deterministic=False) or (lambda work, _: work.run(work.inputs))
    for step in range(times):  # as it is, recorded, and two times replayed, each time of other inputs
        gradients = []
        for run in (lambda work, _: work.run(work.inputs), record):
            for parameter in parameters:
                parameter.grad = None
            run(work(step), parameters)
            gradients.append(torch.cat([p.grad.flatten() for p in parameters if p.grad is not None]))
        bench.results.check(f"gradients of {name}, recorded, step {step}", error(gradients[1], gradients[0]), 1e-3)


def resume(bench: Bench) -> None:
    """A killed training that goes on ends as one that was not: to rounding, and with `deterministic` bit for bit."""
    steps = 6 if bench.small else 24
    for name, train in _trainings(bench, steps).items():
        batch = 4 if bench.small or "translator" in name else 16
        for deterministic, at_most in ((False, 0.1), (True, 0)):
            how = {"deterministic": deterministic, "snapshot_images": steps // 3 * batch}
            with augmented(0.3):
                whole = train(f"whole{deterministic}", bench.device, **how)
                with contextlib.suppress(Killed), killed_after(steps // 2):
                    train(f"killed{deterministic}", bench.device, **how)
                torch.use_deterministic_algorithms(False)
                again = train(f"killed{deterministic}", bench.device, **how)
            torch.use_deterministic_algorithms(False)
            one, two = (torch.cat([t.flatten() for t in load_file(path).values()]) for path in (whole, again))
            apart = float((one != two).sum()) if deterministic else error(two, one)
            unit = "weights that differ" if deterministic else "difference"
            bench.results.check(f"{name}, resumed{', deterministic' * deterministic}: {unit}", apart, at_most)


class Killed(BaseException):
    """Stands for kill -9: nothing in the code may catch it."""


@contextmanager
def killed_after(steps: int) -> Iterator[None]:
    """A training dies in step `steps`."""
    note, left = LastSteps.note, iter(range(steps))

    def noted(self: LastSteps, figures: dict[str, Tensor]) -> None:
        if next(left, None) is None:
            raise Killed
        note(self, figures)

    with mock.patch.object(LastSteps, "note", noted):
        yield


def memory(bench: Bench) -> None:
    """Too little memory, pretended and real: smaller parts of a batch, the same losses."""
    train = _trainings(bench, steps=8)["generator's training"]
    batch = 8 if bench.small else 64
    how = {"precision": "float32", "batch": batch, "images": 8 * batch}

    def losses(folder: str) -> tuple[pd.Series, list[str]]:
        with same_noise(), augmented(0.2), redirect_stderr(StringIO()) as said:
            row = _history(train(folder, bench.device, **how)).iloc[-1]
        return row, re.findall(r"going on with (\d+)", said.getvalue())

    # the first images are drawn outside of any step, where nothing is cut
    with mock.patch("sceneshift.stages.train_generator.draw_samples"):
        if bench.cuda:
            torch.cuda.reset_peak_memory_stats(bench.device)
        wanted, cut = losses("all")
        bench.results.check("with memory for all, parts", len(cut), 0)
        with room_for(batch // 2):
            _compare(bench, "pretended", wanted, *losses("pretended"))
        if not bench.cuda:
            bench.results.note("memory really too small: only on a GPU")
            return
        peak = torch.cuda.max_memory_allocated(bench.device)
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(bench.device).total_memory
        torch.cuda.set_per_process_memory_fraction(0.6 * peak / total)
        _compare(bench, f"0.6 of the {peak / 2**20:.0f} MiB that it takes", wanted, *losses("really"))


def _compare(bench: Bench, memory: str, wanted: pd.Series, found: pd.Series, cut: list[str]) -> None:
    bench.results.check(f"memory, {memory}: 1 if the batch was not cut", float(not cut), 0)
    for column in ("loss_g", "loss_d", "path_length", "r1"):
        bench.results.check(f"memory, {memory}: {column}", abs(found[column] / wanted[column] - 1), 1e-2)


@contextmanager
def room_for(images: int) -> Iterator[None]:
    """A device whose memory holds so many images in a discriminator."""
    forward = Discriminator.forward

    def limited(self: Discriminator, x: Tensor, batches: int = 1) -> Tensor:
        if len(x) > images * batches:
            raise torch.OutOfMemoryError(f"CUDA out of memory, pretended for {len(x)} images")
        return forward(self, x, batches)

    with mock.patch.object(Discriminator, "forward", limited):
        yield


SLOT = "import sys; from sceneshift.run.gpu_slots import take_gpus; print(take_gpus(), flush=True); sys.stdin.read()"


def processes(bench: Bench) -> None:
    """A GPU lent to one process at a time, and the sums that several processes of a training make."""
    if names := visible_gpus():
        _slots(bench, names[0])
    else:
        bench.results.note("slots: nvidia-smi and CUDA_VISIBLE_DEVICES name no GPU here")
    _sums(bench)


def _slots(bench: Bench, gpu: str) -> None:
    """Two processes want one GPU: the second gets it when the first has ended."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": gpu}
    first, second = (subprocess.Popen([sys.executable, "-c", SLOT], env=environment, **pipes) for _ in range(2))
    had, _, _ = select.select([first.stdout, second.stdout], [], [], 20)
    time.sleep(2)  # in which the other one would take it too
    both, _, _ = select.select([first.stdout, second.stdout], [], [], 0)
    bench.results.check("slots: processes that have the GPU, less one", abs(len(both) - 1), 0)
    owner, waiting = (first, second) if had == [first.stdout] else (second, first)
    owner.stdin.close()
    owner.wait(20)
    after, _, _ = select.select([waiting.stdout], [], [], 20)
    bench.results.check("slots: 1 if the one that waited got none", float(not after), 0)
    for process in (owner, waiting):
        process.kill()
        process.wait()


def _sums(bench: Bench) -> None:
    """A group of one process that takes itself for two, so that all is really sent."""
    backend = "cpu:gloo,cuda:nccl" if bench.cuda and distributed.is_nccl_available() else "gloo"
    distributed.init_process_group(backend, f"file://{bench.folder / 'meeting'}", rank=0, world_size=1)
    world, wanted = World(0, 2), torch.arange(6.0).reshape(2, 3)
    tensors = [to_device(part, bench.device).clone() for part in (wanted, wanted[0])]
    world.add_up(tensors)
    wrong = error(tensors[0], wanted) + error(tensors[1], wanted[0])
    bench.results.check(f"sums over processes ({backend})", wrong, 0)
    bench.results.check("a flag over processes", float(not world.any(True) or world.any(False)), 0)
    bench.results.check("a value of the first process", float(world.from_first(lambda: "it") != "it"), 0)
    world.wait()
    distributed.destroy_process_group()
