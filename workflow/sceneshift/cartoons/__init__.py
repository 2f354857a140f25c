"""Rendered street views with known labels."""
