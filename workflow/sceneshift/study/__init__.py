"""What people say: pairwise studies of edits and doses, and what their votes mean."""
