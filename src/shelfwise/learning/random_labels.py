"""Held-out products whose labels look random, so that neither fusion nor the last training learns from them.

A policy learns how far to believe each classifier. From random labels it learns to believe none, and the surer a classifier is
the more so: of good classifiers it would make a poor whole. And what every product's label looks like to classifiers that did not
learn from it is known when all of them are trained once more.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from shelfwise.decision.category_groups import groups_of_each_category
from shelfwise.decision.label_noise import fit_label_noise
from shelfwise.ensemble import Calibration, fused_probabilities
from shelfwise.fusion import build_policy
from shelfwise.learning.scales import fit_last_scale, fit_temperatures, tempered
from shelfwise.taxonomy.targets import UNLABELLED, Target
from shelfwise.training.label_trust import LEAST_GROUPS, LEAST_OF_A_CATEGORY, LEAST_SHARE

_LEAST_PRODUCTS = 200
"""Of fewer held-out products it cannot be told how many labels are random."""


def without_random_labels(
    target: Target,
    logits: np.ndarray,
    scaled: np.ndarray,
    present: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray,
    seed: int,
) -> np.ndarray:
    """``truth`` (int64 [N]) with `UNLABELLED` for products whose label is more probably random than not, where more than a few
    are. Labels decided each for itself stay as they are, and so do those of categories that stand in few groups.

    Raw ``logits`` and ``present`` [classifiers, N, …] are of classifiers that did not learn from these products; ``scaled`` are
    their tempered logits. A first look at the mean of these, which takes no fitting, is all that most catalogs need.
    """
    known = np.flatnonzero(truth != UNLABELLED) if target.exclusive else np.zeros(0, np.int64)
    if len(known):
        known = known[groups_of_each_category(truth[known], groups[known]) >= LEAST_GROUPS]
    if len(known) < _LEAST_PRODUCTS:
        return truth
    given = truth[known]
    if fit_label_noise(_mean(scaled[:, known], present[:, known]), given, seed).share < LEAST_SHARE:
        return truth
    said = pooled_probabilities(target, logits[:, known], present[:, known], given, groups[known], seed)
    noise = fit_label_noise(said, given, seed)
    if noise.share < LEAST_SHARE:
        return truth
    trusted = truth.copy()
    trusted[known[noise.wrong(said, given) > 0.5]] = UNLABELLED
    return trusted


def to_leave_out(truth: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """int64: the places of products whose label ``truth`` (int64 [N]) is not in ``trusted`` any more. Of a category that would
    lose nearly all none are: what is hard to tell looks random too."""
    if trusted is truth:
        return np.zeros(0, np.int64)
    known = truth != UNLABELLED
    kept = np.bincount(truth[trusted != UNLABELLED], minlength=truth.max() + 1)
    spared = kept < LEAST_OF_A_CATEGORY * np.bincount(truth[known], minlength=truth.max() + 1)
    return np.flatnonzero(known & (trusted == UNLABELLED) & ~spared[truth])


def _mean(scaled: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Probabilities [N, outcomes] by the mean of the log-probabilities [classifiers, N, outcomes] of those present."""
    total = np.zeros(scaled.shape[1:], np.float32)
    for said, here in zip(scaled, present, strict=True):
        total[here] += said[here]
    found: np.ndarray = softmax(total / np.maximum(present.sum(0), 1)[:, None], axis=1)
    return found


def pooled_probabilities(
    target: Target, logits: np.ndarray, present: np.ndarray, truth: np.ndarray, groups: np.ndarray, seed: int
) -> np.ndarray:
    """Raw logits [classifiers, N, outcomes] of products of known ``truth`` → calibrated probabilities [N, outcomes], by an
    opinion pool that did not learn from the product's group."""
    temperatures = fit_temperatures(logits, present, truth, target)
    scaled = tempered(logits, temperatures, target)
    if len(scaled) == 1:
        fused = scaled[0]
    else:
        policy = build_policy("opinion_pool", target.exclusive)
        fused = policy.cross_fit(scaled, present, truth, groups, seed)
    scale, shift = fit_last_scale(fused, truth, target)
    calibration = Calibration(temperatures, scale=scale, shift=shift)
    return fused_probabilities(target, calibration, fused, np.asarray(present.any(0)))
