"""The other way to train a linear classifier: one linear support vector machine a category.

On sparse text it needs less time than a few epochs of gradient descent and generalises better: it minimises a regularised
squared hinge to the optimum, where a few epochs of Adagrad stop somewhere near theirs. What comes out is the same network with
other weights, so everything after training is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch
from torch import nn

from shelfwise.encoders.base import Encoded
from shelfwise.errors import RecipeError
from shelfwise.heads.base import Head
from shelfwise.progress import Stage
from shelfwise.recipe import TrainingRecipe
from shelfwise.training.label_trust import Probabilities, trust_in_labels
from shelfwise.training.loop import EpochRecord, Fit, OnEpoch, Score, outcome_logits
from shelfwise.training.network import Classifier
from shelfwise.training.one_vs_rest import Question, train_one_vs_rest
from shelfwise.training.sparse import SparseLinear

_LARGEST_HALF = float(torch.finfo(torch.half).max)
_VALUE_WEIGHT = 0.5
"""Brands and other values count this much against the text, whose rows have length 1 ..."""
_MOST_VALUES = {"one_hot": 4, "number": 1}
"""... and beside a text no more in all than so many of a kind: thirty columns that tell nothing would drown it."""


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
    scales = _scales(classifier)
    features = _features(matrices, scales, [data[name].present[rows] for name in recipe.inputs])
    asked, question = _question(classifier, features, truth[rows], weights, training.seed)
    threads = torch.get_num_threads()
    if truth.ndim == 1:
        trust = trust_in_labels(question, truth[rows], _probabilities(classifier.head, asked), threads)
        question = question if trust is None else replace(question, cost=question.cost * trust)
    weight, bias = train_one_vs_rest(question, threads, _told_to(stage, len(rows)))
    _put(classifier, scales, asked, torch.from_numpy(weight), torch.from_numpy(bias))
    loss = _hinge(question, weight, bias)
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
    projects = [layer.project for layer in classifier.inputs.values()]
    dense = [
        name
        for name, project in zip(recipe.inputs, projects, strict=True)
        if not isinstance(project, SparseLinear)
    ]
    if recipe.hidden or recipe.rank or dense:
        what = f"the inputs {', '.join(dense)} are not" if dense else "it has hidden layers or a rank"
        raise RecipeError(
            f"classifier '{recipe.name}' has the solver 'svm', which trains linear classifiers over sparse text, category and "
            f"number inputs, but {what}; use the solver 'gradient'"
        )


def _features(matrices: list[sp.csr_matrix], scales: list[float], present: list[np.ndarray]) -> sp.csr_matrix:
    """CSR float32 [N, features of all inputs], and one column an input for "absent"."""
    blocks = []
    for matrix, scale, here in zip(matrices, scales, present, strict=True):
        blocks += [matrix * np.float32(scale), sp.csr_matrix((~here)[:, None].astype(np.float32))]
    return sp.hstack(blocks, format="csr")


def _scales(classifier: Classifier) -> list[float]:
    """What each input's features are multiplied by."""
    kinds = Counter(classifier.reads_by.values())
    weights = dict.fromkeys(_MOST_VALUES, _VALUE_WEIGHT)
    if not kinds.keys() <= weights.keys():
        for kind, most in _MOST_VALUES.items():
            weights[kind] *= min(1.0, (most / max(kinds[kind], 1)) ** 0.5)
    return [weights.get(classifier.reads_by[name], 1.0) for name in classifier.recipe.inputs]


def _question(
    classifier: Classifier, features: sp.csr_matrix, truth: np.ndarray, weights: np.ndarray | None, seed: int
) -> tuple[np.ndarray, Question]:
    """Which of the head's scores are categories, int64 [categories], and each of them against the others of its group.

    ``weights`` float32 [outcomes] count a product's errors by its outcome, or in label sets by the label.
    """
    groups = classifier.head.one_vs_rest(truth)
    found = [(np.flatnonzero(chosen >= 0), first + chosen[chosen >= 0]) for first, _, chosen in groups]
    having, categories = (np.concatenate(parts) for parts in zip(*found, strict=True))
    ones = np.ones(len(having), bool)
    positives = sp.csr_matrix((ones, (having, categories)), shape=(len(truth), classifier.head.n_scores))
    cost = np.full(len(truth), classifier.recipe.regularisation, np.float32)
    positive_cost = np.ones(classifier.head.n_scores, np.float32)
    if weights is not None and truth.ndim == 1:
        cost *= weights[truth]
    elif weights is not None:
        positive_cost *= weights
    asked = np.concatenate([np.arange(first, last) for first, last, _ in groups])
    return asked, Question(features, positives, cost, positive_cost, seed).of(asked)


def _probabilities(head: Head, asked: np.ndarray) -> Probabilities:
    """What machines for the scores ``asked`` come to as probabilities of the head's outcomes; all other scores are zero."""

    def probabilities(said: np.ndarray) -> np.ndarray:
        scores = torch.zeros(len(said), head.n_scores)
        scores[:, torch.from_numpy(asked)] = torch.from_numpy(said)
        with torch.no_grad():
            found: np.ndarray = head.outcome_logits(scores).exp().numpy()
        return found

    return probabilities


def _told_to(stage: Stage, products: int) -> Callable[[float], None]:
    """Tells a stage of so many products how far the machines are."""
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        stage.advance(round(products * share) - told)
        told = round(products * share)

    return tell


def _put(
    classifier: Classifier, scales: list[float], asked: np.ndarray, weight: torch.Tensor, bias: torch.Tensor
) -> None:
    """Write the planes into the network's own layers, at the scores ``asked``; all others stay zero."""
    start, places = 0, torch.from_numpy(asked)
    with torch.no_grad():
        for project, layer, scale in zip(
            classifier.sparse_layers(), classifier.inputs.values(), scales, strict=True
        ):
            end = start + len(project.weight)
            project.weight.zero_()[:, places] = _rounded(weight[start:end] * scale)
            if isinstance(layer.absent, nn.Parameter):
                layer.absent.zero_()[places] = weight[end]
            start = end + 1
        assert classifier.bias is not None
        classifier.bias.zero_()[places] = bias


def _rounded(weight: torch.Tensor) -> torch.Tensor:
    """The nearest numbers of half precision, in which model folders keep them: half the bytes, and margins change in the fourth
    digit."""
    return weight.clamp(-_LARGEST_HALF, _LARGEST_HALF).half().float()


def _hinge(question: Question, weight: np.ndarray, bias: np.ndarray) -> float:
    """The mean over some products of the squared hinge summed over categories: what was minimised, without its regulariser."""
    count = question.features.shape[0]
    some = np.linspace(0, count - 1, min(count, 1_000)).astype(np.int64)
    sign = np.where(question.positives[some].toarray(), 1.0, -1.0)
    margins = question.features[some] @ weight + bias
    return float((np.maximum(0.0, 1.0 - sign * margins) ** 2).sum(1).mean())
