"""Translators: pix2pixHD trained on synthesized pairs, and photos translated with them."""

from sceneshift.translator.translator import Translator, load_translator

__all__ = ["Translator", "load_translator"]
