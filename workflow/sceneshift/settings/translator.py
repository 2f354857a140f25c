"""pix2pixHD, what it translates, and how that is judged."""

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from sceneshift.runtime.section import IS_PATH, Positive, Precision, Section, Shapes, Share
from sceneshift.scoring.kinds import AnyPredictor
from sceneshift.settings.audit import AuditSettings

RESUMES = Shapes("train_translator", resumes=True)


class TranslatorSettings(Section):
    """pix2pixHD (arXiv 1711.11585). `null` means: by the resolution."""

    shapes: ClassVar = Shapes("train_translator")

    images: Positive = Field(6000, description="Length of training, in pairs shown.")
    batch: Positive = Field(8, description="Pairs a step (1 in the paper).")
    gpus: Annotated[Positive, Shapes()] = Field(
        1,
        description="GPUs that share each batch; batch and images must be multiples of it. Changing it reruns nothing.",
    )
    deterministic: Annotated[bool, RESUMES] = Field(False, description="As the generator's.")
    head: Annotated[Literal["edit", "image"], Shapes("train_translator", "translate")] = Field(
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
    discriminator_layers: Annotated[int, Field(ge=1, le=5)] = Field(
        3,
        description="Stride-2 convolutions of each, pix2pixHD's n_layers_D: at full size it judges patches of 70 px with 3, 34 with 2, 16 with 1.",
    )
    warm_start: Annotated[str | None, IS_PATH, Shapes(jobs=("train_translator",))] = Field(
        None,
        description="A translator (.safetensors) to start from, trained here or imported, of the head and sizes given here. Its discriminators start anew. A translator without the local enhancer, of half the pairs' size, starts the global generator within one.",
    )
    fix_global: Share = Field(
        0.0,
        description="With the local enhancer and a warm start: share of training in which the global generator stays as it is, pix2pixHD's niter_fix_global.",
    )
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        2e-4, description="Adam's rate, constant at first, then linear to zero."
    )
    constant: Share = Field(
        0.5, description="Share of training at the constant rate: pix2pixHD's niter of niter + niter_decay."
    )
    feature_matching: Annotated[float, Field(ge=0)] = Field(10.0, description="Weight of the feature matching loss.")
    perceptual: Annotated[float, Field(ge=0)] = Field(
        10.0, description="Weight of the perceptual loss; 0 turns it off."
    )
    perceptual_network: Annotated[str, IS_PATH] = Field(
        "backbone",
        description="`backbone` (efficientnet-lite0), or the path of torchvision's VGG19 weights (.pth) for the published loss, which feeds it pictures in [-1, 1].",
    )
    pixel: Annotated[float, Field(ge=0)] = Field(5.0, description="Weight of an L1 loss on pixels (0 in the paper).")
    snapshot_images: Annotated[Positive, Shapes()] = Field(
        2000, description="Pairs from one snapshot to the next, each with a sheet of examples."
    )
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

    @model_validator(mode="after")
    def _fixed_only_if_trained(self) -> "TranslatorSettings":
        if self.fix_global and not (self.local_enhancer and self.warm_start):
            raise ValueError(
                f"fix_global is {self.fix_global:g}, which leaves untrained weights as they are: set it to 0, or "
                "local_enhancer to true and warm_start to a translator to enhance"
            )
        return self

    @property
    def shares(self) -> int:
        """Into how many equal parts a batch can be cut, the last one too: any divisor of this."""
        return math.gcd(self.batch, self.images)


class TranslateSettings(Section):
    """Which photos are translated, and how strongly."""

    folder: Annotated[str | None, IS_PATH, Shapes("translate", "translate_shipped", "report")] = Field(
        None, description="A folder of photos; `null`: the held-out photos."
    )
    strength: Annotated[float, Field(ge=0, le=3), Shapes("translate", "evaluate_translator", "evaluate_editor")] = (
        Field(
            1.0,
            description="The edit's dose: 0 leaves the photo, 1 is as trained, up to 3 goes beyond (`head: image`: up to 1).",
        )
    )
    editors: Annotated[list[str], Shapes("translate_shipped", "build_explorer", "report")] = Field(
        [],
        description="Editors that ship (`sceneshift editors` lists them) and are shown too: on the photos in `folder`, or on those that ship; and on the explorer's page.",
    )


class EvaluationSettings(Section):
    """Did the attribute move on real photos, and did the rest stay?"""

    shapes: ClassVar = Shapes("evaluate_translator", "measure_dose")

    count: Positive = Field(300, description="Held-out photos used.")
    judges: Annotated[
        Literal["auto"] | list[Literal["streets"] | AnyPredictor],
        Shapes(
            jobs=("fit_predictor", "fit_judge", "fit_second_predictor", "evaluate_translator", "measure_dose", "report")
        ),
    ] = Field(
        "auto",
        description="What scores the edits beside the predictors that chose their pairs: a list of predictors of any kind, as under `predictors`, and of `streets`, a network trained on labelled renders for this alone. Where one of them is learned from photos, it learns from half of the photos to train on, and the predictors from the other half (by a hash of the file name); all are measured on the held-out photos. `auto`: for rendered streets `streets`; for a folder whose labels `heads` learn, heads on efficientnet-lite2, if each half has ten photos with and without each attribute. `[]`: none.",
    )

    audit: Annotated[AuditSettings, Shapes("evaluate_translator")] = Field(
        AuditSettings(), description="What the audit of each edited photo holds against it."
    )

    @model_validator(mode="before")
    @classmethod
    def _once_judge(cls, values: Any) -> Any:
        if isinstance(values, dict) and "judge" in values:
            raise ValueError("`judge` is now `judges`: auto, or a list such as [streets]; [] for none")
        return values
