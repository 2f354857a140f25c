"""Labels from pairwise votes (kind `comparisons`), for the heads to learn: σ(θ) of a photo's Bradley–Terry score θ, the
probability that it is preferred to the average photo."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from scipy.special import expit

from sceneshift.attributes.names import as_attribute
from sceneshift.attributes.votes import FAULTS, VoteTable, lines_of, read_votes
from sceneshift.images.finding import find_photos
from sceneshift.photos.store import PhotoStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.scoring.bradley_terry import Votes, bradley_terry
from sceneshift.scoring.kinds.comparisons import ComparisonsPredictor
from sceneshift.scoring.labels import LabelledPhotos, photo_reader, photo_split

SHOWN = 3  # lines that a message lists of each kind of fault


def compared_photos(
    settings: ComparisonsPredictor, shape: tuple[int, int] | None, photos: PhotoStore | None, decode: bool = True
) -> LabelledPhotos:
    """The photos that were voted on, with one label per question: NaN where a photo has no vote on it.

    decode: whether to leave out photos of a folder that cannot be read, which takes a look into each.

    Votes between two held-out photos are kept apart, to measure by: training photos' labels know nothing of them.
    Raises SceneshiftError for a table that holds no votes, or too many that cannot be used.
    """
    attributes = settings.attribute_names()
    table = read_votes(settings.votes)
    pool = _of_folder(Path(settings.photos), table.photos, shape, decode) if settings.photos else _of_store(photos)
    place_of = np.array([pool.place_of.get(name, -1) for name in table.photos])
    places = place_of[np.stack([table.left, table.right])]
    column_of = {name: k for k, name in enumerate(attributes)}
    question = np.array([column_of.get(as_attribute(name), -1) for name in table.questions])[table.question]
    usable = _usable(settings, table, question >= 0, places < 0, pool.source)
    question, winner = question[usable], table.winner[usable]
    used, renumbered = np.unique(places[:, usable], return_inverse=True)
    left, right = renumbered.reshape(2, -1)
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
        settings.votes, photo_names, attributes, labels, held_out, pool.shape,
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
        photos.path,
        photos.names,
        _by_alias(photos.names) | photos.duplicates,
        photos.held_out,
        photos.shape,
        photos.images,
    )


def _of_folder(folder: Path, wanted: Sequence[str], shape: tuple[int, int] | None, decode: bool) -> _Pool:
    """Those of a folder's photos that are voted on and can be read."""
    if not folder.is_dir():
        raise SceneshiftError(f"predictors.photos: {folder} is not a folder. Name the one with the photos voted on.")
    if shape is None:
        raise SceneshiftError(
            "Votes need a size (--resolution, --width): that of the generator whose images are to be scored."
        )
    paths = list(find_photos(folder))
    names = [path.relative_to(folder).as_posix() for path in paths]
    place_of = _by_alias(names)
    voted = sorted({place_of.get(name, -1) for name in wanted} - {-1})
    digests, read = photo_reader([paths[i] for i in voted], shape, decode)
    kept = [n for n, digest in enumerate(digests) if digest]
    number = {voted[i]: n for n, i in enumerate(kept)}
    return _Pool(
        folder,
        [names[i] for i in number],
        {name: number.get(i, -1) for name, i in place_of.items()},
        np.zeros(len(kept), bool),
        shape,
        lambda indices: read([kept[i] for i in indices]),
    )


def _by_alias(names: Sequence[str]) -> dict[str, int]:
    """The places of photos by path, by file name and by file name without extension; -1 where that names several."""
    place_of: dict[str, int] = {}
    for i, name in enumerate(names):
        path = PurePosixPath(name)
        for alias in {path.name, path.stem}:
            place_of[alias] = i if alias not in place_of else -1
    return place_of | {name: i for i, name in enumerate(names)}


def _usable(
    settings: ComparisonsPredictor, table: VoteTable, asked: np.ndarray, absent: np.ndarray, source: object
) -> np.ndarray:
    """bool [V]: the votes on questions asked (bool [V]) with nothing at fault, on photos not absent (bool [2, V]).

    The others are counted and named on stderr; more than `max_missing` of them are an error.
    """
    absence = f"are on a photo that {source} does not have, or has several of"
    counted = asked | (table.fault == 1)  # those without a question may be on any
    fault = np.where(counted, np.where((table.fault == 0) & absent.any(0), len(FAULTS), table.fault), 0)
    if not fault.any():
        return asked
    kinds = [kind for kind in range(1, len(FAULTS) + 1) if (fault == kind).any()]
    first = [np.flatnonzero(fault == kind)[:SHOWN] for kind in kinds]
    lines = iter(lines_of(settings.votes, np.concatenate(first).tolist()))
    faults = []
    for kind, places in zip(kinds, first, strict=True):
        shown = ", ".join(str(next(lines)) for _ in places)
        what = (*FAULTS, absence)[kind]
        if kind == len(FAULTS):
            names = [table.photos[(table.left if absent[0, place] else table.right)[place]] for place in places]
            what += f" ({', '.join(map(repr, names))})"
        count = int((fault == kind).sum())
        faults.append(f"\n  {count} {what}: line {shown}{', …' if count > len(places) else ''}")
    lost, total = int((fault > 0).sum()), int(counted.sum())
    said = f"{settings.votes}: {lost} of {total} votes cannot be used:{''.join(faults)}"
    if lost > settings.max_missing * total:
        raise SceneshiftError(
            f"{said}\nMend them, name the photos' folder as predictors.photos, or raise predictors.max_missing"
            f" ({settings.max_missing:g})."
        )
    print(said, file=sys.stderr)
    return asked & (fault == 0)
