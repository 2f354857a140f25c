"""The page where anyone edits a photo of their own: translators that run in the browser."""
