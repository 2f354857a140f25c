"""The report's plots: SVG by matplotlib, each drawn twice, for light and for dark pages."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from sceneshift.evaluation.dose import Curve, Response
from sceneshift.evaluation.summary import Change
from sceneshift.report.pictures import encoded
from sceneshift.report.text import signed, spoken

ACCENT, SECOND = {"light": "#1f6f8b", "dark": "#6cc3dd"}, {"light": "#b5542c", "dark": "#f0936a"}
INK, FAINT = {"light": "#23292f", "dark": "#dfe4e8"}, {"light": "#c9d0d6", "dark": "#46505a"}
TITLES = {  # of the columns of a history, with their units
    "loss_g": "generator loss (nats)", "loss_d": "discriminator loss (nats)", "r1": "R1 (squared gradient)",
    "path_length": "path length (squared deviation)", "real_sign": "sign on real images (−1 to 1)",
    "ada_p": "ADA p (probability)", "frechet_lite2": "Fréchet distance (lite2)",
    "images_per_second": "images per second",
    "adversarial": "adversarial (squared error)", "discriminator": "discriminator (squared error)",
    "feature_matching": "feature matching (features)", "perceptual": "perceptual (features)",
    "pixel": "pixel (of −1 to 1)", "learning_rate": "learning rate",
}  # fmt: skip
SPACING = 0.75  # of the usual distance between rows: a row nearer to the last is drawn by no curve
MOST_BARS = 40
MOST_ANNOTATED = 12


@dataclass(frozen=True)
class Plot:
    """An SVG for each color scheme, as data URIs, and its width in CSS pixels."""

    light: str
    dark: str
    width: int


def plotted(draw: Callable[[Figure, str], None], width: float, height: float) -> Plot:
    """Draw a figure of this size in inches for both schemes; equal data give equal bytes."""
    uris = {}
    for scheme in ("light", "dark"):
        style = {
            "text.color": INK[scheme], "axes.labelcolor": INK[scheme], "xtick.color": INK[scheme],
            "ytick.color": INK[scheme], "axes.edgecolor": FAINT[scheme], "grid.color": FAINT[scheme],
            "axes.facecolor": "none", "font.size": 9.5, "axes.titlesize": 10.5, "axes.titlelocation": "left",
            "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "sceneshift",
            "grid.linewidth": 0.6, "legend.frameon": False, "text.parse_math": False,  # $ in a name is not a formula
        }  # fmt: skip
        with mpl.rc_context(style):
            figure = Figure(figsize=(width, height), layout="constrained")
            draw(figure, scheme)
            stream = io.BytesIO()
            figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        uris[scheme] = encoded(stream.getvalue(), "image/svg+xml")
    return Plot(uris["light"], uris["dark"], round(width * 96))


def training_curves(history: pd.DataFrame) -> Plot:
    """Small multiples: every numeric column of a history over its first one, images.

    Each row averages the same number of steps, so that of a snapshot, just behind a regular one, nearly repeats it: a
    line through both ends in a spike. Only what is measured at snapshots alone is drawn there.
    """
    even = _evenly_spaced(history)
    names = [n for n in history.columns[1:] if pd.api.types.is_numeric_dtype(history[n]) and history[n].notna().any()]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)

    def draw(figure: Figure, scheme: str) -> None:
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, name in zip(axes, names, strict=False):
            seldom = history[name].notna().mean() < 0.5
            values = (history if seldom else even).dropna(subset=[name])
            few = len(values) <= 40
            axis.plot(
                values.iloc[:, 0],
                values[name],
                color=ACCENT[scheme],
                linewidth=1.4,
                marker="o" if few else None,
                markersize=3,
            )
            axis.set_title(TITLES.get(name, spoken(name)))
            axis.grid(axis="y")
            axis.xaxis.set_major_formatter(mpl.ticker.EngFormatter(sep=""))
            axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
        for axis in axes[len(names) :]:
            axis.remove()
        figure.supxlabel("images", fontsize=9.5)

    return plotted(draw, 3.1 * columns, 1.9 * rows + 0.3)


def _evenly_spaced(history: pd.DataFrame) -> pd.DataFrame:
    images = history.iloc[:, 0]
    least, kept = SPACING * images.diff().median(), []
    for row, value in images.items():
        if not kept or value - images[kept[-1]] >= least:
            kept.append(row)
    return history.loc[kept] if len(kept) > 1 else history


def ranking(table: pd.DataFrame) -> Plot:
    """Standardized effect of each boundary on its own attribute with its interval; chosen ones stand out."""
    table = table.head(MOST_BARS).iloc[::-1]

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        colors = [ACCENT[scheme] if chosen else FAINT[scheme] for chosen in table["chosen"]]
        errors = np.abs(table[["low", "high"]].to_numpy().T - table["standardized"].to_numpy())
        axis.barh(range(len(table)), table["standardized"], color=colors, height=0.66)
        axis.errorbar(
            table["standardized"], range(len(table)), xerr=errors, fmt="none", ecolor=INK[scheme], elinewidth=1
        )
        axis.set_yticks(range(len(table)), [spoken(name) for name in table["attribute"]])
        axis.set_xlabel("own effect, in standard deviations of the score")
        _bare(axis)

    return plotted(draw, 7, 0.3 * len(table) + 0.8)


def entanglement(matrix: pd.DataFrame) -> Plot:
    """Heat map: mean standardized change of every attribute (columns) under every edit (rows)."""
    rows, columns = matrix.shape
    reach = max(0.1, float(np.nanmax(np.abs(matrix.to_numpy()))))
    annotated = max(rows, columns) <= MOST_ANNOTATED

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        image = axis.imshow(matrix.to_numpy(), cmap="RdBu_r", norm=TwoSlopeNorm(0, -reach, reach), aspect="auto")
        size = 9.5 if annotated else max(3.5, 9.5 - 0.06 * columns)
        axis.set_xticks(range(columns), [spoken(n) for n in matrix.columns], rotation=40, ha="right", fontsize=size)
        axis.set_yticks(range(rows), [spoken(name) for name in matrix.index], fontsize=size)
        axis.set_xlabel("what changes")
        axis.set_ylabel("boundary moved along")
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        if annotated:
            for row, column in np.ndindex(rows, columns):
                value = matrix.iat[row, column]
                dark = abs(value) > 0.6 * reach
                axis.text(
                    column, row, signed(value, 2), ha="center", va="center", color="white" if dark else "#23292f",
                    fontsize=8.5,
                )  # fmt: skip
        bar = figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("standard deviations")

    side = 0.62 if annotated else 0.13
    return plotted(draw, min(9.4, side * 1.5 * columns + 2.6), min(10, side * rows + 1.6))


def distance_curve(curve: pd.DataFrame, chosen: float) -> Plot:
    """Own effect and structure over the length of the step, in standard deviations of the codes' projection."""

    def draw(figure: Figure, scheme: str) -> None:
        axes = figure.subplots(1, 2)
        for axis, name, color in zip(axes, ("effect", "structure"), (ACCENT, SECOND), strict=True):
            axis.plot(curve["deviations"], curve[name], color=color[scheme], marker="o", markersize=3.5, linewidth=1.4)
            axis.axvline(chosen, color=INK[scheme], linewidth=0.9, linestyle="--")
            axis.set_title({"effect": "own effect (standard deviations)", "structure": "structure kept"}[name])
            axis.set_xlabel("step, in standard deviations along the normal")
            axis.grid(axis="y")

    return plotted(draw, 7, 2.4)


def dose_response(curves: Sequence[Curve], responses: Sequence[Response]) -> Plot:
    """The edit's own attribute by each scorer, and structure, over strength, with their intervals."""

    def line(axis: Axes, rows: Sequence[Response], color: str, sign: int, name: str | None) -> None:
        strengths = [row.strength for row in rows]
        axis.plot(strengths, [sign * row.change for row in rows], color=color, marker="o", markersize=3.5, label=name)
        known = [row for row in rows if row.low is not None and row.high is not None]
        ends = ([sign * row.low for row in known], [sign * row.high for row in known])
        axis.fill_between([row.strength for row in known], *ends, color=color, alpha=0.2, linewidth=0)

    def draw(figure: Figure, scheme: str) -> None:
        effect, kept = figure.subplots(1, 2)
        colors = [ACCENT[scheme], SECOND[scheme], INK[scheme], FAINT[scheme]]
        for number, curve in enumerate(curves):
            own = [row for row in responses if (row.scorer, row.attribute) == (curve.scorer, curve.attribute)]
            sign = -1 if curve.unit < 0 else 1
            line(effect, own, colors[number % len(colors)], sign, curve.scorer.replace(":", " "))
        structure = [row for row in responses if (row.scorer, row.attribute) == ("pixels", "structure")]
        line(kept, structure, ACCENT[scheme], 1, None)
        if curves:
            effect.legend()
        for axis, title in ((effect, "own effect (standard deviations)"), (kept, "structure, change")):
            axis.axvline(1, color=INK[scheme], linewidth=0.9, linestyle="--")
            axis.set_title(title)
            axis.set_xlabel("strength")
            axis.grid(axis="y")

    return plotted(draw, 7, 2.6)


def change_map(places: Sequence[tuple[float, float]], changes: Sequence[float], unit: str) -> Plot:
    """Photos where they were taken, longitude and latitude in degrees, colored by their change."""
    longitudes, latitudes = np.array(places).T
    most = max(map(abs, changes)) or 1.0

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        norm = TwoSlopeNorm(0, -most, most)
        dots = axis.scatter(
            longitudes, latitudes, c=changes, norm=norm, cmap="RdBu", s=18, edgecolor=INK[scheme], lw=0.3
        )
        figure.colorbar(dots, ax=axis, label=f"change ({unit})", shrink=0.8)
        axis.set_aspect(1 / max(0.05, np.cos(np.radians(latitudes.mean()))), adjustable="datalim")  # meters are square
        axis.ticklabel_format(useOffset=False)
        axis.tick_params(axis="x", rotation=30)
        axis.set_xlabel("longitude")
        axis.set_ylabel("latitude")

    return plotted(draw, 6, 4)


def counts(reasons: pd.Series) -> Plot:
    """Bars: how many candidates ended in each way."""
    reasons = reasons.iloc[::-1]

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        colors = [ACCENT[scheme] if name == "kept" else FAINT[scheme] for name in reasons.index]
        bars = axis.barh([spoken(str(name)) for name in reasons.index], reasons, color=colors, height=0.66)
        axis.bar_label(bars, fmt="{:,.0f}", padding=3)
        axis.set_xlabel("candidates")
        _bare(axis)

    return plotted(draw, 6, 0.3 * len(reasons) + 0.8)


def changes(values: Sequence[Change], own: str, title: str, unit: str) -> Plot:
    """Mean change of each attribute on real photos with its interval; the edited attribute stands out."""
    values = list(reversed(values[:MOST_BARS]))

    def draw(figure: Figure, scheme: str) -> None:
        axis = figure.subplots()
        axis.axvline(0, color=FAINT[scheme], linewidth=1)
        for row, value in enumerate(values):
            color = SECOND[scheme] if value.attribute == own else ACCENT[scheme]
            axis.plot([value.low, value.high], [row, row], color=color, linewidth=2.2, solid_capstyle="round")
            axis.plot(value.change, row, "o", color=color, markersize=5)
        axis.set_yticks(range(len(values)), [spoken(value.attribute) for value in values])
        axis.set_ylim(-0.6, len(values) - 0.4)
        axis.set_title(title, fontweight="bold")
        axis.set_xlabel(unit)
        axis.xaxis.set_major_locator(mpl.ticker.MaxNLocator(5))
        _bare(axis)

    return plotted(draw, 5.2, 0.3 * len(values) + 1.1)


def _bare(axis: Axes) -> None:
    axis.grid(axis="x")
    axis.set_axisbelow(True)
    axis.spines["left"].set_visible(False)
    axis.tick_params(axis="y", length=0)
