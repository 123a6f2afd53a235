"""One classifier's training as a piece of work that can be done here or in another process, with the same result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from shelfwise.encoders.base import Encoder
from shelfwise.ensemble import Prepared, build_classifier, usable
from shelfwise.learning.quality import Quality
from shelfwise.learning.unfinished import KeptLesson
from shelfwise.progress import Stage
from shelfwise.recipe import ClassifierRecipe, TrainingRecipe
from shelfwise.taxonomy.targets import Target
from shelfwise.training.checkpoint import same_arrays
from shelfwise.training.linear_svm import train_linear_svm
from shelfwise.training.loop import EpochRecord, Fit, outcome_logits, train
from shelfwise.training.network import Classifier
from shelfwise.training.side_by_side import Shared

_MACHINES, _MACHINE = 10.0, 0.2
"""On Myntra's 24,375 products machines of 140 outcomes take a third of the time of the early fusion, which is 120 such units; on
Livostyle's 1,556 and 1,933 labels as long as its 200."""
_ENCODER = 30
"""What an input's own network counts as beside one linear layer: a guess, enough to say that it takes by far the longest."""

Scores = tuple[np.ndarray, np.ndarray]
"""Raw logits float32 [N, outcomes] of some products, and bool [N] for which of them the classifier is present."""


@dataclass(frozen=True)
class Material:
    """What all classifiers of a round learn from. ``data`` is every input as ``encoders`` see it; ``truth`` is of all rows, as
    ``target.encode`` gave it; ``weights``: float32 [outcomes], or None."""

    training: TrainingRecipe
    target: Target
    encoders: dict[str, Encoder]
    data: Prepared
    truth: np.ndarray
    weights: np.ndarray | None


@dataclass(frozen=True)
class Lesson:
    """Train ``recipe`` on ``rows`` for ``epochs``, or fewer where the products ``checked`` say so; then score ``scored``.

    ``effort``: about how long it takes beside others, in units of `effort_a_product`. ``kept``: where what it comes to is kept
    against a kill; None: nowhere.
    """

    recipe: ClassifierRecipe
    rows: np.ndarray
    checked: np.ndarray | None
    scored: np.ndarray | None
    epochs: int
    effort: float
    kept: KeptLesson | None = None

    @property
    def steps(self) -> int:
        """Units of progress: products seen."""
        return len(self.rows) * (self.epochs if self.recipe.solver == "gradient" else 1)


@dataclass(frozen=True)
class Learned:
    """What a lesson came to: the curve, scores of the products it was asked for, and the weights where they were asked for."""

    fit: Fit
    scores: Scores | None
    weights: dict[str, np.ndarray] | None


def teach(
    lesson: Lesson,
    material: Material,
    device: torch.device,
    stage: Stage,
    on_epoch: Callable[[EpochRecord], None] | None = None,
) -> tuple[Classifier, Fit]:
    """Train the classifier, on as many threads as PyTorch now has. What comes out is a function of the arguments alone."""
    recipe, training = lesson.recipe, material.training
    classifier = build_classifier(recipe, material.encoders, material.data, material.target, training.seed)
    classifier = classifier.to(device)
    score = None if lesson.checked is None else Quality(material.target)
    given = (classifier, material.data, material.truth, lesson.rows, training, stage)
    watched = {
        "held_out": lesson.checked,
        "score": score,
        "weights": material.weights,
        "on_epoch": on_epoch,
    }
    if recipe.solver == "svm":
        return classifier, train_linear_svm(*given, **watched)  # type: ignore[arg-type]
    checkpoint = None if lesson.kept is None else lesson.kept.checkpoint
    return classifier, train(*given, epochs=lesson.epochs, checkpoint=checkpoint, **watched)  # type: ignore[arg-type]


def teach_elsewhere(lesson: Lesson, shared: Shared, keep: bool, stage: Stage) -> Learned:
    """The same in a worker process; with ``keep`` the weights come back, so that the classifier can be put together again."""
    material: Material = shared.load()
    classifier, fit = teach(lesson, material, torch.device("cpu"), stage)
    scores = None if lesson.scored is None else score_rows(classifier, material.data, lesson.scored)
    return learned_from(lesson, classifier, fit, scores, keep)


def learned_from(
    lesson: Lesson, classifier: Classifier, fit: Fit, scores: Scores | None, keep: bool
) -> Learned:
    """What a lesson came to, with the weights if they are to be kept; it is written down where that is asked for."""
    weights = None
    if keep:
        weights = {name: value.cpu().numpy() for name, value in classifier.state_dict().items()}
    if lesson.kept is not None:
        lesson.kept.write(fit, scores, weights)
    return Learned(fit, scores, weights)


def recall(lesson: Lesson, material: Material, keep: bool) -> Learned | None:
    """What an earlier, interrupted training learned in the same lesson; None where that is not kept, or does not fit."""
    found = None if lesson.kept is None else lesson.kept.read()
    if found is None:
        return None
    fit, scores, weights = found
    if (scores is None) != (lesson.scored is None) or (keep and weights is None):
        return None
    if scores is not None and lesson.scored is not None:
        logits, present = scores
        right = (len(lesson.scored), material.target.n_outcomes)
        if (logits.shape, present.shape) != (right, right[:1]) or present.dtype != np.bool_:
            return None
    if keep:
        with torch.device("meta"):
            empty = build_classifier(
                lesson.recipe, material.encoders, material.data, material.target, material.training.seed
            )
        if not same_arrays(weights or {}, empty.state_dict()):
            return None
    return Learned(fit, scores, weights if keep else None)


def score_rows(classifier: Classifier, data: Prepared, rows: np.ndarray) -> Scores:
    """Raw logits of ``rows``, and for which of them the classifier is present."""
    return outcome_logits(classifier, data, rows), usable(classifier.recipe, data)[rows]


def put_together(lesson: Lesson, material: Material, weights: dict[str, np.ndarray]) -> Classifier:
    """The trained classifier, from the weights that came back."""
    with torch.device("cpu"):
        classifier = build_classifier(
            lesson.recipe, material.encoders, material.data, material.target, material.training.seed
        )
    classifier.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    return classifier.eval()


def effort_a_product(
    recipe: ClassifierRecipe, epochs: int, outcomes: int, encoders: Mapping[str, Encoder]
) -> float:
    """How long training takes for each product, in units of one epoch of a linear classifier on one input that gradient descent
    trains. Support vector machines are one an outcome, and each looks only at the products that are near its margin."""
    if recipe.solver == "svm":
        return _MACHINES + _MACHINE * outcomes
    layers = 1 + 3 * len(recipe.hidden) + _ENCODER * trains_encoders(recipe, encoders)
    return epochs * len(recipe.inputs) * layers


def trains_encoders(recipe: ClassifierRecipe, encoders: Mapping[str, Encoder]) -> bool:
    """Whether an input's own network is trained with the classifier: layers large enough for several threads."""
    return any(encoders[name].has_network for name in recipe.inputs)
