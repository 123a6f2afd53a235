"""Ridge regression on what all classifiers say: the linear fusion, with one number to tune."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field
from scipy.linalg import cho_factor, cho_solve

from shelfwise.decision.calibration import fit_scale_and_shift, fit_temperature
from shelfwise.errors import ModelFolderError
from shelfwise.fusion.base import (
    HeldOut,
    Policy,
    PolicyOptions,
    deal_groups,
    is_number,
    refuse_others,
    with_some_hidden,
)
from shelfwise.fusion.mean import Mean

ALL_COLUMNS = 2_048
"""Up to this many columns (classifiers × outcomes) every outcome is regressed on all of them; above, only on its own."""
_FOLDS = 5
_LEAST_PRODUCTS = 20
_ROWS_AT_ONCE = 512
_UNIT = 10.0
"""Regression outputs, 0 to 1, times this are about as wide as logits."""


class RidgeOptions(PolicyOptions):
    """``alphas``: the strengths to choose from; ``hide_inputs``: how often a classifier is hidden in a second copy of the
    products that is learned from besides."""

    alphas: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0), min_length=1
    )
    hide_inputs: float = Field(default=0.15, ge=0, lt=1)


class Ridge(Policy):
    """min ‖wX - y‖² + α‖w‖² on the classifiers' probabilities X (Wirojwatanakul & Wangperawong 2019, equation 3).

    α is the one with the least squared error in cross-validation by group. A classifier that is absent is stood in for by the
    mean of those present, and has a flag; the regression learns what that is worth from a copy of the products with classifiers
    hidden at random. Its outputs s, about 0 to 1, become logits a·s + b, with a and b the most likely on cross-validated
    outputs (Platt 1999; for exclusive outcomes a softmax over a·s): their order stays. With more than ``ALL_COLUMNS`` columns
    each outcome is regressed on its own probabilities only, one per classifier.
    """

    kind = "ridge"
    Options = RidgeOptions
    options: RidgeOptions

    def __init__(self, exclusive: bool, options: PolicyOptions | None = None) -> None:
        super().__init__(exclusive, options)
        self.alpha: float | None = None
        """None: not fitted, the plain mean of the probabilities."""
        self._scale, self._shift = 1.0, 0.0
        self._weights, self._bias = np.zeros((0, 0)), np.zeros(0)

    def learn(self, products: HeldOut, seed: int) -> Self:
        """See the base class."""
        held = self._learnable(products, seed)
        folds = min(_FOLDS, len(np.unique(held.groups)))
        self.alpha = None
        if len(held) < _LEAST_PRODUCTS or folds < 2:
            return self
        fold = deal_groups(held.groups, folds, seed)
        solver = _Solver(self, held, fold, folds, np.random.default_rng(seed))
        self.alpha = solver.best_alpha(sorted(self.options.alphas))
        outputs = solver.cross_validated(self.alpha) * _UNIT
        if self.exclusive:
            self._scale, self._shift = 1 / fit_temperature(outputs, held.truth), 0.0
        else:
            self._scale, self._shift = fit_scale_and_shift(outputs, held.truth)
        weights, bias = solver.solution(self.alpha)
        self._weights, self._bias = weights.astype(np.float32), bias.astype(np.float32)
        return self

    def combine(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """See the base class."""
        if self.alpha is None:
            return Mean(self.exclusive).combine(logits, present)
        said = np.zeros(logits.shape[1:])
        for start in range(0, logits.shape[1], _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            count = said[part].shape[0]
            # Always as many rows, filled up with copies: matrix kernels round differently for other sizes.
            missing = ((0, 0), (0, _ROWS_AT_ONCE - count))
            padded = np.pad(logits[:, part], (*missing, (0, 0)), mode="edge")
            values = self.columns(padded, np.pad(present[:, part], missing, mode="edge"))
            said[part] = self.outputs(values, self._weights, self._bias)[:count]
        return self._normalised(said * _UNIT * self._scale + self._shift, present)

    def columns(self, logits: np.ndarray, present: np.ndarray) -> np.ndarray:
        """[N, classifiers, outcomes + 1]: probabilities, the mean of those present where absent, and the flags."""
        classifiers, products, outcomes = logits.shape
        values = np.zeros((products, classifiers, outcomes + 1))
        for which, (mine, here) in enumerate(zip(logits, present, strict=True)):
            values[here, which, :-1] = self._probabilities(mine[here])
        standing_in = values[..., :-1].sum(1) / np.maximum(present.sum(0), 1)[:, None]
        absent = ~present.T
        for which in range(classifiers):
            values[absent[:, which], which, :-1] = standing_in[absent[:, which]]
        values[..., -1] = present.T
        return values

    def outputs(self, values: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """[N, outcomes] from ``columns`` [N, classifiers, outcomes + 1]."""
        if weights.ndim == 2:
            return values.reshape(len(values), -1) @ weights.astype(np.float64) + bias
        own, flags = weights[:, :, 0], weights[:, :, 1]
        return np.einsum("nmk,mk->nk", values[..., :-1], own) + values[..., -1] @ flags + bias

    def state(self) -> dict[str, Any]:
        """``alpha`` (null: not fitted), and the ``scale`` and ``shift`` that make logits of outputs."""
        return {"alpha": self.alpha, "scale": self._scale, "shift": self._shift}

    def arrays(self) -> dict[str, np.ndarray]:
        """``weights`` float32 [classifiers · (outcomes + 1), outcomes], or [classifiers, outcomes, 2] where every outcome reads
        its own column and the flag only; ``bias`` float32 [outcomes]."""
        return {} if self.alpha is None else {"weights": self._weights, "bias": self._bias}

    def load_state(
        self, state: dict[str, Any], arrays: dict[str, np.ndarray], classifiers: int, outcomes: int
    ) -> Self:
        """See the base class."""
        alpha, scale, shift = state.get("alpha"), state.get("scale"), state.get("shift")
        if not (
            (alpha is None or (is_number(alpha) and alpha > 0)) and is_number(scale) and is_number(shift)
        ):
            raise ModelFolderError(
                f"expected the alpha, scale and shift of a ridge regression, got {alpha!r:.50}, {scale!r:.50} and "
                f"{shift!r:.50}"
            )
        shape: tuple[int, ...] = (classifiers * (outcomes + 1), outcomes)
        if classifiers * outcomes > ALL_COLUMNS:
            shape = (classifiers, outcomes, 2)
        refuse_others(self.kind, arrays, {} if alpha is None else {"weights": shape, "bias": (outcomes,)})
        self.alpha, self._scale, self._shift = alpha, float(scale), float(shift)
        if alpha is not None:
            self._weights, self._bias = arrays["weights"], arrays["bias"]
        return self


class _Solver:
    """The normal equations, summed up once by fold, for any alpha and any fold left out.

    Columns and targets are centred by the means of all products, so that what is not penalised, the bias, needs no column.
    """

    def __init__(
        self, policy: Ridge, held: HeldOut, fold: np.ndarray, folds: int, random: np.random.Generator
    ) -> None:
        self.policy, self.held, self.fold, self.folds = policy, held, fold, folds
        self.full = held.classifiers * held.outcomes <= ALL_COLUMNS
        self.versions = with_some_hidden(held, policy.options.hide_inputs, random)
        self._centre()
        self._sum()

    def _blocks(self, rows: np.ndarray, versions: list[np.ndarray]) -> Any:
        for present in versions:
            for start in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[start : start + _ROWS_AT_ONCE]
                yield some, self.policy.columns(self.held.logits[:, some], present[:, some])

    def _targets(self, rows: np.ndarray) -> np.ndarray:
        if not self.policy.exclusive:
            return self.held.truth[rows].astype(np.float64)
        targets = np.zeros((len(rows), self.held.outcomes))
        targets[np.arange(len(rows)), self.held.truth[rows]] = 1
        return targets

    def _centre(self) -> None:
        columns, targets, count = 0.0, 0.0, 0
        for rows, values in self._blocks(np.arange(len(self.held)), self.versions):
            columns, targets = columns + values.sum(0), targets + self._targets(rows).sum(0)
            count += len(rows)
        self.mean_columns, self.mean_targets = np.asarray(columns / count), np.asarray(targets / count)

    def _sum(self) -> None:
        self.grams, self.products = [], []
        for fold in range(self.folds):
            gram: Any = 0.0
            product: Any = 0.0
            for rows, values in self._blocks(np.flatnonzero(self.fold == fold), self.versions):
                targets = self._targets(rows) - self.mean_targets
                left = self._arranged(values - self.mean_columns)
                gram = gram + np.swapaxes(left, -1, -2) @ left
                right = targets if self.full else targets.T[:, :, None]
                product = product + np.swapaxes(left, -1, -2) @ right
            self.grams.append(gram)
            self.products.append(product)

    def _arranged(self, values: np.ndarray) -> np.ndarray:
        """[N, all columns], or [outcomes, N, own columns and flags] where every outcome reads its own."""
        if self.full:
            return values.reshape(len(values), -1)
        own = np.moveaxis(values[..., :-1], 2, 0)
        flags = np.broadcast_to(values[..., -1], own.shape)
        return np.concatenate([own, flags], axis=2)

    def _solve(self, alpha: float, without: int | None) -> np.ndarray:
        """The weights of the columns as arranged, learned without one fold."""
        chosen = [fold for fold in range(self.folds) if fold != without]
        gram = sum(self.grams[fold] for fold in chosen)
        product = sum(self.products[fold] for fold in chosen)
        gram = gram + alpha * np.eye(gram.shape[-1])
        if self.full:
            return cho_solve(cho_factor(gram, overwrite_a=True), product)
        return np.linalg.solve(gram, product)

    def solution(self, alpha: float, without: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights and bias for ``alpha``, learned without one fold.

        The bias is that of the means of all products: those of a fold add nothing to know.
        """
        weights = self._solve(alpha, without)
        if self.full:
            return weights, self.mean_targets - self.mean_columns.reshape(-1) @ weights
        own, flags = np.split(weights[..., 0].T, 2)  # each [classifiers, outcomes]
        expected = (self.mean_columns[:, :-1] * own).sum(0) + self.mean_columns[:, -1] @ flags
        return np.stack([own, flags], axis=2), self.mean_targets - expected

    def cross_validated(self, alpha: float) -> np.ndarray:
        """[N, outcomes]: the outputs for each fold's products, as they are, learned without that fold."""
        outputs = np.zeros((len(self.held), self.held.outcomes))
        for fold in range(self.folds):
            weights, bias = self.solution(alpha, without=fold)
            for rows, values in self._blocks(np.flatnonzero(self.fold == fold), self.versions[:1]):
                outputs[rows] = self.policy.outputs(values, weights, bias)
        return outputs

    def best_alpha(self, alphas: list[float]) -> float:
        """The one with the least squared error on folds left out; of equals the strongest."""
        errors = [sum(self._error(alpha, fold) for fold in range(self.folds)) for alpha in alphas]
        return -min(zip(errors, (-alpha for alpha in alphas), strict=True))[1]

    def _error(self, alpha: float, fold: int) -> float:
        """‖XW - Y‖² less ‖Y‖² on a fold left out, from what was summed up."""
        weights = self._solve(alpha, without=fold)
        return float((weights * (self.grams[fold] @ weights - 2 * self.products[fold])).sum())
