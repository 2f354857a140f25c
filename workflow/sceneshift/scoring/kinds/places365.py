"""Predictor of kind `places365`: SUN attributes, scene categories, indoor or outdoor, as Places365 and HiGAN have them.

f: the 512 features of wideresnet18 for the picture resized to 224×224, its aspect not kept, bilinear. A SUN attribute's
score is f·wᵀ, without bias or sigmoid; a category's is the softmax of the network's 365-way head. The head keeps its
negative weights: HiGAN and Places365's own demo set them to zero in place, which changes the categories.
"""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from sceneshift.runtime.errors import SceneshiftError, must_be_known
from sceneshift.runtime.section import Precision, Source, file_name
from sceneshift.runtime.shipped import RESOURCES
from sceneshift.scoring.kind import Facts, PredictorSettings

PUBLISHED = "http://places2.csail.mit.edu/models_places365"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of RGB in [0, 1]
LIKELIEST = 10  # categories that vote on indoors or outdoors, as in Places365's demo
CHUNK = 16  # images a pass: more no longer fit a CPU's cache


@functools.cache
def sun_attributes() -> tuple[str, ...]:
    """The 102 attributes of the SUN attribute database, in the order of Places365's attribute matrix."""
    return tuple((RESOURCES / "sun_attributes.txt").read_text(encoding="utf-8").split())


@functools.cache
def places365_scenes() -> dict[str, bool]:
    """The scores of Places365's 365 categories in the network's order, `scene_church_outdoor`: is it outdoors?"""
    lines = (RESOURCES / "places365_categories.txt").read_text(encoding="utf-8").splitlines()
    return {f"scene_{name.replace('/', '_')}": where == "outdoor" for name, where in map(str.split, lines)}


def places365_columns() -> list[str]:
    """All that the published network can score: SUN attributes, categories, `outdoor`."""
    return [*sun_attributes(), *places365_scenes(), "outdoor"]


class Places365Predictor(PredictorSettings):
    """The scene network of Places365 (wideresnet18) with its SUN attributes, as HiGAN scores; nothing is learned."""

    kind: Literal["places365"]
    network: Source = Field(
        [f"{PUBLISHED}/wideresnet18_places365.pth.tar"],
        description="wideresnet18_places365.pth.tar, as published: its path; or a list of URLs to download it from, tried in turn, each with its checksum behind it where you know it: `https://…/file#sha256=…`.",
    )
    attributes_matrix: Source = Field(
        [
            f"{PUBLISHED}/W_sceneattribute_wideresnet18.npy"
            "#sha256=e461a87505efe4bd3bb13f254447060a0c009698007f5da73fcb537da194ee6b"
        ],
        description="W_sceneattribute_wideresnet18.npy, as published: a path or URLs too.",
    )
    attributes: list[str] = Field(
        ["sun"],
        min_length=1,
        description="Which scores: `sun`, all 102 SUN attributes; `scenes`, the probabilities of all 365 categories (`scene_bedroom`, `scene_church_outdoor`, …); `outdoor`, the share of outdoor categories among the ten likeliest; or single ones of them. Their names are in resources/; spaces and slashes become underscores.",
    )
    precision: Precision = Field(
        "float32",
        description="`float32`: the published scores to 1e-4. `auto`: bfloat16 where the hardware is fast at it; a CPU with AMX then scores six times as many images a second, each within about a hundredth of the scores' spread.",
    )

    def attribute_names(self, photos: str | None = None) -> list[str]:
        groups: dict[str, Sequence[str]] = {"sun": sun_attributes(), "scenes": list(places365_scenes())}
        names = [name for entry in self.attributes for name in groups.get(entry, [entry])]
        for name in names:
            must_be_known(name, [*groups, *places365_columns()], "predictors (places365): attributes", "it scores")
        return names

    def build(self, device: str = "cpu") -> "Places365":
        """Read the published files. Raises SceneshiftError for one that is absent or is not what it should be."""
        names, every = self.attribute_names(), places365_columns()
        tensors = read_network(_downloaded(self.network)) | {
            "attributes_matrix": read_attributes_matrix(_downloaded(self.attributes_matrix)),
            "outdoor_scenes": np.array(list(places365_scenes().values())),
            "columns": np.array([every.index(name) for name in names]),
        }
        return Places365(names, tensors, precision=self.precision, device=device)

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, np.ndarray], device: str) -> "Places365":
        from sceneshift.vision.wideresnet import SHAPES

        read, count = Places365Facts.model_validate(facts), len(facts["attributes"])
        own = {"attributes_matrix": (102, 512), "outdoor_scenes": (365,), "columns": (count,)}
        for name, shape in (SHAPES | own).items():
            if tensors[name].shape != shape:
                raise SceneshiftError(f"tensor {name} has shape {list(tensors[name].shape)}; expected {list(shape)}")
        columns, every = tensors["columns"], len(places365_columns())
        if columns.dtype.kind != "i" or not ((columns >= 0) & (columns < every)).all():
            raise SceneshiftError(f"tensor columns holds {columns.tolist()[:9]}; expected whole numbers below {every}")
        return Places365(read.attributes, tensors, precision=read.precision, device=device)


class Places365Facts(Facts):
    """What a predictor file records of the network."""

    precision: Precision


class Places365:
    """The network, the attribute matrix, and which of their scores are wanted."""

    def __init__(
        self,
        attributes: Sequence[str],
        tensors: dict[str, np.ndarray],
        *,
        precision: str,
        device: str = "cpu",
    ) -> None:
        """tensors: wideresnet.SHAPES; attributes_matrix [102, 512]; outdoor_scenes, bool [365]; columns, int64 [K]: the
        attributes' places among the SUN attributes, then the categories, then `outdoor`.
        """
        import torch

        from sceneshift.runtime.devices import compute_dtype
        from sceneshift.vision.wideresnet import WideResNet18

        self.attributes, self.precision = list(attributes), precision
        self.device, self._tensors = torch.device(device), tensors
        self._network = WideResNet18(tensors, self.device, compute_dtype(precision, self.device))
        self._mean = torch.tensor(MEAN, device=self.device)
        self._deviation = torch.tensor(DEVIATION, device=self.device)

    def score(self, images: np.ndarray) -> np.ndarray:
        """uint8 [N, H, W, 3] of any size -> float32 [N, K]; categories in [0, 1], the SUN attributes unbounded."""
        from sceneshift.runtime.devices import images_a_pass

        step = images_a_pass(self.device, CHUNK)
        parts = [self._scores(images[start : start + step]) for start in range(0, len(images), step)]
        return np.concatenate([np.zeros((0, len(self.attributes)), np.float32), *parts])

    def _scores(self, images: np.ndarray) -> np.ndarray:
        """uint8 [n, H, W, 3] -> float32 [n, K]."""
        import torch

        from sceneshift.vision.wideresnet import SIDE

        # Pillow itself: torch's bilinear differs from it by up to two grey levels, which moves scores by 2e-4
        resized = [
            np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for image in images
        ]
        x = torch.from_numpy(np.stack(resized)).to(self.device).float().div_(255)
        x = (x - self._mean) / self._deviation
        f = self._network.features(x.permute(0, 3, 1, 2)).cpu().numpy().astype(np.float64)  # [N, 512]
        logits = f @ self._tensors["fc.weight"].T + self._tensors["fc.bias"]
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        likeliest = np.argsort(-logits, axis=1, kind="stable")[:, :LIKELIEST]
        every = np.concatenate(
            [
                f @ self._tensors["attributes_matrix"].T,
                exponentials / exponentials.sum(1, keepdims=True),
                self._tensors["outdoor_scenes"][likeliest].mean(1, keepdims=True),
            ],
            axis=1,
        )
        return every[:, self._tensors["columns"]].astype(np.float32)

    def facts(self) -> Places365Facts:
        """What the predictor file records about it."""
        return Places365Facts(kind="places365", attributes=self.attributes, precision=self.precision)

    def tensors(self) -> dict[str, np.ndarray]:
        """Its weights, by name: all that scoring takes."""
        return self._tensors


def _downloaded(source: Source) -> Path:
    if isinstance(source, str):
        return Path(source)
    name = file_name(source[0])
    raise SceneshiftError(
        f"places365: of {name} only the URL is given. Download it with `sceneshift fetch {name} {source[0]}` and give"
        " its path; the workflow does so by itself."
    )


def read_network(path: Path) -> dict[str, np.ndarray]:
    """The tensors of wideresnet.SHAPES, float32, from wideresnet18_places365.pth.tar or a state dict of that network.

    Raises SceneshiftError naming the tensor that is missing, not the network's, of another shape, or not finite.
    """
    import torch

    from sceneshift.foreign.pickles import read_torch
    from sceneshift.vision.wideresnet import SHAPES

    def expected(name: str) -> str:
        return f"expected floating-point {list(SHAPES[name])}"

    loaded = read_torch(path)
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict):
        raise SceneshiftError(
            f"{path} holds a {type(loaded).__name__}, expected the state dict of wideresnet18_places365.pth.tar."
        )
    tensors = {str(name).removeprefix("module."): value for name, value in state.items()}
    tensors = {name: value for name, value in tensors.items() if not name.endswith(".num_batches_tracked")}
    if missing := [name for name in SHAPES if name not in tensors]:
        raise SceneshiftError(
            f"{path}: {len(missing)} of wideresnet18's {len(SHAPES)} tensors are missing, the first is {missing[0]!r};"
            f" {expected(missing[0])}. It must be wideresnet18_places365.pth.tar."
        )
    for name, tensor in tensors.items():
        if name not in SHAPES:
            raise SceneshiftError(f"{path}: the tensor {name!r:.80} is none of wideresnet18's ({len(SHAPES)} tensors).")
        if not isinstance(tensor, torch.Tensor) or not tensor.is_floating_point() or tensor.shape != SHAPES[name]:
            found = (
                f"{tensor.dtype} {list(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            )
            raise SceneshiftError(f"{path}: the tensor {name!r} is {found}; {expected(name)}.")
        if not tensor.isfinite().all() or (name.endswith("running_var") and tensor.min() < 0):
            raise SceneshiftError(f"{path}: the tensor {name!r} has values that are not finite, or negative variances.")
    arch = loaded.get("arch")
    if isinstance(arch, str) and not arch.startswith("wide"):
        print(
            f"{path}: it calls itself {arch!r:.40}. resnet18_places365.pth.tar has the same tensors but a max-pool, and"
            " would give other scores: make sure that this is wideresnet18.",
            file=sys.stderr,
        )
    return {name: tensor.float().contiguous().numpy() for name, tensor in tensors.items()}


def read_attributes_matrix(path: Path) -> np.ndarray:
    """W_sceneattribute_wideresnet18.npy: float32 [102, 512]. Raises SceneshiftError for anything else."""
    from sceneshift.foreign.pickles import read_npy
    from sceneshift.vision.wideresnet import FEATURES

    matrix, expected = read_npy(path), (len(sun_attributes()), FEATURES)
    if not isinstance(matrix, np.ndarray) or matrix.shape != expected or matrix.dtype.kind != "f":
        found = f"{matrix.dtype} {list(matrix.shape)}" if isinstance(matrix, np.ndarray) else type(matrix).__name__
        raise SceneshiftError(
            f"{path}: found {found}, expected a floating-point array {list(expected)}: a row a SUN attribute, as in"
            " W_sceneattribute_wideresnet18.npy."
        )
    if not np.isfinite(matrix).all():
        raise SceneshiftError(
            f"{path}: row {int(np.argwhere(~np.isfinite(matrix))[0, 0])} has values that are not finite."
        )
    return np.ascontiguousarray(matrix, np.float32)
