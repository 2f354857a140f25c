"""StyleGAN2: networks, losses, augmentation, training, generator files."""

from sceneshift.generator.checkpoints import load_generator

__all__ = ["load_generator"]
