"""The whole config as pydantic models: the one source of defaults, documentation and the JSON schema.

`config/README.md` and `workflow/schemas/config.schema.yaml` are generated from these classes (`make docs`) and a test
fails when they drift. Lengths of training are counted in images, never in steps.
"""

import difflib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from sceneshift.runtime.errors import SceneshiftError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
PositiveNumber = Annotated[float, Field(gt=0)]
Precision = Literal["auto", "float32", "bfloat16"]
IMPORTED = "imported"  # generator.warm_start: what generator.import names


def _path_or_urls(value: Any) -> Any:
    urls = [value] if isinstance(value, str) and re.match("https?://", value) else value
    if isinstance(urls, str):
        return urls
    if not urls or not isinstance(urls, list):
        raise ValueError("must be a path, or a list of URLs of the same file")
    for url in urls:
        if not re.fullmatch(r"https?://[^#]+/[^/#]+(#sha256=[0-9a-f]{64})?", str(url)):
            raise ValueError(f"{url!r} is no http:// or https:// URL of a file, with or without #sha256=… behind it")
    return urls


IS_SOURCE = BeforeValidator(_path_or_urls)
IS_PATH = "a path"
Source = Annotated[str | list[str], IS_SOURCE]  # a path, or the URLs of mirrors to download from


class Section(BaseModel):
    """A part of the config: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    def sources(self) -> dict[str, str | list[str]]:
        """The keys that name a file or folder to read, by its path or by URLs, with their values."""
        fields = type(self).model_fields
        named = [name for name, field in fields.items() if IS_SOURCE in field.metadata or IS_PATH in field.metadata]
        return {name: getattr(self, name) for name in named if getattr(self, name) is not None}


class PhotosSettings(Section):
    """Where the photos come from and how they are brought to one size."""

    source: Literal["rendered", "folder"] = Field(
        "rendered",
        description="`rendered`: street views drawn from code, with labels, no download. `folder`: your own photos.",
    )
    folder: str | None = Field(
        None,
        description="With `source: folder`: the folder, searched with its subfolders. A photo's first subfolder is its class for `heads` predictors.",
    )
    count: Positive = Field(4000, description="With `source: rendered`: how many streets to draw.")
    resolution: int = Field(
        64, description="Height in pixels of what is trained on: a power of two from 16 to 1024. `width` is the width."
    )
    width: int | None = Field(
        None,
        description="Width in pixels, for photos wider than high: a multiple of resolution / 4, from resolution to 4·resolution. Near 4:3 is 1.25 or 1.5 times the resolution, 16:9 1.75 times, 2:1 twice. `null`: square.",
    )
    crop: Literal["center", "pad"] = Field(
        "center",
        description="Photos of another shape: `center` takes the largest centred part of the shape wanted, `pad` keeps the whole picture with mirrored borders (much border, where tall photos come into a wide shape).",
    )
    mirror: bool = Field(True, description="Also train on left-right mirrored photos.")
    held_out: Share = Field(
        0.1,
        description="Share of the photos that training never sees; they play the real photos later. Chosen by a hash of the file name.",
    )
    max_skipped: Share = Field(0.05, description="More than this share of unusable files is an error.")

    @field_validator("resolution")
    @classmethod
    def _power_of_two(cls, value: int) -> int:
        if value not in (16, 32, 64, 128, 256, 512, 1024):
            raise ValueError("must be a power of two from 16 to 1024: 16, 32, 64, 128, 256, 512 or 1024")
        return value

    @field_validator("width")
    @classmethod
    def _whole_constant(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None or "resolution" not in info.data:
            return value
        height = info.data["resolution"]
        step = height // 4  # StyleGAN2 grows from a constant of 4×k
        nearest = min(max(step * round(value / step), height), 4 * height)
        if value != nearest:
            raise ValueError(
                f"must be a multiple of resolution / 4 = {step}, from {height} to {4 * height}; the nearest is {nearest}"
            )
        return value

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.resolution, self.resolution if self.width is None else self.width

    @model_validator(mode="after")
    def _folder_named(self) -> "PhotosSettings":
        if self.source == "folder" and not self.folder:
            raise ValueError("source is `folder`, so photos.folder must name a folder")
        return self


class GeneratorSettings(Section):
    """StyleGAN2 (Karras et al. 2020) with adaptive augmentation. `null` means: the paper's value for the resolution."""

    import_: str | None = Field(
        None,
        alias="import",
        description="A generator made elsewhere, used instead of training: of sceneshift (.safetensors), NVIDIA's stylegan2-ada-pytorch or stylegan3's stylegan2 configurations (.pkl), rosinality (.pt), genforce or HiGAN (.pth).",
    )
    warm_start: str | None = Field(
        None,
        description="A .safetensors of the photos' height and width to start training from, with its discriminator if it has one, else a new one. `imported`: what `import` names, which is then trained on instead of used as it is.",
    )
    images: Positive = Field(
        20_000, description="Length of training, in real images shown to the discriminator. Published: 25,000,000."
    )
    batch: Positive = Field(32, description="Images a step.")
    gpus: Positive = Field(
        1,
        description="GPUs that share each batch, which must be a multiple of 4·gpus. The result is the same to rounding; changing it reruns nothing, and a training goes on from the snapshots of any other number.",
    )
    deterministic: bool = Field(
        False,
        description="On a CUDA GPU: use only algorithms that give the same bits each time, where PyTorch has them, so that a resumed training equals an undisturbed one bit for bit (on a CPU it always does). Slower; what has no such algorithm is named in the log.",
    )
    z_dim: Positive = Field(512, description="Width of z.")
    w_dim: Positive = Field(512, description="Width of w.")
    mapping_layers: Positive = Field(
        8, description="Layers of the mapping network (8 in the paper, 2 in the auto configuration of ADA)."
    )
    channel_base: Positive | None = Field(
        None,
        description="Channels at resolution r are min(channel_base / r, channel_max). `null`: 16384 below 512 px, else 32768.",
    )
    channel_max: Positive = Field(512, description="Most channels of a layer.")
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Adam's rate for both networks. `null`: 0.0025 below 1024 px, else 0.002."
    )
    r1_gamma: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Weight γ of R1. `null`: 0.0002·height·width/batch."
    )
    r1_interval: Positive = Field(16, description="R1 every so many steps.")
    path_length_weight: Annotated[float, Field(ge=0)] = Field(
        2.0, description="Weight of path-length regularisation; 0 turns it off."
    )
    path_length_interval: Positive = Field(4, description="Path-length regularisation every so many steps.")
    style_mixing: Share = Field(0.9, description="Probability of style mixing.")
    ema_images: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Half-life of the generator's moving average, in images. `null`: batch·10000/32."
    )
    ema_rampup: Annotated[float, Field(ge=0)] | None = Field(
        0.05, description="The half-life is at most this share of the images seen; `null`: no ramp-up."
    )
    augment: Literal["ada", "none"] = Field(
        "ada", description="Adaptive discriminator augmentation (pipe `bgc`), or none."
    )
    ada_target: Share = Field(0.6, description="Sign of the discriminator's output on real images that ADA steers to.")
    snapshot_images: Positive = Field(
        10_000, description="A snapshot, a grid of samples and a Fréchet distance every so many images."
    )
    frechet_images: Annotated[int, Field(ge=0)] = Field(
        1000, description="Synthesised images in each Fréchet distance during training; 0 turns it off."
    )
    precision: Precision = Field(
        "auto", description="`auto`: bfloat16 where the hardware is fast at it (said in the log), else float32."
    )

    @model_validator(mode="after")
    def _one_start(self) -> "GeneratorSettings":
        if self.warm_start == IMPORTED and not self.import_:
            raise ValueError("warm_start is `imported`, so generator.import must name a checkpoint")
        if self.import_ and self.warm_start not in (None, IMPORTED):
            raise ValueError(
                f"import replaces training, but warm_start is {self.warm_start!r}: set it to null, or to `imported` to go"
                " on training the imported generator"
            )
        return self

    @model_validator(mode="after")
    def _whole_groups(self) -> "GeneratorSettings":
        if self.gpus > 1 and self.batch % (4 * self.gpus):
            raise ValueError(
                f"batch is {self.batch}, but {self.gpus} gpus share it in groups of 4 images, so it must be a multiple of "
                f"{4 * self.gpus}; the nearest is {max(1, round(self.batch / (4 * self.gpus))) * 4 * self.gpus}"
            )
        return self


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
    """Linear heads on a frozen ImageNet backbone (efficientnet-lite0), fitted on labelled photos."""

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


class SynthesisSettings(Section):
    """How many images are synthesised and scored."""

    count: Positive = Field(10_000, description="Images to synthesise and score. Published: 500,000.")
    shard_size: Positive = Field(
        5000, description="Images a shard; a shard is a job. Growing `count` computes new shards only."
    )
    truncation_psi: Share = Field(
        0.7,
        description="Truncation ψ of the scored images (the stored codes are untruncated). HiGAN: 0.7 for StyleGAN, 0.5 for StyleGAN2.",
    )
    keep_images: Annotated[int, Field(ge=0)] = Field(
        0, description="Keep the first so many images of each shard in it."
    )
    batch: Positive = Field(64, description="Images a forward pass.")


class ImportedBoundary(Section):
    """A boundary made elsewhere: HiGAN's or InterFaceGAN's .npy. `import: [{name: natural_light, file: natural_light_boundary.npy}]`"""

    name: Annotated[str, Field(pattern=r"^[^/]+$")] = Field(
        description="An attribute that the predictors score: the file takes the place of the fitted boundary. Or a name of its own: ranked beside the others, and used by an edit of that name with `measured_by`."
    )
    file: str = Field(description="The .npy file: an array (1, w_dim), or a dict with `boundary` and `meta_data`.")
    layers_of: Literal["stylegan2", "stylegan"] = Field(
        "stylegan2", description="Whose layers the file counts in `manipulate_layers`, if it names any."
    )


class SefaSettings(Section):
    """Directions found without labels (SeFa, Shen and Zhou 2021), ranked beside the attributes. `sefa: {components: 5}`"""

    components: Annotated[int, Field(ge=0)] = Field(
        0,
        description="How many of each level, called sefa_LEVEL_1 and so on. An edit takes one by that name, with `measured_by`.",
    )
    levels: list[Literal["all", "layout", "objects", "attributes", "color"]] = Field(
        ["all"], description="Whose layers' weights are factorised; the directions then move these layers."
    )


class BoundariesSettings(Section):
    """The linear SVM boundaries in W (InterFaceGAN, HiGAN), and directions from elsewhere."""

    attributes: Literal["all"] | list[str] = Field(
        "all", description="`all` that the predictors score, or a list of names."
    )
    selection: Literal["extremes", "random"] = Field(
        "extremes",
        description="`extremes`: the highest and the lowest scores (HiGAN). `random`: random codes, split at the median score.",
    )
    examples: Annotated[int, Field(ge=10)] = Field(
        2000, description="Codes from each end (`extremes`), at most half of all; or in all (`random`)."
    )
    split: Annotated[float, Field(gt=0, lt=1)] = Field(0.7, description="Share used for training; the rest validates.")
    import_: list[ImportedBoundary] = Field(
        [], alias="import", description="Boundaries made elsewhere, for this generator's codes."
    )
    sefa: SefaSettings = Field(SefaSettings(), description="Directions found without labels.")


class RescoringSettings(Section):
    """HiGAN's re-scoring: what does each boundary change?"""

    count: Positive = Field(500, description="Fresh codes. Published: 2000.")
    distance: Annotated[float, Field(gt=0)] = Field(
        2.0, description="Step along the normal, in units of W, as HiGAN's 2."
    )


class EditSettings(Section):
    """One edit, which becomes one translator."""

    attribute: str = Field(
        description="The attribute to change; or a direction from elsewhere, by the name of its boundary."
    )
    measured_by: str | None = Field(
        None,
        description="The scored attribute by which the edit is measured, filtered and evaluated; `more` is more of it. `null`: the attribute itself. Must be given for a direction that has none of its own: `{attribute: sefa_all_1, measured_by: vegetation}`.",
    )
    direction: Literal["more", "less"] = Field("more", description="More of it or less.")
    distance: Literal["auto"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Step along the normal in units of W; `auto` finds the smallest whose effect reaches `target_effect`.",
    )
    target_effect: Annotated[float, Field(gt=0)] = Field(
        1.0,
        description="With `distance: auto`: mean change of the own score wanted, in standard deviations of the score.",
    )
    level: Literal["all", "auto", "layout", "objects", "attributes", "color"] = Field(
        "all",
        description="Layers moved: HiGAN's levels by resolution, `all` (those that the boundary is for, if it names any), or `auto`: the one where re-scoring is strongest.",
    )
    condition_on: list[str] = Field([], description="Attributes to hold: the normal is made orthogonal to theirs.")
    pairs: str | None = Field(
        None,
        description="A folder with train_A and train_B made elsewhere, checked and trained on as they are; none are synthesised: `{attribute: snow, pairs: my_pairs}`.",
    )

    @property
    def measure(self) -> str:
        """The scored attribute that tells whether the edit works."""
        return self.measured_by or self.attribute


class EditsSettings(Section):
    """Which attributes become editors."""

    top: Annotated[int, Field(ge=0)] = Field(
        3,
        description="How many attributes go on: those listed below, then the best of the ranking (with default edits) until there are so many.",
    )
    attributes: list[EditSettings] = Field([], description="Edits that go on whatever their rank.")

    @field_validator("attributes")
    @classmethod
    def _each_once(cls, edits: list[EditSettings]) -> list[EditSettings]:
        names = [edit.attribute for edit in edits]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"attribute listed twice: {', '.join(repeated)}")
        return edits


class KeepSettings(Section):
    """Which pairs are kept: the predictor must agree with the edit (StyleGAN2 Distillation's filter)."""

    source: Share = Field(
        0.6,
        description="The source's own score must be below this quantile of the synthesised scores (mirrored for `less`).",
    )
    edited: Share = Field(
        0.6, description="The edited image's own score must be above this quantile (mirrored for `less`)."
    )
    effect: Annotated[float, Field(ge=0)] = Field(
        0.5, description="The own score must change by at least so many standard deviations."
    )
    others: Annotated[float, Field(gt=0)] = Field(
        1.5, description="No other attribute's score may change by more than so many standard deviations."
    )


class PairsSettings(Section):
    """The synthesised pairs that a translator learns from."""

    count: Positive = Field(1500, description="Pairs to keep. Published: 50,000.")
    candidates: Positive = Field(8, description="Give up after so many candidates for each pair wanted.")
    truncation_psi: Share = Field(0.7, description="Truncation ψ of both images.")
    keep: KeepSettings = Field(KeepSettings(), description="Thresholds of the filter.")


class TranslatorSettings(Section):
    """pix2pixHD (Wang et al. 2018). `null` means: by the resolution."""

    images: Positive = Field(6000, description="Length of training, in pairs shown.")
    batch: Positive = Field(8, description="Pairs a step (1 in the paper).")
    gpus: Positive = Field(
        1,
        description="GPUs that share each batch; batch and images must be multiples of it. Changing it reruns nothing.",
    )
    deterministic: bool = Field(False, description="As the generator's.")
    head: Literal["edit", "image"] = Field(
        "edit",
        description="`edit`: predicts gain, offset and mask, starts as the identity, edits photos at their own resolution. `image`: pix2pixHD's own tanh image.",
    )
    width: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None, description="Channels of the first layer, `ngf`. `null`: 64 from 256 px, 32 below."
    )
    downsamplings: Annotated[int, Field(ge=1, le=5)] | None = Field(
        None, description="Stride-2 convolutions. `null`: 4 from 256 px, 3 at 128, 2 below."
    )
    blocks: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Residual blocks. `null`: 9 from 256 px, 6 at 128, 4 below."
    )
    local_enhancer: bool = Field(
        False, description="Wrap the global generator in pix2pixHD's local enhancer (for 512 px and more)."
    )
    discriminators: Annotated[int, Field(ge=1, le=4)] = Field(2, description="PatchGAN discriminators on a pyramid.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        2e-4, description="Adam's rate, constant for half of training, then linear to zero."
    )
    feature_matching: Annotated[float, Field(ge=0)] = Field(10.0, description="Weight of the feature matching loss.")
    perceptual: Annotated[float, Field(ge=0)] = Field(
        10.0, description="Weight of the perceptual loss; 0 turns it off."
    )
    perceptual_network: str = Field(
        "backbone",
        description="`backbone` (efficientnet-lite0), or the path of torchvision's VGG19 weights (.pth) for the published loss.",
    )
    pixel: Annotated[float, Field(ge=0)] = Field(5.0, description="Weight of an L1 loss on pixels (0 in the paper).")
    snapshot_images: Positive = Field(2000, description="A snapshot and a sheet of examples every so many pairs.")
    precision: Precision = Field(
        "auto", description="`auto`: bfloat16 where the hardware is fast at it (said in the log), else float32."
    )

    @model_validator(mode="after")
    def _whole_shares(self) -> "TranslatorSettings":
        for name in ("batch", "images"):
            if (value := getattr(self, name)) % self.gpus:
                raise ValueError(
                    f"{name} is {value}, but {self.gpus} gpus share it: it must be a multiple of {self.gpus}"
                )
        return self


class TranslateSettings(Section):
    """Which photos are translated, and how strongly."""

    folder: str | None = Field(None, description="A folder of photos; `null`: the held-out photos.")
    strength: Annotated[float, Field(ge=0, le=2)] = Field(
        1.0, description="Dials the edit: 0 leaves the photo, 1 is as trained."
    )


class EvaluationSettings(Section):
    """Did the attribute move on real photos, and did the rest stay?"""

    count: Positive = Field(300, description="Held-out photos used.")
    judge: Literal["auto", "none"] = Field(
        "auto",
        description="`auto`: for rendered streets also score by a network trained on labelled renders for the evaluation alone. `none`: the run's own predictors only.",
    )


class Settings(Section):
    """The whole config."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] = Field(
        "streets", description="Name of the run: everything goes to results/RUN/."
    )
    seed: Annotated[int, Field(ge=0)] = Field(0, description="Every random draw follows from it.")
    photos: PhotosSettings = PhotosSettings()
    generator: GeneratorSettings = GeneratorSettings()
    predictors: list[Predictor] = Field(
        [HeadsPredictor(kind="heads")], min_length=1, description="One or several; their attributes stand side by side."
    )
    synthesis: SynthesisSettings = SynthesisSettings()
    boundaries: BoundariesSettings = BoundariesSettings()
    rescoring: RescoringSettings = RescoringSettings()
    edits: EditsSettings = EditsSettings()
    pairs: PairsSettings = PairsSettings()
    translator: TranslatorSettings = TranslatorSettings()
    translate: TranslateSettings = TranslateSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        with_downloads(self.predictors, folder="")
        if self.photos.source == "rendered" and not self.photos.held_out:
            raise ValueError("photos.held_out is 0, but the held-out streets are what is translated and evaluated")
        return self


S = TypeVar("S", bound=Section)


def load_settings(config: Mapping[str, Any], shipped: Path | None = None) -> Settings:
    """Validate a config. Raises SceneshiftError naming each bad key, the value found, and what is allowed.

    Paths are relative to the working directory, but those that begin with `resources/` name what ships with the
    workflow: they are found below `shipped` when another working directory is in use. `warm_start: imported` becomes
    the path of the run's imported generator.
    """
    settings = _validated(Settings, config, where="config")
    warm_start = settings.generator.warm_start
    if warm_start == IMPORTED:
        warm_start = f"results/{settings.run}/generator/imported.safetensors"
    elif shipped and warm_start and warm_start.startswith("resources/") and not Path(warm_start).exists():
        warm_start = str(shipped / warm_start)
    generator = settings.generator.model_copy(update={"warm_start": warm_start})
    return settings.model_copy(update={"generator": generator})


def parse_section(model: type[S], text: str | None, **given: Any) -> S:
    """A section from the JSON of a command's `--settings`; None gives the defaults; `given` goes before the JSON."""
    values = _from_json(text, {}, 'an object such as {"count": 500}')
    if given and isinstance(values, dict):
        values = {**values, **given}
    return _validated(model, values, where="--settings")


def parse_predictors(text: str | None) -> list[Predictor]:
    """The predictors from the JSON of `fit-predictor --settings`; None gives the default, heads."""
    default = [predictor.model_dump() for predictor in Settings().predictors]
    predictors = _from_json(text, default, 'a list such as [{"kind": "heads"}]')
    return _validated(Settings, {"predictors": predictors}, where="--settings").predictors


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


def _from_json(text: str | None, default: Any, expected: str) -> Any:
    try:
        return json.loads(text) if text else default
    except json.JSONDecodeError as error:
        raise SceneshiftError(f"--settings is not JSON: {error}. Expected {expected}.") from error


def canonical_json(section: Section | list[Section], but: Collection[str] = ()) -> str:
    """The same text for the same meaning, whatever the key order, number format or defaults left out; without keys `but`."""
    if isinstance(section, list):
        values: Any = [part.model_dump(by_alias=True) for part in section]
    else:
        values = {key: value for key, value in section.model_dump(by_alias=True).items() if key not in but}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _validated(model: type[S], values: Any, where: str) -> S:
    try:
        return model.model_validate(values)
    except ValidationError as errors:
        lines = [_explain(model, error) for error in errors.errors()]
        raise SceneshiftError(f"The {where} is not valid:\n" + "\n".join(f"  {line}" for line in lines)) from None


# pydantic puts the names of union branches into an error's path; a config key is what the user wrote
KINDS = [section.model_fields["kind"].annotation.__args__[0] for section in Predictor.__origin__.__args__]
BRANCH = re.compile(rf"{'|'.join(KINDS)}|str|constrained-\w+|(literal|list|tuple|function-\w+)\[.*\]")


def _explain(model: type[Section], error: Mapping[str, Any]) -> str:
    """One line: key, value found, what is allowed; a near miss suggests the right key."""
    path = [part for part in error["loc"] if not (isinstance(part, str) and BRANCH.fullmatch(part))]
    key = ".".join(str(part) for part in path) or "(top level)"
    if error["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    if error["type"] == "missing":
        return f"{key}: missing; it must be given"
    return f"{key}: found {error['input']!r}; {error['msg'].removeprefix('Value error, ')}"


def _keys_at(model: type[Section], path: list[Any]) -> list[str]:
    """The keys allowed in the section that `path` leads to."""
    for part in path:
        if isinstance(part, int):
            continue
        field = next(f for name, f in model.model_fields.items() if part in (name, f.alias))
        sections = _sections_in(field.annotation)
        model = sections[0]
        if len(sections) > 1:  # predictors: any kind's keys
            return sorted({key for section in sections for key in section.model_fields})
    return [field.alias or name for name, field in model.model_fields.items()]


def _sections_in(annotation: Any) -> list[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    found = [s for argument in getattr(annotation, "__args__", ()) for s in _sections_in(argument)]
    return found
