"""What users would pick instead: scikit-learn's TF-IDF and linear support vector machines, as they come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from shelfwise.catalog.split import grouped_split

Path = tuple[str, ...]

HELD_OUT_SHARE = 0.2
"""Of the training products, by group, to find the label threshold on."""


def vectorizer(analyzer: str = "word", lengths: tuple[int, int] = (1, 2)) -> TfidfVectorizer:
    """Words and pairs of words (or what is asked for) of at least two products, with logarithmic counts."""
    return TfidfVectorizer(analyzer=analyzer, ngram_range=lengths, sublinear_tf=True, min_df=2)


class LevelSvms:
    """One linear SVM per level, each for itself: the three can answer with a path that does not exist."""

    def fit(self, texts: Sequence[str], paths: Sequence[Path]) -> LevelSvms:
        """Learn from N texts and N paths of one length."""
        self._vectorizer = vectorizer()
        features = self._vectorizer.fit_transform(texts)
        self._levels = [LinearSVC().fit(features, level) for level in zip(*paths, strict=True)]
        return self

    def predict(self, texts: Sequence[str]) -> list[Path]:
        """One path a text."""
        features = self._vectorizer.transform(texts)
        levels = [svm.predict(features).tolist() for svm in self._levels]
        return list(zip(*levels, strict=True))


class PathSvm:
    """One linear SVM over whole paths: every leaf is a class of its own."""

    def fit(self, texts: Sequence[str], paths: Sequence[Path]) -> PathSvm:
        """Learn from N texts and N paths of any length."""
        self._paths = sorted(set(paths))
        number = {path: place for place, path in enumerate(self._paths)}
        self._vectorizer = vectorizer()
        self._svm = LinearSVC().fit(
            self._vectorizer.fit_transform(texts), np.array([number[path] for path in paths])
        )
        return self

    def predict(self, texts: Sequence[str]) -> list[Path]:
        """One path a text."""
        return [self._paths[place] for place in self._svm.predict(self._vectorizer.transform(texts))]


class LabelSvms:
    """One linear SVM per label, and one threshold for all of them, found on held-out groups."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)

    def fit(
        self, texts: Sequence[str], sets: Sequence[Path], groups: np.ndarray, ids: Sequence[str], seed: int
    ) -> LabelSvms:
        """Learn from N texts and N label sets; labels that were not named before are passed over.

        The threshold is the one of best micro-F1 on a grouped fifth of the products, for SVMs trained on the
        others; then the SVMs are trained on all.
        """
        truth = label_matrix(sets, self._labels)
        fit_rows, held = grouped_split(groups, [1 - HELD_OUT_SHARE, HELD_OUT_SHARE], seed, keys=ids)
        part = vectorizer()
        scores = self._scores(
            part.fit_transform([texts[row] for row in fit_rows]),
            truth[fit_rows],
            part.transform([texts[row] for row in held]),
        )
        self.threshold = best_threshold(scores, truth[held])
        self._vectorizer = vectorizer()
        self._weights, self._bias = self._linear(self._vectorizer.fit_transform(texts), truth)
        return self

    def predict(self, texts: Sequence[str]) -> list[Path]:
        """The labels over the threshold, one tuple a text; it may be empty."""
        scores = self._vectorizer.transform(texts) @ self._weights.T + self._bias
        given = scores >= self.threshold
        return [tuple(self._labels[place] for place in np.flatnonzero(row)) for row in given]

    def _scores(self, features: sp.csr_matrix, truth: np.ndarray, others: sp.csr_matrix) -> np.ndarray:
        weights, bias = self._linear(features, truth)
        return np.asarray(others @ weights.T + bias)

    @staticmethod
    def _linear(features: sp.csr_matrix, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(weights [labels, features], bias [labels]), label by label as scikit-learn's one-vs-rest does.

        Its own class gives a label without examples the score 0, which is above a tuned threshold; here such
        a label is never given, and one that every product has always is.
        """
        weights = np.zeros((truth.shape[1], features.shape[1]))
        bias = np.where(truth.all(axis=0), np.inf, -np.inf)
        for label in np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0)):
            svm = LinearSVC().fit(features, truth[:, label])
            weights[label], bias[label] = svm.coef_[0], svm.intercept_[0]
        return weights, bias


def label_matrix(sets: Sequence[Path], labels: Sequence[str]) -> np.ndarray:
    """bool [N, labels]: whether a product has a label."""
    place = {label: number for number, label in enumerate(labels)}
    matrix = np.zeros((len(sets), len(labels)), bool)
    for row, given in enumerate(sets):
        matrix[row, [place[label] for label in given if label in place]] = True
    return matrix


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The score from which on a label is given for the best micro-F1; infinite when no label is true.

    ``scores`` float and ``truth`` bool, both [N, labels]. All thresholds are tried: after sorting, the k best
    scores hold some number of right ones, and micro-F1 is twice that over k plus all true ones.
    """
    flat, right = scores.ravel(), truth.ravel()
    order = np.argsort(-flat, kind="stable")
    flat, hits = flat[order], np.cumsum(right[order])
    if not len(flat) or hits[-1] == 0:
        return float("inf")
    f1 = 2 * hits / (np.arange(1, len(flat) + 1) + hits[-1])
    # Equal scores stand or fall together.
    f1[:-1][flat[:-1] == flat[1:]] = -1
    return float(flat[f1.argmax()])
