"""fit_judge: the judge of rendered streets."""

from pathlib import Path

import torch

from sceneshift.evaluation.judge_training import train_judge


def fit_judge(
    out: Path | str, *, shape: tuple[int, int] = (64, 64), seed: int = 0, device: torch.device | str = "cpu"
) -> None:
    """Fit the judge of rendered streets, which only the evaluation uses.

    out: judge to write (.safetensors)
    shape: of the streets to judge

    Example: judge.safetensors --resolution 64
    """
    train_judge(shape, Path(out), seed=seed, device=device)
