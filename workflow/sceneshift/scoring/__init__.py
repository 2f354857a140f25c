"""Attribute predictors: what a picture shows, as numbers."""

from sceneshift.scoring.predictor import Predictor, column_of, load_predictor

__all__ = ["Predictor", "column_of", "load_predictor"]
