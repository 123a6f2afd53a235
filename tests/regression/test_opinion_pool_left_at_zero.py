"""Bugs that were met, one file each: what went wrong, then a test that fails when it comes back.

Confident but badly scaled scores sent the first step of the opinion pool's search to all-zero weights, where the loss
as written had no slope. The search took that for the optimum, and the pool silently fell back to equal weights: no
weighting, no calibration.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from shelfwise.fusion.opinion_pool import OpinionPool


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("confident", [2, 4, 8])
def test_the_weights_follow_the_evidence(exclusive: bool, confident: float) -> None:
    random = np.random.default_rng(0)
    honest = random.normal(size=(3000, 4)) * 1.5
    noise = random.normal(size=(3000, 4)) * 1.5
    if exclusive:
        honest, noise = log_softmax(honest, axis=1), log_softmax(noise, axis=1)
        truth = np.array([random.choice(4, p=row) for row in np.exp(honest)])
    else:
        truth = (random.random(honest.shape) < 1 / (1 + np.exp(-honest))).astype(np.float64)
    pool = OpinionPool(exclusive).fit(np.stack([honest, noise]) * confident, np.ones((2, 3000), bool), truth)
    assert pool.weights[0] == pytest.approx(1 / confident, rel=0.15)
    assert pool.weights[1] < 0.2 * pool.weights[0]
