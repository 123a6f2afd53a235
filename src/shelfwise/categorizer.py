"""The one object that ties the rooms together: learns a catalog's categories, categorizes new products, says how sure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import torch

from shelfwise import __version__
from shelfwise.answers import Answers, per_classifier_answers
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.groups import group_products
from shelfwise.catalog.image_source import image_hashes
from shelfwise.catalog.split import grouped_split
from shelfwise.ensemble import Ensemble, Prepared, build_encoders, prepare
from shelfwise.errors import CatalogError, ShelfwiseError, TargetError
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.results import CurvePoint, DataFacts, Evaluation
from shelfwise.fitting import Parts, fit_ensemble
from shelfwise.model_folder import FittedFacts, load_model, save_model
from shelfwise.predictions import Prediction
from shelfwise.presets import complete
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.stacking import stack_encoded
from shelfwise.taxonomy.targets import LabelTarget, PathTarget
from shelfwise.taxonomy.truth import Truth, has_truth, read_truth
from shelfwise.training.loop import PREDICT_ROWS

_LEAST_PRODUCTS = 10
_MOST_HELD_OUT = 40_000
"""More held-out products than this sharpen nothing and cost memory."""
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
        truth = read_truth(catalog, self.recipe.target)
        declared = _with_separator(self.recipe, truth)
        for note in (*catalog.notes, *truth.notes):
            reporter.say(note)
        groups = _group(catalog, reporter)
        recipe = complete(declared, catalog, truth, groups, reporter)
        target = _make_target(recipe, truth)
        prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, reporter)
        labelled = _labelled(catalog, truth, target)
        values = list(truth.values)
        if validation is None:
            parts = _split(labelled, groups, catalog.ids, recipe)
        else:
            parts, prepared, values = self._with_validation(
                recipe, target, prepared, values, labelled, validation, reporter
            )
        encoded = target.encode(values)
        ensemble, record = fit_ensemble(
            recipe, target, prepared, encoded, parts, recipe.training.refit and validation is None, reporter
        )
        self.recipe_, self.target_, self.ensemble_ = recipe, target, ensemble
        self.facts_ = FittedFacts(
            version=__version__,
            catalog=catalog.sources,
            products=len(catalog),
            labelled=len(labelled),
            groups=len(np.unique(groups)),
            fitted=len(parts.fit),
            chosen_on=len(parts.choose),
            calibrated_on=len(parts.calibrate),
            refitted=recipe.training.refit and validation is None,
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
        labelled: np.ndarray,
        validation: Catalog,
        reporter: Reporter,
    ) -> tuple[Parts, Prepared, list[tuple[str, ...]]]:
        """Stack the validation catalog's products under the training ones; only they are held out."""
        other = read_truth(validation, recipe.target)
        theirs = prepare(build_encoders(recipe.inputs), recipe.inputs, validation, reporter)
        stacked = {name: stack_encoded(mine, theirs[name]) for name, mine in prepared.items()}
        usable_rows = _labelled(validation, other, target)
        if target.exclusive:
            usable_rows = usable_rows[target.encode(other.values)[usable_rows] >= 0]
        if len(usable_rows) < 2:
            raise CatalogError(
                "expected a validation catalog with products of known categories, but it has none"
            )
        groups = _group(validation, reporter)
        choose, calibrate = grouped_split(
            groups[usable_rows],
            [0.5, 0.5],
            recipe.training.seed,
            keys=[validation.ids[row] for row in usable_rows],
        )
        offset = len(values)
        parts = Parts(labelled, usable_rows[choose] + offset, usable_rows[calibrate] + offset)
        return parts, stacked, values + other.values

    def _check_fitted(self) -> None:
        if not hasattr(self, "ensemble_"):
            raise ShelfwiseError(
                "expected a trained model, but this Categorizer is not fitted; call fit or load first"
            )

    def predict(self, catalog: Catalog, reporter: Reporter | None = None) -> list[Prediction]:
        """One prediction a product, in the catalog's order.

        A product that cannot be predicted (an unreadable row, no usable input) comes out as ``failed`` with the reason.
        """
        self._check_fitted()
        return [one for block, _, _ in self._scored(catalog, reporter or Silent()) for one in block]

    def evaluate(
        self, catalog: Catalog, reporter: Reporter | None = None, command: str = "Categorizer.evaluate"
    ) -> Evaluation:
        """Score predictions against the catalog's own answers. Raises TargetError when it carries none."""
        self._check_fitted()
        if not has_truth(catalog, self.recipe_.target):
            missing = [name for name in self.recipe_.target.columns if name not in catalog.table.column_names]
            raise TargetError(
                f"expected the target column '{missing[0]}' to evaluate against, but the catalog has "
                f"{', '.join(catalog.table.column_names)}; use predict for products without known categories"
            )
        truth = read_truth(catalog, self.recipe_.target)
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
                f"{facts.groups:,} groups of near-duplicates, of which {facts.chosen_on + facts.calibrated_on:,} "
                "were first held out to choose and calibrate"
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


def _with_separator(recipe: Recipe, truth: Truth) -> Recipe:
    """The recipe with the separator that the training catalog showed: other catalogs are split as it was."""
    target = recipe.target.model_copy(update={"separator": truth.separator or ""})
    return recipe.model_copy(update={"target": target})


def _make_target(recipe: Recipe, truth: Truth) -> PathTarget | LabelTarget:
    if recipe.target.multilabel:
        return LabelTarget.from_truth(truth.values, recipe.target.min_products, recipe.target.label_space)
    return PathTarget.from_truth(truth.values, truth.level_names)


def _labelled(catalog: Catalog, truth: Truth, target: PathTarget | LabelTarget) -> np.ndarray:
    """Rows to learn from: readable, and with an answer that the target knows."""
    known = set(target.labels) if isinstance(target, LabelTarget) else None
    has_answer = [
        bool(value) and row not in catalog.row_errors and (known is None or not known.isdisjoint(value))
        for row, value in enumerate(truth.values)
    ]
    return np.flatnonzero(has_answer)


def _group(catalog: Catalog, reporter: Reporter) -> np.ndarray:
    """The group of every product: near-duplicates that must not stand on two sides of a split."""
    images = [name for name, field in catalog.fields.items() if field.role == Role.IMAGE]
    hashes = None
    if images:
        with reporter.stage("grouping near-duplicates", len(catalog)) as stage:
            hashes = image_hashes(catalog.input(images[0], Role.IMAGE).values, stage.advance)
    return group_products(catalog, image_hashes=hashes)


def _split(labelled: np.ndarray, groups: np.ndarray, ids: list[str], recipe: Recipe) -> Parts:
    if len(labelled) < _LEAST_PRODUCTS:
        raise TargetError(
            f"expected at least {_LEAST_PRODUCTS} labelled products to learn from and check on, got {len(labelled)}"
        )
    held = min(recipe.training.held_out, _MOST_HELD_OUT / len(labelled))
    parts = grouped_split(
        groups[labelled],
        [1 - held, held / 2, held / 2],
        recipe.training.seed,
        keys=[ids[row] for row in labelled],
    )
    return Parts(*(labelled[part] for part in parts))


def _counts(truth: Truth, target: PathTarget | LabelTarget) -> list[tuple[tuple[str, ...], int]]:
    if isinstance(target, LabelTarget):
        known = set(target.labels)
        counts: Counter[tuple[str, ...]] = Counter(
            (label,) for row in truth.values for label in row if label in known
        )
    else:
        counts = Counter(path for path in truth.values if path)
    return sorted(counts.items())
