"""What scores the images: one model a kind of predictor."""

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import IS_PATH, Positive, PositiveNumber, Precision, Section, Share, Source


class FittedHeads(Section):
    """What decides how heads are fitted, whatever the labels come from."""

    kind: str

    input_size: Annotated[int, Field(ge=32, le=512)] = Field(
        128,
        description="Photos are shrunk to the generator's size, then brought to a square of this side for the backbone (aspect not kept, as in HiGAN), so that photos and synthesised images look alike to it.",
    )
    regularization: Literal["auto"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Inverse strength C of the logistic heads' (or 1/α of the ridge heads') penalty on standardised features; `auto` picks it per head by validation.",
    )


class HeadsPredictor(FittedHeads):
    """Linear heads on a frozen ImageNet backbone (efficientnet-lite0), fitted on labelled photos and softened copies of them: synthesised images are never as sharp."""

    kind: Literal["heads"]
    labels: Annotated[str | None, IS_PATH] = Field(
        None,
        description="A CSV (first column file, then one column an attribute with labels in [0, 1]) or a folder with one subfolder a class. `null`: the labels that the photos came with (the rendered streets' labels, or the first subfolders' names).",
    )


class ComparisonsPredictor(FittedHeads):
    """Human perception as in Place Pulse: heads as of `kind: heads`, fitted to Bradley–Terry scores of pairwise votes. One attribute a question."""

    kind: Literal["comparisons"]
    votes: Annotated[str, IS_PATH] = Field(
        description="A CSV with one vote a row and the columns question (or study_question, category), left, right (or left_id, right_id) and winner (or choice): left, right or equal. Place Pulse's own file will do. left and right are photos' paths below the folder, or their file names with or without the extension."
    )
    photos: Annotated[str | None, IS_PATH] = Field(
        None, description="The folder of the photos voted on. `null`: the photos of the run."
    )
    attributes: Literal["all"] | list[str] = Field(
        "all", description="`all` questions, or a list of those to learn; spaces become underscores."
    )
    max_missing: Share = Field(
        0.05, description="More than this share of votes on photos that are not there is an error."
    )


class OnnxPredictor(Section):
    """Any exported model through onnxruntime: scores [N, K], or logits of a segmentation [N, C, H, W], which become area fractions. `null` means: as the model's own metadata or input shape says."""

    kind: Literal["onnx"]
    model: Annotated[str, IS_PATH] = Field(
        description="The model (.onnx), with its weights inside. It is copied into the predictor's file."
    )
    names: list[str] | None = Field(
        None,
        description="Names of the model's scores or classes, in its order. `null`: `names` in its metadata, with commas between.",
    )
    attributes: Literal["all"] | list[str] = Field("all", description="`all` of its names, or a list of those to keep.")
    size: Positive | tuple[Positive, Positive] | None = Field(
        None,
        description="Side, or [height, width], that pictures are resized to. `null`: its input shape, or `size` in its metadata.",
    )
    range: tuple[float, float] | None = Field(
        None, description="What black and white become: [0, 1], [-1, 1], [0, 255]. `null`: `range` in its metadata."
    )
    mean: tuple[float, float, float] | None = Field(
        None,
        description="Subtracted from R, G and B after that, such as ImageNet's [0.485, 0.456, 0.406]. `null`: `mean` in its metadata, else nothing.",
    )
    std: tuple[PositiveNumber, PositiveNumber, PositiveNumber] | None = Field(
        None,
        description="R, G and B are divided by it at last, such as ImageNet's [0.229, 0.224, 0.225]. `null`: `std` in its metadata, else nothing.",
    )


PHOTOMETRIC = ("brightness", "warmth", "colourfulness", "contrast", "green_view")


class PhotometricPredictor(Section):
    """Closed formulas, no weights: brightness, warmth, colourfulness, contrast, green_view."""

    kind: Literal["photometric"]
    attributes: list[Literal["brightness", "warmth", "colourfulness", "contrast", "green_view"]] = Field(
        list(PHOTOMETRIC), min_length=1, description="Which of them."
    )


PLACES365 = "http://places2.csail.mit.edu/models_places365"


class Places365Predictor(Section):
    """The scene network of Places365 (wideresnet18) with its SUN attributes, as HiGAN scores; nothing is learned."""

    kind: Literal["places365"]
    network: Source = Field(
        [f"{PLACES365}/wideresnet18_places365.pth.tar"],
        description="wideresnet18_places365.pth.tar, as published: its path; or a list of URLs to download it from, tried in turn, each with its checksum behind it where you know it: `https://…/file#sha256=…`.",
    )
    attributes_matrix: Source = Field(
        [
            f"{PLACES365}/W_sceneattribute_wideresnet18.npy"
            "#sha256=e461a87505efe4bd3bb13f254447060a0c009698007f5da73fcb537da194ee6b"
        ],
        description="W_sceneattribute_wideresnet18.npy, as published: likewise.",
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


Predictor = Annotated[
    HeadsPredictor | ComparisonsPredictor | OnnxPredictor | Places365Predictor | PhotometricPredictor,
    Field(discriminator="kind"),
]


def with_downloads(predictors: Sequence[Predictor], folder: str) -> tuple[list[Predictor], dict[str, list[str]]]:
    """The predictors with a path in `folder` for each file that they name by URLs; and these URLs by the file's name."""
    local, downloads = [], {}
    for predictor in predictors:
        paths = {}
        for key, urls in predictor.sources().items():
            if isinstance(urls, list):
                name = file_name(urls[0])
                if downloads.setdefault(name, urls) != urls:
                    raise SceneshiftError(
                        f"predictors: two different files to download are called {name}. Give a path."
                    )
                paths[key] = f"{folder}/{name}"
        local.append(predictor.model_copy(update=paths))
    return local, downloads


def file_name(url: str) -> str:
    """`https://…/network.pth.tar?download=1#sha256=…` -> `network.pth.tar`."""
    return urlsplit(url).path.rsplit("/", 1)[-1]
