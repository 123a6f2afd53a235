"""The one training loop: minibatches shuffled by (seed, epoch), a schedule, early stopping on held-out products."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
import torch

from shelfwise.encoders.base import Encoded
from shelfwise.precision import computing_in, precision
from shelfwise.progress import Stage
from shelfwise.recipe import ClassifierRecipe, TrainingRecipe
from shelfwise.training.checkpoint import Checkpoint, Moving, Position
from shelfwise.training.network import Classifier, InputBatch, input_batch
from shelfwise.training.optimizers import RowOptimizer, build_optimizer
from shelfwise.training.row_adagrad import RowAdagrad
from shelfwise.training.sequences import LengthOrder

_LEAST_WARM_UP_STEPS = 50
_LARGEST_GRADIENT = 5.0
_LEAST_SHARE_OF_EPOCHS, _LEAST_WITH_BATCH_STATISTICS = 0.5, 0.75
"""No early stop in so much of the schedule: networks from scratch, and rates still high, look idle there. With statistics of
batches, held-out scores swing from epoch to epoch as well until rates are low, and three worse ones say nothing."""
_BLOCKS_AHEAD = 16
"""Texts are computed for so many blocks at once: in each of their lengths one block of theirs is not full."""
PREDICT_ROWS = 512
"""Products are always computed this many at a time, the last block filled up with copies: matrix kernels round differently
for other sizes, and a product's prediction must not depend on how many others came with it."""


def compute_in_blocks_of(rows: int) -> None:
    """Compute products so many at a time in this process, from now on: a service that is asked for one at a time computes few."""
    global PREDICT_ROWS
    PREDICT_ROWS = rows


Score = Callable[[np.ndarray, np.ndarray], float]
"""(outcome logits [N, outcomes], truth) → a figure that is better when higher."""


@dataclass(frozen=True)
class EpochRecord:
    """One point of the training curve."""

    epoch: int
    loss: float
    score: float | None


OnEpoch = Callable[[EpochRecord], None]
"""Told of every epoch when it is over; what it raises ends the training."""


@dataclass
class Fit:
    """What training came to: the curve, and after how many epochs the held-out score was best."""

    curve: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0


def train(
    classifier: Classifier,
    data: Mapping[str, Encoded],
    truth: np.ndarray,
    rows: np.ndarray,
    training: TrainingRecipe,
    stage: Stage,
    *,
    held_out: np.ndarray | None = None,
    score: Score | None = None,
    epochs: int | None = None,
    weights: np.ndarray | None = None,
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Fit:
    """Train ``classifier`` in place on products ``rows`` and return the curve.

    With ``held_out`` and ``score``, the weights of the best epoch are kept and training stops after
    ``training.patience`` epochs without a better one, in the second half of the schedule (networks with batch statistics: in its
    last quarter). ``epochs``: after how many epochs of the recipe's schedule another training was best; this one learns as much,
    see `as_much`.
    Shuffling, dropout and initial weights are functions of ``training.seed`` and the epoch alone, so a training that was killed
    goes on from ``checkpoint`` to the very same weights (``on_epoch`` is told only of what is trained now).
    """
    recipe = classifier.recipe
    moving = _moving(classifier)
    rounds = as_much(epochs, recipe.epochs, training.schedule) if epochs else recipe.epochs
    steps = rounds * math.ceil(len(rows) / recipe.batch)
    pace = _Pace(moving.dense, training, steps, recipe.warm_up)
    order = LengthOrder(data, recipe.inputs, len(truth))
    weight = None if weights is None else torch.from_numpy(weights).to(_device(classifier))
    place = (None if checkpoint is None else checkpoint.resume(moving)) or Position()
    so_far, pace.step = _SoFar.at(place), place.steps
    stage.advance(place.epochs * len(rows))
    least = _LEAST_WITH_BATCH_STATISTICS if classifier.has_batch_statistics else _LEAST_SHARE_OF_EPOCHS
    for epoch in range(place.epochs, rounds):
        torch.manual_seed(_mix(training.seed, epoch))
        batches = _batches(data, rows, recipe, order, training.seed, epoch, _device(classifier))
        loss = _learn(moving, pace, batches, truth, weight, stage) / max(len(rows), 1)
        value = None
        if held_out is not None and score is not None:
            value = score(outcome_logits(classifier, data, held_out), truth[held_out])
            stage.advance(0, f"held-out {value:.3f}")
        told = so_far.add(loss, value, classifier)
        if on_epoch is not None:
            on_epoch(told)
        if so_far.waited >= training.patience and epoch + 1 >= rounds * least:
            break
        if checkpoint is not None and checkpoint.due:
            checkpoint.keep(moving, so_far.position(pace.step))
    return so_far.finish(classifier)


def _moving(classifier: Classifier) -> Moving:
    """The classifier with its optimizers: one for dense weights, one for word vectors, one for weights on sparse inputs."""
    recipe = classifier.recipe
    return Moving(
        classifier,
        build_optimizer(recipe, *classifier.dense_parameters()),
        RowOptimizer(classifier.word_tables(), recipe),
        RowAdagrad(classifier.sparse_layers(), recipe.sparse_learning_rate),
    )


def _learn(
    moving: Moving,
    pace: _Pace,
    batches: Iterable[tuple[np.ndarray, dict[str, InputBatch]]],
    truth: np.ndarray,
    weight: torch.Tensor | None,
    stage: Stage,
) -> float:
    """One epoch: a step for every batch. The loss, summed over products."""
    classifier, dense, tables, sparse = moving.classifier, moving.dense, moving.tables, moving.sparse
    device, dense_weights = _device(classifier), [*chain(*classifier.dense_parameters())]
    numbers = precision()
    classifier.train()
    total = 0.0
    for rows, inputs in batches:
        scale = pace.next()
        with computing_in(numbers):
            scores = classifier(inputs).float()
        loss = classifier.head.loss(scores, torch.from_numpy(truth[rows]).to(device), weight)
        dense.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(dense_weights, _LARGEST_GRADIENT)
        dense.step()
        sparse.step(scale)
        tables.step(scale)
        lost = float(loss.detach())
        total += lost * len(rows)
        stage.advance(len(rows), f"loss {lost:.3f}")
    return total


@dataclass
class _SoFar:
    """What a training has come to after some epochs: the curve, and the best epoch with its weights (None: none was scored)."""

    fit: Fit
    best_score: float
    best_state: dict[str, torch.Tensor] | None

    @classmethod
    def at(cls, place: Position) -> _SoFar:
        """What it had come to when a snapshot was taken."""
        fit = Fit([EpochRecord(*point) for point in place.curve], place.best_epoch)
        return cls(fit, place.best_score, place.best_state)

    def add(self, loss: float, score: float | None, classifier: Classifier) -> EpochRecord:
        """Note an epoch that is over; of the best one so far the weights are kept."""
        told = EpochRecord(len(self.fit.curve) + 1, loss, score)
        self.fit.curve.append(told)
        if score is not None and score > self.best_score:
            self.best_score, self.fit.best_epoch = score, told.epoch
            self.best_state = copy.deepcopy(classifier.state_dict())
        return told

    @property
    def waited(self) -> int:
        """Epochs since the best one; 0 where there is none yet."""
        return 0 if self.best_state is None else len(self.fit.curve) - self.fit.best_epoch

    def position(self, steps: int) -> Position:
        """What a snapshot keeps of it; ``steps`` of the schedule have been taken."""
        curve = [(point.epoch, point.loss, point.score) for point in self.fit.curve]
        return Position(len(curve), steps, curve, self.fit.best_epoch, self.best_score, self.best_state)

    def finish(self, classifier: Classifier) -> Fit:
        """Give the classifier its best weights; without scores the last ones count as the best."""
        if self.best_state is not None:
            classifier.load_state_dict(self.best_state)
        else:
            self.fit.best_epoch = len(self.fit.curve)
        classifier.eval()
        return self.fit


@torch.inference_mode()
def outcome_logits(classifier: Classifier, data: Mapping[str, Encoded], rows: np.ndarray) -> np.ndarray:
    """float32 [rows, outcomes]: log-probabilities (path target) or log-odds (label set); products do not interact."""
    classifier.eval()
    device = _device(classifier)
    parts = []
    for chunk in _cut(rows, _BLOCKS_AHEAD * PREDICT_ROWS):
        ahead = classifier.sequence_batches(data, chunk, device)
        for places in _cut(np.arange(len(chunk)), PREDICT_ROWS):
            filled = np.pad(places, (0, PREDICT_ROWS - len(places)), mode="edge")
            batches = {
                name: ahead[name].take(filled)
                if name in ahead
                else input_batch(data[name], chunk[filled], device)
                for name in classifier.recipe.inputs
            }
            logits = classifier.head.outcome_logits(classifier(batches))
            parts.append(logits[: len(places)].float().cpu().numpy())
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)


def _batches(
    data: Mapping[str, Encoded],
    rows: np.ndarray,
    recipe: ClassifierRecipe,
    order: LengthOrder,
    seed: int,
    epoch: int,
    device: torch.device,
) -> Iterator[tuple[np.ndarray, dict[str, InputBatch]]]:
    random = np.random.default_rng([seed, epoch])
    for chosen in order.batches(rows, recipe.batch, random):
        yield (
            chosen,
            {
                name: input_batch(data[name], chosen, device, True, recipe.input_dropout, random)
                for name in recipe.inputs
            },
        )


def as_much(best: int, epochs: int, schedule: str) -> int:
    """How long a schedule is that comes down to zero and moves as far as the first ``best`` epochs of one of ``epochs``: the sum
    of its rates is the same. A schedule of ``best`` epochs would move half as far where the best epoch came early.

    >>> as_much(4, 15, "cosine")
    8
    >>> as_much(15, 15, "cosine")
    15
    """
    if schedule != "cosine" or best >= epochs:
        return best
    return round(best + epochs / math.pi * math.sin(math.pi * best / epochs))


class _Pace:
    """The learning-rate schedule: a warm-up over a share of the steps, then a half cosine down to zero, or constant."""

    def __init__(
        self,
        dense: torch.optim.Optimizer,
        training: TrainingRecipe,
        steps: int,
        warm_up: float = 0.0,
    ) -> None:
        self.dense, self.schedule = dense, training.schedule
        self.steps = max(1, steps)
        self.rising = min(max(_LEAST_WARM_UP_STEPS, round(warm_up * self.steps)), self.steps)
        self.step = 0

    def next(self) -> float:
        """Advance one step, set the dense optimizer's rate and return the factor (0–1)."""
        factor = min(1.0, (self.step + 1) / self.rising)
        if self.schedule == "cosine":
            factor *= 0.5 * (1 + math.cos(math.pi * min(1.0, self.step / self.steps)))
        self.step += 1
        for group in self.dense.param_groups:
            group["lr"] = group["top"] * factor
        return factor


def _device(classifier: Classifier) -> torch.device:
    return next(classifier.parameters()).device


def _cut(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _mix(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
