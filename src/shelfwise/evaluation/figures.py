"""The report's charts as small inline SVG: no scripts, no fonts, no addresses, and nothing a catalog wrote in
them.

All words that come from a catalog (names of inputs, labels) are set by the template, in HTML, so no text in a
chart can be hostile. matplotlib is imported inside, since it takes most of a second.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shelfwise.evaluation.calibration_records import Calibration
from shelfwise.evaluation.category_records import Histogram
from shelfwise.evaluation.results import CurvePoint
from shelfwise.evaluation.score_records import CoveragePoint, RouteScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE = "#1c2b33", "#5d6b73", "#e2e6e4"
TEAL, AMBER, RED = "#0f766e", "#c27c0e", "#b4412f"
SERIES = (TEAL, AMBER, "#4666a8", RED, "#7a5195", "#5a8f3d", "#8a6d4b", "#4b4f54")
"""Colours of the lines of one chart, in order; further lines reuse them."""

_SIZE_INCHES = (5.4, 3.4)
PLAIN_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, sharp, and in the page's own font
    "svg.hashsalt": "shelfwise",  # the same figures give the same file
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
}
"""What all pictures of shelfwise have in common."""
STYLE: dict[Any, Any] = {**PLAIN_STYLE, "font.size": 11.5, "xtick.major.size": 0, "ytick.major.size": 0}


def coverage_chart(points: Sequence[CoveragePoint], now: RouteScore, promised: float | None = None) -> str:
    """Accuracy (and micro-F1, if known) against the share accepted; a ring marks the threshold, a line what is promised."""
    from matplotlib import rc_context
    from matplotlib.ticker import PercentFormatter

    with rc_context(STYLE):
        figure, axes = _figure()
        coverage = [point.coverage for point in points]
        lines = [[point.accuracy for point in points]]
        if all(point.micro_f1 is not None for point in points):
            lines.append([point.micro_f1 or 0.0 for point in points])
        for values, colour in zip(lines, SERIES, strict=False):
            axes.plot(coverage, values, color=colour, linewidth=2.2, solid_capstyle="round")
        if promised is not None:
            axes.axhline(promised, color=AMBER, linewidth=1.1, linestyle=(0, (5, 3)))
        if now.products and now.accuracy is not None:
            axes.axvline(now.share, color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
            axes.plot([now.share], [now.accuracy], "o", ms=9, mfc="white", mec=TEAL, mew=2.4)
        # The first few products make the curve jump; they must not decide the scale.
        shown = [
            v
            for values in lines
            for v, c in zip(values, coverage, strict=True)
            if c >= 0.05 or c == coverage[-1]
        ]
        low = max(0.0, min([*shown, promised or 0.98, 0.98]) - 0.02)
        axes.set(xlim=(0, 1.01), ylim=(low, 1 + (1 - low) * 0.04))
        axes.set(xlabel="products accepted without a person", ylabel="right among them")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(lambda value, _: f"{round(100 * value, 2):g}%")
        return inline_svg(figure, "coverage")


def reliability_chart(calibration: Calibration) -> str:
    """Accuracy found against confidence stated, a dot a bin, its area by the number of products."""
    from matplotlib import rc_context
    from matplotlib.ticker import PercentFormatter

    with rc_context(STYLE):
        figure, axes = _figure()
        bins = calibration.bins
        most = max(found.products for found in bins)
        stated, seen = [found.mean_confidence for found in bins], [found.accuracy for found in bins]
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot(stated, seen, color=TEAL, linewidth=1.6)
        sizes = [36 + 260 * found.products / most for found in bins]
        dots = axes.scatter(stated, seen, s=sizes, color=TEAL, edgecolors="white", linewidths=1, zorder=3)
        dots.set_clip_on(False)
        axes.set(xlim=(0, 1.04), ylim=(0, 1.06), xlabel="confidence stated", ylabel="right in fact")
        axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        return inline_svg(figure, "reliability")


def histogram_chart(histogram: Histogram) -> str:
    """How many categories have how many products, one bar a bin, its number on top (paper A's figure 2)."""
    from matplotlib import rc_context
    from matplotlib.ticker import MaxNLocator

    with rc_context(STYLE):
        figure, axes = _figure()
        places = range(len(histogram.categories))
        bars = axes.bar(places, histogram.categories, width=0.82, color=TEAL)
        axes.bar_label(
            bars, [f"{number:,}" for number in histogram.categories], padding=2, color=INK, fontsize=10.5
        )
        names = [
            _short(low) if low == high else f"{_short(low)}–{_short(high)}"
            for low, high in zip(histogram.lower, histogram.upper, strict=True)
        ]
        slanted = len(names) > 6
        axes.set_xticks(
            places, names, rotation=35 if slanted else 0, ha="right" if slanted else "center", fontsize=10.5
        )
        axes.grid(axis="x", visible=False)
        axes.margins(x=0.02, y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set(xlabel="products in the category", ylabel="categories")
        return inline_svg(figure, "histogram")


def training_chart(curve: Sequence[CurvePoint], value: str) -> str:
    """One line a part over epochs, of its "loss" or "metric"; empty where no point has it."""
    from matplotlib import rc_context
    from matplotlib.ticker import MaxNLocator

    drawn = False
    with rc_context(STYLE):
        figure, axes = _figure()
        for number, part in enumerate(training_parts(curve)):
            points = sorted(
                (p.epoch, getattr(p, value))
                for p in curve
                if p.part == part and getattr(p, value) is not None
            )
            if not points:
                continue
            drawn = True
            epochs, values = zip(*points, strict=True)
            marker = "o" if len(points) <= 30 else None
            axes.plot(
                epochs, values, color=SERIES[number % len(SERIES)], linewidth=1.8, marker=marker, ms=3.5
            )
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set(xlabel="epoch", ylabel="training loss" if value == "loss" else "on validation products")
        return inline_svg(figure, f"training-{value}") if drawn else ""


def training_parts(curve: Sequence[CurvePoint]) -> list[str]:
    """The parts of a training curve, in the order they first occur: the order of `SERIES`."""
    return list(dict.fromkeys(point.part for point in curve))


def _figure() -> tuple[Figure, Axes]:
    # Not pyplot: it keeps global state and wants a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    return figure, figure.add_subplot()


def inline_svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element that scales with its box and shares no id with another chart."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.S)
    opening, rest = text.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', opening)
    # In HTML the namespaces are known; left in, they would be the page's only foreign addresses.
    head = f'<svg {box.group(0) if box else ""} aria-hidden="true"'
    rest = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", rest)
    return re.sub(r"\s*\n\s*", "\n", f"{head}>{rest}").strip()


def _short(number: int) -> str:
    """1,999 as "1,999"; 19,999 as "20k": axis labels must stay short."""
    return f"{number:,}" if number < 10_000 else f"{round(number / 1000):,}k"
