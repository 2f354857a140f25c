"""Attributes by name, and tables of votes on them. Imports no torch: the workflow's plan reads this."""
