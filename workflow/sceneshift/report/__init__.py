"""The page that shows a run: one HTML file with everything in it."""
