"""The page that shows a run: one HTML file with everything in it."""

from sceneshift.report.page import build_report

__all__ = ["build_report"]
