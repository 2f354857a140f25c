"""StyleGAN2 and its training."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.section import IMPORTED, IS_PATH, Natural, Positive, Precision, Section, Shapes, Share
from sceneshift.runtime.shipped import located

AUTO = "auto"
SHIPPED = "resources/streets64.safetensors"  # what `auto` starts from
LARGEST_TRANSFER = 128  # px: at more, the shipped generator's layers would have too few channels
RESUMES = Shapes("train_generator", resumes=True)
PAPER = {"mapping_layers": 8, "ema_rampup": None, "learning_rate": 0.0025, "batch": 64, "ema_images": 20_000}
PRESETS = {
    "stylegan2": PAPER
    | {"learning_rate": 0.002, "batch": 32, "ema_images": 10_000, "r1_gamma": 10, "channel_base": 32768},
    "paper256": PAPER | {"r1_gamma": 1, "channel_base": 16384, "mbstd_group_size": 8},
    "paper512": PAPER | {"r1_gamma": 0.5, "channel_base": 32768, "mbstd_group_size": 8},
    "paper1024": PAPER
    | {"learning_rate": 0.002, "batch": 32, "ema_images": 10_000, "r1_gamma": 2, "channel_base": 32768},
}


class GeneratorSettings(Section):
    """StyleGAN2 (arXiv 1912.04958) with adaptive augmentation. `null` means: the paper's value for the resolution."""

    shapes: ClassVar = Shapes("train_generator")

    preset: Literal["auto", "stylegan2", "paper256", "paper512", "paper1024"] = Field(
        "auto",
        description="Values for the keys that are not given, as the configurations of that name in the authors' code: batch, channels, rate, γ, the average's half-life and minibatch deviation's groups. `auto`: the defaults below.",
    )
    import_: Annotated[str | None, IS_PATH, Shapes("import_generator")] = Field(
        None,
        alias="import",
        description="A generator made elsewhere, used instead of training: of sceneshift (.safetensors), NVIDIA's stylegan2-ada-pytorch or stylegan3's stylegan2 configurations (.pkl), rosinality (.pt), genforce or HiGAN (.pth).",
    )
    class_label: Annotated[Natural | None, Shapes("import_generator")] = Field(
        None,
        description="With `import`: of a conditional generator of stylegan2-ada-pytorch, the class to draw, counted from 0.",
    )
    warm_start: Annotated[str | None, IS_PATH, Shapes(jobs=("train_generator",))] = Field(
        AUTO,
        description="A .safetensors to start training from, with its discriminator if it has one, else a new one; where photos have another shape, it is adapted. `auto`: for a folder's photos of at most 128 px, the street generator that ships, unless the sizes below are given; else from scratch. `null`: from scratch. `imported`: what `import` names, which is then trained on instead of used as it is.",
    )
    images: Annotated[Positive, RESUMES] = Field(
        20_000, description="Length of training, in real images shown to the discriminator. Published: 25,000,000."
    )
    batch: Positive = Field(
        32,
        description="Images a step: a multiple of 4, since the discriminator compares images in groups of 4 (minibatch deviation), or fewer.",
    )
    mbstd_group_size: Positive | None = Field(
        None,
        description="Images that the discriminator compares (minibatch deviation), of which the batch is a multiple, or fewer. `null`: the warm start's, else 4.",
    )
    gpus: Annotated[Positive, Shapes()] = Field(
        1,
        description="GPUs that share each batch, which must be a multiple of 4·gpus (of mbstd_group_size·gpus). The result is the same to rounding; changing it reruns nothing, and a training goes on from the snapshots of any other number.",
    )
    deterministic: Annotated[bool, RESUMES] = Field(
        False,
        description="On a CUDA GPU: use only algorithms that give the same bits each time, where PyTorch has them, so that a resumed training equals an undisturbed one bit for bit (on a CPU it always does). Slower; what has no such algorithm is named in the log.",
    )
    z_dim: Positive | None = Field(None, description="Width of z. `null`, here and below: the warm start's, else 512.")
    w_dim: Positive | None = Field(None, description="Width of w. `null`: 512.")
    mapping_layers: Positive | None = Field(
        None,
        description="Layers of the mapping network. `null`: 8, as in the paper (2 in the auto configuration of ADA).",
    )
    channel_base: Positive | None = Field(
        None,
        description="Channels at resolution r are min(channel_base / r, channel_max). `null`: 16384 below 512 px, else 32768.",
    )
    channel_max: Positive | None = Field(None, description="Most channels of a layer. `null`: 512.")
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Adam's rate for both networks. `null`: 0.0025 below 1024 px, else 0.002."
    )
    r1_gamma: Annotated[float, Field(ge=0)] | None = Field(
        None, description="Weight γ of R1. `null`: 0.0002·height·width/batch."
    )
    r1_interval: Positive = Field(16, description="Steps from one R1 to the next (lazy regularization).")
    path_length_weight: Annotated[float, Field(ge=0)] = Field(
        2.0, description="Weight of path-length regularization; 0 turns it off."
    )
    path_length_interval: Positive = Field(4, description="Steps from one path-length regularization to the next.")
    style_mixing: Share = Field(0.9, description="Probability of style mixing.")
    ema_images: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Half-life of the generator's moving average, in images. `null`: batch·10000/32."
    )
    ema_rampup: Annotated[float, Field(ge=0)] | None = Field(
        0.05,
        description="The half-life is at most this share of the images seen; `null`: no ramp-up. After a warm start there is none.",
    )
    augment: Literal["ada", "fixed", "none"] = Field(
        "ada",
        description="Adaptive discriminator augmentation, the same with a strength that is `fixed`, or none.",
    )
    augment_pipe: Literal[
        "blit", "geom", "color", "filter", "noise", "cutout", "bg", "bgc", "bgcf", "bgcfn", "bgcfnc"
    ] = Field(
        "bgc",
        description="What the augmentation does, one of these groups or those of the letters: `blit` flips, quarter turns and whole-pixel shifts; `geom` scales, turns and shifts; `color` brightness, contrast, hue, saturation; `filter` frequency bands; `noise`; `cutout`.",
    )
    augment_strength: Share = Field(0.2, description="With `augment: fixed`: the probability p of each transformation.")
    ada_images: Positive | None = Field(
        None,
        description="Images in which ADA's strength can go from 0 to 1. `null`: 500,000, after a warm start 100,000.",
    )
    ada_target: Share = Field(0.6, description="Sign of the discriminator's output on real images that ADA steers to.")
    freeze_discriminator: Natural = Field(
        0,
        description="Freeze-D (arXiv 2002.10964), after a warm start with a discriminator: how many of its convolutions stay as they are, counted from the image on: the one from RGB, then three a resolution (13 in all at 64 px). The layers at 4 px always train.",
    )
    snapshot_images: Annotated[Positive, Shapes()] = Field(
        10_000, description="Images from one snapshot to the next, each with a grid of samples and a Fréchet distance."
    )
    frechet_images: Annotated[Natural, Shapes()] = Field(
        1000,
        description="Synthesized images in each Fréchet distance during training, in features of efficientnet-lite2 (`frechet_lite2`); 0 turns it off.",
    )
    keep: Annotated[Literal["last", "best"], RESUMES] = Field(
        "last",
        description="Which generator is the result: the last one, or of those measured at snapshots the one with the smallest Fréchet distance, seen since this was set.",
    )
    precision: Precision = Field(
        "auto", description="`auto`: bfloat16 where the hardware is fast at it (said in the log), else float32."
    )

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, values: Any) -> Any:
        preset = PRESETS.get(str(values.get("preset"))) if isinstance(values, dict) else None
        return {**preset, **values} if preset else values

    @model_validator(mode="after")
    def _one_start(self) -> "GeneratorSettings":
        if self.warm_start == IMPORTED and not self.import_:
            raise ValueError("warm_start is `imported`, so generator.import must name a checkpoint")
        if self.import_ and self.warm_start not in (None, AUTO, IMPORTED):
            raise ValueError(
                f"import replaces training, but warm_start is {self.warm_start!r}: set it to null, or to `imported` to go"
                " on training the imported generator"
            )
        return self

    @model_validator(mode="after")
    def _best_is_measured(self) -> "GeneratorSettings":
        if self.keep == "best" and not self.frechet_images:
            raise ValueError(
                "keep is `best`, but frechet_images is 0, so no distance is measured: set it to 1000 or more"
            )
        return self

    @model_validator(mode="after")
    def _whole_groups(self) -> "GeneratorSettings":
        whole = self._group_size * self.gpus
        if self.batch % whole and (self.gpus > 1 or self.batch > whole):
            shared = f", and {self.gpus} gpus share it" * (self.gpus > 1)
            below = self.batch // whole * whole
            raise ValueError(
                f"batch is {self.batch}, but the discriminator compares images in groups of {self._group_size}{shared}, so it must be a"
                f" multiple of {whole}: {f'{below} or ' * bool(below)}{below + whole}"
            )
        return self

    def started(self, rendered: bool, resolution: int) -> "GeneratorSettings":
        """These settings with `warm_start: auto` decided, for rendered streets or a folder's photos of that height.

        Raises SceneshiftError if a discriminator is to be frozen that there is not.
        """
        start = self.warm_start
        if start == AUTO:
            transfers = not (self.import_ or rendered or self.sizes or resolution > LARGEST_TRANSFER)
            start = located(SHIPPED) if transfers else None
        if self.freeze_discriminator and not start:
            raise SceneshiftError(
                f"generator.freeze_discriminator is {self.freeze_discriminator}, but no training goes on from a"
                " discriminator here: name one in generator.warm_start, or set it to 0."
            )
        return self.model_copy(update={"warm_start": start})

    @property
    def sizes(self) -> dict[str, int]:
        """Those of the networks' sizes that are given."""
        names = ("z_dim", "w_dim", "mapping_layers", "channel_base", "channel_max")
        return {name: size for name in names if (size := getattr(self, name)) is not None}

    @property
    def shares(self) -> int:
        """Into how many equal parts a batch can be cut: any divisor of this, as parts are of whole groups of images."""
        return 1 if self.batch % self._group_size else self.batch // self._group_size

    @property
    def _group_size(self) -> int:
        return self.mbstd_group_size or 4
