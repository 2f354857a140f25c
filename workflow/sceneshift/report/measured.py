"""What a translator did to photos: verdicts of judges, predictor and pixels, the audit, the dose, and photos to see."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from sceneshift.evaluation.audit import Verdict, read_verdicts, shares, worst_first
from sceneshift.evaluation.dose import Curve, dose_table, own_curves, read_responses
from sceneshift.evaluation.summary import NO_SPREAD, Change, Row, read_evaluation, summarize
from sceneshift.images.finding import find_photos
from sceneshift.latents.store import LatentStore
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.photos.held_out import masks_folder, png_names
from sceneshift.photos.store import PhotoStore
from sceneshift.report.pictures import changed, data_uri, read_picture, spread
from sceneshift.report.plots import Plot, change_map, changes, dose_response
from sceneshift.report.run_files import needed
from sceneshift.report.text import spoken
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.tables import read_table

PHOTO_SIDE = 560
OWN_UNITS = {"judge:streets": "mean change, on a scale of 0 to 1", "pixels": "mean change, each in its own unit"}
DEVIATIONS = "standard deviations"
PIXEL_UNITS = {  # of the facts of `pixel_facts`, `audited` and `backbone_distance`
    **dict.fromkeys(("luminance", "upper_luminance", "sky_red", "sky_green", "sky_blue"), "from 0, black, to 1"),
    **dict.fromkeys(("structure", "structure_aligned"), "correlation of edges"),
    **dict.fromkeys(("shift_down", "shift_across", "residual"), "shares of the shorter side"),
    **dict.fromkeys(("green_view", "crushed", "blown"), "share of pixels"),
    "ssim": "index, 1 for equal pictures",
    "sky_shift": "length of the change, as a share of the color's length",
    "aspect": "ratio of width to height, as a factor",
    "zoom": "factor",
    "changed_10": "share of pixels that differ by more than 10 of 255 levels",
    "changed_25": "share of pixels that differ by more than 25 of 255 levels",
    "inside_mask": "share of the change",
    "blocks": "levels of 255",
    "halos": "levels of 255 per pixel",
    "backbone_distance": "squared distance of features, 0 for equal pictures",
}


@dataclass(frozen=True)
class Comparison:
    """A real photo before and after, and where it changed."""

    name: str
    before: str
    after: str
    change: str


@dataclass(frozen=True)
class Apart:
    """How far synthesized images are from photos, as the predictor scores the edit's own attribute.

    shift: of the mean, in standard deviations over held-out photos; spread: standard deviation over that of the photos.
    NaN where all photos score the same.
    """

    shift: float
    spread: float


@dataclass(frozen=True)
class ScorersView:
    """What one scorer says; `plot` is None for pixel facts, which have no common unit."""

    scorer: str
    unit: str
    changes: list[Change]
    plot: Plot | None
    unmeasured: bool  # whether some change has no standard deviations to be measured in


@dataclass(frozen=True)
class Measured:
    """Everything the page shows of an edit of photos."""

    own: Change  # by the first judge that knows the attribute; without one by the predictor
    by: str  # who that is
    own_unit: str
    predictors: Change  # by the predictor that chose the pairs
    apart: Apart
    structure: float
    aside: Change | None  # by the same scorer as `own`: the other attribute that moved most
    place: Change  # share of photos that are the same place, by the audit
    against: list[Verdict]  # photos that did not pass it, the worst first
    photos: list[Comparison]
    spread_over: str
    verdicts: list[ScorersView]
    doses: list[Curve]
    dose: Plot
    map: Plot | None  # where the photos say so


def read_measured(run: Path, attribute: str, record: EditRecord, shown: int, translated_from: Path | None) -> Measured:
    """Gather what was measured of an edit, with `shown` photos. Raises MissingError for what is not there yet."""
    own = record.measured_by
    evaluation = read_evaluation(needed(run / f"evaluation/{attribute}.csv"))
    rows = summarize(evaluation)
    verdicts = []
    judges = list(dict.fromkeys(row.scorer for row in rows if row.scorer.startswith("judge:")))
    for scorer in (*judges, "predictor", "pixels"):
        own_rows = [row for row in rows if row.scorer == scorer]
        if own_rows:
            unit = OWN_UNITS.get(scorer, f"mean change, in {DEVIATIONS} of the score")
            known = [row for row in own_rows if pd.notna(row.change)]
            title = scorer.replace(":", " ")
            plot = changes(known, own, title, unit) if known and scorer != "pixels" else None
            verdicts.append(ScorersView(scorer, unit, own_rows, plot, len(known) < len(own_rows)))
    owns = {row.scorer: row for row in rows if row.attribute == own}
    if "predictor" not in owns:
        raise SceneshiftError(f"{run}/evaluation/{attribute}.csv does not measure {own}. Evaluate again.")
    scorer = next((judge for judge in judges if judge in owns), "predictor")
    others = [
        row
        for row in rows
        if row.scorer == scorer and row.attribute not in (own, *record.also) and pd.notna(row.change)
    ]
    audited = read_verdicts(needed(run / f"audit/{attribute}.csv"))
    responses = read_responses(needed(dose_table(run / f"translators/{attribute}/translator.safetensors")))
    curves = own_curves(responses)
    lacking = _lacking(evaluation, own, record.direction)
    return Measured(
        own=owns[scorer],
        by=f"the {scorer.replace(':', ' ')}",
        own_unit="on a scale of 0 to 1" if scorer in OWN_UNITS else DEVIATIONS,
        predictors=owns["predictor"],
        apart=_apart(run, evaluation, own),
        structure=next(row.after for row in rows if (row.scorer, row.attribute) == ("pixels", "structure")),
        aside=max(others, key=lambda row: abs(row.change), default=None),
        place=next(share for share in shares(audited) if share.attribute == "same_place"),
        against=[one for one in worst_first(audited) if one.reasons],
        photos=_comparisons(run, attribute, shown, None if translated_from else lacking, translated_from),
        spread_over="translated photos" if translated_from else f"half of the photos with {_end_of(record)}",
        verdicts=verdicts,
        doses=curves,
        dose=dose_response(curves, responses),
        map=_map(run / "photos.csv", evaluation, scorer, own),
    )


def _map(photos: Path, evaluation: list[Row], scorer: str, attribute: str) -> Plot | None:
    """The change of each evaluated photo that says where it was taken; None if fewer than two do."""
    columns: dict[str, Any] = {"file": str}
    if "latitude" in next(iter(read_table(needed(photos), columns)), {}):
        columns |= {"longitude": float | None, "latitude": float | None}
    places = {
        row["file"]: (row["longitude"], row["latitude"])
        for row in read_table(photos, columns)
        if row.get("longitude") is not None and row.get("latitude") is not None
    }
    own = [row for row in evaluation if (row["scorer"], row["attribute"]) == (scorer, attribute)]
    known = [(places[row["photo"]], row["after"] - row["before"]) for row in own if row["photo"] in places]
    if len(known) < 2:
        return None
    return change_map(*zip(*known, strict=True), unit=f"score of the {scorer.replace(':', ' ')}")


def _apart(run: Path, evaluation: list[Row], own: str) -> Apart:
    photos = [row["before"] for row in evaluation if (row["scorer"], row["attribute"]) == ("predictor", own)]
    with LatentStore(needed(run / "synthesis.h5")) as store:
        images = store.column(own)
    spread = np.std(photos)
    if spread < NO_SPREAD:
        return Apart(np.nan, np.nan)
    return Apart(float(np.mean(images) - np.mean(photos)) / spread, float(np.std(images)) / spread)


def _lacking(evaluation: list[Row], attribute: str, direction: str) -> set[str]:
    """Names of the half of the evaluated photos that leave the edit most to do, by the predictor's score before."""
    rows = [row for row in evaluation if (row["scorer"], row["attribute"]) == ("predictor", attribute)]
    sign = -1 if direction == "less" else 1
    rows.sort(key=lambda row: sign * row["before"])
    return {row["photo"] for row in rows[: -(-len(rows) // 2)]}


def _end_of(record: EditRecord) -> str:
    return f"{'most' if record.direction == 'less' else 'least'} {spoken(record.measured_by)}"


def _comparisons(
    run: Path, attribute: str, shown: int, among: set[str] | None, translated_from: Path | None
) -> list[Comparison]:
    """Evenly spread by name over the translated photos, or those `among` them, so that no good ones are picked."""
    folder = needed(run / f"translated/{attribute}")
    with PhotoStore(run / "photos.h5") as store:
        held_out = {store.names[index]: index for index in store.held_out_indices}
        if translated_from is None:
            photos, written = held_out, png_names(held_out)
        else:
            photos = [path.relative_to(translated_from).as_posix() for path in find_photos(translated_from)]
            written = {name: name for name in photos}
        photo_of = {name: photo for photo, name in written.items()}
        found = list(find_photos(folder, without=[folder / masks_folder(photos)]))
        if among is not None:
            found = [path for path in found if photo_of.get(path.relative_to(folder).as_posix()) in among] or found
        comparisons = []
        for path in spread(sorted(found), shown):
            name = path.relative_to(folder).as_posix()
            photo = photo_of.get(name)
            if translated_from is None and (index := held_out.get(photo)) is not None:
                before = Image.fromarray(store.images([index])[0])
            elif translated_from is not None:
                before = read_picture(translated_from / name)
            else:
                raise SceneshiftError(
                    f"{path} is not a held-out photo of {run / 'photos.h5'}: name the folder that was translated,"
                    " `sceneshift report … --translated-from FOLDER`."
                )
            comparisons.append(compared(name, before, path))
    return comparisons


def compared(name: str, before: Image.Image, after: Path) -> Comparison:
    """A photo before and after, as the page holds it. Raises SceneshiftError for a picture that cannot be read."""
    pictures = [before.copy(), read_picture(after)]
    for picture in pictures:
        picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
    return Comparison(name, *map(data_uri, pictures), data_uri(changed(*pictures)))
