"""The other way to train a linear classifier: one linear support vector machine a category, by scikit-learn's liblinear.

On sparse text it needs about the time of a few epochs of gradient descent and generalises better: it minimises a regularised
squared hinge to the optimum (Fan et al. 2008, *LIBLINEAR*), where a few epochs of Adagrad stop somewhere near theirs. What comes
out is the same network with other weights, so everything after training is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVC
from torch import nn

from shelfwise.encoders.base import Encoded
from shelfwise.errors import RecipeError
from shelfwise.progress import Stage
from shelfwise.recipe import TrainingRecipe
from shelfwise.training.loop import EpochRecord, Fit, OnEpoch, Score, outcome_logits
from shelfwise.training.network import Classifier

_TOLERANCE = 0.3
"""Of liblinear's stopping rule: a third of the time of its default and no measurable difference in accuracy."""
_VALUE_WEIGHT = 0.5
"""Brands and other values count this much against the text, whose rows have length 1."""
_REST = -1


@dataclass(frozen=True)
class _Job:
    """Some of the categories that exclude each other: ``columns`` are their scores, ``chosen`` int [N] which of them (or _REST)
    a product has."""

    columns: np.ndarray
    chosen: np.ndarray


def train_linear_svm(
    classifier: Classifier,
    data: Mapping[str, Encoded],
    truth: np.ndarray,
    rows: np.ndarray,
    training: TrainingRecipe,
    stage: Stage,
    *,
    held_out: np.ndarray | None = None,
    score: Score | None = None,
    weights: np.ndarray | None = None,
    on_epoch: OnEpoch | None = None,
) -> Fit:
    """Train ``classifier`` in place on products ``rows``; the curve has one point, because there are no epochs.

    Raises RecipeError for a classifier that is not linear in sparse inputs, or whose head has no scores of single categories.
    """
    recipe = classifier.recipe
    _refuse_unfit(classifier)
    matrices = [sp.csr_matrix(data[name].matrix[rows]) for name in recipe.inputs]
    scales = [_scale(matrix) for matrix in matrices]
    features = _features(matrices, scales, [data[name].present[rows] for name in recipe.inputs])
    jobs = _jobs(classifier.head.one_vs_rest(truth[rows]), torch.get_num_threads())
    weight = torch.zeros(features.shape[1], classifier.head.n_scores)
    bias = torch.zeros(classifier.head.n_scores)
    sample_weight = weights[truth[rows]] if weights is not None and truth.ndim == 1 else None

    def solve(job: _Job) -> None:
        balance = None if weights is None or truth.ndim == 1 else {1: float(weights[job.columns[0]])}
        _solve(job, features, weight, bias, recipe.regularisation, training.seed, sample_weight, balance)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
            for number, _ in enumerate(pool.map(solve, jobs), start=1):
                stage.advance(len(rows) * number // len(jobs) - len(rows) * (number - 1) // len(jobs))
    _put(classifier, scales, weight, bias)
    loss = _hinge(jobs, features, weight, bias)
    value = None
    if held_out is not None and score is not None:
        value = score(outcome_logits(classifier, data, held_out), truth[held_out])
        stage.advance(0, f"held-out {value:.3f}")
    classifier.eval()
    fit = Fit([EpochRecord(1, loss, value)], best_epoch=1)
    if on_epoch is not None:
        on_epoch(fit.curve[0])
    return fit


def _refuse_unfit(classifier: Classifier) -> None:
    recipe = classifier.recipe
    dense = [name for name, sparse in classifier.reads_sparse.items() if not sparse]
    if recipe.hidden or recipe.rank or dense or len(classifier.sparse_layers()) != len(recipe.inputs):
        what = f"the inputs {', '.join(dense)} are not" if dense else "it has hidden layers or a rank"
        raise RecipeError(
            f"classifier '{recipe.name}' has the solver 'svm', which trains linear classifiers over sparse text and category "
            f"inputs, but {what}; use the solver 'gradient'"
        )


def _features(matrices: list[sp.csr_matrix], scales: list[float], present: list[np.ndarray]) -> sp.csr_matrix:
    """[N, features of all inputs], float64 as liblinear wants it, and one column an input for "absent"."""
    blocks = []
    for matrix, scale, here in zip(matrices, scales, present, strict=True):
        blocks += [matrix.astype(np.float64) * scale, sp.csr_matrix((~here)[:, None].astype(np.float64))]
    return sp.hstack(blocks, format="csr")


def _scale(matrix: sp.csr_matrix) -> float:
    """An input with at most one feature a product is a value (a brand); any other is text."""
    return _VALUE_WEIGHT if int(np.diff(matrix.indptr).max(initial=0)) <= 1 else 1.0


def _jobs(groups: list[tuple[int, int, np.ndarray]], threads: int) -> list[_Job]:
    """The groups cut so that every thread has work: liblinear takes the categories of one job one after the other."""
    jobs = []
    for first, last, chosen in groups:
        pieces = max(1, min(threads, (last - first) // 8))
        for columns in np.array_split(np.arange(first, last), pieces):
            inside = (chosen + first >= columns[0]) & (chosen + first <= columns[-1]) & (chosen >= 0)
            jobs.append(_Job(columns, np.where(inside, chosen + first, _REST)))
    return sorted(jobs, key=lambda job: -len(job.columns))


def _solve(
    job: _Job,
    features: sp.csr_matrix,
    weight: torch.Tensor,
    bias: torch.Tensor,
    regularisation: float,
    seed: int,
    sample_weight: np.ndarray | None,
    balance: dict[int, float] | None,
) -> None:
    """Write the weights of the job's categories; one without products has weight 0 and a margin of -1."""
    bias[torch.from_numpy(job.columns)] = -1.0
    found = np.unique(job.chosen)
    if len(found) < 2:
        if found[0] != _REST:
            bias[int(found[0])] = 1.0
        return
    labels = job.chosen if balance is None else (job.chosen != _REST).astype(np.int64)
    machine = LinearSVC(C=regularisation, tol=_TOLERANCE, random_state=seed, class_weight=balance)
    machine.fit(features, labels, sample_weight=sample_weight)
    if len(found) == 2:
        # liblinear answers two categories with one machine, for the second against the first.
        planes = {int(found[1]): (machine.coef_[0], machine.intercept_[0])}
        if found[0] != _REST:
            planes[int(found[0])] = (-machine.coef_[0], -machine.intercept_[0])
    else:
        planes = {
            int(column): (machine.coef_[place], machine.intercept_[place])
            for place, column in enumerate(machine.classes_)
            if column != _REST
        }
    for column, (plane, offset) in planes.items():
        weight[:, column] = torch.from_numpy(plane)
        bias[column] = float(offset)


def _put(classifier: Classifier, scales: list[float], weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Write the planes into the network's own layers."""
    start = 0
    with torch.no_grad():
        for project, layer, scale in zip(
            classifier.sparse_layers(), classifier.inputs.values(), scales, strict=True
        ):
            end = start + len(project.weight)
            project.weight.copy_(weight[start:end] * scale)
            if isinstance(layer.absent, nn.Parameter):
                layer.absent.copy_(weight[end])
            start = end + 1
        assert classifier.bias is not None
        classifier.bias.copy_(bias)


def _hinge(jobs: list[_Job], features: sp.csr_matrix, weight: torch.Tensor, bias: torch.Tensor) -> float:
    """The mean over some products of the squared hinge summed over categories: what was minimised, without its regulariser."""
    some = np.linspace(0, features.shape[0] - 1, min(features.shape[0], 1_000)).astype(np.int64)
    margins = features[some] @ weight.double().numpy() + bias.double().numpy()
    total = 0.0
    for job in jobs:
        sign = np.where(job.chosen[some][:, None] == job.columns, 1.0, -1.0)
        total += float((np.maximum(0.0, 1.0 - sign * margins[:, job.columns]) ** 2).sum(1).mean())
    return total
