"""Intervals as hand-worked, and what counts as sure."""

from __future__ import annotations

import pytest

from shelfwise.experiments.intervals import is_sure, mean_interval, paired_difference, value_of
from shelfwise.experiments.table import Estimate


def test_three_seeds_by_hand() -> None:
    # Standard deviation 0.02, Student's 97.5 % quantile for two degrees of freedom 4.30265.
    found = mean_interval([0.78, 0.80, 0.82])
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.80)
    # Each seed tests on a quarter and learns from three: 1/3 for three seeds, and 1/3 for what they share.
    assert found.high - found.value == pytest.approx(4.30265 * 0.02 * (1 / 3 + 1 / 3) ** 0.5, rel=1e-5)
    assert found.value - found.low == pytest.approx(found.high - found.value)


def test_one_value_has_no_interval_and_shares_stay_shares() -> None:
    assert mean_interval([0.5]) == 0.5
    cut = mean_interval([0.9, 1.0])
    assert isinstance(cut, Estimate)
    assert cut.high == 1.0
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([])


def test_pairs_are_surer_than_their_means() -> None:
    """Seeds differ by tens of points, but the first is always one point above."""
    first, second = [0.51, 0.71, 0.913], [0.50, 0.70, 0.90]
    found = paired_difference(first, second)
    assert is_sure(found)
    assert value_of(found) == pytest.approx(0.011)
    assert not is_sure(paired_difference(second, [0.51, 0.69, 0.91]))
    assert not is_sure(paired_difference([0.9], [0.1]))
    with pytest.raises(ValueError, match="argument 2"):
        paired_difference([0.1, 0.2], [0.1])
