"""From a catalog to predictions, block by block: the way that every prediction and every evaluation of a model takes."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shelfwise.answers import Answers
from shelfwise.catalog.carried import Carried, ListensForCarried, sparse_inputs
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.input_figures import InputFigures
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.router import Router
from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.engine.classifier import BLOCK_ROWS
from shelfwise.engine.threads import hold_linear_algebra_to
from shelfwise.ensemble import Ensemble, Prepared, prepare
from shelfwise.predicted_columns import PredictedColumns
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe

_SCORES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class PredictedBlock:
    """Some products' predictions, and what is behind them: calibrated logits [classifiers, products, outcomes] and presence
    bool [classifiers, products]."""

    columns: PredictedColumns
    logits: np.ndarray
    present: np.ndarray
    explained: list[Prediction] | None = None
    """The same with explanations, where those were asked for."""

    @cached_property
    def predictions(self) -> list[Prediction]:
        """One object a product."""
        return self.columns.predictions() if self.explained is None else self.explained


def predicted_blocks(
    recipe: Recipe,
    ensemble: Ensemble,
    router: Router,
    catalog: Catalog,
    reporter: Reporter,
    *,
    set_rule: SetRule | None = None,
    explained: bool = False,
    trained: Mapping[str, InputFigures] | None = None,
) -> Iterator[PredictedBlock]:
    """Predictions in the catalog's order. ``set_rule``: give the set of categories besides; ``explained``: say why besides;
    ``trained``: what the inputs were like in training, so that what the products lack is told."""
    set_up_process(recipe)
    for line in missing_inputs(recipe, catalog):
        reporter.say(line)
    prepared = prepare(ensemble.encoders, recipe.inputs, catalog, reporter)
    _tell_carried(recipe, catalog, prepared, trained or {}, reporter)
    data = ensemble.transform(prepared)
    answers = Answers(ensemble, recipe.routing, catalog, prepared, data, router, set_rule)
    explainer = None
    if explained:
        from shelfwise.explaining import Explainer  # needs PyTorch

        explainer = Explainer(ensemble, recipe.inputs, catalog, prepared, data)
    with reporter.stage("categorizing", len(catalog)) as stage:
        for rows in _blocks(len(catalog), len(ensemble.classifiers) * ensemble.target.n_outcomes):
            logits, present = ensemble.logits(data, rows)
            columns, told = answers.columns(rows, logits, present), None
            if explainer is not None:
                told = explainer.explained(rows, logits, present, columns.predictions())
            yield PredictedBlock(columns, logits, present, told)
            stage.advance(len(rows))


def missing_inputs(recipe: Recipe, catalog: Catalog) -> Iterator[str]:
    """A line for each column that the model reads and the catalog does not have: predictions are worse for it."""
    columns = catalog.table.column_names
    for name in dict.fromkeys(name for one in recipe.inputs for name in one.columns if name not in columns):
        like = [other for other in columns if other.strip().casefold() == name.strip().casefold()]
        like = like or difflib.get_close_matches(name, columns, n=1)
        hint = f"; did you mean '{like[0]}'?" if like else ""
        yield f"the model reads the column '{name}', which the catalog does not have: it is absent in all products{hint}"


def _tell_carried(
    recipe: Recipe,
    catalog: Catalog,
    prepared: Prepared,
    trained: Mapping[str, InputFigures],
    reporter: Reporter,
) -> None:
    """What the products carry of the inputs that they have columns for, to those who listen for it, else what they lack."""
    columns = set(catalog.table.column_names)
    carried = {
        one.name: Carried(
            int(prepared[one.name].present.sum()),
            len(catalog),
            trained[one.name].present,
            trained[one.name].products,
        )
        for one in recipe.inputs
        if one.name in trained and columns.intersection(one.columns)
    }
    if isinstance(reporter, ListensForCarried):
        reporter.carries(carried)
        return
    for line in sparse_inputs(carried):
        reporter.say(line)


def _blocks(products: int, scores_a_product: int) -> Iterator[np.ndarray]:
    """Rows that are computed at once: whole blocks of the networks', so that none is computed half empty."""
    blocks = max(1, _SCORES_AT_ONCE // (BLOCK_ROWS * scores_a_product))
    for start in range(0, products, BLOCK_ROWS * blocks):
        yield np.arange(start, min(start + BLOCK_ROWS * blocks, products))


def set_up_process(recipe: Recipe) -> None:
    """What heavy work wants of the process: memory that is kept for the next batch, and the recipe's number of threads."""
    keep_freed_memory()
    if not recipe.training.threads:
        return
    hold_linear_algebra_to(recipe.training.threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(recipe.training.threads)
