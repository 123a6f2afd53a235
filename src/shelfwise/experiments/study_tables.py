"""What studies of models at several sizes show: their table, and their figures over sizes and over levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shelfwise.evaluation.figures import SERIES
from shelfwise.experiments.intervals import mean_interval, value_of
from shelfwise.experiments.page import Figure, draw
from shelfwise.experiments.study_runs import Measured, Runs
from shelfwise.experiments.table import Cell, Column, Estimate, Table
from shelfwise.experiments.training_sizes import Size

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Score = Callable[[Measured], float]
"""One figure (0–1) of a run."""
_MARKERS = "osD^vPX*<>"
_WIDE = (7.2, 3.9)


def mean_of_levels(one: Measured) -> float:
    """Mean over the levels of the accuracy on products that were not learned from: the paper's figure."""
    return float(one.test["mean"])


def whole_path(one: Measured) -> float:
    """Share of those products whose path is right from top to bottom."""
    return float(one.test["score"])


def over_seeds(runs: Sequence[Measured], score: Score) -> Estimate | float | None:
    """The mean over the runs with its interval; None where there is no run."""
    return mean_interval([score(one) for one in runs]) if runs else None


def scores_table(name: str, title: str, runs: Runs, level_names: Sequence[str]) -> Table:
    """One row a model and size: accuracy per level, their mean, the whole path, and the mean on its own training products."""
    columns = [
        Column("model"),
        Column("trained on", "count"),
        Column("seeds", "count"),
        *(Column(level, "percent") for level in level_names),
        Column("mean of levels", "percent", mark_best=True),
        Column("whole path", "percent", mark_best=True),
        Column("mean, on its training products", "percent"),
        Column("training s", "number"),
    ]
    table = Table(
        name,
        title,
        columns,
        note="Accuracy on products that were not learned from, with the 95 % interval of the mean over the seeds, each of which "
        "draws other products to train and, unless a test catalog was given, to test on; that seeds share products is "
        "reckoned with, that another test catalog would hold others is not. The column on training products is what "
        "a test on them would show: it is no measure of anything but learning by heart.",
    )
    for size in runs.sizes:
        for row in runs.names:
            found = runs.of(row, size)
            if found:
                table.add(*_cells(row, found, len(level_names)))
    return table


def _cells(name: str, found: list[Measured], levels: int) -> list[Cell]:
    trained = [one for one in found if one.train is not None]
    return [
        name,
        round(sum(one.facts["products"] for one in found) / len(found)),
        len(found),
        *(_level(found, level) for level in range(levels)),
        over_seeds(found, mean_of_levels),
        over_seeds(found, whole_path),
        over_seeds(trained, _mean_on_training),
        sum(one.facts["train_s"] for one in found) / len(found),
    ]


def _level(found: list[Measured], level: int) -> Estimate | float | None:
    return over_seeds(found, lambda one: float(one.test["levels"][level]))


def _mean_on_training(one: Measured) -> float:
    return float((one.train or {})["mean"])


def sizes_figure(name: str, title: str, runs: Runs, score: Score, what: str) -> Figure:
    """A line a model over training products, with the intervals over the seeds as bars."""

    def paint(axes: Axes) -> None:
        for number, row in enumerate(runs.names):
            by_size = [(size, runs.of(row, size)) for size in runs.sizes]
            points = [(_products(found), over_seeds(found, score)) for _, found in by_size if found]
            _line(axes, [x for x, _ in points], [y for _, y in points if y is not None], row, number)
        axes.set_xscale("log")
        axes.set_xticks(_ticks(runs), [f"{tick:,}" for tick in _ticks(runs)])
        axes.minorticks_off()
        _finish(axes, "training products", what)

    caption = (
        f"{what.capitalize()}, on products that were not learned from; bars are 95 % intervals over seeds."
    )
    return draw(name, title, caption, paint, _WIDE)


def levels_figure(name: str, title: str, runs: Runs, size: Size, level_names: Sequence[str]) -> Figure:
    """A line a model over the levels, at one size."""

    def paint(axes: Axes) -> None:
        places = list(range(len(level_names)))
        for number, row in enumerate(runs.names):
            found = runs.of(row, size)
            values = [_level(found, level) for level in places]
            shifted = [place + 0.04 * (number - len(runs.names) / 2) for place in places]
            _line(axes, shifted, [value for value in values if value is not None], row, number)
        axes.set_xticks(places, [_short(one) for one in level_names])
        axes.margins(x=0.12)
        _finish(axes, "level", "accuracy")

    caption = (
        "Accuracy of each level on products that were not learned from; bars are 95 % intervals over seeds."
    )
    return draw(name, title, caption, paint, _WIDE)


def _line(axes: Axes, x: Sequence[float], y: Sequence[Estimate | float], label: str, number: int) -> None:
    if len(x) != len(y) or not x:
        return
    middle = [value_of(one) for one in y]
    below = [one.value - one.low if isinstance(one, Estimate) else 0.0 for one in y]
    above = [one.high - one.value if isinstance(one, Estimate) else 0.0 for one in y]
    axes.errorbar(
        x,
        middle,
        yerr=[below, above],
        label=label,
        color=SERIES[number % len(SERIES)],
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4.5,
        linewidth=1.7,
        elinewidth=0.9,
        capsize=2,
    )


def _finish(axes: Axes, x: str, y: str) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set(xlabel=x, ylabel=y)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _ticks(runs: Runs) -> list[int]:
    return sorted({_products([one for one in runs.measured if one.size == size]) for size in runs.sizes})


def _products(found: Sequence[Measured]) -> int:
    return round(sum(one.facts["products"] for one in found) / len(found))


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"
