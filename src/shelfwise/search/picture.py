"""A search in one picture: score by trial with the best so far, and below it the score by each field that was searched."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shelfwise.evaluation.figures import AMBER, INK, MUTED, PLAIN_STYLE, RED, TEAL
from shelfwise.evaluation.results import write_atomically
from shelfwise.search.outcome import Outcome
from shelfwise.search.space import Domain, Range
from shelfwise.search.study import TrialRow
from shelfwise.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SVG_FILE, PNG_FILE = "trials.svg", "trials.png"
MOST_SLICES = 9
_WIDEST_ROW = 4
_LONGEST_NAME = 22
_STYLE: dict[Any, Any] = {**PLAIN_STYLE, "font.size": 10.5, "text.color": INK}


def write_picture(outcome: Outcome, folder: Path) -> None:
    """``trials.svg`` and ``trials.png``. Raises ShelfwiseError or OSError where they cannot be written."""
    from matplotlib import rc_context

    with rc_context(_STYLE):
        figure = _draw(outcome)
        svg, png = io.StringIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
        figure.savefig(png, format="png", dpi=130)
    write_atomically(folder / SVG_FILE, svg.getvalue())
    write_whole(folder / PNG_FILE, png.getvalue())


def _draw(outcome: Outcome) -> Figure:
    # No pyplot: it keeps every figure alive, and wants a display on some machines.
    from matplotlib.figure import Figure

    paths = sorted(outcome.start_values, key=lambda path: -outcome.importances.get(path, 0.0))[:MOST_SLICES]
    across = len(paths) if len(paths) <= _WIDEST_ROW else 3
    rows = -(-len(paths) // across)
    figure = Figure(figsize=(11, 4.2 + 2.9 * rows), layout="constrained")
    grid = figure.add_gridspec(rows + 1, across, height_ratios=[4.2, *[2.9] * rows])
    top = figure.add_subplot(grid[0, :])
    _history(top, outcome)
    finished = [one for one in outcome.rows if one.score is not None and one.repeats is None]
    for number, path in enumerate(paths):
        axes = figure.add_subplot(grid[1 + number // across, number % across])
        _slice(axes, path, finished, outcome)
    return figure


def _history(axes: Axes, outcome: Outcome) -> None:
    from matplotlib.ticker import MaxNLocator

    scored = [one for one in outcome.rows if one.score is not None]
    numbers = [one.number for one in scored]
    scores = [one.score or 0.0 for one in scored]
    axes.axhline(outcome.start, color=AMBER, linewidth=1.4, linestyle=(0, (4, 3)), label="recipe as it was")
    axes.plot(numbers, scores, "o", ms=4.5, color=TEAL, alpha=0.6, mew=0, label="trial")
    if scored:
        best = np.maximum.accumulate(scores)
        axes.step(numbers, best, where="post", color=INK, linewidth=1.8, label="best so far")
    for state, colour in (("pruned", MUTED), ("refused", RED)):
        where = [one.number for one in outcome.rows if one.state == state]
        if where:
            # At the bottom, because they have no score: what they reached is one classifier's, not the whole's.
            across = axes.get_xaxis_transform()
            name = {"pruned": "given up early", "refused": "refused"}[state]
            axes.plot(
                where,
                [0.02] * len(where),
                "|",
                ms=8,
                color=colour,
                transform=across,
                label=name,
                clip_on=False,
            )
    axes.set(xlabel="trial", ylabel=outcome.measure)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(
        f"Best {outcome.best_score:.4f} of {outcome.compared} recipes (optimistic: chosen on what it is measured on)",
        loc="left",
        fontsize=11.5,
    )
    axes.legend(frameon=False, fontsize=9.5, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=5)


def _slice(axes: Axes, path: str, rows: Sequence[TrialRow], outcome: Outcome) -> None:
    from matplotlib.ticker import NullFormatter

    values = [one.values[path] for one in rows]
    scores = [one.score or 0.0 for one in rows]
    domain = outcome.domains[path]
    places, labels = _places(values, domain)
    axes.scatter(
        places, scores, s=18, c=[one.number for one in rows], cmap="viridis", alpha=0.8, linewidths=0
    )
    if outcome.best is not None:
        chosen = outcome.best.values[path]
        which = next(place for place, value in zip(places, values, strict=True) if value == chosen)
        axes.plot([which], [outcome.best_score], "o", ms=11, mfc="none", mec=INK, mew=1.6)
    if isinstance(domain, Range) and domain.log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif labels:
        turned = len(labels) > 2
        axes.set_xticks(
            range(len(labels)), labels, rotation=35 if turned else 0, ha="right" if turned else "center"
        )
        axes.set_xlim(-0.5, len(labels) - 0.5)
    share = outcome.importances.get(path)
    field = _short(path.split(".")[-1], _LONGEST_NAME)
    whose = _short(path.removesuffix(f".{path.split('.')[-1]}"), _LONGEST_NAME + 12)
    axes.set_xlabel(whose, fontsize=8.5)
    axes.set_title(field + ("" if share is None else f": {share:.0%}"), loc="left", fontsize=9.5)
    axes.tick_params(labelsize=8.5)


def _places(values: Sequence[Any], domain: Domain) -> tuple[list[float], list[str]]:
    """Where values lie on an axis, and the names of its ticks where they are choices."""
    if isinstance(domain, Range):
        return [float(value) for value in values], []
    keys = [domain.key(value) for value in values]
    return [float(domain.keys.index(str(key))) for key in keys], [
        _short(key.strip('"'), _LONGEST_NAME) for key in domain.keys
    ]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[-(most - 1) :]
