"""The likelihood that policies and calibration are fitted by, against scipy's functions and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_softmax

from shelfwise.decision.likelihood import loss_and_slope, row_blocks

LOGITS = st.floats(-800, 800)


@given(st.lists(st.tuples(LOGITS, st.sampled_from([0.0, 0.3, 1.0])), min_size=1, max_size=30))
@pytest.mark.filterwarnings("error")
def test_of_labels_it_is_logaddexp_and_expit(pairs: list[tuple[float, float]]) -> None:
    fused, truth = (np.array(part)[:, None] for part in zip(*pairs, strict=True))
    loss, slope = loss_and_slope(fused.copy(), truth, exclusive=False)
    assert loss == pytest.approx(float((np.logaddexp(0, fused) - truth * fused).sum()), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(slope, expit(fused) - truth, rtol=1e-12, atol=1e-15)


def test_single_precision_stays_single_and_is_near() -> None:
    random = np.random.default_rng(0)
    fused = (random.normal(size=(200, 50)) * 4 - 5).astype(np.float32)
    truth = (random.random(fused.shape) < 0.05).astype(np.float32)
    loss, slope = loss_and_slope(fused.copy(), truth, exclusive=False)
    exact, _ = loss_and_slope(fused.astype(np.float64), truth.astype(np.float64), exclusive=False)
    assert slope.dtype == np.float32
    assert loss == pytest.approx(exact, rel=1e-6)


def test_of_paths_it_is_log_softmax() -> None:
    random = np.random.default_rng(1)
    fused, truth = random.normal(size=(20, 6)) * 30, random.integers(0, 6, 20)
    loss, slope = loss_and_slope(fused.copy(), truth, exclusive=True)
    said = log_softmax(fused, axis=1)
    assert loss == pytest.approx(-said[np.arange(20), truth].sum())
    np.testing.assert_allclose(slope, np.exp(said) - (truth[:, None] == np.arange(6)), atol=1e-12)


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_slope_is_the_losss(exclusive: bool) -> None:
    random = np.random.default_rng(2)
    fused = random.normal(size=(3, 4))
    truth = random.integers(0, 4, 3) if exclusive else random.integers(0, 2, (3, 4)).astype(np.float64)
    _, slope = loss_and_slope(fused.copy(), truth, exclusive)
    for place in np.ndindex(3, 4):
        moved = [fused.copy(), fused.copy()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        higher, lower = (loss_and_slope(one, truth, exclusive)[0] for one in moved)
        assert slope[place] == pytest.approx((higher - lower) / 2e-5, abs=1e-8)


@given(st.integers(0, 5_000), st.sampled_from([0, 1, 140, 1_933, 10**6]))
def test_blocks_are_all_rows_in_order(rows: int, outcomes: int) -> None:
    blocks = [*row_blocks(rows, outcomes)]
    assert [row for block in blocks for row in range(block.start, block.stop)] == [*range(rows)]
    assert all(block.stop > block.start for block in blocks)
    assert all(
        (block.stop - block.start) * outcomes <= 150_000 or block.stop - block.start == 1 for block in blocks
    )
