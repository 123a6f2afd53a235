"""How a model is made: what is fitted on which products, and in what order.

Labelled products are split by group into three parts: *fit* (classifiers), *choose* (epochs, temperatures, policy, label
threshold) and *calibrate* (the fused probability and the accept threshold). Then, if the recipe says so, encoders and
classifiers are fitted once more on all of them, for the number of epochs found; nothing else is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_softmax, softmax

from shelfwise.decision.calibration import fit_scale_and_shift, fit_temperature
from shelfwise.decision.confidence import decide
from shelfwise.decision.routing import fit_accept_rule
from shelfwise.decision.thresholds import best_micro_f1_threshold
from shelfwise.encoders.base import Encoder
from shelfwise.ensemble import (
    Calibration,
    Ensemble,
    Prepared,
    build_classifier,
    build_encoders,
    choose_device,
    stacked_logits,
    usable,
)
from shelfwise.errors import TargetError
from shelfwise.fusion import build_policy
from shelfwise.fusion.policies import Policy, Single
from shelfwise.heads import build_head
from shelfwise.progress import Reporter
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.targets import UNLABELLED, LabelTarget, PathTarget, Target
from shelfwise.training.loop import Fit, train
from shelfwise.training.network import Classifier

_LEAST_HELD_OUT = 4
"""Fewer held-out products than this teach nothing."""


@dataclass(frozen=True)
class Parts:
    """Row numbers of the products that fit, choose and calibrate; no group is in two of them."""

    fit: np.ndarray
    choose: np.ndarray
    calibrate: np.ndarray

    @property
    def all(self) -> np.ndarray:
        """Every labelled product, in catalog order."""
        return np.sort(np.concatenate([self.fit, self.choose, self.calibrate]))


@dataclass(frozen=True)
class FittingRecord:
    """What is told of a fit: every classifier's training, the scores on held-out products, what was chosen."""

    fits: dict[str, Fit]
    scores: dict[str, float]
    policy: str


def fit_ensemble(
    recipe: Recipe,
    target: Target,
    prepared: Prepared,
    truth: np.ndarray,
    parts: Parts,
    refit: bool,
    reporter: Reporter,
) -> tuple[Ensemble, FittingRecord]:
    """Fit everything; ``truth`` is what ``target.encode`` gave for every row of ``prepared``.

    Raises RecipeError, before anything is trained, for a policy or head that is unknown or does not fit the target.
    """
    for kind in recipe.fusion.policies:
        build_policy(kind, target.exclusive)
    for one in recipe.classifiers:
        build_head(one.head, target)
    encoders = _fit_encoders(recipe, prepared, parts.fit)
    data = {name: encoder.transform(prepared[name]) for name, encoder in encoders.items()}
    classifiers, fits = _fit_classifiers(
        recipe, target, encoders, data, truth, parts.fit, parts.choose, None, reporter
    )
    if not classifiers:
        raise TargetError(
            "expected labelled products with at least one usable input to learn from, but no input has a value in any of "
            "them; check the input columns"
        )
    names = [classifier.recipe.name for classifier in classifiers]
    exclusive = target.exclusive

    held = np.concatenate([parts.choose, parts.calibrate])
    raw, present = stacked_logits(classifiers, data, held, (1.0,) * len(classifiers), exclusive)
    # Of products that no classifier can read nothing is said, and nothing can be learned of how sure to be.
    reachable = np.flatnonzero(present.any(0))
    raw, present, answers = raw[:, reachable], present[:, reachable], truth[held[reachable]]
    border = int((reachable < len(parts.choose)).sum())
    choosing, calibrating = slice(0, border), slice(border, None)
    temperatures = _temperatures(raw[:, choosing], present[:, choosing], answers[choosing], exclusive)
    logits = raw / np.array(temperatures)[:, None, None]
    if exclusive:
        logits = log_softmax(logits, axis=2)
    policy, scores = _choose_policy(
        recipe, target, names, logits[:, choosing], present[:, choosing], answers[choosing]
    )
    fused = policy.combine(logits, present)
    calibration = _calibrate(
        target, temperatures, fused[choosing], answers[choosing], fused[calibrating], answers[calibrating]
    )
    ensemble = Ensemble(
        target, encoders, classifiers, policy, calibration, fit_accept_rule(*_NOTHING, 1.0), names
    )
    probabilities = ensemble.probabilities(logits[:, calibrating], present[:, calibrating])
    decided = decide(target, probabilities, calibration)
    right = decided.right(_answers(target, answers[calibrating]))
    if target.multilabel:
        # Nothing else was fitted to whole sets yet: their confidence is calibrated on the same products.
        scale, shift = fit_scale_and_shift(decided.set_logits, right.astype(np.float64))
        calibration = Calibration(**{**calibration.__dict__, "set_scale": scale, "set_shift": shift})
        ensemble.calibration = calibration
        decided = decide(target, probabilities, calibration)
    ensemble.accept = fit_accept_rule(decided.confidence, right, recipe.routing.precision)
    if refit:
        epochs = {name: fit.best_epoch for name, fit in fits.items()}
        ensemble.encoders = _fit_encoders(recipe, prepared, parts.all)
        data = ensemble.transform(prepared)
        ensemble.classifiers, _ = _fit_classifiers(
            recipe, target, ensemble.encoders, data, truth, parts.all, None, epochs, reporter
        )
    return ensemble, FittingRecord(
        fits, scores, policy.kind if not isinstance(policy, Single) else names[policy.which]
    )


_NOTHING = (np.zeros(0), np.zeros(0, dtype=bool))


def _fit_encoders(recipe: Recipe, prepared: Prepared, rows: np.ndarray) -> dict[str, Encoder]:
    encoders = build_encoders(recipe.inputs)
    return {name: encoder.fit(prepared[name], rows) for name, encoder in encoders.items()}


def _fit_classifiers(
    recipe: Recipe,
    target: Target,
    encoders: dict[str, Encoder],
    data: Prepared,
    truth: np.ndarray,
    rows: np.ndarray,
    choose: np.ndarray | None,
    epochs: dict[str, int] | None,
    reporter: Reporter,
) -> tuple[list[Classifier], dict[str, Fit]]:
    """Every classifier that has something to learn from; one whose inputs are all empty is left out."""
    device = choose_device(recipe)
    weights = _class_weights(recipe, target, truth, rows)
    classifiers, fits = [], {}
    for one in recipe.classifiers:
        carried = usable(one, data)
        mine = rows[carried[rows]]
        if epochs is not None and one.name not in epochs:
            continue
        if not len(mine) or all(encoders[name].width == 0 for name in one.inputs):
            reporter.say(
                f"classifier '{one.name}' left out: its inputs are empty in all products to learn from"
            )
            continue
        classifier = build_classifier(one, encoders, data, target, recipe.training.seed).to(device)
        held_out = None if choose is None else choose[carried[choose]]
        use_held_out = held_out is not None and len(held_out) >= _LEAST_HELD_OUT
        rounds = one.epochs if epochs is None else epochs[one.name]
        label = f"training {one.name}" if epochs is None else f"training {one.name} on all products"
        with reporter.stage(label, len(mine) * rounds) as stage:
            fits[one.name] = train(
                classifier,
                data,
                truth,
                mine,
                recipe.training,
                stage,
                held_out=held_out if use_held_out else None,
                score=Quality(target) if use_held_out else None,
                epochs=rounds,
                weights=weights,
            )
        classifiers.append(classifier)
    return classifiers, fits


@dataclass(frozen=True)
class Quality:
    """(logits [N, outcomes], encoded truth) → 0–1, higher is better: whole-path accuracy, or micro-F1 of labels at the best
    single threshold."""

    target: Target

    def __call__(self, logits: np.ndarray, truth: np.ndarray) -> float:
        if isinstance(self.target, PathTarget):
            return float((logits.argmax(1) == truth).mean())
        probabilities = softmax(logits, axis=1) if self.target.exclusive else expit(logits)
        by_label, labels = self.target.label_probabilities(probabilities), _answers(self.target, truth)
        given = by_label >= best_micro_f1_threshold(by_label, labels)
        return float(2 * (given & (labels > 0)).sum() / max(given.sum() + labels.sum(), 1))


def _answers(target: Target, truth: np.ndarray) -> np.ndarray:
    """Encoded truth as answers are compared: outcome positions of paths, or 0 and 1 [N, labels]."""
    if isinstance(target, LabelTarget) and target.sets:
        return target.members[truth]
    return truth


def _class_weights(recipe: Recipe, target: Target, truth: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    if recipe.training.class_weights == "none":
        return None
    if not target.exclusive:
        positives = np.maximum(truth[rows].sum(0), 1)
        return np.clip((len(rows) - positives) / positives, 1.0, 20.0).astype(np.float32)
    counts = np.bincount(truth[rows], minlength=target.n_outcomes)
    seen = counts > 0
    return np.where(seen, len(rows) / (seen.sum() * np.maximum(counts, 1)), 0.0).astype(np.float32)


def _temperatures(
    logits: np.ndarray, present: np.ndarray, truth: np.ndarray, exclusive: bool
) -> tuple[float, ...]:
    found = []
    for mine, here in zip(logits, present, strict=True):
        if exclusive:
            found.append(fit_temperature(mine[here], truth[here]))
        else:
            scale, _ = fit_scale_and_shift(mine[here], truth[here])
            found.append(1 / scale if scale > 0 else 1.0)
    return tuple(found)


def _choose_policy(
    recipe: Recipe,
    target: Target,
    names: Sequence[str],
    logits: np.ndarray,
    present: np.ndarray,
    truth: np.ndarray,
) -> tuple[Policy, dict[str, float]]:
    """The first policy of the recipe that is within one standard error of the best, on products it was not fitted on (two
    halves, in turn); the best single classifier where no policy is: few held-out products must not let luck decide.
    """
    measure, exclusive = Quality(target), target.exclusive
    here = present.any(0)
    logits, present, truth = logits[:, here], present[:, here], truth[here]
    half = np.random.default_rng(recipe.training.seed).permutation(len(truth)) % 2 == 0
    candidates: dict[str, Policy] = {}
    for kind in recipe.fusion.policies:
        candidates[kind] = build_policy(kind, exclusive)
    scores = {}
    for which, name in enumerate(names):
        scores[name] = (
            measure(Single(exclusive, which).combine(logits, present), truth) if len(truth) else 0.0
        )
    for kind, policy in candidates.items():
        if len(truth) < _LEAST_HELD_OUT:
            scores[kind] = 0.0
            continue
        fused = np.empty(logits.shape[1:])
        for part in (half, ~half):
            policy.fit(logits[:, ~part], present[:, ~part], truth[~part])
            fused[part] = policy.combine(logits[:, part], present[:, part])
        scores[kind] = measure(fused, truth)
    best = max(scores, key=lambda name: (scores[name], name in candidates))
    margin = np.sqrt(scores[best] * (1 - scores[best]) / max(len(truth), 1))
    for kind, policy in candidates.items():
        if scores[kind] >= scores[best] - margin:
            return policy.fit(logits, present, truth), scores
    return Single(exclusive, list(names).index(best)), scores


def _calibrate(
    target: Target,
    temperatures: tuple[float, ...],
    chosen: np.ndarray,
    chosen_truth: np.ndarray,
    fused: np.ndarray,
    truth: np.ndarray,
) -> Calibration:
    """Scale the fused logits on the calibrating products; set the label threshold on the choosing ones."""
    shift = 0.0
    if target.exclusive:
        known = truth != UNLABELLED
        scale = 1 / fit_temperature(fused[known], truth[known])
        probabilities = softmax(chosen * scale, axis=1)
    else:
        scale, shift = fit_scale_and_shift(fused, truth)
        probabilities = expit(chosen * scale + shift)
    threshold = 0.5
    if isinstance(target, LabelTarget):
        by_label = target.label_probabilities(probabilities)
        threshold = best_micro_f1_threshold(by_label, _answers(target, chosen_truth))
    return Calibration(temperatures, scale=scale, shift=shift, threshold=threshold)
