"""The one object that ties the rooms together: learns a catalog's categories, categorizes new products, says how sure."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch

from shelfwise import __version__
from shelfwise.answers import Answers, per_classifier_answers
from shelfwise.catalog.catalog import Catalog
from shelfwise.ensemble import Ensemble, Prepared, build_encoders, prepare
from shelfwise.errors import CatalogError, ShelfwiseError, TargetError
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.results import CurvePoint, DataFacts, Evaluation
from shelfwise.fitting import fit_ensemble
from shelfwise.learning_task import group, labelled_rows, read_task
from shelfwise.model_folder import FittedFacts, load_model, save_model
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.rounds import Round, plan_rounds
from shelfwise.stacking import stack_encoded
from shelfwise.taxonomy.targets import LabelTarget, PathTarget
from shelfwise.taxonomy.truth import Truth, has_truth, read_truth
from shelfwise.training.loop import PREDICT_ROWS

_SCORES_AT_ONCE = 4_000_000


class Categorizer:
    """Categorizes products from everything they carry.

    Follows scikit-learn's conventions: the constructor only stores, ``fit`` returns self, what was learned ends in ``_``.

    Parameters
    ----------
    recipe : Recipe
        What to predict, from what, and how. ``Recipe(target="category_path")`` is enough.

    Attributes
    ----------
    recipe_ : Recipe
        The recipe with every choice spelled out.
    target_ : PathTarget or LabelTarget
        The categories that can be predicted.
    ensemble_ : Ensemble
        The trained parts.
    facts_ : FittedFacts
        What is told of the training: products, groups, splits, scores on held-out products, curves.

    Examples
    --------
    >>> from shelfwise import Catalog, Categorizer, Recipe                              # doctest: +SKIP
    >>> model = Categorizer(Recipe(target="category_path")).fit(Catalog.read("products.csv"))   # doctest: +SKIP
    >>> model.predict(Catalog.read("new.csv"))[0].answer                                # doctest: +SKIP
    ('Apparel', 'Shoes', 'Sneakers')
    """

    recipe_: Recipe
    target_: PathTarget | LabelTarget
    ensemble_: Ensemble
    facts_: FittedFacts

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def fit(
        self, catalog: Catalog, validation: Catalog | None = None, reporter: Reporter | None = None
    ) -> Self:
        """Learn from the labelled products of ``catalog``.

        With ``validation``, its products choose and calibrate, and are not learned from; without, whole groups of
        ``catalog`` are held out for that, and learned from at the end (``training.refit``). Products without an answer
        are left aside and counted. Raises ShelfwiseError (TargetError, RecipeError …) when there is nothing to learn.
        """
        reporter = reporter or Silent()
        _limit_threads(self.recipe)
        task = read_task(self.recipe, catalog, reporter)
        recipe, target, truth = task.recipe, task.target, task.truth
        groups, labelled = task.groups, task.labelled
        prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, reporter)
        values = list(truth.values)
        if validation is None:
            rounds = plan_rounds(labelled, groups, catalog.ids, recipe)
            refit = labelled if recipe.training.refit else None
        else:
            rounds, prepared, values, groups = self._with_validation(
                recipe, target, prepared, values, groups, labelled, validation, reporter
            )
            refit = None
        encoded = target.encode(values)
        ensemble, record = fit_ensemble(recipe, target, prepared, encoded, groups, rounds, refit, reporter)
        self.recipe_, self.target_, self.ensemble_ = recipe, target, ensemble
        self.facts_ = FittedFacts(
            version=__version__,
            catalog=catalog.sources,
            products=len(catalog),
            labelled=len(labelled),
            groups=len(np.unique(groups[labelled])),
            fitted=len(rounds[0].fit),
            held_out=sum(len(one.held_out) for one in rounds),
            folds=len(rounds),
            refitted=refit is not None,
            training_counts=_counts(truth, target),
            policy=record.policy,
            scores=record.scores,
            curves={
                name: [(point.epoch, point.loss, point.score) for point in fit.curve]
                for name, fit in record.fits.items()
            },
            separator=truth.separator,
        )
        return self

    def _with_validation(
        self,
        recipe: Recipe,
        target: PathTarget | LabelTarget,
        prepared: Prepared,
        values: list[tuple[str, ...]],
        groups: np.ndarray,
        labelled: np.ndarray,
        validation: Catalog,
        reporter: Reporter,
    ) -> tuple[list[Round], Prepared, list[tuple[str, ...]], np.ndarray]:
        """Stack the validation catalog's products under the training ones; only they are held out."""
        other = read_truth(validation, recipe.target, target.as_paths)
        theirs = prepare(build_encoders(recipe.inputs), recipe.inputs, validation, reporter)
        stacked = {name: stack_encoded(mine, theirs[name]) for name, mine in prepared.items()}
        usable_rows = labelled_rows(validation, other, target)
        if target.exclusive:
            usable_rows = usable_rows[target.encode(other.values)[usable_rows] >= 0]
        if len(usable_rows) < 2:
            raise CatalogError(
                "expected a validation catalog with products of known categories, but it has none"
            )
        both = np.concatenate([groups, group(validation, reporter) + groups.max(initial=0) + 1])
        rounds = [Round(labelled, usable_rows + len(values))]
        return rounds, stacked, values + other.values, both

    def _check_fitted(self) -> None:
        if not hasattr(self, "ensemble_"):
            raise ShelfwiseError(
                "expected a trained model, but this Categorizer is not fitted; call fit or load first"
            )

    def with_thresholds(self, kind: str | None) -> Self:
        """The same model, deciding label sets by another kind of threshold: ``fixed``, ``one`` or ``per_label``.

        The model keeps every kind with its own confidence and accept rule, so nothing is trained again; None leaves it as it
        is. Raises RecipeError for a kind that it does not have (one of paths has none).
        """
        self._check_fitted()
        if kind is None:
            return self
        model = copy.copy(self)
        model.ensemble_ = self.ensemble_.deciding_by(kind)
        return model

    def predict(
        self, catalog: Catalog, reporter: Reporter | None = None, thresholds: str | None = None
    ) -> list[Prediction]:
        """One prediction a product, in the catalog's order.

        A product that cannot be predicted (an unreadable row, no usable input) comes out as ``failed`` with the reason.
        ``thresholds``: see ``with_thresholds``.
        """
        if thresholds is not None:
            return self.with_thresholds(thresholds).predict(catalog, reporter)
        self._check_fitted()
        return [one for block, _, _ in self._scored(catalog, reporter or Silent()) for one in block]

    def evaluate(
        self,
        catalog: Catalog,
        reporter: Reporter | None = None,
        command: str = "Categorizer.evaluate",
        thresholds: str | None = None,
    ) -> Evaluation:
        """Score predictions against the catalog's own answers. Raises TargetError when it carries none.

        ``thresholds``: see ``with_thresholds``.
        """
        if thresholds is not None:
            return self.with_thresholds(thresholds).evaluate(catalog, reporter, command)
        self._check_fitted()
        if not has_truth(catalog, self.recipe_.target):
            missing = [name for name in self.recipe_.target.columns if name not in catalog.table.column_names]
            raise TargetError(
                f"expected the target column '{missing[0]}' to evaluate against, but the catalog has "
                f"{', '.join(catalog.table.column_names)}; use predict for products without known categories"
            )
        truth = read_truth(catalog, self.recipe_.target, self.target_.as_paths)
        predictions: list[Prediction] = []
        singles: dict[str, list[tuple[str, ...]]] = {name: [] for name in self.ensemble_.names}
        for block, logits, present in self._scored(catalog, reporter or Silent()):
            predictions += block
            for name, answers in per_classifier_answers(self.ensemble_, logits, present).items():
                singles[name] += answers
        data = self._data_facts(catalog, command)
        predicted = [prediction.answer for prediction in predictions]
        confidence = np.array([prediction.confidence for prediction in predictions])
        decisions = [prediction.decision for prediction in predictions]
        if isinstance(self.target_, LabelTarget):
            return evaluate_label_sets(
                truth.values,
                predicted,
                confidence,
                decisions,
                labels=self.target_.labels,
                per_classifier=singles,
                training_counts={path[-1]: count for path, count in self.facts_.training_counts},
                data=data,
            )
        return evaluate_paths(
            truth.values,
            predicted,
            confidence,
            decisions,
            per_classifier=singles,
            training_counts=dict(self.facts_.training_counts),
            level_names=self.target_.level_names or None,
            data=data,
        )

    def save(self, folder: str | Path) -> None:
        """Write the model folder; an existing model folder is replaced at once, anything else is never overwritten."""
        self._check_fitted()
        save_model(Path(folder), self.recipe_, self.ensemble_, self.facts_)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """A categorizer from its model folder. Raises ModelFolderError when it is not whole."""
        recipe, ensemble, facts = load_model(Path(folder))
        model = cls(recipe)
        model.recipe_, model.target_, model.ensemble_, model.facts_ = recipe, ensemble.target, ensemble, facts
        return model

    @property
    def multilabel_(self) -> bool:
        """Whether predictions are label sets."""
        return self.target_.multilabel

    def _scored(
        self, catalog: Catalog, reporter: Reporter
    ) -> Iterator[tuple[list[Prediction], np.ndarray, np.ndarray]]:
        """Block by block: predictions, and the calibrated logits and presence [classifiers, products, …] behind them."""
        _limit_threads(self.recipe_)
        ensemble = self.ensemble_
        prepared = prepare(ensemble.encoders, self.recipe_.inputs, catalog, reporter)
        data = ensemble.transform(prepared)
        answers = Answers(ensemble, self.recipe_.routing, catalog, prepared, data)
        scores_a_block = PREDICT_ROWS * len(ensemble.classifiers) * self.target_.n_outcomes
        at_once = PREDICT_ROWS * max(
            1, _SCORES_AT_ONCE // scores_a_block
        )  # whole blocks: none is computed half empty
        with reporter.stage("categorizing", len(catalog)) as stage:
            for start in range(0, len(catalog), at_once):
                rows = np.arange(start, min(start + at_once, len(catalog)))
                logits, present = ensemble.logits(data, rows)
                yield answers.predictions(rows, logits, present), logits, present
                stage.advance(len(rows))

    def _data_facts(self, catalog: Catalog, command: str) -> DataFacts:
        facts = self.facts_
        return DataFacts(
            catalogs=[Path(source).name for source in catalog.sources],
            products=len(catalog),
            split=(
                f"the products given to evaluate; the model was trained on {facts.labelled:,} products in "
                f"{facts.groups:,} groups of near-duplicates, of which {facts.held_out:,} were first held out"
                + (f", in {facts.folds} folds," if facts.folds > 1 else "")
                + " to choose and calibrate"
            ),
            seed=self.recipe_.training.seed,
            command=command,
            shelfwise_version=__version__,
            training_products=facts.labelled,
            training_curve=[
                CurvePoint(part=name, epoch=epoch, loss=loss, metric=score)
                for name, curve in facts.curves.items()
                for epoch, loss, score in curve
            ],
            curve_metric="micro-F1 on held-out products"
            if self.multilabel_
            else "whole path on held-out products",
            notes=list(catalog.notes),
        )


def _limit_threads(recipe: Recipe) -> None:
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)


def _counts(truth: Truth, target: PathTarget | LabelTarget) -> list[tuple[tuple[str, ...], int]]:
    if isinstance(target, LabelTarget):
        known = set(target.labels)
        counts: Counter[tuple[str, ...]] = Counter(
            (label,) for row in truth.values for label in row if label in known
        )
    else:
        counts = Counter(path for path in truth.values if path)
    return sorted(counts.items())
