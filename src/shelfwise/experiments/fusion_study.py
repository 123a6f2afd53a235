"""The fusion experiment: Wirojwatanakul & Wangperawong 2019 on any catalog, done on products that were held out.

What costs is kept in a store, so an interrupted run goes on where it was and a further policy trains no classifier again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import TargetError
from shelfwise.experiments.cache import ResultStore
from shelfwise.experiments.fusion_methods import Answered, MethodRunner, counts_by_product, tuned, ways
from shelfwise.experiments.fusion_outputs import OutputMaker, Outputs
from shelfwise.experiments.fusion_plan import Spec, plan_methods
from shelfwise.experiments.fusion_scores import Bootstrap
from shelfwise.experiments.study_data import StudyData, read_study
from shelfwise.fusion import build_policy
from shelfwise.learning.task import make_target
from shelfwise.progress import Reporter
from shelfwise.recipe import ClassifierRecipe, Recipe
from shelfwise.taxonomy.targets import LabelTarget, Target

EARLY = "early fusion"
_FOLDS = 4
"""Where the recipe does not say: out-of-fold outputs are what the experiment is about."""


@dataclass(frozen=True)
class CategoryFacts:
    """What is told of the categories: ``products`` of each (training and test together), ``per_product`` categories a product;
    ``dropped`` labels with too few training products, and products ``aside`` that have no category left or none at all."""

    products: Counter[str]
    per_product: list[int]
    dropped: int
    aside: int


@dataclass(frozen=True)
class FusionStudy:
    """All that was measured. ``methods`` in the tables' order; ``scores`` a bootstrap a way of answering, one place a method.

    ``truth``: CSR bool [test products, categories]; ``names``: the categories; ``unreadable``: (id, part, reason) of products
    without a usable input, which are given no category and count as missed.
    """

    data: StudyData
    recipe: Recipe
    target: Target
    outputs: Outputs
    methods: list[Answered]
    scores: dict[str, Bootstrap]
    truth: sp.csr_matrix
    names: list[str]
    categories: CategoryFacts
    unreadable: list[tuple[str, str, str]]
    computed: int

    @property
    def inputs(self) -> list[int]:
        """The methods that are one input's classifier alone."""
        return [place for place, one in enumerate(self.methods) if one.method.family == "input"]

    @property
    def best_input(self) -> int:
        """The input that is best on the test products: what fusion has to beat."""
        scores = self.scores[tuned(self.target)].scores
        return max(self.inputs or range(len(self.methods)), key=lambda place: scores[place])

    @property
    def chosen(self) -> int:
        """The fusion of all inputs that is best on held-out *training* products; the best input where there is no fusion."""
        fused = [
            place
            for place, one in enumerate(self.methods)
            if one.method.all_inputs and one.method.family != "leaky"
        ]
        return max(fused, key=lambda place: self.methods[place].held_out) if fused else self.best_input


def run_fusion_study(
    catalog: Catalog,
    test: Catalog | None,
    declared: Recipe,
    policies: Sequence[Spec],
    store: ResultStore,
    reporter: Reporter,
) -> FusionStudy:
    """Train each input's classifier, fuse them in every way, and score all on the test products.

    ``test`` None: a quarter of the catalog, whole groups. ``policies``: further ones to try. Raises ShelfwiseError (TargetError,
    RecipeError …) where there is nothing to learn or a policy cannot be, before anything is trained.
    """
    declared = _by_labels(declared)
    data = read_study(catalog, test, declared, reporter)
    seed = declared.training.seed
    draw = data.draw(None, seed)
    target = make_target(data.recipe, data.truth_of(draw.train))
    for spec in policies:
        build_policy(spec, target.exclusive)
    train, tested = _known(data, target, draw.train), _known(data, target, draw.test)
    if not len(tested):
        raise TargetError(
            "expected test products of categories that training products have, but there are none; give more products, another "
            "--test catalog, or a smaller --min-products"
        )
    recipe = _for_experiment(data.completed(data.recipe, train))
    outputs = OutputMaker(data, recipe, target, train, tested, store).make()
    encoded = target.encode(data.values)
    runner = MethodRunner(outputs, target, encoded, data.groups, seed, store)
    singles = [one.name for one in recipe.classifiers if len(one.inputs) == 1 and one.name in outputs.names]
    early = [name for name in outputs.names if name not in singles]
    methods = runner.run_all(plan_methods(singles, early, policies), reporter)
    scores = {}
    for way in ways(target):
        counts = [counts_by_product(runner.test_truth, one.given[way], target) for one in methods]
        scores[way] = Bootstrap.of(
            np.stack([top for top, _ in counts]),
            np.stack([bottom for _, bottom in counts]),
            seed,
            data.groups[outputs.test_rows],
        )
    return FusionStudy(
        data,
        recipe,
        target,
        outputs,
        methods,
        scores,
        runner.test_truth,
        _names(target),
        _category_facts(data, target, draw.train, train, tested),
        _unreadable(data, outputs),
        store.made,
    )


def sample(catalog: Catalog, products: int | None, seed: int) -> Catalog:
    """``products`` of a catalog at random, in its order; all where None, or where there are no more."""
    if products is None or products >= len(catalog):
        return catalog
    drawn = np.random.default_rng(seed).choice(len(catalog), products, replace=False)
    return catalog.take(np.sort(drawn))


def _by_labels(recipe: Recipe) -> Recipe:
    """Labels each decided for itself, as in the paper, unless the recipe asks for label sets."""
    if not recipe.target.multilabel or recipe.target.label_space != "auto":
        return recipe
    return recipe.model_copy(update={"target": recipe.target.model_copy(update={"label_space": "labels"})})


def _known(data: StudyData, target: Target, rows: np.ndarray) -> np.ndarray:
    """The rows with a label that is known; all of them where paths are predicted (an unknown one is wrong)."""
    if not isinstance(target, LabelTarget):
        return rows
    return rows[[not set(target.labels).isdisjoint(data.values[row]) for row in rows]]


def _for_experiment(recipe: Recipe) -> Recipe:
    """The recipe with folds, and with one more classifier that fuses all inputs early, which the paper leaves to the future."""
    folds = recipe.training.folds or 1
    training = recipe.training.model_copy(update={"folds": folds if folds > 1 else _FOLDS, "refit": True})
    recipe = recipe.model_copy(update={"training": training})
    readable = [one.name for one in recipe.inputs if (one.encoder or {}).get("kind") != "small_cnn"]
    if len(readable) < 2 or any(len(one.inputs) > 1 for one in recipe.classifiers):
        return recipe
    trained = [one for one in recipe.classifiers if one.solver == "gradient"]
    name = EARLY
    while any(one.name == name for one in recipe.classifiers):
        name += "_"
    early = ClassifierRecipe(
        name=name,
        inputs=readable,
        hidden=[512],
        embedding=256,
        dropout=0.4,
        hide_inputs=0.05,
        epochs=max((one.epochs for one in trained), default=12),
        batch=min((one.batch for one in trained), default=64),
    )
    return recipe.model_copy(update={"classifiers": [*recipe.classifiers, early]})


def _names(target: Target) -> list[str]:
    if isinstance(target, LabelTarget):
        return list(target.labels)
    return [" > ".join(path) for path in target.outcomes]


def _category_facts(
    data: StudyData, target: Target, drawn: np.ndarray, train: np.ndarray, tested: np.ndarray
) -> CategoryFacts:
    known = set(_names(target))
    products: Counter[str] = Counter()
    per_product = []
    for row in [*train, *tested]:
        value = data.values[row]
        mine = known & set(value) if isinstance(target, LabelTarget) else known & {" > ".join(value)}
        products.update(mine)
        per_product.append(len(mine))
    everything: set[Any] = set()
    for row in drawn:
        everything |= set(data.values[row]) if isinstance(target, LabelTarget) else {data.values[row]}
    return CategoryFacts(
        products, per_product, len(everything) - len(known), len(data.values) - len(per_product)
    )


def _unreadable(data: StudyData, outputs: Outputs) -> list[tuple[str, str, str]]:
    found = []
    for part, rows, scores in (
        ("train", outputs.rows, outputs.held),
        ("test", outputs.test_rows, outputs.test),
    ):
        for row in rows[~np.asarray(scores.present.any(0))]:
            found.append((data.ids[row], part, "none of its inputs can be used"))
    return found
