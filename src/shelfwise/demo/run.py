"""The whole job on the made-up store, by the calls that a person would make from Python."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from shelfwise.batch.evaluate import evaluate_to_files
from shelfwise.batch.output import check_output_path
from shelfwise.batch.predict import PredictSummary, predict_to_file
from shelfwise.catalog.catalog import Catalog
from shelfwise.categorizer import Categorizer
from shelfwise.demo.store import INPUTS, TARGET, generate_store, store_size
from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.results import Evaluation
from shelfwise.progress import Reporter
from shelfwise.recipe import InputRecipe, Recipe, TrainingRecipe

MARKER = "new_products_answers.csv"
"""A folder that holds this file was made by the demo, and may be made again."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo made, and how well it went."""

    model: Path
    report: Path
    evaluation: Evaluation
    predictions: PredictSummary
    new_right: int
    """New products whose whole path is right, by the answers the model never saw."""


def run_demo(folder: Path, products: int, seed: int, reporter: Reporter, command: str) -> DemoResult:
    """Generate a store in ``folder``, train on it, evaluate on held-out products, predict new ones, report.

    Raises ShelfwiseError where ``folder`` holds anything but an earlier demo.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise ShelfwiseError(
            f"'{folder}' holds files that are not a demo's; choose an empty or new folder with --out"
        )
    check_output_path(folder / MARKER)
    reporter.say(f"generating a made-up store of {products:,} products in {folder}")
    with reporter.stage("drawing products", store_size(products)) as stage:
        store = generate_store(folder, products, seed, progress=stage.advance)
    catalog = Catalog.read(store.catalog)
    recipe = Recipe(
        target=TARGET,
        inputs=[InputRecipe(name=name) for name in INPUTS],
        training=TrainingRecipe(seed=seed),
    )
    model = Categorizer(recipe).fit(catalog, reporter=reporter)
    model.save(folder / "model")
    report = folder / "report.html"
    evaluation = evaluate_to_files(
        model,
        Catalog.read(store.held_out),
        command=command,
        reporter=reporter,
        report=report,
        json=folder / "evaluation.json",
    )
    predictions = predict_to_file(
        model, Catalog.scan(store.new_products), folder / "predictions.csv", reporter=reporter
    )
    right = _count_right(predictions.output, store.new_products_answers)
    return DemoResult(folder / "model", report, evaluation, predictions, right)


def _count_right(predictions: Path, answers: Path) -> int:
    with (
        predictions.open(encoding="utf-8", newline="") as made,
        answers.open(encoding="utf-8", newline="") as true,
    ):
        return sum(
            one["path"] == other[TARGET]
            for one, other in zip(csv.DictReader(made), csv.DictReader(true), strict=True)
        )
