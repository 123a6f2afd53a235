"""How a model is made: what is fitted on which products, and in what order.

1. In each round (``rounds.py``) encoders and classifiers are fitted on some products and score others.
2. Temperatures, policy, thresholds and the fused probability are fitted on those held-out scores (``fusing.py``).
3. If the recipe says so, encoders and classifiers are fitted once more on all labelled products, for the number of epochs that
   the rounds found; nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from shelfwise.encoders.base import Encoder
from shelfwise.ensemble import (
    Ensemble,
    Prepared,
    build_classifier,
    build_encoders,
    choose_device,
    usable,
)
from shelfwise.errors import TargetError
from shelfwise.fusing import HeldOutScores, Quality, fuse
from shelfwise.fusion import build_policy
from shelfwise.heads import build_head
from shelfwise.heads.class_weights import class_weights
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.rounds import Round
from shelfwise.taxonomy.targets import Target
from shelfwise.training.linear_svm import train_linear_svm
from shelfwise.training.loop import EpochRecord, Fit, outcome_logits, train
from shelfwise.training.network import Classifier

_LEAST_HELD_OUT = 4
"""Fewer held-out products than this choose nothing."""
_CHECKED = 2_000
"""Held-out products that are scored after every epoch: enough to see when to stop."""


@dataclass(frozen=True)
class FittingRecord:
    """What is told of a fit: every classifier's training in the first round, the scores on held-out products, what was
    chosen."""

    fits: dict[str, Fit]
    scores: dict[str, float]
    policy: str


@dataclass(frozen=True)
class Trained:
    """What one fit of encoders and classifiers gave; ``data`` is every input as those encoders see it."""

    encoders: dict[str, Encoder]
    classifiers: dict[str, Classifier]
    fits: dict[str, Fit]
    data: Prepared


def fit_ensemble(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    truth: np.ndarray,
    groups: np.ndarray,
    rounds: Sequence[Round],
    refit: np.ndarray | None,
    reporter: Reporter,
) -> tuple[Ensemble, FittingRecord]:
    """Fit everything; ``truth`` is what ``target.encode`` gave for every row of ``prepared``, ``groups`` their groups.

    ``refit``: the rows of the last fit; None keeps the classifiers of the only round. Raises RecipeError, before anything is
    trained, for a policy or head that is unknown or does not fit the target.
    """
    for kind in recipe.fusion.policies:
        build_policy(kind, target.exclusive)
    for one in recipe.classifiers:
        build_head(one.head, target)
    trainer = Trainer(recipe, target, prepared, truth, reporter)
    trained: list[Trained] = []
    parts: list[dict[str, tuple[np.ndarray, np.ndarray]]] = []
    for number, one_round in enumerate(rounds):
        where = f" (fold {number + 1} of {len(rounds)})" if len(rounds) > 1 else ""
        found = trainer.fit(one_round.fit, one_round.held_out, None, where)
        parts.append(raw_scores(found, one_round.held_out))
        trained.append(found if refit is None else Trained({}, {}, found.fits, {}))
    names = [one.name for one in recipe.classifiers if any(one.name in found.fits for found in trained)]
    if not names:
        raise TargetError(
            "expected labelled products with at least one usable input to learn from, but no input has a value in any of "
            "them; check the input columns"
        )
    held = _stack(names, parts, rounds, target)
    fused = fuse(recipe, target, names, held, truth, groups)
    last = trained[0]
    if refit is not None:
        last = trainer.fit(refit, None, _epochs(names, trained), " on all products")
    ensemble = Ensemble(
        target,
        last.encoders,
        [last.classifiers[name] for name in names],
        fused.policy,
        fused.calibration,
        fused.accept,
        names,
        fused.label_rules,
    )
    return ensemble, FittingRecord(trained[0].fits, fused.scores, fused.told)


def _epochs(names: Sequence[str], trained: Sequence[Trained]) -> dict[str, int]:
    """For how many epochs each classifier was best, on average over the rounds."""
    found = {}
    for name in names:
        best = [one.fits[name].best_epoch for one in trained if name in one.fits]
        found[name] = max(1, round(sum(best) / len(best)))
    return found


def raw_scores(found: Trained, rows: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each classifier's raw logits of ``rows`` and for which of them it is present."""
    return {
        name: (
            outcome_logits(classifier, found.data, rows),
            usable(classifier.recipe, found.data)[rows],
        )
        for name, classifier in found.classifiers.items()
    }


def _stack(
    names: Sequence[str],
    parts: Sequence[Mapping[str, tuple[np.ndarray, np.ndarray]]],
    rounds: Sequence[Round],
    target: Target,
) -> HeldOutScores:
    """All rounds' scores, without the products that no classifier can read: of them nothing can be learned."""
    rows = np.concatenate([one.held_out for one in rounds])
    logits = np.zeros((len(names), len(rows), target.n_outcomes), np.float32)
    present = np.zeros((len(names), len(rows)), bool)
    start = 0
    for one, part in zip(rounds, parts, strict=True):
        place = slice(start, start + len(one.held_out))
        for which, name in enumerate(names):
            if name in part:
                mine, here = part[name]
                logits[which, place], present[which, place] = np.where(here[:, None], mine, 0.0), here
        start = place.stop
    reachable = np.flatnonzero(present.any(0))
    return HeldOutScores(logits[:, reachable], present[:, reachable], rows[reachable])


class Trainer:
    """Fits encoders and classifiers of one recipe on whichever rows it is given."""

    def __init__(
        self, recipe: Recipe, target: Target, prepared: Prepared, truth: np.ndarray, reporter: Reporter
    ) -> None:
        self.recipe, self.target, self.prepared = recipe, target, prepared
        self.truth, self.reporter = truth, reporter
        self.device = choose_device(recipe)
        self.told: set[str] = set()

    def fit(
        self,
        rows: np.ndarray,
        held_out: np.ndarray | None,
        epochs: Mapping[str, int] | None,
        where: str,
        on_epoch: Callable[[str, EpochRecord], None] | None = None,
    ) -> Trained:
        """Every classifier that has something to learn from; one whose inputs are all empty is left out, and so is one
        that ``epochs`` does not name. ``on_epoch`` is told a classifier's name and each of its epochs."""
        encoders = build_encoders(self.recipe.inputs)
        encoders = {name: encoder.fit(self.prepared[name], rows) for name, encoder in encoders.items()}
        for name, encoder in encoders.items():
            for remark in encoder.remarks() if epochs is None else ():
                self._say_once(f"'{name}': {remark}")
        data = {name: encoder.transform(self.prepared[name]) for name, encoder in encoders.items()}
        weights = class_weights(
            self.recipe.training.class_weights,
            self.target.exclusive,
            self.truth[rows],
            self.target.n_outcomes,
        )
        trained = Trained(encoders, {}, {}, data)
        for one in self.recipe.classifiers:
            if epochs is not None and one.name not in epochs:
                continue
            carried = usable(one, data)
            mine = rows[carried[rows]]
            if not len(mine) or all(encoders[name].width == 0 for name in one.inputs):
                self._say_once(
                    f"classifier '{one.name}' left out: its inputs are empty in all products to learn from"
                )
                continue
            classifier = build_classifier(one, encoders, data, self.target, self.recipe.training.seed)
            classifier = classifier.to(self.device)
            checked = None if held_out is None else self._checked(held_out[carried[held_out]])
            count = one.epochs if epochs is None else epochs[one.name]
            score = None if checked is None else Quality(self.target)
            steps = len(mine) * (count if one.solver == "gradient" else 1)
            with self.reporter.stage(f"training {one.name}{where}", steps) as stage:
                given = (classifier, data, self.truth, mine, self.recipe.training, stage)
                told = None if on_epoch is None else partial(on_epoch, one.name)
                if one.solver == "svm":
                    fit = train_linear_svm(
                        *given, held_out=checked, score=score, weights=weights, on_epoch=told
                    )
                else:
                    fit = train(
                        *given, held_out=checked, score=score, epochs=count, weights=weights, on_epoch=told
                    )
            trained.fits[one.name] = fit
            trained.classifiers[one.name] = classifier
        return trained

    def _checked(self, held_out: np.ndarray) -> np.ndarray | None:
        """The held-out products that choose the number of epochs; None where they are too few to."""
        if len(held_out) < _LEAST_HELD_OUT:
            return None
        drawn = np.random.default_rng(self.recipe.training.seed).permutation(held_out)[:_CHECKED]
        return np.sort(drawn)

    def _say_once(self, line: str) -> None:
        if line not in self.told:
            self.told.add(line)
            self.reporter.say(line)
