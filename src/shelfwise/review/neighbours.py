"""The labelled products most like one at the desk: a person decides faster beside what was decided before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.catalog.inputs import as_text
from shelfwise.catalog.words import words_of
from shelfwise.recipe import TargetRecipe
from shelfwise.review.product_fields import ProductFields
from shelfwise.taxonomy.truth import read_truth

MOST_PRODUCTS = 200_000
"""Labelled products that are compared with; of more, an even part."""
_MOST_CHARACTERS = 600
"""Of a product's text: the title and the beginning of the description say what it is."""
_LEAST_LIKENESS = 0.15


@dataclass(frozen=True)
class Neighbour:
    """One labelled product. ``likeness``: cosine of the two texts' TF-IDF vectors, 0–1."""

    id: str
    title: str
    category: tuple[str, ...]
    likeness: float


class Neighbours:
    """Finds labelled products with the same words, the rare ones counting most (TF-IDF cosine)."""

    def __init__(
        self,
        titles: Sequence[str],
        texts: Sequence[str],
        ids: Sequence[str],
        truth: Sequence[tuple[str, ...]],
    ) -> None:
        self._titles = list(titles)
        self._ids = list(ids)
        self._truth = list(truth)
        self._vectorizer = TfidfVectorizer(
            analyzer=words_of, sublinear_tf=True, max_df=0.2 if len(texts) > 50 else 1.0, dtype=np.float32
        )
        try:
            matrix = self._vectorizer.fit_transform(texts)
        except ValueError:  # not one word in all of them
            matrix = sp.csr_matrix((len(texts), 0), dtype=np.float32)
        # By word: a product has a dozen, so a question reads a dozen short columns.
        self._by_word = sp.csc_matrix(matrix)

    @classmethod
    def of(cls, catalog: Catalog, target: TargetRecipe) -> Neighbours:
        """Of a catalog that carries the target's columns. Raises TargetError where it does not."""
        truth = read_truth(catalog, target).values
        labelled = np.flatnonzero([bool(answer) for answer in truth])
        if len(labelled) > MOST_PRODUCTS:
            labelled = labelled[np.linspace(0, len(labelled) - 1, MOST_PRODUCTS).astype(np.int64)]
        part = catalog.take(labelled)
        shop = ProductFields(part, hidden=target.columns)
        columns = [
            as_text(part.column(name)).to_pylist()
            for name, field in part.fields.items()
            if field.role is Role.TEXT and name not in target.columns
        ]
        texts = [_text([text or "" for text in row]) for row in zip(*columns, strict=True)]
        titles = [shop.title(shop.fields((name, 0))) for name in part.ids]
        return cls(titles, texts or [""] * len(part), part.ids, [truth[row] for row in labelled])

    def nearest(self, fields: dict[str, str], text_columns: Sequence[str], limit: int = 4) -> list[Neighbour]:
        """The most similar labelled products, best first; fewer where little is similar."""
        text = _text([fields[name] for name in text_columns if name in fields] or list(fields.values()))
        if not self._by_word.shape[1]:
            return []
        asked = self._vectorizer.transform([text])
        likeness = np.asarray(self._by_word[:, asked.indices] @ asked.data).ravel()
        best = np.argsort(-likeness, kind="stable")[:limit]
        return [
            Neighbour(self._ids[row], self._titles[row], self._truth[row], float(likeness[row]))
            for row in best
            if likeness[row] >= _LEAST_LIKENESS
        ]


def _text(parts: Sequence[str]) -> str:
    return " ".join(parts)[:_MOST_CHARACTERS]
