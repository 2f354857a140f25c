"""Attribute predictors: what a picture shows, as numbers."""

from sceneshift.scoring.fitting import fit_predictor
from sceneshift.scoring.predictor import Predictor, column_of, load_predictor
from sceneshift.scoring.tables import score_images

__all__ = ["Predictor", "column_of", "fit_predictor", "load_predictor", "score_images"]
