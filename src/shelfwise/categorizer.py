"""The one object that ties the rooms together: learns a catalog's categories, categorizes new products, says how sure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from shelfwise.catalog.catalog import Catalog
from shelfwise.decision.conformal import SetRule
from shelfwise.decision.router import Router
from shelfwise.decision.router_making import build_router
from shelfwise.ensemble import Ensemble
from shelfwise.errors import RecipeError, ShelfwiseError
from shelfwise.evaluating import evaluate_model
from shelfwise.evaluation.results import Evaluation
from shelfwise.predicted_columns import PredictedColumns
from shelfwise.predicting import PredictedBlock, predicted_blocks, set_up_process
from shelfwise.predictions import Prediction
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import Recipe
from shelfwise.storage.fitted_facts import FittedFacts
from shelfwise.storage.model_folder import load_model, save_model
from shelfwise.taxonomy.decided import Conflict
from shelfwise.taxonomy.decisions import Decisions
from shelfwise.taxonomy.targets import LabelTarget, PathTarget

if TYPE_CHECKING:
    from shelfwise.learning.unfinished import Unfinished


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
        from shelfwise.learning.course import (
            train_model,
        )  # needs PyTorch, which an exported model does without

        set_up_process(self.recipe)
        trained = train_model(
            self.recipe,
            catalog,
            reporter or Silent(),
            validation=validation,
            work=work,
            decisions=decisions,
        )
        self.recipe_, self.target_, self.ensemble_ = trained.recipe, trained.target, trained.ensemble
        self.facts_, self.conflicts_ = trained.facts, trained.conflicts
        self._router = self._set_rule = None
        return self

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
        # A loaded model is read by its recipe's kind.
        thresholds = self.recipe_.thresholds.model_copy(update={"kind": kind})
        model.recipe_ = self.recipe_.model_copy(update={"thresholds": thresholds})
        model._router = None
        if self.ensemble_.evidence is not None:
            model.ensemble_ = replace(model.ensemble_, accept=model.router_.rules[0])
        return model

    def with_routing(self, **changes: Any) -> Self:
        """The same model, accepting by other targets: see ``RoutingRecipe`` for what can be changed (``precision``,
        ``certainty``, ``precisions``, ``of``, ``per_department``, ``back_off``, ``alternatives``).

        Nothing is trained again: what held-out products showed is kept with the model. Raises RecipeError for what cannot be
        asked of this model, and for ``unknown``, which is fixed in training.
        """
        self._check_fitted()
        if "unknown" in changes:
            raise RecipeError(
                "expected what can be changed after training (precision, certainty, alternatives …), got 'unknown', by which "
                "training fitted what counts as unlike anything known; set routing.unknown in the recipe and train again"
            )
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
            learned_from = self.facts_.share_before_refit
            model._set_rule = SetRule.fit(self.target_, self.ensemble_.evidence, coverage, learned_from)
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
        return [one for block in self._blocks(catalog, reporter) for one in block.predictions]

    def predict_columns(
        self, catalog: Catalog, reporter: Reporter | None = None
    ) -> Iterator[PredictedColumns] | None:
        """What ``predict`` gives, as columns, some products at a time; None of a model that explains itself."""
        if self._explains:
            return None
        return (block.columns for block in self._blocks(catalog, reporter))

    def _blocks(self, catalog: Catalog, reporter: Reporter | None) -> Iterator[PredictedBlock]:
        self._check_fitted()
        return predicted_blocks(
            self.recipe_,
            self.ensemble_,
            self.router_,
            catalog,
            reporter or Silent(),
            set_rule=self._set_rule,
            explained=self._explains,
            trained=self.facts_.inputs,
        )

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
        return evaluate_model(self, catalog, reporter or Silent(), command, review_cost)

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
