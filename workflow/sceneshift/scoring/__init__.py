"""Attribute predictors: what a picture shows, as numbers. This loads no torch: the plan of a run reads `kinds`."""

from typing import Any

__all__ = ["Predictor", "column_of", "load_predictor"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sceneshift.scoring import predictor

    return getattr(predictor, name)
