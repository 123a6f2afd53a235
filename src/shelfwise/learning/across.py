"""One training's lessons divided among several processes (``training/ranks.py``), and what they came to put together in each.

Whole lessons are divided, one classifier of one round each, not the products of a batch: what comes out is then the same to the
last bit as in one process, and nothing is exchanged while a classifier is trained. A training has some twenty to thirty
lessons, so as many processes are kept busy; a single large classifier is trained no sooner.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from shelfwise.ensemble import build_classifier
from shelfwise.learning.lessons import Learned, Lesson
from shelfwise.learning.plans import Plan, Trained
from shelfwise.learning.unfinished import KeptParts, parts_of, snapshot_of
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import Target
from shelfwise.training.checkpoint import from_bytes, to_bytes
from shelfwise.training.network import Classifier
from shelfwise.training.ranks import Ranks


class Across:
    """Divides the lessons of ``plans`` among ``ranks``, the same in each of them.

    ``finished``: per plan the names of the classifiers that the leading rank still has from an interrupted training.
    """

    def __init__(self, ranks: Ranks, finished: Sequence[Sequence[str]]) -> None:
        self._ranks = ranks
        told = ranks.share(0, json.dumps([list(names) for names in finished]).encode())
        self._finished = [set(names) for names in json.loads(told)]
        self._load = np.zeros(ranks.count)
        self._owners: list[list[tuple[Lesson, int]]] = []

    def mine(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Which of the next plan's lessons this rank is to do: the longest first, each to the rank with the least to do."""
        finished = self._finished[len(self._owners)]
        owner = {}
        for one in sorted(lessons, key=lambda one: (-one.effort, one.recipe.name)):
            rank = 0 if one.recipe.name in finished else int(self._load.argmin())
            owner[one.recipe.name] = rank
            self._load[rank] += 0 if one.recipe.name in finished else one.effort
        self._owners.append([(one, owner[one.recipe.name]) for one in lessons])
        return [one for one in lessons if owner[one.recipe.name] == self._ranks.index]

    def together(
        self, plans: Sequence[Plan], trained: Sequence[Trained], recipe: Recipe, target: Target
    ) -> list[Trained]:
        """Every rank's lessons in every rank, in the recipe's order; ``trained`` is what this one came to."""
        return [
            self._whole(plan, mine, owners, recipe, target)
            for plan, mine, owners in zip(plans, trained, self._owners, strict=True)
        ]

    def _whole(
        self,
        plan: Plan,
        mine: Trained,
        owners: Sequence[tuple[Lesson, int]],
        recipe: Recipe,
        target: Target,
    ) -> Trained:
        whole = Trained(mine.encoders, {}, {}, mine.data, {})
        for lesson, owner in owners:
            name = lesson.recipe.name
            given = to_bytes(snapshot_of(*_parts(mine, name))) if owner == self._ranks.index else None
            learned = Learned(*parts_of(from_bytes(self._ranks.share(owner, given))))
            whole.fits[name] = learned.fit
            if learned.scores is not None:
                whole.scores[name] = learned.scores
            if learned.weights is not None and plan.keep:
                whole.classifiers[name] = mine.classifiers.get(name) or _classifier(
                    lesson, mine, learned.weights, recipe, target
                )
            if lesson.kept is not None and owner != self._ranks.index:
                lesson.kept.write(learned.fit, learned.scores, learned.weights)
        return whole


def _parts(trained: Trained, name: str) -> KeptParts:
    """What this rank's classifier came to."""
    classifier = trained.classifiers.get(name)
    weights = None
    if classifier is not None:
        weights = {key: value.cpu().numpy() for key, value in classifier.state_dict().items()}
    return trained.fits[name], trained.scores.get(name), weights


def _classifier(
    lesson: Lesson, trained: Trained, weights: dict[str, np.ndarray], recipe: Recipe, target: Target
) -> Classifier:
    """Another rank's classifier, from its weights and the encoders that are the same in all ranks."""
    built = build_classifier(lesson.recipe, trained.encoders, trained.data, target, recipe.training.seed)
    built.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return built.eval()
