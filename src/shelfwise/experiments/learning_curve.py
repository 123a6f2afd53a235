"""How errors fall with the number of labels: a power law fitted to measured errors, and what more labels should bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfwise.errors import ShelfwiseError
from shelfwise.experiments.intervals import mean_spread
from shelfwise.experiments.table import Estimate

LEAST_SIZES = 3
"""A power law with a floor has three numbers."""
_EXPONENTS = np.geomspace(0.03, 2.0, 400)
"""Steps of 1 %. Errors of classifiers fall with exponents of about 0.1 to 1 (Hestness et al. 2017, *Deep Learning Scaling is
Predictable, Empirically*; Cortes et al. 1994)."""
_REDRAWS = 500
_LEAST_VARIANCE = 1e-3
"""Of an error of nearly 0 or 1, as a share: none counts for certain."""
_INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Point:
    """Errors (0–1), one a seed, of models trained on ``products`` products and tested on ``tested`` others."""

    products: float
    errors: tuple[float, ...]
    tested: int

    @property
    def error(self) -> float:
        """The mean over the seeds."""
        return float(np.mean(self.errors))


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = ``scale`` · n^-``exponent`` + ``floor``, all at least 0."""

    scale: float
    exponent: float
    floor: float

    def error(self, products: float | np.ndarray) -> np.ndarray:
        """The error (0–1) expected of so many training products."""
        n = np.asarray(products, dtype=float)
        return np.asarray(np.minimum(self.scale * n**-self.exponent + self.floor, 1.0))


@dataclass(frozen=True)
class LearningCurve:
    """A fitted law and the laws that fit when the measured errors are drawn again within their spread."""

    points: tuple[Point, ...]
    law: PowerLaw
    redrawn: tuple[PowerLaw, ...]

    def error_at(self, products: float) -> Estimate:
        """The expected error with the 95 % interval of the fit (not of a single draw of products)."""
        found = [float(law.error(products)) for law in self.redrawn]
        return _estimate(float(self.law.error(products)), found)

    def gain(self, products: float, times: float = 2.0) -> Estimate:
        """By how much (0–1) the error is expected to fall when ``products`` labels become ``times`` as many."""
        laws = (self.law, *self.redrawn)
        gains = [float(law.error(products) - law.error(products * times)) for law in laws]
        return _estimate(gains[0], gains[1:])

    def floor(self) -> Estimate:
        """The error that no number of labels is expected to undo: other inputs, or cleaner labels, would be needed."""
        return _estimate(self.law.floor, [law.floor for law in self.redrawn])

    def exponent(self) -> Estimate:
        """How steeply errors fall."""
        return _estimate(self.law.exponent, [law.exponent for law in self.redrawn])


def fit_learning_curve(points: Sequence[Point], seed: int = 0) -> LearningCurve:
    """Fit by weighted least squares; a size weighs as much as its errors are certain.

    The variance of an error e over N tested products is taken as φ·e(1−e)/N, where φ ≥ 1 is how much more the seeds differ than
    chance alone among the tested products would make them. For the interval, errors are drawn 500 times from that and fitted
    again (parametric bootstrap). Raises ShelfwiseError for fewer than 3 different sizes, or an error or size that cannot be.
    """
    points = tuple(sorted(points, key=lambda point: point.products))
    _check(points)
    sizes = np.array([point.products for point in points])
    errors = np.array([point.error for point in points])
    spread = np.sqrt(_variances(points))
    weights = 1 / spread**2
    law = _fit(sizes, errors[None], weights)[0]
    random = np.random.default_rng(seed)
    drawn = np.clip(law.error(sizes) + random.normal(size=(_REDRAWS, len(points))) * spread, 0.0, 1.0)
    return LearningCurve(points, law, tuple(_fit(sizes, drawn, weights)))


def foretell_last(points: Sequence[Point], seed: int = 0) -> tuple[Estimate, float] | None:
    """What the smaller sizes alone foretell for the largest, and what was measured there: the curve's own test.

    None where fewer than 3 sizes would be left to fit.
    """
    points = sorted(points, key=lambda point: point.products)
    if len(points) <= LEAST_SIZES:
        return None
    return fit_learning_curve(points[:-1], seed).error_at(points[-1].products), points[-1].error


def _check(points: Sequence[Point]) -> None:
    if len({point.products for point in points}) < LEAST_SIZES:
        raise ShelfwiseError(
            f"expected errors at {LEAST_SIZES} or more sizes to fit a learning curve, got {len(points)}; give more --sizes, or "
            "more products"
        )
    for point in points:
        fine = point.errors and all(0 <= error <= 1 for error in point.errors)
        if not fine or point.products < 1 or point.tested < 1:
            raise ShelfwiseError(f"expected errors between 0 and 1 on one product or more, got {point}")


def _variances(points: Sequence[Point]) -> np.ndarray:
    """float [points]: of each mean error over the seeds."""
    chance = np.array([max(p.error * (1 - p.error), _LEAST_VARIANCE) / p.tested for p in points])
    spreads = [
        float(np.var(point.errors, ddof=1)) / by_chance
        for point, by_chance in zip(points, chance, strict=True)
        if len(point.errors) > 1
    ]
    dispersion = max(1.0, float(np.mean(spreads))) if spreads else 1.0
    return dispersion * chance * np.array([mean_spread(len(point.errors)) for point in points]) ** 2


def _fit(sizes: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> list[PowerLaw]:
    """The best law for each row of ``errors`` [fits, sizes].

    For every exponent of a grid, scale and floor are linear least squares under scale ≥ 0 and floor ≥ 0; the exponent with the
    least residual is taken.
    """
    unit = sizes / sizes.max()
    basis = unit[None, :] ** -_EXPONENTS[:, None]  # [exponents, sizes]
    w = weights / weights.sum()
    mean_basis, mean_error = basis @ w, errors @ w  # [exponents], [fits]
    centred = basis - mean_basis[:, None]
    variance = (centred**2) @ w
    slope = ((errors - mean_error[:, None]) * w) @ centred.T / variance  # [fits, exponents]
    floor = mean_error[:, None] - slope * mean_basis
    through_zero = (errors * w) @ basis.T / ((basis**2) @ w)
    slope = np.where(floor < 0, through_zero, slope)
    floor = np.maximum(floor, 0.0)
    flat = slope < 0
    floor = np.where(flat, mean_error[:, None], floor)
    slope = np.maximum(slope, 0.0)
    laws = []
    for row, mine, low in zip(errors, slope, floor, strict=True):
        residual = ((row - mine[:, None] * basis - low[:, None]) ** 2) @ w
        best = int(residual.argmin())
        exponent = float(_EXPONENTS[best])
        laws.append(PowerLaw(float(mine[best] * sizes.max() ** exponent), exponent, float(low[best])))
    return laws


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    low, high = np.percentile(drawn, _INTERVAL)
    return Estimate(value, float(min(low, value)), float(max(high, value)))
