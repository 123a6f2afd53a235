"""What every classifier of a fusion experiment says, computed once.

That is: out-of-fold scores, scores of the test products, and scores of the very products that it learned from.

One classifier on one fold is one piece of work in the store; those of one classifier are trained side by side. An interrupted
experiment goes on with the classifier where it was, and a policy that is added retrains nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from shelfwise.encoders.base import Encoded
from shelfwise.errors import ShelfwiseError, TargetError
from shelfwise.experiments.cache import Result, ResultStore, work_key
from shelfwise.experiments.study_data import StudyData
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.rounds import Round, plan_rounds
from shelfwise.learning.trainer import Trainer, raw_scores
from shelfwise.recipe import ClassifierRecipe, Recipe
from shelfwise.taxonomy.targets import Target

MOST_SCORES = 400_000_000
"""Classifiers × products × outcomes held in memory at once: 1.6 GB."""


@dataclass(frozen=True)
class Scores:
    """Logits float32 [classifiers, N, outcomes], 0 where absent, and presence bool [classifiers, N]."""

    logits: np.ndarray
    present: np.ndarray

    def of(self, places: Sequence[int]) -> Scores:
        """Those of some classifiers, in the order given."""
        return Scores(self.logits[list(places)], self.present[list(places)])


@dataclass(frozen=True)
class Outputs:
    """All that policies are fitted and tested on.

    ``names``: the classifiers that could be trained; ``left_out``: the others, with the reason. ``rows`` are the training
    products: ``held`` is what classifiers that did not see them say of them, ``seen`` what the final classifiers say, which did
    (the leaky way). ``test_rows`` and ``test``: the test products, by the final classifiers. ``keys``: what each classifier's
    outputs depend on. ``facts``: per classifier the epochs and seconds of its training.
    """

    names: list[str]
    left_out: dict[str, str]
    rows: np.ndarray
    test_rows: np.ndarray
    held: Scores
    seen: Scores
    test: Scores
    keys: dict[str, str]
    facts: dict[str, dict[str, Any]]


class OutputMaker:
    """Computes, or finds in the store, the outputs of a complete recipe's classifiers."""

    def __init__(
        self,
        data: StudyData,
        recipe: Recipe,
        target: Target,
        train: np.ndarray,
        test: np.ndarray,
        store: ResultStore,
    ) -> None:
        """``train`` and ``test``: ascending rows of ``data`` whose answers the target knows."""
        scores = len(recipe.classifiers) * (2 * len(train) + len(test)) * target.n_outcomes
        if scores > MOST_SCORES:
            raise ShelfwiseError(
                f"expected at most {MOST_SCORES:,} scores (classifiers × products × outcomes) in an experiment, got {scores:,}; "
                "take fewer products with --products, or fewer labels with --min-products"
            )
        self.data, self.recipe, self.target, self.store = data, recipe, target, store
        self.test = test
        self.rounds: list[Round] = plan_rounds(train, data.groups, data.ids, recipe)
        self.rows = np.concatenate([one.held_out for one in self.rounds])
        self.train = train
        self.truth = target.encode(data.values)

    def make(self) -> Outputs:
        """The outputs of all classifiers. Raises TargetError when none of them has anything to learn from."""
        if self.recipe.training.threads:
            torch.set_num_threads(self.recipe.training.threads)
        names, left_out, parts, keys, facts = [], {}, [], {}, {}
        for one in self.recipe.classifiers:
            made = self._classifier(one)
            if made is None:
                left_out[one.name] = "its inputs are empty in all products to learn from"
                continue
            held, final, keys[one.name], facts[one.name] = made
            names.append(one.name)
            parts.append((held, final))
        if not names:
            raise TargetError(
                "expected labelled products with at least one usable input to learn from, but no input has a value in any of "
                "them; check the input columns"
            )
        return Outputs(
            names,
            left_out,
            self.rows,
            self.test,
            _stack([held for held, _ in parts]),
            _stack([Scores(final.arrays["seen"], final.arrays["seen_present"]) for _, final in parts]),
            _stack([Scores(final.arrays["test"], final.arrays["test_present"]) for _, final in parts]),
            keys,
            facts,
        )

    def _classifier(self, one: ClassifierRecipe) -> tuple[Scores, Result, str, dict[str, Any]] | None:
        """Out-of-fold scores, the final classifier's result, its key and facts; None where there is nothing to learn from."""
        recipe = self._alone(one)
        folds = self._folds(one.name, recipe)
        trained = [fold for fold in folds if fold.facts["trained"]]
        if not trained:
            return None
        epochs = max(1, round(sum(fold.facts["epochs"] for fold in trained) / len(trained)))
        final, key = self._final(one.name, recipe, epochs)
        held = Scores(
            np.concatenate([fold.arrays["logits"] for fold in folds]),
            np.concatenate([fold.arrays["present"] for fold in folds]),
        )
        seconds = final.facts["seconds"] + sum(fold.facts["seconds"] for fold in folds)
        facts = {
            "epochs": epochs,
            "seconds": seconds,
            "inputs": list(one.inputs),
            "solver": one.solver,
            "encoders": [str((each.encoder or {}).get("kind")) for each in recipe.inputs],
        }
        return held, final, key, facts

    def _alone(self, one: ClassifierRecipe) -> Recipe:
        """The recipe with nothing but one classifier and its inputs: its encoders and outputs depend on nothing else."""
        inputs = [each for each in self.recipe.inputs if each.name in one.inputs]
        return self.recipe.model_copy(update={"classifiers": [one], "inputs": inputs})

    def _key(self, recipe: Recipe, **parts: Any) -> str:
        training = recipe.training.model_copy(update={"threads": None})
        return work_key(
            data=self.data.key,
            classifiers=recipe.classifiers,
            inputs=recipe.inputs,
            training=training,
            target=self.target.to_json(),
            **parts,
        )

    def _folds(self, name: str, recipe: Recipe) -> list[Result]:
        """What the classifier that did not see a fold says of it, for every fold."""
        places = [
            (f"{name}-fold-{number}", self._key(recipe, fit=one.fit, score=one.held_out))
            for number, one in enumerate(self.rounds, start=1)
        ]
        lacking = [number for number, place in enumerate(places) if self.store.find(*place) is None]
        if lacking:
            began = time.perf_counter()
            plans = [
                Plan(
                    self.rounds[number].fit,
                    self.rounds[number].held_out,
                    where=f" (fold {number + 1} of {len(self.rounds)})",
                    keep=False,
                )
                for number in lacking
            ]
            trained = self._trainer(recipe).fit_all(plans)
            seconds = (time.perf_counter() - began) / len(lacking)
            for number, found in zip(lacking, trained, strict=True):
                self.store.put(*places[number], self._fold(name, number, found, seconds))
                self.store.made += 1
        return [self.store.get(*place, _not_kept) for place in places]

    def _fold(self, name: str, number: int, found: Trained, seconds: float) -> Result:
        if name not in found.fits:
            held_out = len(self.rounds[number].held_out)
            arrays = {
                "logits": np.zeros((held_out, self.target.n_outcomes), np.float32),
                "present": np.zeros(held_out, bool),
            }
            return Result(arrays, {"trained": False, "epochs": 0, "seconds": 0.0})
        logits, present = found.scores[name]
        facts = {"trained": True, "epochs": found.fits[name].best_epoch, "seconds": seconds}
        return Result({"logits": _hidden(logits, present), "present": present}, facts)

    def _final(self, name: str, recipe: Recipe, epochs: int) -> tuple[Result, str]:
        def make() -> Result:
            began = time.perf_counter()
            found = self._trainer(recipe).fit(self.train, None, {name: epochs}, " on all training products")
            arrays: dict[str, np.ndarray] = {}
            for part, rows in (("seen", self.rows), ("test", self.test)):
                logits, present = raw_scores(found, rows)[name]
                arrays |= {part: _hidden(logits, present), f"{part}_present": present}
            return Result(arrays, {"seconds": time.perf_counter() - began})

        key = self._key(recipe, fit=self.train, epochs=epochs, seen=self.rows, test=self.test)
        return self.store.get(f"{name}-final", key, make), key

    def _trainer(self, recipe: Recipe) -> Trainer:
        prepared: dict[str, Encoded] = self.data.prepared(recipe.inputs)
        return Trainer(recipe, self.target, prepared, self.truth, self.data.reporter)


def _not_kept() -> Result:
    raise ShelfwiseError(
        "expected an experiment's results where they were kept a moment ago, but they are gone; is another program emptying the "
        "store's folder?"
    )


def _hidden(logits: np.ndarray, present: np.ndarray) -> np.ndarray:
    return np.where(present[:, None], logits, 0.0).astype(np.float32)


def _stack(parts: Sequence[Scores]) -> Scores:
    return Scores(np.stack([one.logits for one in parts]), np.stack([one.present for one in parts]))
