"""Greedy selection, against picking by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from tests.fusion.held_out import held_out

from shelfwise.decision.thresholds import best_micro_f1_threshold
from shelfwise.fusion import build_policy
from shelfwise.fusion.selected import Selected, _best_micro_f1


def selected(exclusive: bool, **options: object) -> Selected:
    policy = build_policy({"kind": "selected", **options}, exclusive)
    assert isinstance(policy, Selected)
    return policy


@pytest.mark.parametrize("metric", ["quality", "likelihood"])
@pytest.mark.parametrize("exclusive", [True, False], ids=["paths", "labels"])
def test_one_round_takes_the_best(exclusive: bool, metric: str) -> None:
    held = held_out(exclusive, absences=0, products=300)
    held.logits[[0, 2]] = held.logits[[2, 0]]  # the best is the last
    fitted = held.fit(selected(exclusive, rounds=1, bags=1, metric=metric))
    assert isinstance(fitted, Selected)
    assert fitted.counts is not None
    assert fitted.counts.tolist() == [0, 0, 1]


def test_a_classifier_that_knows_nothing_is_hardly_taken() -> None:
    held = held_out(True, classifiers=2, absences=0, products=400)
    held.logits[1] = np.random.default_rng(6).permutation(held.logits[1])
    fitted = held.fit(selected(True))
    assert isinstance(fitted, Selected)
    assert fitted.counts is not None
    assert fitted.counts[1] < 0.2 * fitted.counts[0]


def test_the_mean_is_weighted_by_how_often_each_was_taken() -> None:
    policy = selected(True).load_state({"counts": [2, 1, 0]}, {}, 3, 4)
    held = held_out(True, absences=0)
    expected = (2 * np.exp(held.logits[0]) + np.exp(held.logits[1])) / 3
    np.testing.assert_allclose(np.exp(policy.combine(held.logits, held.present)), expected, atol=1e-9)
    only_last = np.repeat(np.array([[False], [False], [True]]), len(held.truth), axis=1)
    np.testing.assert_allclose(policy.combine(held.logits, only_last), held.logits[2], atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_micro_f1_at_the_best_threshold(seed: int) -> None:
    held = held_out(False, seed=seed, absences=0)
    probabilities = expit(held.logits[0])
    given = probabilities >= best_micro_f1_threshold(probabilities, held.truth)
    exact = 2 * (given & (held.truth > 0)).sum() / (given.sum() + held.truth.sum())
    assert _best_micro_f1(probabilities, held.truth) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize(
    "counts", [[1, 1], [0, 0, 0], [1, 1, -1], [1, 1, 1.0], [1, 1, True], "111", {}, [1, 1, 10**9]]
)
def test_a_state_that_does_not_fit_is_refused(counts: object) -> None:
    from shelfwise.errors import ModelFolderError

    with pytest.raises(ModelFolderError, match="expected how often"):
        selected(True).load_state({"counts": counts}, {}, 3, 4)
