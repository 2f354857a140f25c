"""evaluate_editor: how near an editor's streets come to what they should have become."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

from sceneshift.evaluation.summary import COLUMNS, Change, Row, rows, summarize
from sceneshift.evaluation.truth import likeness
from sceneshift.pairs.rendered import RenderedPairs
from sceneshift.runtime.interruption import be_a_worker
from sceneshift.runtime.parallel import in_order
from sceneshift.runtime.progress import Progress
from sceneshift.runtime.randomness import key_of
from sceneshift.runtime.section import Positive
from sceneshift.runtime.tables import write_table
from sceneshift.settings import EditorSettings
from sceneshift.translator import load_translator


def evaluate_editor(
    translator: Path | str, out: Path | str, *, editor: EditorSettings, shape: tuple[int, int] = (128, 128),
    count: Positive = 200, strength: float = 1.0, seed: int = 0, device: torch.device | str = "cpu",
) -> list[Change]:  # fmt: skip
    """On rendered streets that no training saw: how near does the edit come to the truth?

    translator: translator (.safetensors), or a shipped editor's name
    out: table to write (.csv): photo, scorer (truth), attribute, before, after
    editor: its name, and the labels of the edited streets
    shape: of the pictures
    count: streets drawn, before and after
    strength: of the edit

    The truth is the same street drawn with the editor's labels. psnr (dB), ssim and structure of the street to it: of
    the unedited one, and of what the translator made of it. The streets are of a seed of their own.

    Raises SceneshiftError for a label or a shape that the rendered world does not have.

    Example: night.safetensors night.csv --editor '{"name": "night", "labels": {"natural_light": 0.03}}'
    """
    held_out = key_of(seed, "held-out streets") & (2**63 - 1)
    pairs, cores = RenderedPairs(held_out, shape, editor), len(os.sched_getaffinity(0))
    network = load_translator(translator, str(device), precision="auto")
    table: list[Row] = []
    with (
        ProcessPoolExecutor(cores, get_context("spawn"), be_a_worker) as pool,
        Progress(f"evaluating {editor.name}", count, unit="streets", beside=out) as progress,
    ):
        for index, (before, truth) in enumerate(in_order(pool, pairs.pair, range(count), waiting=8 * cores)):
            likenesses = [likeness(image[None], truth[None]) for image in (before, network(before, strength))]
            for name in likenesses[0]:
                table += rows([f"street-{index}"], "truth", name, *(values[name] for values in likenesses))
            progress.advance(1)
    write_table(out, list(COLUMNS), table)
    changes = summarize(table)
    print(*changes, sep="\n", file=sys.stderr)
    return changes
