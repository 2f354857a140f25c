"""Frozen networks, and what is measured with them."""
