"""The curve finds the law that made the errors, says how unsure it is, and refuses what cannot be fitted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.learning_curve import Point, PowerLaw, fit_learning_curve, foretell_last

SIZES = (250, 500, 1000, 2000, 4000, 8000)


def points(law: PowerLaw, seeds: int = 3, tested: int = 5000, noise: int | None = None) -> list[Point]:
    """Errors of the law; with ``noise`` (a seed) as so many tested products would show them."""
    random = np.random.default_rng(noise)
    found = []
    for size in SIZES:
        true = float(law.error(size))
        drawn = random.binomial(tested, true, seeds) / tested if noise is not None else np.full(seeds, true)
        found.append(Point(size, tuple(map(float, drawn)), tested))
    return found


@pytest.mark.parametrize(("exponent", "floor"), [(0.3, 0.05), (0.5, 0.1), (0.8, 0.0)])
def test_finds_the_law_behind_exact_errors(exponent: float, floor: float) -> None:
    law = PowerLaw(0.4 * 250**exponent, exponent, floor)
    curve = fit_learning_curve(points(law))
    assert curve.law.exponent == pytest.approx(exponent, rel=0.03)
    assert curve.law.floor == pytest.approx(floor, abs=0.01)
    gain = curve.gain(8000)
    assert gain.value == pytest.approx(float(law.error(8000) - law.error(16000)), abs=0.003)
    assert gain.low <= gain.value <= gain.high


def test_the_interval_of_a_gain_holds_the_truth_most_of_the_time() -> None:
    law = PowerLaw(0.4 * 250**0.4, 0.4, 0.06)
    true = float(law.error(8000) - law.error(16000))
    held = [
        gain.low <= true <= gain.high
        for noise in range(30)
        for gain in [fit_learning_curve(points(law, tested=2000, noise=noise)).gain(8000)]
    ]
    assert np.mean(held) >= 0.8


def test_more_tested_products_make_it_surer() -> None:
    law = PowerLaw(0.4 * 250**0.4, 0.4, 0.06)
    few, many = (fit_learning_curve(points(law, tested=tested)).gain(8000) for tested in (500, 50_000))
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_seeds_that_differ_much_make_it_unsure() -> None:
    alike = [Point(size, (0.2, 0.2, 0.2), 1000) for size in SIZES]
    apart = [Point(size, (0.1, 0.2, 0.3), 1000) for size in SIZES]
    narrow, wide = (fit_learning_curve(found).error_at(8000) for found in (alike, apart))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=6))
def test_any_errors_give_a_curve_that_never_rises(errors: list[tuple[float, float]]) -> None:
    curve = fit_learning_curve([Point(size, found, 100) for size, found in zip(SIZES, errors, strict=False)])
    expected = curve.law.error(np.geomspace(100, 10**6, 50))
    assert np.isfinite(expected).all()
    assert ((expected >= 0) & (expected <= 1)).all()
    assert (np.diff(expected) <= 1e-12).all()
    assert curve.gain(8000).value >= 0


def test_foretells_the_largest_size_from_the_others() -> None:
    law = PowerLaw(0.4 * 250**0.5, 0.5, 0.05)
    found = foretell_last(points(law))
    assert found is not None
    guess, came = found
    assert came == pytest.approx(float(law.error(8000)))
    assert guess.value == pytest.approx(came, abs=0.005)
    assert foretell_last(points(law)[:3]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        [Point(100, (0.2,), 50), Point(200, (0.1,), 50)],
        [Point(100, (0.2,), 50)] * 3,
        [Point(size, (1.2,), 50) for size in SIZES],
        [Point(size, (), 50) for size in SIZES],
        [Point(size, (0.1,), 0) for size in SIZES],
        [Point(size - 250, (0.1,), 10) for size in SIZES],
        [Point(size, (float("nan"),), 10) for size in SIZES],
    ],
)
def test_what_cannot_be_fitted_is_refused(wrong: list[Point]) -> None:
    with pytest.raises(ShelfwiseError, match="expected errors"):
        fit_learning_curve(wrong)
