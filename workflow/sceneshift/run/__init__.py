"""A run as a whole: what it will make, what is done, and how the workflow starts it. Imports no torch."""
