"""The one object that ties the rooms together: learns a catalog's categories, categorizes new products, says how sure."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from shelfwise import __version__
from shelfwise.answers import Answers, per_classifier_answers
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.input_figures import InputFigures, training_figures
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.router import Router
from shelfwise.decision.router_making import build_router, check_settings
from shelfwise.encoders.allocator import keep_freed_memory
from shelfwise.engine.classifier import BLOCK_ROWS
from shelfwise.ensemble import Ensemble, Prepared, build_encoders, prepare, read_input
from shelfwise.errors import CatalogError, RecipeError, ShelfwiseError, TargetError
from shelfwise.evaluation.evaluation import evaluate_label_sets, evaluate_paths
from shelfwise.evaluation.promises import CHOICES, hand_out, measure_promises, right_as_given
from shelfwise.evaluation.results import CurvePoint, DataFacts, Evaluation
from shelfwise.learning.rounds import Round, plan_rounds
from shelfwise.learning.task import group, labelled_rows, read_task
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.stacking import stack_encoded
from shelfwise.storage.model_folder import FittedFacts, load_model, save_model
from shelfwise.strangers import Learned, learn_novelty, names_of
from shelfwise.taxonomy.decided import Conflict
from shelfwise.taxonomy.decisions import Decisions
from shelfwise.taxonomy.targets import LabelTarget, PathTarget
from shelfwise.taxonomy.truth import Truth, has_truth, read_truth

if TYPE_CHECKING:
    from shelfwise.learning.unfinished import Unfinished

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
    conflicts_ : tuple of Conflict
        Products whose decision was not their label; of a training with decisions, not of a loaded model.

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
    conflicts_: tuple[Conflict, ...]
    _set_rule: SetRule | None = None
    _explains: bool = False
    _router: Router | None = None

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def fit(
        self,
        catalog: Catalog,
        validation: Catalog | None = None,
        reporter: Reporter | None = None,
        work: Unfinished | None = None,
        decisions: Decisions | None = None,
    ) -> Self:
        """Learn from the labelled products of ``catalog``.

        With ``validation``, its products choose and calibrate, and are not learned from; without, whole groups of
        ``catalog`` are held out for that, and learned from at the end (``training.refit``). Products without an answer
        are left aside and counted. ``work``: where a training that may be interrupted keeps what it has finished.
        ``decisions`` of people take the place of the catalog's answers; where they differ, ``conflicts_`` tells. Raises
        ShelfwiseError (TargetError, RecipeError …) when there is nothing to learn.
        """
        # These need PyTorch, which an exported model does without.
        from shelfwise.learning.fitting import fit_ensemble
        from shelfwise.learning.label_doubts import without_suspects

        reporter = reporter or Silent()
        _set_up(self.recipe)
        task = read_task(self.recipe, catalog, reporter, decisions)
        recipe, target, truth = task.recipe, task.target, task.truth
        check_settings(target, recipe.routing)
        groups, labelled = task.groups, task.labelled
        self.conflicts_ = task.conflicts
        memory = recipe.training.feature_memory_gb * 1e9
        prepared = prepare(build_encoders(recipe.inputs), recipe.inputs, catalog, reporter, memory)
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
        if recipe.training.clean_labels:
            rounds, refit = without_suspects(
                recipe, target, prepared, values, groups, labelled, catalog.ids, rounds, refit, reporter
            )
        ensemble, record = fit_ensemble(
            recipe, target, prepared, encoded, groups, rounds, refit, reporter, work
        )
        with reporter.stage("learning what is unknown", total=None):
            learned = Learned(prepared, record.data, encoded, groups, labelled)
            ensemble.memory, ensemble.novelty = learn_novelty(
                recipe, ensemble, record.held, learned, names_of(recipe, catalog)
            )
        self.recipe_, self.target_, self.ensemble_, self._router = recipe, target, ensemble, None
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
            inputs=_input_figures(recipe, catalog, prepared),
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
        memory = recipe.training.feature_memory_gb * 1e9
        theirs = prepare(build_encoders(recipe.inputs), recipe.inputs, validation, reporter, memory)
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
        model._router = None
        return model

    def with_routing(self, **changes: Any) -> Self:
        """The same model, accepting by other targets: see ``RoutingRecipe`` for what can be changed (``precision``,
        ``precisions``, ``of``, ``per_department``, ``back_off``).

        Nothing is trained again: what held-out products showed is kept with the model. Raises RecipeError for what cannot be
        asked of this model.
        """
        self._check_fitted()
        if not changes:
            return self
        values = {**self.recipe_.model_dump(), "routing": {**self.recipe_.routing.model_dump(), **changes}}
        model = copy.copy(self)
        model.recipe_ = type(self.recipe_)(**values)
        if self.ensemble_.evidence is None and model.recipe_.routing != self.recipe_.routing:
            raise RecipeError(
                "expected a model that keeps what its held-out products showed, to promise another precision, but this one was "
                "trained by an earlier version; train it again"
            )
        model._router = None
        model.ensemble_ = replace(self.ensemble_, accept=model.router_.rules[0])
        return model

    def with_sets(self, coverage: float | None) -> Self:
        """The same model, also giving for each product the set of categories that holds the true one with this ``coverage``
        (0–1, such as 0.95), or with None no sets. Raises RecipeError where held-out products are too few for it.
        """
        self._check_fitted()
        model = copy.copy(self)
        model._set_rule = None
        if coverage is not None:
            if self.ensemble_.evidence is None:
                raise RecipeError(
                    "expected a model that keeps what its held-out products showed, to give sets of categories, but this one was "
                    "trained by an earlier version; train it again"
                )
            model._set_rule = SetRule.fit(self.target_, self.ensemble_.evidence, coverage)
        return model

    def with_explanations(self) -> Self:
        """The same model, also saying of each prediction why: see ``Explanation``. That takes several times as long."""
        self._check_fitted()
        model = copy.copy(self)
        model._explains = True
        return model

    def explain(self, catalog: Catalog, reporter: Reporter | None = None) -> list[Prediction]:
        """What ``predict`` gives, each prediction with its ``explanation``; one that failed has none."""
        return self.with_explanations().predict(catalog, reporter)

    @property
    def router_(self) -> Router:
        """Which predictions are accepted, and what is promised of them."""
        self._check_fitted()
        if self._router is None:
            self._router = self._build_router()
        return self._router

    def _build_router(self) -> Router:
        ensemble, facts = self.ensemble_, self.facts_
        if ensemble.evidence is None:
            count = (
                len(self.target_.labels) if isinstance(self.target_, LabelTarget) else self.target_.n_outcomes
            )
            return Router.of_rule(ensemble.accept, count)
        # Of a separate validation catalog every further product is held out.
        apart = facts.fitted < facts.labelled and facts.held_out > 0
        return build_router(
            self.target_,
            ensemble.evidence,
            self.recipe_.routing,
            ensemble.calibration.thresholds.values,
            facts.labelled / facts.held_out if apart else 1.0,
        )

    def predict(
        self,
        catalog: Catalog,
        reporter: Reporter | None = None,
        thresholds: str | None = None,
        precision: float | None = None,
        coverage: float | None = None,
    ) -> list[Prediction]:
        """One prediction a product, in the catalog's order.

        A product that cannot be predicted (an unreadable row, no usable input) comes out as ``failed`` with the reason.
        ``thresholds``: see ``with_thresholds``; ``precision``: what accepted predictions are to hold, in place of the recipe's
        (``with_routing`` has more); ``coverage``: see ``with_sets``.
        """
        if thresholds is not None or precision is not None or coverage is not None:
            model = self.with_thresholds(thresholds).with_routing(
                **({} if precision is None else {"precision": precision})
            )
            return (model if coverage is None else model.with_sets(coverage)).predict(catalog, reporter)
        self._check_fitted()
        return [one for block, _, _ in self._scored(catalog, reporter or Silent()) for one in block]

    def evaluate(
        self,
        catalog: Catalog,
        reporter: Reporter | None = None,
        command: str = "Categorizer.evaluate",
        thresholds: str | None = None,
        precision: float | None = None,
        review_cost: float | None = None,
    ) -> Evaluation:
        """Score predictions against the catalog's own answers. Raises TargetError when it carries none.

        ``thresholds``: see ``with_thresholds``; ``precision``: what accepted predictions are to hold, in place of the recipe's
        (``with_routing`` has more); ``review_cost``: what one review costs.
        """
        if thresholds is not None or precision is not None:
            changes = {} if precision is None else {"precision": precision}
            model = self.with_thresholds(thresholds).with_routing(**changes)
            return model.evaluate(catalog, reporter, command, review_cost=review_cost)
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
        for block, logits, present in self._scored(
            catalog, reporter or Silent(), self.router_.whole_answers()
        ):
            predictions += block
            for name, answers in per_classifier_answers(self.ensemble_, logits, present).items():
                singles[name] += answers
        data = self._data_facts(catalog, command)
        predicted = [prediction.answer for prediction in predictions]
        confidence = np.array([prediction.confidence for prediction in predictions])
        handed = hand_out(self.router_, self.target_, predictions)
        decisions = [
            "failed" if prediction.decision == "failed" else given.routed.decision
            for prediction, given in zip(predictions, handed, strict=True)
        ]
        paths = isinstance(self.target_, PathTarget)
        told: dict[str, Any] = {
            "part_confidence": [prediction.part_confidence for prediction in predictions],
            "as_given": [
                right_as_given(true, given, paths) for true, given in zip(truth.values, handed, strict=True)
            ],
            "promises": measure_promises(
                self.router_, self._other_routers(), self.target_, truth.values, predictions, review_cost
            ),
        }
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
                **told,
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
            **told,
        )

    def save(self, folder: str | Path) -> None:
        """Write the model folder; an existing model folder is replaced at once, anything else is never overwritten."""
        self._check_fitted()
        save_model(Path(folder), self.recipe_, self.ensemble_, self.facts_)

    @classmethod
    def load(cls, folder: str | Path, exported: bool = True) -> Self:
        """A categorizer from its model folder. Raises ModelFolderError when it is not whole.

        ``exported``: run the networks that `shelfwise export` put there by ONNX Runtime, where it is installed.
        """
        recipe, ensemble, facts = load_model(Path(folder), exported)
        model = cls(recipe)
        model.recipe_, model.target_, model.ensemble_, model.facts_ = recipe, ensemble.target, ensemble, facts
        return model

    @property
    def multilabel_(self) -> bool:
        """Whether predictions are label sets."""
        return self.target_.multilabel

    def _other_routers(self) -> dict[float, Router]:
        """What other precisions than the one asked for would accept, by precision; its own among them."""
        own = self.recipe_.routing.precision
        if self.ensemble_.evidence is None:
            return {own: self.router_}
        return {
            precision: self.with_routing(precision=precision).router_ for precision in sorted({*CHOICES, own})
        }

    def _scored(
        self, catalog: Catalog, reporter: Reporter, router: Router | None = None
    ) -> Iterator[tuple[list[Prediction], np.ndarray, np.ndarray]]:
        """Block by block: predictions, and the calibrated logits and presence [classifiers, products, …] behind them."""
        _set_up(self.recipe_)
        ensemble = self.ensemble_
        prepared = prepare(ensemble.encoders, self.recipe_.inputs, catalog, reporter)
        data = ensemble.transform(prepared)
        answers = Answers(
            ensemble, self.recipe_.routing, catalog, prepared, data, router or self.router_, self._set_rule
        )
        scores_a_block = BLOCK_ROWS * len(ensemble.classifiers) * self.target_.n_outcomes
        at_once = BLOCK_ROWS * max(
            1, _SCORES_AT_ONCE // scores_a_block
        )  # whole blocks: none is computed half empty
        with reporter.stage("categorizing", len(catalog)) as stage:
            for start in range(0, len(catalog), at_once):
                rows = np.arange(start, min(start + at_once, len(catalog)))
                logits, present = ensemble.logits(data, rows)
                block = answers.predictions(rows, logits, present)
                if self._explains:
                    from shelfwise.explaining import Explainer  # needs PyTorch

                    explainer = Explainer(ensemble, self.recipe_.inputs, catalog, prepared, data)
                    block = explainer.explained(rows, logits, present, block)
                yield block, logits, present
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


def _set_up(recipe: Recipe) -> None:
    """What heavy work wants of the process: memory that is kept for the next batch, and the recipe's number of threads."""
    keep_freed_memory()
    torch = sys.modules.get("torch")
    if recipe.training.threads and torch is not None:
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


def _input_figures(recipe: Recipe, catalog: Catalog, prepared: Prepared) -> dict[str, InputFigures]:
    """What the catalog's inputs look like; of ``prepared`` the first rows are its products."""
    figures = {}
    for one in recipe.inputs:
        column = read_input(catalog, one.model_copy(update={"mask_words": None}))
        figures[one.name] = training_figures(column, prepared[one.name].state[: len(catalog)])
    return figures
