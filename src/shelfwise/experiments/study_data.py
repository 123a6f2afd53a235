"""The products of a study, read and grouped once: from them every seed draws its test quarter and its training samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.split import grouped_split
from shelfwise.encoders.base import Encoded
from shelfwise.ensemble import Prepared, build_encoders, prepare
from shelfwise.errors import CatalogError, TargetError
from shelfwise.experiments.cache import fingerprint, work_key
from shelfwise.experiments.intervals import TEST_SHARE
from shelfwise.experiments.training_sizes import LEAST_SIZE, Size, nested_sample
from shelfwise.learning.presets import complete
from shelfwise.learning.task import group
from shelfwise.learning.validation import met_before
from shelfwise.progress import Reporter, Silent
from shelfwise.recipe import InputRecipe, Recipe
from shelfwise.stacking import stack_encoded
from shelfwise.taxonomy.label_words import mask_labels
from shelfwise.taxonomy.truth import Truth, has_truth, read_truth

_SAMPLE_SEED = 7_919
"""Added to a seed for the training samples: which products are tested on and which are drawn are two draws."""


@dataclass(frozen=True)
class Draw:
    """One seed's products: ``train`` (all that there are to learn from, or a sample of them) and ``test``, as ascending rows."""

    train: np.ndarray
    test: np.ndarray


@dataclass
class StudyData:
    """Training catalog and, where one was given, test catalog below it: rows count through both.

    ``values``: the true path or label set of every row. ``groups`` int64 [N]. ``usable`` bool [N]: labelled and readable.
    ``recipe``: inputs and their encoders are spelled out. ``key`` names all of it, for the cache.
    """

    catalog: Catalog
    test: Catalog | None
    truth: Truth
    values: list[tuple[str, ...]]
    groups: np.ndarray
    ids: list[str]
    usable: np.ndarray
    recipe: Recipe
    key: str
    reporter: Reporter
    _prepared: dict[str, Encoded] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """For another process: without the catalogs, whose inputs must be prepared by then, and heard by nobody."""
        return {**self.__dict__, "catalog": None, "test": None, "reporter": Silent()}

    def draw(self, size: Size, seed: int) -> Draw:
        """The products of a size and a seed; smaller samples lie in larger ones.

        Without a test catalog a quarter of the products, whole groups, is tested on: another quarter for every seed, the same
        for every size.
        """
        mine = np.flatnonzero(self.usable[: len(self.catalog)])
        if self.test is None:
            parts = grouped_split(
                self.groups[mine], [1 - TEST_SHARE, TEST_SHARE], seed, keys=[self.ids[row] for row in mine]
            )
            train, test = mine[parts[0]], mine[parts[1]]
        else:
            train = mine
            test = np.flatnonzero(self.usable[len(self.catalog) :]) + len(self.catalog)
        ids = [self.ids[row] for row in train]
        return Draw(train[nested_sample(self.groups[train], ids, size, seed + _SAMPLE_SEED)], test)

    @property
    def to_learn_from(self) -> int:
        """About how many products there are to train on at most."""
        mine = int(self.usable[: len(self.catalog)].sum())
        return mine if self.test is not None else round(mine * (1 - TEST_SHARE))

    def prepared(self, inputs: list[InputRecipe]) -> Prepared:
        """The stateless part of encoding of all rows; each input is read once, however many classifiers read it."""
        found: Prepared = {}
        for one in inputs:
            key = work_key(input=one)
            if key not in self._prepared:
                encoders = build_encoders([one])
                mine = prepare(encoders, [one], self.catalog, self.reporter)[one.name]
                if self.test is not None:
                    theirs = prepare(encoders, [one], self.test, self.reporter)[one.name]
                    mine = stack_encoded(mine, theirs)
                self._prepared[key] = mine
            found[one.name] = self._prepared[key]
        return found

    def truth_of(self, rows: np.ndarray) -> Truth:
        """The answers of some products alone."""
        return Truth([self.values[row] for row in rows], self.truth.separator, self.truth.level_names)

    def completed(self, recipe: Recipe, rows: np.ndarray) -> Recipe:
        """``recipe`` with what it leaves open chosen for the products ``rows``: small samples want other settings than large."""
        return complete(recipe, self.catalog, self.truth_of(rows), self.groups[rows], self.reporter)


def read_study(catalog: Catalog, test: Catalog | None, declared: Recipe, reporter: Reporter) -> StudyData:
    """Read answers, group near-duplicates and spell out the inputs.

    Products of ``test`` that share a title, an image or a group with one of ``catalog`` are not tested on.

    Raises ShelfwiseError: TargetError where there is no target or too little of it, CatalogError for a test catalog without
    answers, or without products of its own, RecipeError for inputs that are not there.
    """
    truth = read_truth(catalog, declared.target)
    target = declared.target.model_copy(update={"separator": truth.separator or ""})
    declared = declared.model_copy(update={"target": target})
    for note in (*catalog.notes, *truth.notes):
        reporter.say(note)
    groups = group(catalog, reporter)
    recipe = mask_labels(complete(declared, catalog, truth, groups, reporter), truth.values)
    # Classifiers that the preset chose were chosen for all products; every size gets its own.
    recipe = recipe.model_copy(update={"classifiers": declared.classifiers, "training": declared.training})
    values, ids, usable = list(truth.values), list(catalog.ids), _usable(catalog, truth)
    key = fingerprint(catalog)
    if test is not None:
        other = _truth_of_test(test, declared, truth)
        values, ids = values + other.values, ids + list(test.ids)
        usable = np.concatenate([usable, _tested(catalog, test, other, reporter)])
        groups = np.concatenate([groups, group(test, reporter) + groups.max(initial=0) + 1])
        key += fingerprint(test)
    if usable[: len(catalog)].sum() < LEAST_SIZE:
        raise TargetError(
            f"expected at least {LEAST_SIZE} labelled products to study, got {int(usable[: len(catalog)].sum())}"
        )
    return StudyData(catalog, test, truth, values, groups, ids, usable, recipe, key, reporter)


def _truth_of_test(test: Catalog, declared: Recipe, truth: Truth) -> Truth:
    if not has_truth(test, declared.target):
        missing = [name for name in declared.target.columns if name not in test.table.column_names]
        raise CatalogError(
            f"expected the target column '{missing[0]}' in the test catalog, which has "
            f"{', '.join(test.table.column_names)}; give --test a catalog with known categories"
        )
    known = sorted({path for path in truth.values if path})
    if declared.target.multilabel:
        known = sorted({(label,) for path in known for label in path})
    other = read_truth(test, declared.target, known)
    if not _usable(test, other).any():
        raise CatalogError("expected a test catalog with products of known categories, but it has none")
    return other


def _tested(catalog: Catalog, test: Catalog, truth: Truth, reporter: Reporter) -> np.ndarray:
    """bool [N]: the products of ``test`` that tell of new ones: with an answer, and no variants of what is learned from."""
    usable = _usable(test, truth)
    alike = usable & met_before(catalog, test)
    if count := int(alike.sum()):
        reporter.say(
            f"{count:,} of {int(usable.sum()):,} products of the test catalog are not tested on: they share a title, an image or "
            "a group with products that are learned from"
        )
    if not (usable & ~alike).any():
        raise CatalogError(
            "expected a test catalog with products that are not in the training catalog too, but all share a title, an image or "
            "a group with one of it; leave out --test to have a part of the catalog set aside"
        )
    return usable & ~alike


def _usable(catalog: Catalog, truth: Truth) -> np.ndarray:
    """bool [N]: rows that could be read and carry an answer."""
    return np.array([bool(value) and row not in catalog.row_errors for row, value in enumerate(truth.values)])
