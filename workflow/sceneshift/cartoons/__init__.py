"""The simpler rendered streets, with known labels, that the shipped generator has learned from."""
