"""What the finished generator is measured by."""

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from sceneshift.runtime.section import IS_PATH, Natural, Section, Shapes, Share


class MetricsSettings(Section):
    """Distances of the finished generator to the photos: Fréchet, kernel, precision, recall, density, coverage."""

    shapes: ClassVar = Shapes("measure_generator")

    images: Annotated[Natural, Shapes("measure_generator", jobs=("report",))] = Field(
        0,
        description="Images to synthesize, and at most as many training photos; 0: nothing is measured. Published: 50,000. Compare distances of equal counts only.",
    )
    truncation_psi: Share = Field(1.0, description="Truncation ψ of these images. Published distances have none, 1.")
    inception: Annotated[str | None, IS_PATH] = Field(
        None,
        description="NVIDIA's `inception-2015-12-05.pt`: distances in its features compare with published FIDs. It is TorchScript, a program that is run: give only a file whose source you trust. `null`: features of efficientnet-lite2, which compare with nothing published.",
    )
    path_lengths: Natural = Field(
        0, description="Pairs of codes for the perceptual path length in W; 0: not measured. Published: 100,000."
    )
    lpips: Annotated[str | None, IS_PATH] = Field(
        None,
        description="NVIDIA's `vgg16.pt` for the path length, TorchScript as `inception`. `null`: features of efficientnet-lite0.",
    )

    @model_validator(mode="after")
    def _needed(self) -> "MetricsSettings":
        if self.path_lengths and not self.images:
            raise ValueError("path_lengths is given, but images is 0, so that nothing is measured")
        return self
