"""Reads text as which of the most common words it holds: the papers' input, and a plain baseline."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.encoders.base import Encoded, Encoder, EncoderOptions, Progress, no_progress
from shelfwise.encoders.hashing import BUCKETS, hash_texts
from shelfwise.encoders.stop_words import ENGLISH
from shelfwise.encoders.vocabulary import (
    Vocabulary,
    count_buckets,
    most_frequent,
    prepare_texts,
    saved_buckets,
    without_known,
)


class BagOfWordsOptions(EncoderOptions):
    """Which words ``BagOfWords`` keeps."""

    max_words: int = Field(5000, ge=1)
    """The most frequent words of the training products are kept, up to this many."""
    stop_words: Literal["english"] | None = "english"
    """Words too common to tell products apart, left out; null keeps them."""


class BagOfWords(Encoder):
    """One column a word, 1 where the text holds it, for the most frequent words of the training products.

    The text input of Wirojwatanakul & Wangperawong 2019, section 3. Words are hashed (see ``hash_texts``);
    two share a column by accident about once in a thousand words. A product whose text holds no kept word
    becomes ABSENT in ``transform``, with no reason.
    """

    kind: ClassVar[str] = "bag_of_words"
    roles: ClassVar[frozenset[Role]] = frozenset({Role.TEXT, Role.CATEGORY})
    Options: ClassVar[type[EncoderOptions]] = BagOfWordsOptions
    options: BagOfWordsOptions

    def __init__(self, options: BagOfWordsOptions) -> None:
        super().__init__(options)
        self._vocabulary = Vocabulary(np.empty(0, np.int32), BUCKETS)

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Count words: CSR float32 [N, ``BUCKETS``]. A row does not depend on the others."""
        return prepare_texts(column, words=(1, 1), progress=progress)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Keep the words most frequent in the training products, all their occurrences counted."""
        counts = count_buckets(prepared.matrix, rows[prepared.present[rows]], once_a_product=False)
        if self.options.stop_words == "english":
            counts[hash_texts(ENGLISH, words=(1, 1)).indices] = 0
        self._vocabulary = Vocabulary(most_frequent(counts, 1, self.options.max_words), BUCKETS)
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """CSR float32 [N, width] of ones; an empty row is not PRESENT."""
        matrix = self._vocabulary.select(prepared.matrix)
        matrix.data[:] = 1.0
        return without_known(matrix, prepared)

    @property
    def width(self) -> int:
        """The number of words kept (1 where there are none)."""
        return self._vocabulary.width

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "buckets": int32 [W] ascending."""
        return {"buckets": self._vocabulary.buckets}

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        self._vocabulary = Vocabulary(saved_buckets(arrays, BUCKETS, self.options.max_words), BUCKETS)
        return self
