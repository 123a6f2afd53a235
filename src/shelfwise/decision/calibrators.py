"""Calibration with more freedom than one temperature: each outcome for itself (vector), or any rising curve (isotonic).

A temperature is the default, because it cannot overfit. These two can, so what they make of held-out products is always
cross-fitted: a product's probabilities come from a calibrator that learned from other groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import scipy
from scipy.special import expit, log_softmax, logit, softmax

from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import deal_groups
from shelfwise.taxonomy.targets import UNLABELLED

CalibrationKind = Literal["temperature", "vector", "isotonic"]
CALIBRATION_KINDS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)
_FOLDS = 4
_LEAST_POSITIVE = 30
"""Labels with fewer positives have the curve of all labels."""
_SHRINKAGE = 30.0
"""How many products an outcome's scale of 1 and shift of 0 count as: a rare outcome keeps to them."""
_GRID_LOGITS = np.linspace(-14.0, 14.0, 225)
"""Log-odds at which a curve is kept."""
_IDENTITY = 0.01
"""Share of the identity in every curve: without it a flat stretch would make different probabilities equal."""
_TINY = 1e-7


@dataclass(frozen=True, eq=False)
class VectorScaling:
    """Logits [N, outcomes] times ``scale`` plus ``shift``, float64 [outcomes] each (Guo et al. 2017; of labels, Platt's)."""

    scale: np.ndarray
    shift: np.ndarray
    kind = "vector"

    def __call__(self, logits: np.ndarray, exclusive: bool) -> np.ndarray:
        """Calibrated logits [N, outcomes]; of exclusive outcomes log-probabilities."""
        scaled = logits * self.scale + self.shift
        return log_softmax(scaled, axis=1) if exclusive else scaled

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned."""
        return {"scale": self.scale, "shift": self.shift}


@dataclass(frozen=True, eq=False)
class Isotonic:
    """A rising curve from probability to probability: ``curves`` float64 [1 or outcomes, points at `_GRID_LOGITS`].

    Exclusive outcomes share one curve and are normalised after it, so their order stays (Zhang, Kailkhura & Han 2020,
    *Mix-n-Match*); labels have one each (Zadrozny & Elkan 2002).
    """

    curves: np.ndarray
    kind = "isotonic"

    def __call__(self, logits: np.ndarray, exclusive: bool) -> np.ndarray:
        """Calibrated logits [N, outcomes]; of exclusive outcomes log-probabilities."""
        probabilities = softmax(logits, axis=1) if exclusive else expit(logits)
        places = logit(np.clip(probabilities, _TINY, 1 - _TINY))
        if len(self.curves) == 1:
            mapped = np.interp(places, _GRID_LOGITS, self.curves[0])
        else:
            columns = zip(places.T, self.curves, strict=True)
            mapped = np.column_stack([np.interp(column, _GRID_LOGITS, curve) for column, curve in columns])
        mapped = np.clip(mapped, _TINY, 1 - _TINY)
        return np.log(mapped / mapped.sum(axis=1, keepdims=True)) if exclusive else logit(mapped)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned."""
        return {"curves": self.curves}


Calibrator = VectorScaling | Isotonic


@dataclass(frozen=True, eq=False)
class CalibrationMaps:
    """The calibrators of each of the ``classifiers`` and of what was ``fused``; None, or no tuple, where there is none."""

    classifiers: tuple[Calibrator | None, ...] = ()
    fused: Calibrator | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CalibrationMaps) or self.kinds != other.kinds:
            return False
        mine, theirs = self.arrays(), other.arrays()
        return mine.keys() == theirs.keys() and all(np.array_equal(mine[key], theirs[key]) for key in mine)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.kinds.items())))

    def of_classifier(self, which: int) -> Calibrator | None:
        """The calibrator of the classifier with this number."""
        return self.classifiers[which] if which < len(self.classifiers) else None

    def _named(self) -> dict[str, Calibrator]:
        named = {str(which): one for which, one in enumerate(self.classifiers) if one is not None}
        return named | ({"fused": self.fused} if self.fused is not None else {})

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of every calibrator there is: by the classifier's number, or "fused"."""
        return {name: one.kind for name, one in self._named().items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned, to be written down."""
        return {
            f"{name}/{key}": array
            for name, one in self._named().items()
            for key, array in one.arrays().items()
        }

    @classmethod
    def read(
        cls, kinds: Mapping[str, str], arrays: Mapping[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """What ``kinds`` and ``arrays`` said. Raises ModelFolderError where they do not go together."""
        places = [str(which) for which in range(classifiers)]
        if strangers := sorted({*kinds} - {*places, "fused"}):
            raise ModelFolderError(
                f"expected calibrations of {classifiers} classifiers, got one of '{strangers[0]}'"
            )
        found = {}
        left = dict(arrays)
        for name, kind in kinds.items():
            mine = {key.partition("/")[2]: left.pop(key) for key in list(left) if key.startswith(f"{name}/")}
            found[name] = read_calibrator(kind, mine, outcomes)
        if left:
            raise ModelFolderError(f"calibration arrays belong to nothing: {', '.join(sorted(left)):.200}")
        mine_of = tuple(found.get(place) for place in places) if found else ()
        return cls(mine_of, found.get("fused"))


def read_calibrator(kind: str, arrays: Mapping[str, np.ndarray], outcomes: int) -> Calibrator:
    """What ``arrays`` wrote. Raises ModelFolderError where it cannot be of so many outcomes."""
    shapes: dict[str, list[tuple[int, ...]]] = {
        "vector": [(outcomes,)],
        "isotonic": [(1, len(_GRID_LOGITS)), (outcomes, len(_GRID_LOGITS))],
    }
    names = {"vector": {"scale", "shift"}, "isotonic": {"curves"}}.get(kind)
    fits = names == set(arrays) and all(
        array.dtype.kind == "f" and array.shape in shapes[kind] and bool(np.isfinite(array).all())
        for array in arrays.values()
    )
    if not fits:
        raise ModelFolderError(
            f"expected the numbers of a calibration of kind '{kind}' for {outcomes} outcomes, got others"
        )
    return VectorScaling(**arrays) if kind == "vector" else Isotonic(**arrays)


def fit_calibrator(
    kind: CalibrationKind, logits: np.ndarray, truth: np.ndarray, exclusive: bool
) -> Calibrator | None:
    """From logits [N, outcomes] and the truth: int64 [N] of exclusive outcomes (UNLABELLED, -1, is left out), or 0 and 1
    [N, outcomes]. None for a temperature, which is fitted elsewhere, and where there is nothing to learn from."""
    if exclusive:
        known = truth != UNLABELLED
        logits, truth = logits[known], truth[known]
    if kind == "temperature" or not len(truth):
        return None
    fit: Callable[[np.ndarray, np.ndarray, bool], Calibrator] = (
        _fit_vector if kind == "vector" else _fit_isotonic
    )
    return fit(logits.astype(np.float64), truth, exclusive)


def cross_calibrated(
    kind: CalibrationKind,
    logits: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray,
    exclusive: bool,
    seed: int,
) -> tuple[Calibrator | None, np.ndarray]:
    """The calibrator fitted on everything, and logits [N, outcomes] that each come from one fitted on other ``groups``."""
    calibrator = fit_calibrator(kind, logits, truth, exclusive)
    if calibrator is None:
        return None, logits
    folds = deal_groups(groups, _FOLDS, seed)
    crossed = calibrator(logits.astype(np.float64), exclusive)
    for fold in range(_FOLDS):
        inside, outside = folds == fold, folds != fold
        other = fit_calibrator(kind, logits[outside], truth[outside], exclusive)
        if inside.any() and other is not None:
            crossed[inside] = other(logits[inside].astype(np.float64), exclusive)
    return calibrator, crossed


def _fit_vector(logits: np.ndarray, truth: np.ndarray, exclusive: bool) -> VectorScaling:
    """Most probable scales and shifts, drawn to 1 and 0 as far as outcomes are rare."""
    count, outcomes = logits.shape
    target = np.eye(outcomes)[truth] if exclusive else truth.astype(np.float64)
    seen = np.maximum(np.minimum(target.sum(0), count - target.sum(0)), 0) if not exclusive else target.sum(0)
    pull = _SHRINKAGE / (seen + _SHRINKAGE) * _SHRINKAGE

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        scale, shift = values[:outcomes], values[outcomes:]
        scaled = logits * scale + shift
        if exclusive:
            log_probabilities = log_softmax(scaled, axis=1)
            value, slope = -float((target * log_probabilities).sum()), np.exp(log_probabilities) - target
        else:
            value = float((np.logaddexp(0, scaled) - target * scaled).sum())
            slope = expit(scaled) - target
        value += 0.5 * float((pull * ((scale - 1) ** 2 + shift**2)).sum())
        gradient = np.concatenate([(slope * logits).sum(0) + pull * (scale - 1), slope.sum(0) + pull * shift])
        return value / count, gradient / count

    start = np.concatenate([np.ones(outcomes), np.zeros(outcomes)])
    bounds = [(0.0, 50.0)] * outcomes + [(-50.0, 50.0)] * outcomes
    found = scipy.optimize.minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200}
    )
    return VectorScaling(found.x[:outcomes], found.x[outcomes:])


def _fit_isotonic(logits: np.ndarray, truth: np.ndarray, exclusive: bool) -> Isotonic:
    if exclusive:
        probabilities = softmax(logits, axis=1)
        hit = np.zeros(probabilities.shape)
        hit[np.arange(len(truth)), truth] = 1.0
        return Isotonic(_curve(probabilities.ravel(), hit.ravel())[None])
    probabilities, hit = expit(logits), (truth > 0).astype(np.float64)
    shared = _curve(probabilities.ravel(), hit.ravel())
    positives = hit.sum(0)
    enough = (positives >= _LEAST_POSITIVE) & (len(hit) - positives >= _LEAST_POSITIVE)
    curves = [
        _curve(probabilities[:, label], hit[:, label]) if enough[label] else shared
        for label in range(hit.shape[1])
    ]
    return Isotonic(np.stack(curves))


def _curve(probabilities: np.ndarray, hit: np.ndarray) -> np.ndarray:
    """float64 [points]: the rising step function of least squares (pool adjacent violators), read at `_GRID_LOGITS`."""
    from sklearn.isotonic import IsotonicRegression

    places = logit(np.clip(probabilities, _TINY, 1 - _TINY))
    # Most outcomes are next to impossible: counted together on a fine grid, millions of them take no time.
    cells, number = np.unique(np.round(places, 3), return_inverse=True)
    weights = np.bincount(number)
    means = np.bincount(number, hit) / weights
    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(
        cells, means, sample_weight=weights
    )
    return np.asarray((1 - _IDENTITY) * fitted.predict(_GRID_LOGITS) + _IDENTITY * expit(_GRID_LOGITS))
