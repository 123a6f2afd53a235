"""Which words of a text lie behind which of an encoder's columns: encoders keep hashes, explanations need words.

No list of words is kept for that: the product's own text is hashed again, word by word.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from shelfwise.encoders.bag_of_words import BagOfWords
from shelfwise.encoders.base import Encoder
from shelfwise.encoders.hashing import hash_texts
from shelfwise.encoders.ngrams import Ngrams
from shelfwise.encoders.one_hot import OneHot
from shelfwise.encoders.text_preparation import TextPreparation
from shelfwise.encoders.token_encoder import TokenEncoder

_ALL_WORDS = TextPreparation(text=None, max_characters=None, max_words=10_000)
_ALL_WORDS_AS_WRITTEN = TextPreparation(text=None, max_characters=None, max_words=10_000, lowercase=False)


def word_weights(encoder: Encoder, text: str, columns: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Word or phrase → what it weighs, of one product's text; the weights of all of them add up to those of the columns.

    ``columns`` int [nnz] are the columns that the product has in the encoder's matrix and ``weights`` float [nnz] what each
    weighs; of an encoder of word sequences they are its places in the text. What a column weighs is shared by the words and
    phrases that make it: an n-gram of characters by the words that hold it. Encoders whose words are not known give nothing.
    """
    if isinstance(encoder, TokenEncoder):
        return _by_place(encoder, text, columns, weights)
    if isinstance(encoder, OneHot):
        return {" ".join(text.split()): float(weights.sum())} if len(weights) else {}
    if isinstance(encoder, Ngrams):
        options = encoder.options
        makers = _makers(text, options.words, options.chars, options.lowercase)
    elif isinstance(encoder, BagOfWords):
        makers = _makers(text, (1, 1), None, True)
    else:
        return {}
    buckets = encoder.state_arrays()["buckets"]
    found: dict[str, float] = defaultdict(float)
    for column, weight in zip(columns.tolist(), weights.tolist(), strict=True):
        shared = makers.get(int(buckets[column]), ())
        for word in shared:
            found[word] += weight / len(shared)
    return dict(found)


def _by_place(encoder: TokenEncoder, text: str, places: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    words = encoder.options.words(text)
    found: dict[str, float] = defaultdict(float)
    for place, weight in zip(places.tolist(), weights.tolist(), strict=True):
        if place < len(words):
            found[words[place]] += weight
    return dict(found)


def _makers(
    text: str, words: tuple[int, int] | None, chars: tuple[int, int] | None, lowercase: bool
) -> dict[int, list[str]]:
    """Bucket → the words and phrases of the text that fall into it."""
    found = (_ALL_WORDS if lowercase else _ALL_WORDS_AS_WRITTEN).words(text)
    makers: dict[int, list[str]] = defaultdict(list)
    if words is not None:
        for length in range(words[0], words[1] + 1):
            grams = list(
                dict.fromkeys(
                    " ".join(found[start : start + length]) for start in range(len(found) - length + 1)
                )
            )
            _note(makers, grams, words=(length, length), chars=None, lowercase=lowercase)
    if chars is not None:
        _note(makers, list(dict.fromkeys(found)), words=None, chars=chars, lowercase=lowercase)
    return makers


def _note(
    makers: dict[int, list[str]],
    texts: Sequence[str],
    words: tuple[int, int] | None,
    chars: tuple[int, int] | None,
    lowercase: bool,
) -> None:
    hashed = hash_texts(texts, words=words, chars=chars, lowercase=lowercase)
    for row, text in enumerate(texts):
        for bucket in hashed.indices[hashed.indptr[row] : hashed.indptr[row + 1]].tolist():
            if text not in makers[bucket]:
                makers[bucket].append(text)
