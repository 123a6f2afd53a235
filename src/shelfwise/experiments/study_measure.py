"""One trained model of a study, scored: on products it never saw, and, as the paper did, on those it learned from."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from shelfwise.ensemble import Ensemble, Prepared, usable
from shelfwise.evaluation.evaluation import label_set_scores, path_scores
from shelfwise.evaluation.hierarchy import level_values
from shelfwise.evaluation.metrics import accuracy, most_frequent
from shelfwise.experiments.study_data import Draw, StudyData
from shelfwise.heads.dependent import DependentHead
from shelfwise.learning.fitting import fit_ensemble
from shelfwise.learning.rounds import plan_rounds, refit_rows
from shelfwise.learning.task import make_target
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget
from shelfwise.training.loop import PREDICT_ROWS, outcome_logits
from shelfwise.training.network import Classifier

ITSELF = ""
"""The reading of a model that has only one."""
_BLOCK = 8 * PREDICT_ROWS
_TRAIN_SCORED = 4_000
"""Training products that are scored too: enough to see how far they mislead."""
_NEARLY = 1e-4
"""Log-probabilities of one path, found on two ways, differ by rounding alone."""


def fit_on(data: StudyData, recipe: Recipe, draw: Draw) -> tuple[Ensemble, Prepared, int]:
    """A model of ``recipe`` (complete) from the training rows of ``draw``; its encoders' output for all rows; epochs trained.

    Raises ShelfwiseError where there is nothing to learn.
    """
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    target = make_target(recipe, data.truth_of(draw.train))
    prepared = data.prepared(recipe.inputs)
    encoded = target.encode(data.values)
    rounds = plan_rounds(draw.train, data.groups, data.ids, recipe)
    refit = refit_rows(recipe, draw.train, rounds)
    ensemble, record = fit_ensemble(
        recipe, target, prepared, encoded, data.groups, rounds, refit, data.reporter
    )
    epochs = max((len(fit.curve) for fit in record.fits.values()), default=0)
    return ensemble, ensemble.transform(prepared), epochs


def answers(ensemble: Ensemble, encoded: Prepared, rows: np.ndarray) -> list[tuple[str, ...]]:
    """The path or label set of each of ``rows``; empty where the product has no input that the model can read."""
    target = ensemble.target
    found: list[tuple[str, ...]] = []
    for start in range(0, len(rows), _BLOCK):
        logits, present = ensemble.logits(encoded, rows[start : start + _BLOCK])
        decided = ensemble.decide(ensemble.probabilities(logits, present), logits, present)
        for chosen, here in zip(decided.chosen, np.asarray(present.any(axis=0)), strict=True):
            if not here:
                found.append(())
            elif isinstance(target, PathTarget):
                found.append(target.outcomes[int(chosen)])
            else:
                found.append(tuple(target.labels[label] for label in np.flatnonzero(chosen)))
    return found


def measure(data: StudyData, recipe: Recipe, draw: Draw, readings: Mapping[str, str]) -> dict[str, Any]:
    """Fit once and score; what JSON can hold. ``readings``: a name → how dependent levels are decoded; none: as the recipe says.

    Of each reading ``test`` and ``train`` have the scores on the test products and on up to 4,000 of the training products.
    """
    began = time.perf_counter()
    ensemble, encoded, epochs = fit_on(data, recipe, draw)
    trained_s = time.perf_counter() - began
    random = np.random.default_rng(recipe.training.seed)
    parts = {"test": draw.test, "train": np.sort(random.permutation(draw.train)[:_TRAIN_SCORED])}
    facts = _facts(data, draw) | {"epochs": epochs, "train_s": trained_s}
    if readings:
        return facts | _read_in_ways(data, ensemble, encoded, parts, readings)
    found = {part: answers(ensemble, encoded, rows) for part, rows in parts.items()}
    scores = {part: _scores(data, ensemble, rows, found[part]) for part, rows in parts.items()}
    return facts | {"readings": {ITSELF: scores}}


def _read_in_ways(
    data: StudyData,
    ensemble: Ensemble,
    encoded: Prepared,
    parts: Mapping[str, np.ndarray],
    readings: Mapping[str, str],
) -> dict[str, Any]:
    """The scores of one network's paths decoded in several ways, and what the searches found beside each other."""
    (classifier,) = ensemble.classifiers
    assert isinstance(classifier, Classifier), "what was just trained is no export"
    head = classifier.head
    if not isinstance(head, DependentHead):
        raise TypeError(
            f"expected a head of dependent levels to decode in several ways, got {type(head).__name__}"
        )
    found: dict[str, Any] = {}
    tested: dict[str, np.ndarray] = {}
    for name, decode in readings.items():
        head.decode = decode  # type: ignore[assignment]
        found[name] = {}
        for part, rows in parts.items():
            logits = outcome_logits(classifier, encoded, rows)
            if part == "test":
                tested[decode] = logits
            here = usable(classifier.recipe, encoded)[rows]
            paths = [ensemble.target.as_paths[chosen] for chosen in logits.argmax(1)]
            paths = [path if known else () for path, known in zip(paths, here, strict=True)]
            found[name][part] = _scores(data, ensemble, rows, paths)
    searched = {"search": _compare_searches(tested)} if {"greedy", "beam", "exact"} <= set(tested) else {}
    return {"readings": found} | searched


def _facts(data: StudyData, draw: Draw) -> dict[str, Any]:
    known = {data.values[row] for row in draw.train}
    return {
        "products": len(draw.train),
        "groups": len(np.unique(data.groups[draw.train])),
        "tested": len(draw.test),
        "categories": len(known),
        "unknown": sum(data.values[row] not in known for row in draw.test),
    }


def _scores(
    data: StudyData, ensemble: Ensemble, rows: np.ndarray, predicted: Sequence[tuple[str, ...]]
) -> dict[str, Any]:
    truth = [data.values[row] for row in rows]
    if isinstance(ensemble.target, LabelTarget):
        labels = label_set_scores(truth, predicted)
        return {"score": labels.micro_f1, "exact": labels.exact_match}
    depth = max(len(path) for path in data.values)
    paths = path_scores(truth, predicted, depth)
    return {
        "levels": list(paths.level_accuracy),
        "mean": paths.mean_of_levels,
        "score": paths.whole_path,
        "hierarchical_f1": paths.hierarchical_f1,
    }


def _compare_searches(logits: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How often the beam's path is more, and less, probable than the greedy one, by the exact probability of both; and how often
    each is the most probable of all. ``logits`` [N, outcomes] by the way of decoding, those of "exact" being exact."""
    exact = logits["exact"]
    chosen = {decode: found.argmax(1) for decode, found in logits.items()}
    place = np.arange(len(exact))
    greedy, beam = exact[place, chosen["greedy"]], exact[place, chosen["beam"]]
    best = exact[place, chosen["exact"]]
    return {
        "beam_better": float((beam > greedy + _NEARLY).mean()),
        "beam_worse": float((beam < greedy - _NEARLY).mean()),
        "beam_best": float((beam >= best - _NEARLY).mean()),
        "greedy_best": float((greedy >= best - _NEARLY).mean()),
    }


def most_frequent_scores(data: StudyData, draw: Draw) -> dict[str, Any]:
    """What always answering the most frequent name of a level, and the most frequent path, gets on the test products."""
    learned = [data.values[row] for row in draw.train]
    truth = [data.values[row] for row in draw.test]
    levels = []
    for level in range(max(len(path) for path in data.values)):
        common = most_frequent(Counter(str(name) for name in level_values(learned, level)))
        levels.append(accuracy(level_values(truth, level), [common] * len(truth)))
    path = most_frequent(Counter(learned))
    whole = accuracy(truth, [path] * len(truth))
    scores = {"levels": levels, "mean": float(np.mean(levels)), "score": whole}
    return _facts(data, draw) | {"epochs": 0, "train_s": 0.0, "readings": {ITSELF: {"test": scores}}}
