"""Why products got their answers: each classifier's vote and weight, the words that counted, labelled products like them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from scipy.special import expit, softmax

from shelfwise.answers import per_classifier_answers
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.masking import mask_words
from shelfwise.ensemble import Ensemble, Prepared, read_input
from shelfwise.explain.contributions import contributions
from shelfwise.explain.explanation import Explanation, SimilarProduct, Vote, Word
from shelfwise.explain.terms import word_weights
from shelfwise.predictions import Prediction
from shelfwise.recipe import InputRecipe
from shelfwise.taxonomy.targets import LabelTarget, PathTarget, Target
from shelfwise.training.network import Classifier

MOST_WORDS = 8
"""Words told for an answer, and as many against it."""
MOST_SIMILAR = 4
_AT_ONCE = 128
_STEP = 0.05
"""By how much a classifier's logit is raised to see how far the fused one follows."""
_LEAST_WEIGHT = 0.005
"""Words that move the answer by less are not told."""
_DECIMALS = 4


@dataclass(frozen=True)
class Explainer:
    """Explains predictions for rows of one catalog; the fields are those of ``Answers``."""

    ensemble: Ensemble
    inputs: Sequence[InputRecipe]
    catalog: Catalog
    prepared: Prepared
    data: Prepared

    def explained(
        self,
        rows: np.ndarray,
        logits: np.ndarray,
        present: np.ndarray,
        predictions: Sequence[Prediction],
    ) -> list[Prediction]:
        """The predictions of ``rows`` with their explanations; one that failed has none.

        ``logits`` [classifiers, rows, outcomes] and ``present`` [classifiers, rows] are what classifiers said.
        """
        found = list(predictions)
        for start in range(0, len(rows), _AT_ONCE):
            block = range(start, min(start + _AT_ONCE, len(rows)))
            places = [place for place in block if predictions[place].decision != "failed"]
            if places:
                part = [predictions[place] for place in places]
                told = self._explanations(rows[places], logits[:, places], present[:, places], part)
                for place, explanation in zip(places, told, strict=True):
                    found[place] = replace(predictions[place], explanation=explanation)
        return found

    def _explanations(
        self, rows: np.ndarray, logits: np.ndarray, present: np.ndarray, predictions: Sequence[Prediction]
    ) -> list[Explanation]:
        ensemble = self.ensemble
        answers = [one.answer for one in predictions]
        about = _outcomes_of(ensemble.target, answers, ensemble.probabilities(logits, present))
        pull = _pull(ensemble, logits, present, about)
        votes = self._votes(logits, present, answers, pull)
        words = self._words(rows, present, about, pull)
        similar = self._similar(rows)
        return [Explanation(*parts) for parts in zip(votes, words, similar, strict=True)]

    def _votes(
        self, logits: np.ndarray, present: np.ndarray, answers: Sequence[tuple[str, ...]], pull: np.ndarray
    ) -> list[tuple[Vote, ...]]:
        ensemble = self.ensemble
        alone = per_classifier_answers(ensemble, logits, present)
        positive = np.maximum(pull, 0.0) * present
        total = positive.sum(0)
        weights = np.where(
            total > 0, positive / np.maximum(total, 1e-12), present / np.maximum(present.sum(0), 1)
        )
        votes: list[list[Vote]] = [[] for _ in answers]
        for which, name in enumerate(ensemble.names):
            chances = softmax(logits[which], axis=1) if ensemble.target.exclusive else expit(logits[which])
            own = _probability_of(ensemble.target, alone[name], chances)
            chosen = _probability_of(ensemble.target, answers, chances)
            reads = tuple(ensemble.classifiers[which].recipe.inputs)
            for place in np.flatnonzero(present[which]):
                votes[place].append(
                    Vote(
                        name,
                        reads,
                        alone[name][place],
                        _told(own[place]),
                        _told(chosen[place]),
                        _told(weights[which, place]),
                    )
                )
        return [tuple(sorted(each, key=lambda vote: -vote.weight)) for each in votes]

    def _words(
        self, rows: np.ndarray, present: np.ndarray, about: np.ndarray, pull: np.ndarray
    ) -> list[tuple[Word, ...]]:
        """The words that counted most in the fused score: classifiers' words, each with what its classifier weighs."""
        ensemble = self.ensemble
        contrast = about - 1.0 / about.shape[1]
        totals: list[dict[tuple[str, str], float]] = [defaultdict(float) for _ in rows]
        texts = {one.name: self._texts(one, rows) for one in self.inputs if one.role in ("text", "category")}
        for which, classifier in enumerate(ensemble.classifiers):
            if not isinstance(classifier, Classifier):  # a compiled one keeps no weights to look at
                continue
            scale = pull[which] / ensemble.calibration.temperatures[which]
            for name, matrix in contributions(classifier, self.data, rows, contrast).items():
                for place in np.flatnonzero(present[which] & (pull[which] != 0)):
                    entries = slice(matrix.indptr[place], matrix.indptr[place + 1])
                    text = texts.get(name, [None] * len(rows))[place]
                    if text is None:
                        continue
                    told = word_weights(
                        ensemble.encoders[name],
                        text,
                        matrix.indices[entries],
                        matrix.data[entries] * scale[place],
                    )
                    for word, weight in told.items():
                        totals[place][name, word] += weight
        return [_strongest(total) for total in totals]

    def _texts(self, one: InputRecipe, rows: np.ndarray) -> list[str | None]:
        """The input's texts as its encoder reads them."""
        column = read_input(self.catalog, one.model_copy(update={"mask_words": None}))
        assert isinstance(column.values, pa.Array | pa.ChunkedArray), "texts are Arrow strings"
        taken = replace(
            column, values=column.values.take(pa.array(rows)), state=column.state[rows], reasons={}
        )
        texts: list[str | None] = mask_words(taken, one.mask_words or ()).values.to_pylist()  # type: ignore[union-attr]
        return texts

    def _similar(self, rows: np.ndarray) -> list[tuple[SimilarProduct, ...]]:
        memory, target = self.ensemble.memory, self.ensemble.target
        if memory is None or not memory.named:
            return [()] * len(rows)
        names = target.outcomes if isinstance(target, PathTarget) else target.labels
        vectors = [view.vectors(self.data, rows) for view in memory.views]
        known = [view.given(self.data, rows) for view in memory.views]
        found = []
        for likest in memory.nearest(vectors, known, MOST_SIMILAR):
            told = []
            for place, likeness in likest:
                answer = memory.answers[place]
                path = (
                    names[answer[0]]
                    if isinstance(target, PathTarget)
                    else tuple(names[label] for label in answer)
                )
                told.append(SimilarProduct(memory.ids[place], memory.titles[place], path, likeness))  # type: ignore[arg-type]
            found.append(tuple(told))
        return found


def _outcomes_of(target: Target, answers: Sequence[tuple[str, ...]], probabilities: np.ndarray) -> np.ndarray:
    """float [N, outcomes], summing to 1: the outcomes that answers are about; of several, each as far as it is probable.

    A path that stops early is about all that lies below it; a label set about its labels, or where sets are the outcomes about
    those that are most like it; where nothing is answered, about the most probable outcome.
    """
    about = np.zeros(probabilities.shape)
    belonging = {answer: _belonging(target, answer) for answer in set(answers)}
    for row, (answer, mine) in enumerate(zip(answers, probabilities, strict=True)):
        belongs = belonging[answer]
        share = np.where(belongs, np.maximum(mine, 1e-9), 0.0)
        if isinstance(target, LabelTarget) and not target.sets:
            share = belongs.astype(float)
        if not belongs.any():
            share[mine.argmax()] = 1.0
        about[row] = share / share.sum()
    return about


def _belonging(target: Target, answer: tuple[str, ...]) -> np.ndarray:
    """bool [outcomes]: which outcomes an answer is about; none for an empty one."""
    if not answer:
        return np.zeros(target.n_outcomes, bool)
    if isinstance(target, PathTarget):
        exact = np.array([path == answer for path in target.outcomes])
        return exact if exact.any() else np.array([path[: len(answer)] == answer for path in target.outcomes])
    given = np.isin(target.labels, answer)
    if not target.sets:
        return given
    shared, own = target.members @ given, target.members.sum(1)
    likeness = shared / np.maximum(own + given.sum() - shared, 1)
    return likeness == likeness.max()


def _pull(ensemble: Ensemble, logits: np.ndarray, present: np.ndarray, about: np.ndarray) -> np.ndarray:
    """float [classifiers, N]: how far the answer's fused, calibrated logit follows when a classifier's rises.

    Of an opinion pool these are its weights; of any other policy they say the same of it. 0 where a classifier is absent.
    """
    policy, scale = ensemble.policy, ensemble.calibration.scale
    contrast = about - 1.0 / about.shape[1]

    def height(said: np.ndarray) -> np.ndarray:
        return scale * (policy.combine(said, present) * contrast).sum(1)

    before = height(logits)
    raised = (about * contrast).sum(1)
    pulls = np.zeros(present.shape)
    for which in range(len(logits)):
        changed = logits.copy()
        changed[which] += _STEP * about
        pulls[which] = (height(changed) - before) / (_STEP * np.maximum(raised, 1e-9))
    return np.where(present, pulls, 0.0)


def _probability_of(target: Target, answers: Sequence[tuple[str, ...]], chances: np.ndarray) -> np.ndarray:
    """float [N]: how probable each answer is; of labels by themselves the mean of its labels' probabilities."""
    if isinstance(target, PathTarget):
        parts, belonging = chances, {answer: _belonging(target, answer) for answer in set(answers)}
    else:
        parts = target.label_probabilities(chances)
        belonging = {answer: np.isin(target.labels, answer) for answer in set(answers)}
    found = np.zeros(len(answers))
    for row, (answer, mine) in enumerate(zip(answers, parts, strict=True)):
        if isinstance(target, PathTarget):
            found[row] = mine[belonging[answer]].sum()
        elif answer:
            found[row] = mine[belonging[answer]].mean()
    return found


def _strongest(total: dict[tuple[str, str], float]) -> tuple[Word, ...]:
    """The words that speak most for the answer and those that speak most against it, the strongest first."""
    told = [
        Word(name, word, _told(weight))
        for (name, word), weight in total.items()
        if abs(weight) >= _LEAST_WEIGHT
    ]
    told.sort(key=lambda one: (-abs(one.weight), one.input, one.word))
    good = [one for one in told if one.weight > 0][:MOST_WORDS]
    bad = [one for one in told if one.weight < 0][:MOST_WORDS]
    return tuple(one for one in told if one in good or one in bad)


def _told(value: float) -> float:
    return round(float(value), _DECIMALS)
