"""The fusion experiment as people see it: one page with tables and figures, each also as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shelfwise.evaluation.figures import SERIES, TEAL
from shelfwise.evaluation.report import shorten
from shelfwise.experiments.fusion_methods import tuned
from shelfwise.experiments.fusion_study import FusionStudy
from shelfwise.experiments.fusion_tables import (
    category_table,
    fusion_table,
    hidden_table,
    input_table,
    leakage_table,
    missed_table,
    rescue_tables,
)
from shelfwise.experiments.page import Figure, Page, Section, draw, printable, write_page
from shelfwise.experiments.table import Column, Estimate, Table, show

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BINS = 24
_FAMILY_COLOURS = {
    "input": SERIES[2],
    "early": SERIES[4],
    "paper": SERIES[1],
    "ours": TEAL,
    "leaky": SERIES[3],
}
_NAME_CHARACTERS = 52


def main_tables(study: FusionStudy) -> list[Table]:
    """What is printed: tables 1 and 3, and leakage where there is something to fuse."""
    leaky = leakage_table(study)
    return [input_table(study), fusion_table(study), *([leaky] if leaky.rows else [])]


def write_fusion_page(study: FusionStudy, folder: Path, command: str) -> list[Path]:
    """Write the page, its tables (CSV, JSON) and figures (SVG, PNG); the paths. Raises ShelfwiseError."""
    written = write_page(_page(study, command), folder)
    table = Table("failed_products", "Failed", [Column("id"), Column("part"), Column("reason")])
    for row in study.unreadable:
        table.add(*row)
    return [*written, *table.write(folder)]


def lead(study: FusionStudy) -> str:
    """The finding in one sentence."""
    scores = study.scores[tuned(study.target)]
    what = "micro-F1" if study.target.multilabel else "of paths"
    best, chosen = study.methods[study.best_input].method, study.methods[study.chosen].method
    alone = show(float(scores.scores[study.best_input]), "percent")
    if study.chosen == study.best_input:
        return f"There is nothing to fuse: '{best.name}' alone gets {alone} {what}."
    gain = scores.gain(study.chosen, study.best_input)
    sure = "" if gain.low > 0 or gain.high < 0 else ", which may be luck"
    score = show(float(scores.scores[study.chosen]), "percent")
    return (
        f"Fused by {chosen.name}, products get {score} {what}; the best input alone, {best.name}, gets {alone}: "
        f"{show(gain.value, 'points')} points{sure}."
    )


def _page(study: FusionStudy, command: str) -> Page:
    rescue = rescue_tables(study) if len(study.inputs) > 1 else []
    leaky, hidden = leakage_table(study), hidden_table(study)
    sections = [
        Section(
            "Inputs and fusion",
            "Every classifier was trained on the training products only; policies and thresholds saw only outputs for products "
            "that their classifiers had not.",
            [_scores_figure(study), input_table(study), fusion_table(study)],
        )
    ]
    if leaky.rows:
        sections.append(Section("Leakage", "The same policies, fitted the wrong way.", [leaky]))
    if hidden.rows:
        sections.append(Section("Absent inputs", "Scores with an input hidden from test products.", [hidden]))
    if rescue:
        sections.append(
            Section("Rescues", "Why fusing helps: what only one input's classifier finds.", rescue)
        )
    sections += [
        Section(
            "Missed categories",
            "The categories of which the largest share is missed, with one tuned threshold for label sets.",
            [missed_table(study, fused=False), missed_table(study, fused=True)],
        ),
        Section("Categories", "How many products each has.", [_histogram(study), category_table(study)]),
    ]
    text = (
        f"Measured on {len(study.outputs.test_rows):,} test products that share no group with the {len(study.outputs.rows):,} "
        "training products. The paper's own figures stand beside ours for orientation: they are of another data set."
    )
    return Page("fusion experiment", lead(study), text, sections, _facts(study, command))


def _facts(study: FusionStudy, command: str) -> list[tuple[str, str]]:
    data, recipe = study.data, study.recipe
    names = [Path(source).name for source in data.catalog.sources]
    split = "a quarter of the products, whole groups of near-duplicates"
    if data.test is not None:
        split = f"the test catalog {', '.join(Path(source).name for source in data.test.sources)}"
    trained = sum(facts["seconds"] for facts in study.outputs.facts.values())
    known = study.outputs.facts
    return [
        ("catalog", ", ".join(names)),
        ("tested on", f"{split}: {len(study.outputs.test_rows):,} products"),
        (
            "trained on",
            f"{len(study.outputs.rows):,} products, out-of-fold in {recipe.training.folds} folds by group",
        ),
        ("categories", f"{len(study.names):,}; {study.categories.aside:,} products left aside without one"),
        ("failed products", f"{len(study.unreadable):,} without a usable input (failed_products.csv)"),
        ("seed", str(recipe.training.seed)),
        ("recipe", recipe.preset),
        ("classifiers", "; ".join(f"{name}: {one['epochs']} epochs" for name, one in known.items())),
        (
            "training",
            f"{trained:,.0f} s in all, when it was computed; {study.computed} results were computed in this run",
        ),
        ("command", command),
    ]


def _scores_figure(study: FusionStudy) -> Figure:
    scores = study.scores[tuned(study.target)]
    estimates: list[Estimate] = [scores.score(place) for place in range(len(study.methods))]

    def paint(axes: Axes) -> None:
        places = np.arange(len(estimates))[::-1]
        for place, one, method in zip(places, estimates, study.methods, strict=True):
            colour = _FAMILY_COLOURS[method.method.family]
            axes.plot([100 * one.low, 100 * one.high], [place, place], color=colour, linewidth=2)
            axes.plot([100 * one.value], [place], "o", color=colour, ms=6)
        best = 100 * estimates[study.best_input].value
        axes.axvline(best, color=SERIES[2], linewidth=0.9, linestyle=(0, (3, 3)))
        names = [shorten(printable(one.method.name), _NAME_CHARACTERS) for one in study.methods]
        axes.set_yticks(places, names, fontsize=8.5)
        axes.grid(axis="y", visible=False)
        axes.set(xlabel="micro-F1, %" if study.target.multilabel else "whole path right, %")

    return draw(
        "figure_1_scores",
        "Figure 1. Scores on the test products",
        "Dots: scores with one tuned threshold; lines: 95 % intervals over groups of products; dashed: the best input. Blue: "
        "inputs; purple: early fusion; amber: the paper's policies; green: ours; red: fitted the leaky way.",
        paint,
        (8.2, 1.2 + 0.26 * len(estimates)),
    )


def _histogram(study: FusionStudy) -> Figure:
    """The paper's figure 2."""
    products = np.array([study.categories.products[name] for name in study.names])
    bins = int(np.clip(np.sqrt(len(products)) * 2, 5, _MOST_BINS))

    def paint(axes: Axes) -> None:
        axes.hist(products, bins=bins, color=TEAL, edgecolor="white")
        axes.set(xlabel="products in the category", ylabel="categories")

    return draw(
        "figure_2_products_per_category",
        "Figure 2. Categories by their number of products",
        "Training and test products together.",
        paint,
    )
