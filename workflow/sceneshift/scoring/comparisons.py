"""Labels from pairwise votes (kind `comparisons`), for the heads to learn: σ(θ) of a photo's Bradley–Terry score θ, the
probability that it is preferred to the average photo."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.special import expit

from sceneshift.attributes.names import as_attribute
from sceneshift.attributes.votes import read_votes
from sceneshift.images.finding import find_photos
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.bradley_terry import Votes, bradley_terry
from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
from sceneshift.scoring.labels import LabelledPhotos, photo_reader, photo_split


def compared_photos(
    settings: ComparisonsPredictor, shape: tuple[int, int] | None, photos: PhotoStore | None
) -> LabelledPhotos:
    """The photos that were voted on, with one label a question: NaN where a photo has no vote on it.

    Votes between two held-out photos are kept apart, to measure by: training photos' labels know nothing of them.
    Raises SceneshiftError for mistakes in the table, or too many votes on photos that are not there.
    """
    attributes = settings.attribute_names()
    names, table = _numbered(settings.votes, attributes)
    pool = _of_folder(Path(settings.photos), names, shape) if settings.photos else _of_store(photos)
    places = np.array([pool.place_of.get(name, -1) for name in names])
    table = _there(settings, names, table, places, pool.source)
    used, renumbered = np.unique(places[table[1:3]], return_inverse=True)
    question, (left, right), winner = table[0], renumbered.reshape(2, -1), table[3]
    photo_names = [pool.names[i] for i in used]
    held_out = photo_split(photo_names, pool.held_out[used])
    labels = np.full((len(used), len(attributes)), np.nan, np.float32)
    votes = []
    for k in range(len(attributes)):
        own = Votes(left, right, winner).where(question == k)
        measuring = held_out[own.left] & held_out[own.right]
        theta = np.where(held_out, bradley_terry(own, len(used)), bradley_terry(own.where(~measuring), len(used)))
        voted = np.unique([own.left, own.right])
        labels[voted, k] = expit(theta[voted])
        votes.append(own.where(measuring))
    return LabelledPhotos(
        settings.votes, attributes, labels, held_out, pool.shape,
        lambda indices: pool.images([int(used[i]) for i in indices]), votes,
    )  # fmt: skip


@dataclass(frozen=True)
class _Pool:
    """Photos that votes may name."""

    source: object
    names: Sequence[str]
    place_of: Mapping[str, int]  # by any of a photo's names; -1 where that is not one photo
    held_out: np.ndarray  # bool [N]
    shape: tuple[int, int]  # height and width
    images: Callable[[Sequence[int]], np.ndarray]


def _of_store(photos: PhotoStore | None) -> _Pool:
    if photos is None:
        raise SceneshiftError(
            "predictors: `comparisons` without `photos` need a photo store (.h5) with the photos voted on; found none."
        )
    return _Pool(
        photos.path, photos.names, _by_alias(photos.names), photos.held_out, photos.shape, photos.images
    )  # fmt: skip


def _of_folder(folder: Path, wanted: Sequence[str], shape: tuple[int, int] | None) -> _Pool:
    """Those of a folder's photos that are voted on and can be read."""
    if not folder.is_dir():
        raise SceneshiftError(f"predictors.photos: {folder} is no folder. Name the one with the photos voted on.")
    if shape is None:
        raise SceneshiftError(
            "Votes need a size (--resolution, --width): that of the generator whose images are to be scored."
        )
    paths = list(find_photos(folder))
    names = [path.relative_to(folder).as_posix() for path in paths]
    place_of = _by_alias(names)
    voted = sorted({place_of.get(name, -1) for name in wanted} - {-1})
    readable, read = photo_reader([paths[i] for i in voted], shape)
    kept = np.flatnonzero(readable).tolist()
    number = {voted[i]: n for n, i in enumerate(kept)}
    return _Pool(
        folder, [names[i] for i in number], {name: number.get(i, -1) for name, i in place_of.items()},
        np.zeros(len(kept), bool), shape, lambda indices: read([kept[i] for i in indices]),
    )  # fmt: skip


def _by_alias(names: Sequence[str]) -> dict[str, int]:
    """The places of photos by path, by file name and by file name without extension; -1 where that names several."""
    place_of: dict[str, int] = {}
    for i, name in enumerate(names):
        path = PurePosixPath(name)
        for alias in {path.name, path.stem}:
            place_of[alias] = i if alias not in place_of else -1
    return place_of | {name: i for i, name in enumerate(names)}


def _numbered(path: str, attributes: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """(names of photos, int64 [5, V]: question, left and right as places among those names, winner, line)."""
    numbers: dict[str, int] = {}
    question_of = {name: k for k, name in enumerate(attributes)}
    rows = [
        (
            question_of[question], numbers.setdefault(vote.left, len(numbers)),
            numbers.setdefault(vote.right, len(numbers)), vote.winner, vote.line,
        )
        for vote in read_votes(path)
        if (question := as_attribute(vote.question)) in question_of
    ]  # fmt: skip
    return list(numbers), np.array(rows, np.int64).reshape(-1, 5).T


def _there(
    settings: ComparisonsPredictor, names: Sequence[str], table: np.ndarray, places: np.ndarray, source: object
) -> np.ndarray:
    """The votes on photos that are there; too many that are not are an error."""
    absent = places[table[1:3]] < 0
    lost = absent.any(0)
    if not lost.any():
        return table
    vote = int(np.argmax(lost))
    name = names[table[1 if absent[0, vote] else 2, vote]]
    said = (
        f"{settings.votes}: {lost.sum()} of {len(lost)} votes are on photos that {source} does not have, or has several"
        f" of; the first is {name!r}, line {table[4, vote]}."
    )
    if lost.sum() > settings.max_missing * len(lost):
        raise SceneshiftError(f"{said} Name their folder as predictors.photos, or raise predictors.max_missing.")
    print(said, file=sys.stderr)
    return table[:, ~lost]
