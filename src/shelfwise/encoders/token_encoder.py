"""What encoders of word sequences share: words, vocabulary, vectors, and what of them is saved."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shelfwise.catalog.column import InputColumn, Role
from shelfwise.encoders.base import Encoded, Encoder, Progress, no_progress
from shelfwise.encoders.text_preparation import TextPreparation
from shelfwise.encoders.tokens import TokenVocabulary, prepare_tokens, word_hash
from shelfwise.encoders.vocabulary import ALTERED, SMALL_CATALOG_PRODUCTS
from shelfwise.encoders.word_embedding import WordEmbedding
from shelfwise.encoders.word_vectors import Coverage, WordVectors, read_word_vectors
from shelfwise.errors import ModelFolderError


class TokenOptions(TextPreparation):
    """Which words have a vector, and where the vectors come from."""

    vocabulary: int = Field(50_000, ge=1, le=2_000_000)
    """The words of most training products are kept, up to this many; the others share one vector, "unknown"."""
    min_products: int = Field(2, ge=1)
    """A word in fewer training products counts as unknown, from which "unknown" learns (with fewer than 100 training
    products none does)."""
    embedding: int | None = Field(None, ge=2, le=4096)
    """Numbers a word; null takes those of ``word_vectors``, or ``usual_embedding``: 128, as Wang & Guthrie 2015, of
    ``kim_cnn`` 300, as Kim 2014."""
    word_vectors: Path | None = None
    """A file of GloVe or word2vec vectors as text, plain or gzip, that words start from. It is read in training alone."""
    train_vectors: bool = True
    """False keeps the vectors as they are in the file (and those of words that it lacks as they were drawn)."""

    @model_validator(mode="after")
    def _frozen_vectors_come_from_somewhere(self) -> Self:
        if not self.train_vectors and self.word_vectors is None:
            raise ValueError(
                "expected a file as word_vectors with train_vectors: false, got none; random vectors must be trained"
            )
        return self


class _SavedCoverage(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    words: int = Field(ge=0)
    found: int = Field(ge=0)
    repeated: int = Field(ge=0)
    skipped: int = Field(ge=0)
    lines: int = Field(ge=0)


class _Saved(BaseModel):
    """The JSON part of the state."""

    model_config = ConfigDict(extra="forbid", strict=True)

    embedding: int = Field(ge=2, le=4096)
    coverage: _SavedCoverage | None
    reads_unknown: bool = False


class TokenEncoder(Encoder):
    """A text as the numbers of its words, in order, for a network that learns with the heads.

    A product whose text holds no known word becomes ABSENT in ``transform``, with no reason, unless enough training products were
    such ones: then the text is read, all of it "unknown", which tells names from nouns. Words are kept as hashes
    (see ``word_hash``); a trained model needs no file of vectors, because they are among its classifiers' weights.
    """

    roles: ClassVar[frozenset[Role]] = frozenset({Role.TEXT, Role.CATEGORY})
    options: TokenOptions
    spread: ClassVar[float] = 0.1
    """Standard deviation of word vectors that nothing is known of."""
    usual_embedding: ClassVar[int] = 128
    """Numbers a word where neither options nor a file say."""

    def __init__(self, options: TokenOptions) -> None:
        super().__init__(options)
        self._vocabulary = TokenVocabulary(np.empty(0, np.int64))
        self._vectors: WordVectors | None = None
        self._size = options.embedding or self.usual_embedding
        self.coverage: Coverage | None = None
        """How much of the vocabulary the file of vectors covers; None where there is no file, or before ``fit``."""

    def prepare(self, column: InputColumn, progress: Progress = no_progress) -> Encoded:
        """Hash the words in order: CSR int64 [N, ``max_words``]. A row does not depend on the others."""
        return prepare_tokens(column, self.options, progress)

    def fit(self, prepared: Encoded, rows: np.ndarray) -> Self:
        """Keep the words that enough training products share, and read their vectors.

        Raises RecipeError where the file of vectors cannot be used; see ``read_word_vectors``.
        """
        options = self.options
        rows = rows[prepared.present[rows]]
        enough = 1 if len(rows) < SMALL_CATALOG_PRODUCTS else options.min_products
        self._vocabulary = TokenVocabulary.learn(prepared.matrix, rows, enough, options.vocabulary)
        self._vectors, self.coverage, self._size = None, None, options.embedding or self.usual_embedding
        if options.word_vectors is not None:
            place = {word: number for number, word in enumerate(self._vocabulary.words.tolist())}
            self._vectors = read_word_vectors(
                options.word_vectors,
                lambda word: place.get(word_hash(word), -1),
                len(place),
                options.normalised,
                options.embedding,
            )
            self.coverage, self._size = self._vectors.coverage, self._vectors.values.shape[1]
        return self

    def transform(self, prepared: Encoded) -> Encoded:
        """The words' numbers in order: CSR int32 [N, ``max_words``]; an empty row is not PRESENT."""
        return self._vocabulary.numbers(prepared)

    def remarks(self) -> list[str]:
        """How much of the vocabulary has a published vector."""
        if self.coverage is None or self.options.word_vectors is None:
            return []
        return [self.coverage.sentence(self.options.word_vectors.name)]

    def embedding(self) -> WordEmbedding:
        """A fresh table of vectors for the vocabulary, the first part of a network."""
        known = None if self._vectors is None else (self._vectors.places, self._vectors.values)
        return WordEmbedding(
            len(self._vocabulary), self._size, known, self.options.train_vectors, self.spread
        )

    def state_arrays(self) -> dict[str, np.ndarray]:
        """ "words": int64 [W] ascending, the hashes of the words kept."""
        return {"words": self._vocabulary.words}

    def state_json(self) -> dict[str, Any]:
        """ "embedding": numbers a word; "coverage": of the file of vectors, or null; "reads_unknown": see the vocabulary."""
        return {
            "embedding": self._size,
            "coverage": None if self.coverage is None else asdict(self.coverage),
            "reads_unknown": self._vocabulary.reads_unknown,
        }

    def load_state(self, arrays: dict[str, np.ndarray], json: dict[str, Any]) -> Self:
        """See the base class."""
        try:
            saved = _Saved.model_validate(json)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ModelFolderError(
                f"expected the state of the encoder {self.kind}, but its {where} is unfit: {first['msg']}; {ALTERED}"
            ) from error
        if self.options.embedding not in (None, saved.embedding):
            raise ModelFolderError(
                f"expected vectors of {self.options.embedding} numbers (by the encoder's options), got {saved.embedding}; "
                f"{ALTERED}"
            )
        self._vocabulary = TokenVocabulary.saved(arrays, self.options.vocabulary, saved.reads_unknown)
        self._vectors, self._size = None, saved.embedding
        self.coverage = None if saved.coverage is None else Coverage(**saved.coverage.model_dump())
        return self
