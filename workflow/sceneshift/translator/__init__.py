"""Translators: pix2pixHD trained on synthesised pairs, and photos translated with them."""
