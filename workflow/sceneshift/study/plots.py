"""Dose against preference."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from sceneshift.report.plots import ACCENT, FAINT, Plot, plotted
from sceneshift.study.preferences import Preference


def dose_preference(rows: Sequence[Preference]) -> Plot:
    """Bradley–Terry's score of each dose less the lowest one's, with its interval over raters."""

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        doses, scores = [row.dose for row in rows], [row.score for row in rows]
        errors = [[row.score - row.low for row in rows], [row.high - row.score for row in rows]]
        axis.axhline(0, color=FAINT[scheme], linewidth=1)
        axis.errorbar(doses, scores, yerr=errors, color=ACCENT[scheme], marker="o", markersize=4, capsize=3)
        axis.set_xlabel("strength")
        axis.set_ylabel("preference (Bradley–Terry)")
        axis.grid(axis="y")

    return plotted(draw, 5.2, 2.8)
