"""render_pairs: streets of the rendered world, drawn before and after an edit."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from sceneshift.pairs.dataset import FILES, SIDES
from sceneshift.pairs.edit_record import EditRecord
from sceneshift.pairs.rendered import RenderedPairs
from sceneshift.runtime.files import atomic_directory
from sceneshift.runtime.interruption import be_a_worker
from sceneshift.runtime.parallel import in_order
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.provenance import made_by
from sceneshift.runtime.tables import write_table
from sceneshift.settings import EditorSettings


def render_pairs(out: Path | str, *, editor: EditorSettings, shape: tuple[int, int] = (96, 96), seed: int = 0) -> None:
    """Draw streets before and after an edit: the same street, one label moved, all else equal.

    out: folder to write, all or nothing: train_A and train_B (PNG, the same names), pairs.csv, edit.json
    editor: its name, and the labels of the edited streets
    shape: of the pictures

    Pair i is a function of (seed, i) and the labels, whatever the number of processes that draw.

    Raises SceneshiftError for a label that the rendered world does not have.

    Example: pairs/night --editor '{"name": "night", "labels": {"natural_light": 0.03}}'
    """
    pairs, cores = RenderedPairs(seed, shape, editor), len(os.sched_getaffinity(0))
    with (
        atomic_directory(out, FILES) as folder,
        ProcessPoolExecutor(cores, get_context("spawn"), be_a_worker) as pool,
        Progress(f"rendering {editor.name}", editor.count, unit="pairs", beside=out) as progress,
    ):
        sides = [folder / name for name in SIDES]
        for side in sides:
            side.mkdir()
        for index, pair in enumerate(in_order(pool, pairs.pair, range(editor.count), waiting=8 * cores)):
            for side, picture in zip(sides, pair, strict=True):
                Image.fromarray(picture).save(side / f"{index:06d}.png", compress_level=3)
            progress.advance(1)
        rows = ([index, True, ""] for index in range(editor.count))
        write_table(folder / "pairs.csv", ["index", "kept", "reason"], rows)
        provenance = made_by(command="render-pairs", seed=seed, shape=shape, editor=editor.model_dump())
        EditRecord(
            attribute=editor.name, direction="more", measured_by=editor.name, reason="rendered", curve=[],
            kept=editor.count, tried=editor.count, provenance=provenance,
        ).write(folder)  # fmt: skip
