"""Runs a study's models at every size and seed: what was computed before is found, and what time does not allow is named."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shelfwise.experiments.cache import Result, ResultStore, work_key
from shelfwise.experiments.study_ahead import Piece, measure_ahead
from shelfwise.experiments.study_data import Draw, StudyData
from shelfwise.experiments.study_measure import ITSELF, measure, most_frequent_scores
from shelfwise.experiments.training_sizes import Size
from shelfwise.recipe import Recipe


@dataclass(frozen=True)
class Contender:
    """One model of a study. ``recipe``: complete, for the training rows it is given; None always answers what is most frequent.

    ``readings``: name → how its dependent levels are decoded; without, it has one reading, called as itself.
    """

    name: str
    what: str
    recipe: Callable[[np.ndarray], Recipe] | None
    readings: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        """What its rows in tables are called."""
        return list(self.readings) or [self.name]


@dataclass(frozen=True)
class Measured:
    """One reading of one contender at one size and seed; ``facts`` as ``study_measure.measure`` gives them."""

    name: str
    contender: Contender
    size: Size
    seed: int
    facts: Mapping[str, Any]

    @property
    def test(self) -> Mapping[str, Any]:
        """Scores on products that were not learned from."""
        found: Mapping[str, Any] = self._reading["test"]
        return found

    @property
    def train(self) -> Mapping[str, Any] | None:
        """Scores on products that were learned from; None where nothing was learned."""
        return self._reading.get("train")

    @property
    def _reading(self) -> Mapping[str, Any]:
        readings: Mapping[str, Mapping[str, Any]] = self.facts["readings"]
        return readings[self.name if self.contender.readings else ITSELF]


@dataclass(frozen=True)
class Runs:
    """All that was measured, and in words what was not for lack of time."""

    measured: list[Measured]
    missing: list[str]
    computed: int
    """Models trained now; the others were found in the cache."""

    def of(self, name: str, size: Size) -> list[Measured]:
        """The runs of one row of a table, by ascending seed."""
        found = [one for one in self.measured if one.name == name and one.size == size]
        return sorted(found, key=lambda one: one.seed)

    @property
    def sizes(self) -> list[Size]:
        """The sizes of which something was measured, ascending."""
        return list(dict.fromkeys(one.size for one in self.measured))

    @property
    def names(self) -> list[str]:
        """The rows' names in the order of the study."""
        return list(dict.fromkeys(one.name for one in self.measured))


def run_all(
    study: str,
    data: StudyData,
    contenders: Sequence[Contender],
    sizes: Sequence[Size],
    seeds: int,
    store: ResultStore,
    minutes: float | None,
) -> Runs:
    """Measure every contender at every size and seed 0 … ``seeds`` - 1, small sizes first.

    Every finished model is in ``store`` before the next begins, so a killed run goes on where it was. After ``minutes`` no
    further model is trained; results that are in the store still count. Raises ShelfwiseError.
    """
    until = None if minutes is None else time.time() + 60 * minutes
    measured: list[Measured] = []
    missing: list[str] = []
    before = store.made
    sizes = _distinct(data, sizes)
    draws = {(size, seed): data.draw(size, seed) for size in sizes for seed in range(seeds)}
    lacking = _lacking(study, data, contenders, draws, store)
    ahead = measure_ahead(study, data, lacking, store, until)
    with data.reporter.stage(f"experiment {study}", len(sizes) * seeds * len(contenders), "models") as stage:
        for size in sizes:
            for seed in range(seeds):
                draw = draws[size, seed]
                for one in contenders:
                    facts = _result(study, data, one, draw, seed, store, until)
                    if facts is None:
                        missing.append(f"{one.name}, {say_size(size)}, seed {seed}")
                    else:
                        measured += [Measured(name, one, size, seed, facts) for name in one.rows]
                    stage.advance(1, f"{one.name}, {say_size(size)}")
    return Runs(measured, missing, store.made - before + ahead)


def _distinct(data: StudyData, sizes: Sequence[Size]) -> list[Size]:
    """Without sizes that are as large as all products there are: those are "all", once."""
    kept: list[Size] = []
    for size in sizes:
        found = None if size is None or size >= data.to_learn_from else size
        if found not in kept:
            kept.append(found)
    return kept


def _result(
    study: str,
    data: StudyData,
    one: Contender,
    draw: Draw,
    seed: int,
    store: ResultStore,
    until: float | None,
) -> Mapping[str, Any] | None:
    """The facts of one model; None where they are not in the store and the time is up."""
    recipe = None if one.recipe is None else _seeded(one.recipe(draw.train), seed)
    place = _place(study, data, one, recipe, draw, seed)
    found = store.find(*place)
    if found is not None:
        return found.facts
    if until is not None and time.time() >= until:
        return None
    make = (
        (lambda: most_frequent_scores(data, draw))
        if recipe is None
        else (lambda: measure(data, recipe, draw, one.readings))
    )
    return store.get(*place, lambda: Result(facts=make())).facts


def _lacking(
    study: str,
    data: StudyData,
    contenders: Sequence[Contender],
    draws: Mapping[tuple[Size, int], Draw],
    store: ResultStore,
) -> list[Piece]:
    """The models that are still to be trained, small sizes first."""
    pieces = []
    for (_, seed), draw in draws.items():
        for one in contenders:
            if one.recipe is not None:
                recipe = _seeded(one.recipe(draw.train), seed)
                name, key = _place(study, data, one, recipe, draw, seed)
                if store.find(name, key) is None:
                    pieces.append(Piece(name, key, recipe, draw, one.readings))
    return pieces


def _place(
    study: str, data: StudyData, one: Contender, recipe: Recipe | None, draw: Draw, seed: int
) -> tuple[str, str]:
    """A run's name and key in the store."""
    key = work_key(
        data=data.key,
        # Threads change nothing but the time.
        recipe=recipe and recipe.model_dump(mode="json", exclude={"training": {"threads"}}),
        readings=dict(one.readings),
        train=draw.train,
        test=draw.test,
        seed=seed,
    )
    return f"{study} {one.name} {len(draw.train)} {seed}", key


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"seed": seed})})


def say_size(size: Size) -> str:
    """A size as people say it."""
    return "all products" if size is None else f"{size:,} products"
