"""How many labels a curve needs for an accuracy."""

from __future__ import annotations

import math

import pytest
from bench_next import labels_needed

CURVE = {100: 0.5, 200: 0.7, 400: 0.8}


@pytest.mark.parametrize(
    ("accuracy", "needed"), [(0.4, 100), (0.5, 100), (0.6, 150), (0.7, 200), (0.75, 300), (0.8, 400)]
)
def test_between_two_points_by_a_straight_line(accuracy: float, needed: float) -> None:
    assert labels_needed(CURVE, accuracy) == pytest.approx(needed)


def test_what_is_never_reached() -> None:
    assert math.isnan(labels_needed(CURVE, 0.81))


def test_a_curve_that_falls_counts_where_it_first_reached() -> None:
    assert labels_needed({100: 0.5, 200: 0.7, 400: 0.6}, 0.65) == pytest.approx(175)
