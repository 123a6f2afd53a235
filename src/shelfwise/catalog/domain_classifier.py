"""Can a simple model tell from which of two catalogs a product comes? If it cannot, they are alike in what it looks at."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from shelfwise.catalog.column import InputColumn, RawImage, Role, State
from shelfwise.catalog.decoding import each_image
from shelfwise.catalog.images import decode_image
from shelfwise.errors import ImageError

_FEATURES = 2**18
_PARTS = 3
_FIELDS = 8
"""Fields each way over which a picture's colours are averaged."""
_BINS = 20
_TOLERANCE = 0.1


def domain_features(columns: Sequence[InputColumn]) -> sp.csr_matrix:
    """CSR float64 [N, width]: what the classifier sees of one input of the products of several catalogs, one after the
    other; the last column says that it is not there.

    Words of a text and values of a category are hashed, numbers cut into twentieths, pictures are the colours of 8 × 8 fields.
    """
    if columns[0].role is Role.NUMBER:
        return _number_bins(columns)
    parts = [_pictures(column) if column.role is Role.IMAGE else _words(column) for column in columns]
    return sp.vstack(parts, format="csr")


def domain_auc(features: sp.csr_matrix, of_second: np.ndarray, keys: Sequence[str], seed: int = 0) -> float:
    """Area under the ROC curve (0.5 chance … 1 told apart every time) of a linear support vector machine on products it did
    not see.

    ``of_second`` bool [N]: which catalog; ``keys``: products with the same key (their normalised title) are on one side
    of every split, or variants would be known by their siblings. Ben-David et al. 2010, *A theory of learning from
    different domains*: how well domains are told apart bounds how much worse a model does on the other.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.svm import LinearSVC

    part = np.array([_hashed(f"{seed}:{key}") % _PARTS for key in keys])
    score = np.full(len(part), np.nan)
    for held in range(_PARTS):
        fit, out = np.flatnonzero(part != held), np.flatnonzero(part == held)
        if not len(out) or len(np.unique(of_second[fit])) < 2:
            continue
        model = LinearSVC(C=0.3, tol=_TOLERANCE, class_weight="balanced", random_state=0)
        score[out] = model.fit(features[fit], of_second[fit]).decision_function(features[out])
    known = ~np.isnan(score)
    if not known.any() or len(np.unique(of_second[known])) < 2:
        return 0.5
    # Parts are scored by models of their own, whose outputs are comparable only as ranks.
    return float(
        np.average(
            [
                roc_auc_score(of_second[mine], score[mine])
                for held in range(_PARTS)
                if len(np.unique(of_second[mine := known & (part == held)])) == 2
            ]
            or [0.5]
        )
    )


def _words(column: InputColumn) -> sp.csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    assert isinstance(column.values, pa.Array | pa.ChunkedArray)
    whole = column.role is Role.CATEGORY
    vectorizer = HashingVectorizer(
        n_features=_FEATURES,
        alternate_sign=False,
        norm="l2",
        analyzer=(lambda text: [text.casefold()] if text else []) if whole else "word",
    )
    seen = vectorizer.transform([text or "" for text in column.values.to_pylist()])
    return _with_missing(seen, column.state == State.PRESENT)


def _number_bins(columns: Sequence[InputColumn]) -> sp.csr_matrix:
    found = []
    for column in columns:
        assert isinstance(column.values, pa.Array | pa.ChunkedArray)
        numbers = np.asarray(column.values.to_numpy(zero_copy_only=False), dtype=np.float64)
        found.append(np.where(column.state == State.PRESENT, numbers, np.nan))
    values = np.concatenate(found)
    known = np.flatnonzero(np.isfinite(values))
    edges = np.unique(np.quantile(values[known], np.arange(1, _BINS) / _BINS)) if len(known) else np.empty(0)
    place = np.searchsorted(edges, values[known], side="left")
    seen = sp.csr_matrix((np.ones(len(known)), (known, place)), shape=(len(values), _BINS + 1))
    return _with_missing(seen, np.isfinite(values))


def _with_missing(seen: sp.csr_matrix, there: np.ndarray) -> sp.csr_matrix:
    return sp.hstack([seen, sp.csr_matrix((~there)[:, None].astype(np.float64))], format="csr")


def _pictures(column: InputColumn) -> sp.csr_matrix:
    source = column.values
    assert not isinstance(source, pa.Array | pa.ChunkedArray)
    colours, there = np.zeros((len(source), _FIELDS * _FIELDS * 3)), np.zeros(len(source), bool)
    for row, seen in enumerate(chain.from_iterable(each_image(source, _colours))):
        if seen is not None:
            colours[row], there[row] = seen, True
    return _with_missing(sp.csr_matrix(colours), there)


def _colours(image: RawImage) -> np.ndarray | None:
    """float64 [fields × 3], 0–1; one that cannot be read is one that is not there."""
    if image.data is None:
        return None
    try:
        picture = decode_image(image.data, side=_FIELDS)
    except ImageError:
        return None
    return np.asarray(picture.resize((_FIELDS, _FIELDS))).ravel() / 255.0


def _hashed(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
