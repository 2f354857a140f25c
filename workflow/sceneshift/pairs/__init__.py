"""Pairs of images before and after an edit: how far to move, which to keep, reading them for training."""
