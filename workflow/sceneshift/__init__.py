"""Sceneshift: photo editors from a folder of scene photos, without paired photos."""

__version__ = "0.1.0"
