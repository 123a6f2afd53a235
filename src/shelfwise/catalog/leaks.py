"""Texts that name the answer: how often they do, and how much of a model's accuracy rests on those words.

A title that says "sneakers" is no giveaway as a column that repeats the category is: new products' titles may well say it
too. But where the text was written by people who knew the category (Wang & Guthrie 2015 had to clean such descriptions),
accuracy measured with these words will not be had without them. So both are measured, and a person decides.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.masking import WordMask, word_stem, words_of
from shelfwise.catalog.split import grouped_split
from shelfwise.errors import CatalogError
from shelfwise.taxonomy.label_words import label_words

NAMED_SHARE = 0.05
"""Share of products whose text must name their own category for it to be looked into."""
TESTED_PRODUCTS = 4_000
TESTED_CATEGORIES = 100
"""The measurement is on a sample, and on the most frequent categories: an inspection must not take minutes."""
_LEAST_PRODUCTS = 50
_HELD_OUT = 0.3
_FEATURES = 20_000


@dataclass(frozen=True)
class Leak:
    """A text column that names the product's own category.

    ``share`` (0–1): of the labelled products, those whose text holds every word of the name of their category (the last of the
    path, or one of the labels), in whatever capitals, singular or plural. ``accuracy`` and ``accuracy_masked`` (0–1): of a quick
    linear model of this column alone on ``tested`` products of other groups, with and without the words of all category
    names; micro-F1 for label sets. None where there are too few products to tell.
    """

    name: str
    share: float
    accuracy: float | None = None
    accuracy_masked: float | None = None
    tested: int = 0


def find_leaks(
    columns: Mapping[str, pa.Array],
    truth: Sequence[tuple[str, ...]],
    *,
    multilabel: bool,
    groups: np.ndarray,
    seed: int = 0,
) -> list[Leak]:
    """The text columns that name the answer for at least ``NAMED_SHARE`` of the products, in the order given.

    ``truth`` is one path or label set a product, () where it has none; ``groups`` int [products] numbers products that must not
    be on both sides of a test. The target's own columns and giveaways must not be among ``columns``.
    """
    rows = np.array([row for row, answer in enumerate(truth) if answer], dtype=np.int64)
    if not len(rows):
        return []
    mask = WordMask(label_words(name for answer in {truth[row] for row in rows} for name in answer))
    found = []
    for name, column in columns.items():
        texts = [text or "" for text in as_text(column).to_pylist()]
        share = named_share([texts[row] for row in rows], [truth[row] for row in rows], multilabel=multilabel)
        if share >= NAMED_SHARE:
            found.append(_measured(Leak(name, share), texts, truth, rows, groups, mask, multilabel, seed))
    return found


def named_share(texts: Sequence[str], answers: Sequence[tuple[str, ...]], *, multilabel: bool) -> float:
    """Share of products (0–1) whose text holds every word of a name of their own: the path's last, or any label."""
    names = {name for answer in answers for name in (answer if multilabel else answer[-1:])}
    wanted = {name: frozenset(label_words([name])) for name in names}
    named = 0
    for text, answer in zip(texts, answers, strict=True):
        words = words_of(text)
        stems = {word_stem(word) for word in words}
        stems |= {word_stem(first + second) for first, second in itertools.pairwise(words)}
        own = answer if multilabel else answer[-1:]
        named += any(wanted[name] and wanted[name] <= stems for name in own)
    return named / max(len(answers), 1)


def _measured(
    leak: Leak,
    texts: Sequence[str],
    truth: Sequence[tuple[str, ...]],
    rows: np.ndarray,
    groups: np.ndarray,
    mask: WordMask,
    multilabel: bool,
    seed: int,
) -> Leak:
    known = [name for row in rows for name in (truth[row] if multilabel else (truth[row],))]
    frequent = [name for name, _ in Counter(known).most_common(TESTED_CATEGORIES)]
    sample = np.random.default_rng(seed).permutation(rows)[:TESTED_PRODUCTS]
    if not multilabel:
        of_interest = set(frequent)
        sample = np.array([row for row in sample if truth[row] in of_interest], dtype=np.int64)
    if len(sample) < _LEAST_PRODUCTS or len(frequent) < 2:
        return leak
    try:
        fit, test = grouped_split(groups[sample], [1 - _HELD_OUT, _HELD_OUT], seed)
    except CatalogError:  # fewer groups than parts: nothing that could be told apart
        return leak
    answers = [truth[row] for row in sample]
    score = _label_score if multilabel else _path_score
    with_words = [texts[row] for row in sample]
    scores = [
        score(text, answers, frequent, fit, test)
        for text in (with_words, [mask(text) for text in with_words])
    ]
    return Leak(leak.name, leak.share, scores[0], scores[1], len(test))


def _features(texts: Sequence[str], fit: np.ndarray) -> np.ndarray | None:
    """TF-IDF of words, CSR [N, words]; None where the fitting part holds no word twice."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        min_df=2, sublinear_tf=True, max_features=_FEATURES, token_pattern=r"[^\W_]+"
    )
    try:
        vectorizer.fit([texts[row] for row in fit])
    except ValueError:  # "no terms remain": what is left of the texts says nothing
        return None
    return vectorizer.transform(texts)


def _path_score(
    texts: Sequence[str], answers: Sequence[tuple[str, ...]], _: object, fit: np.ndarray, test: np.ndarray
) -> float:
    from sklearn.svm import LinearSVC

    numbers: dict[tuple[str, ...], int] = {}
    truth = np.array([numbers.setdefault(answer, len(numbers)) for answer in answers])
    features = _features(texts, fit)
    if features is None or len(np.unique(truth[fit])) < 2:
        return float((truth[test] == np.bincount(truth[fit]).argmax()).mean())
    model = LinearSVC(tol=1e-2, random_state=0).fit(features[fit], truth[fit])
    return float((model.predict(features[test]) == truth[test]).mean())


def _label_score(
    texts: Sequence[str],
    answers: Sequence[tuple[str, ...]],
    frequent: Sequence[object],
    fit: np.ndarray,
    test: np.ndarray,
) -> float:
    from sklearn.svm import LinearSVC

    features = _features(texts, fit)
    fitted, tested = (None, None) if features is None else (features[fit], features[test])
    right = given = wanted = 0
    for label in frequent:
        truth = np.array([label in answer for answer in answers])
        said = np.full(len(test), truth[fit].all())
        if fitted is not None and 0 < truth[fit].sum() < len(fit):
            said = LinearSVC(tol=1e-2, random_state=0).fit(fitted, truth[fit]).predict(tested)
        right += int((said & truth[test]).sum())
        given += int(said.sum())
        wanted += int(truth[test].sum())
    return 2 * right / max(given + wanted, 1)
