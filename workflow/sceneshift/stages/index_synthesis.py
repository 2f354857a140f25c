"""One store over the shards of a synthesis, and which shards do not belong in it."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sceneshift.latents.store import COMMON, FORMAT, LatentStore
from sceneshift.runtime.errors import SceneshiftError
from sceneshift.runtime.files import atomic_file, set_aside, sha256_of
from sceneshift.runtime.provenance import made_by
from sceneshift.settings import SynthesisSettings


def index_synthesis(
    shards: Sequence[Path | str],
    out: Path | str,
    settings: SynthesisSettings,
    *,
    generator: Path | str | None = None,
    predictor: Path | str | None = None,
    seed: int = 0,
) -> None:
    """Make one store of several shards, without copying them.

    shards: latent/score stores of synthesize, in order
    out: latent/score store to write (.h5); it refers to the shards, which lie below its folder, by relative path
    generator: generator that made the shards: with both, a shard that is not what was to be made is named and set aside
    predictor: predictor that made the shards

    Raises SceneshiftError that names both files and values if shards disagree in seed, stream, truncation, generator,
    predictor, attributes or w_dim.

    Example: synthesis/0000.h5 synthesis/0001.h5 synthesis.h5
    """
    if generator and predictor:
        set_wrong_shards_aside(shards, Expected(Path(generator), Path(predictor), settings, seed))
    out, sources, facts = Path(out), [Path(shard) for shard in shards], []
    for path in sources:
        with LatentStore(path) as store:
            common = {name: store.attrs[name] for name in COMMON}
            facts.append({**common, "attributes": store.attributes, "w_dim": store.w_dim, "count": len(store)})
        for name in (*COMMON, "attributes", "w_dim"):
            if facts[-1][name] != facts[0][name]:
                raise SceneshiftError(
                    f"The shards {sources[0]} and {path} do not belong together: {name} is {facts[0][name]!r} in the"
                    f" one and {facts[-1][name]!r} in the other. Synthesize them with the same settings."
                )
    relative = [_below(out, path) for path in sources]
    listed = [
        {"file": name, "count": fact["count"], "sha256": sha256_of(path)}
        for name, fact, path in zip(relative, facts, sources, strict=True)
    ]
    total = sum(fact["count"] for fact in facts)
    with atomic_file(out) as temporary, FORMAT.new(temporary) as file:
        for name, dtype in (("index", np.int64), ("w", np.float32), ("scores", np.float32)):
            width = {"index": (), "w": (facts[0]["w_dim"],), "scores": (len(facts[0]["attributes"]),)}[name]
            if 0 in width:
                file.create_dataset(name, (total, *width), dtype)
                continue
            refers = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            refers.set_obj_track_times(False)  # create_virtual_dataset writes the time: equal runs, unequal bytes
            space, start = h5py.h5s.create_simple((total, *width)), 0
            for source, fact in zip(relative, facts, strict=True):
                part = (fact["count"], *width)
                space.select_hyperslab((start, *(0 for _ in width)), part)
                refers.set_virtual(space, source.encode(), name.encode(), h5py.h5s.create_simple(part))
                start += fact["count"]
            space.select_all()
            h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, refers)
        file["scores"].attrs["attributes"] = np.array(facts[0]["attributes"], h5py.string_dtype())
        common = {name: facts[0][name] for name in COMMON}
        provenance = json.dumps(made_by(command="index-synthesis"))
        FORMAT.describe(file, {**common, "provenance": provenance, "shards": json.dumps(listed)})


def _below(out: Path, shard: Path) -> str:
    """The shard's path below the folder of `out`."""
    name = os.path.relpath(shard.resolve(), out.resolve().parent)
    if name.startswith(".."):
        raise SceneshiftError(
            f"{shard} does not lie below the folder of {out}. An index refers to shards beside it or below, so that no"
            " file can make it read others: put it there, or move the shards."
        )
    return Path(name).as_posix()


@dataclass(frozen=True)
class Expected:
    """What shard k of a workflow holds: codes k·shard_size … of `count`, made by these files with this seed."""

    generator: Path
    predictor: Path
    settings: SynthesisSettings
    seed: int

    def facts(self) -> dict[str, Any]:
        """The attributes that each shard has."""
        return {
            "seed": self.seed,
            "stream": "synthesis",
            "truncation_psi": self.settings.truncation_psi,
            "generator_sha256": sha256_of(self.generator),
            "predictor_sha256": sha256_of(self.predictor),
        }

    def codes(self, shard: int) -> range:
        """The codes of a shard."""
        start, size = shard * self.settings.shard_size, self.settings.shard_size
        return range(start, min(start + size, self.settings.count))


def set_wrong_shards_aside(shards: Sequence[Path | str], expected: Expected) -> None:
    """Rename shards that are lost, truncated, or not what is expected: the workflow's next run makes them again.

    Raises SceneshiftError that names each of them, what was found and what was expected.
    """
    facts, wrong = expected.facts(), []
    for number, path in enumerate(map(Path, shards)):
        if reason := _wrong(path, facts, expected.codes(number)):
            moved = f" Set aside as {set_aside(path).name}." if path.exists() else ""
            wrong.append(f"  {reason}{moved}")
    if wrong:
        raise SceneshiftError(
            f"{len(wrong)} of {len(shards)} shards are not what this run synthesized:\n"
            + "\n".join(wrong)
            + "\nRun again: only these are made again."
        )


def _wrong(path: Path, facts: Mapping[str, Any], codes: range) -> str | None:
    """Why the store at `path` is not the shard of these facts and codes; None if it is."""
    try:
        with LatentStore(path) as store:
            index, attrs = store.index, store.attrs
    except SceneshiftError as error:
        return str(error)
    for name, wanted in facts.items():
        if attrs[name] != wanted:
            return f"{path}: {name} is {attrs[name]!r}, expected {wanted!r}."
    if not np.array_equal(index, np.array(codes)):
        found = f"{index[0]} to {index[-1]}" if len(index) else "none"
        return f"{path}: its codes are {found}, expected {codes[0]} to {codes[-1]}."
    return None
