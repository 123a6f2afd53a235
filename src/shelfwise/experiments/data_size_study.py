"""Whether labelling more products is worth it: errors at growing sizes, the law they follow, and what it says of more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shelfwise.evaluation.figures import AMBER, MUTED, TEAL
from shelfwise.experiments.intervals import mean_interval
from shelfwise.experiments.learning_curve import (
    LEAST_SIZES,
    LearningCurve,
    Point,
    fit_learning_curve,
    foretell_last,
)
from shelfwise.experiments.page import Figure, Page, Section, draw
from shelfwise.experiments.study_data import StudyData
from shelfwise.experiments.study_runs import Contender, Measured, Runs
from shelfwise.experiments.study_words import missing_section, percent, study_facts
from shelfwise.experiments.table import Column, Estimate, Table
from shelfwise.recipe import Recipe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODEL = "model"
_TIMES = (2, 4, 8)
_WORTH = 0.005
"""Half a percentage point: what the sentence at the top calls little."""
_MOSTLY_WRONG = 0.5
"""From this error on nobody would say that there is enough of anything."""
_SIZE_INCHES = (7.2, 3.9)


def data_size_contenders(data: StudyData) -> list[Contender]:
    """The recipe that was asked for, completed for each size as `train` completes it."""

    def recipe(rows: np.ndarray) -> Recipe:
        return data.completed(data.recipe, rows)

    return [Contender(MODEL, f"the recipe {data.recipe.preset}", recipe)]


@dataclass(frozen=True)
class Outlook:
    """The curve fitted to what was measured; None, with ``why``, where too little was."""

    curve: LearningCurve | None
    foretold: tuple[Estimate, float] | None
    why: str
    measure: str
    """What 1 − error is called."""


def outlook(data: StudyData, runs: Runs) -> Outlook:
    """Fit the curve to the mean errors of every size that was measured."""
    measure = "micro-F1" if data.recipe.target.multilabel else "whole-path accuracy"
    points = _points(runs)
    if len({point.products for point in points}) < LEAST_SIZES:
        why = f"Errors at {LEAST_SIZES} or more sizes are needed to fit a curve, and there are {len(points)}."
        return Outlook(None, None, why, measure)
    return Outlook(fit_learning_curve(points), foretell_last(points), "", measure)


def _points(runs: Runs) -> list[Point]:
    points = []
    for size in runs.sizes:
        found = runs.of(MODEL, size)
        products = sum(one.facts["products"] for one in found) / len(found)
        tested = round(sum(one.facts["tested"] for one in found) / len(found))
        points.append(Point(products, tuple(1 - _score(one) for one in found), tested))
    return points


def _score(one: Measured) -> float:
    return float(one.test["score"])


def curve_table(runs: Runs, seen: Outlook) -> Table:
    """What was measured, size by size, beside the curve; then what it expects of more labels."""
    columns = [
        Column("labels", "count"),
        Column("seeds", "count"),
        Column(f"{seen.measure} measured", "percent"),
        Column(f"{seen.measure} by the curve", "percent"),
        Column("what doubling the labels brings", "points"),
        Column("training s", "number"),
    ]
    note = "By the curve: error = a·n^-b + c, with the 95 % interval of the fit. Rows without a measured value lie beyond."
    table = Table("data-size", f"{seen.measure.capitalize()} by the number of labels", columns, note)
    for size in runs.sizes:
        found = runs.of(MODEL, size)
        products = sum(one.facts["products"] for one in found) / len(found)
        seconds = sum(one.facts["train_s"] for one in found) / len(found)
        measured = mean_interval([_score(one) for one in found])
        table.add(round(products), len(found), measured, *_expected(seen.curve, products), seconds)
    if seen.curve is not None:
        most = seen.curve.points[-1].products
        for times in _TIMES:
            table.add(round(times * most), None, None, *_expected(seen.curve, times * most), None)
    return table


def _expected(curve: LearningCurve | None, products: float) -> tuple[Estimate | None, Estimate | None]:
    if curve is None:
        return None, None
    error = curve.error_at(products)
    return Estimate(1 - error.value, 1 - error.high, 1 - error.low), curve.gain(products)


def data_size_page(data: StudyData, runs: Runs, seeds: int, command: str) -> Page:
    """What was found on how many labels are enough."""
    seen = outlook(data, runs)
    last = runs.of(MODEL, runs.sizes[-1])
    now = mean_interval([_score(one) for one in last])
    parts: list[Table | Figure | str] = []
    if seen.curve is not None:
        parts.append(curve_figure(seen.curve, seen.measure))
    sections = [
        Section("What was found", seen.why or law_in_words(seen.curve), findings(seen)),
        Section("The curve", "Errors fall as a power of the number of labels, down to a floor.", parts),
        Section("All figures", "As CSV and JSON beside this page.", [curve_table(runs, seen)]),
        *missing_section(runs),
    ]
    lead = lead_sentence(seen, percent(now))
    text = (
        f"The recipe {data.recipe.preset}, trained on samples of growing size of the same products, each sample within the next, "
        "and tested on products that none of them saw."
    )
    return Page("data-size experiment", lead, text, sections, study_facts(data, runs, seeds, command))


def lead_sentence(seen: Outlook, now: str) -> str:
    """The answer in one sentence."""
    if seen.curve is None:
        return f"{seen.measure.capitalize()} is {now} with all labels"
    most = seen.curve.points[-1].products
    gain = seen.curve.gain(most)
    brings = f"{100 * gain.value:.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    if gain.high < _WORTH and seen.curve.points[-1].error > _MOSTLY_WRONG:
        return f"It is not labels that are missing: {seen.measure} is {now}, and twice as many are expected to bring {brings}"
    if gain.high < _WORTH:
        return f"Enough labels: twice as many are expected to bring {brings} of {seen.measure}"
    return f"Twice as many labels are expected to bring {brings} of {seen.measure}"


def law_in_words(curve: LearningCurve | None) -> str:
    """The fitted law with its numbers."""
    if curve is None:
        return ""
    exponent, floor = curve.exponent(), curve.floor()
    return (
        f"error = {curve.law.scale:.3g} · n^-{exponent.value:.2f} + {floor.value:.3f}, n being labelled training products. Twice "
        f"the labels leave {2**-exponent.value:.0%} of the error above the floor. Intervals are of 500 fits to errors drawn "
        "again within their spread over seeds and tested products."
    )


def findings(seen: Outlook) -> list[str]:
    """What the curve says, sentence by sentence."""
    if seen.curve is None:
        return []
    most = seen.curve.points[-1].products
    said = []
    for times in _TIMES[:2]:
        gain = seen.curve.gain(most, times)
        said.append(
            f"From {most:,.0f} to {times * most:,.0f} labels, {seen.measure} is expected to rise by "
            f"{100 * gain.value:.1f} points (95 % interval {100 * gain.low:.1f} to {100 * gain.high:.1f})."
        )
    floor = seen.curve.floor()
    said.append(
        f"No number of labels is expected to bring the error below {percent(floor)}: under that, other inputs, another model "
        "or cleaner labels would be needed."
        if floor.low > 0
        else f"How far labels alone can bring the error down is not known from these sizes: the floor is {percent(floor)}."
    )
    if seen.foretold is not None:
        guess, came = seen.foretold
        held = "held" if guess.low <= came <= guess.high else "did not hold"
        said.append(
            f"The curve's own test: fitted to the smaller sizes alone, it foretells an error of {percent(guess)} for "
            f"{most:,.0f} labels; {came:.1%} was measured, so its interval {held}."
        )
    return said


def curve_figure(curve: LearningCurve, measure: str) -> Figure:
    """Measured errors with the curve, its interval, and where it leads."""

    def paint(axes: Axes) -> None:
        from matplotlib.ticker import PercentFormatter

        sizes = np.array([point.products for point in curve.points])
        n = np.geomspace(sizes.min(), sizes.max() * _TIMES[-1], 80)
        drawn = np.percentile([law.error(n) for law in curve.redrawn], [2.5, 97.5], axis=0)
        axes.fill_between(n, *drawn, color=TEAL, alpha=0.13, linewidth=0)
        axes.plot(n, curve.law.error(n), color=TEAL, linewidth=2, label="fitted curve")
        axes.axvline(sizes.max(), color=MUTED, linewidth=0.8, linestyle=(0, (3, 3)))
        for point in curve.points:
            axes.plot([point.products] * len(point.errors), point.errors, "o", color=AMBER, ms=4, alpha=0.55)
        axes.plot(sizes, [point.error for point in curve.points], "o", color=AMBER, ms=7, label="measured")
        axes.set_xscale("log")
        ticks = sorted({*map(round, sizes[:: max(1, len(sizes) // 4)]), round(sizes.max() * _TIMES[-1])})
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
        axes.set(xlabel="labelled training products", ylabel=f"error (1 − {measure})")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(frameon=False)

    caption = (
        "Error on products that were not learned from, one dot a seed and a larger one for their mean; right of the dashed "
        "line lies what was not measured. The band is the 95 % interval of the fit."
    )
    return draw("data-size-curve", "Error by the number of labels", caption, paint, _SIZE_INCHES)
