"""Turns texts into n-gram counts without a Python step per word, so that text never is the slow input.

The hashing trick (Weinberger et al. 2009, *Feature Hashing for Large Scale Multitask Learning*) needs no
vocabulary while counting, so the counts of a product depend on its own text alone. What is new here is how
they are computed: a chunk of texts becomes one array of code points, and n-grams are hashed for all positions
at once with a polynomial hash modulo 2**64 (Karp & Rabin 1987), in NumPy only. Where C could be compiled, `_ngrams.c` does
the same text by text, in two thirds of the time (`benchmarks/bench_native.py`).

Every step is integer arithmetic on values (never on memory layout), so buckets are the same on every
processor, and model folders can store them. Changing any constant below changes every bucket: a new
model-folder format.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import scipy.sparse as sp

from shelfwise.encoders.native import COUNT, as_rows

BUCKET_BITS = 22
BUCKETS = 1 << BUCKET_BITS
"""Buckets for n-grams, of words and of characters alike; a few hundred thousand collide by a few per cent."""

VALUE_BUCKETS = 2**31 - 1
"""Buckets for whole values: the widest matrix that 32-bit column numbers can index."""

MAX_TEXT_CHARS = 20_000
"""A text is read up to here; what comes later in one cell of a catalog is hardly about the product."""

MAX_NGRAM = 10

CHUNK_CHARS = 1 << 17
"""Characters hashed together: the arrays of one chunk then stay in a processor's own cache."""

# The number of a text and a bucket share 32 bits: sorting these keys is the largest part of the work.
_CHUNK_TEXTS = 1 << (32 - BUCKET_BITS)

_UNICODE_SIZE = 0x110000
_MARKS_END = 0x20000
_VARIATION_SELECTORS = slice(0xFE00, 0xFE10)
_SPACE = np.uint64(ord(" ") + 1)
_SURROGATES = re.compile("[\ud800-\udfff]")

# Odd 64-bit constants: the golden ratio's fraction, and the multipliers of MurmurHash3's and SplitMix64's
# finalisers.
_BASE = 0x9E3779B97F4A7C15
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_FINISH = np.uint64(0xFF51AFD7ED558CCD)
_CHARS = np.uint64(0x94D049BB133111EB)
_WORD_BASE = np.uint64(0xBF58476D1CE4E5B9)

NgramRange = tuple[int, int]


def hash_texts(
    texts: Sequence[str | None],
    *,
    words: NgramRange | None = (1, 2),
    chars: NgramRange | None = None,
    lowercase: bool = True,
    chunk_chars: int = CHUNK_CHARS,
) -> sp.csr_matrix:
    """Count hashed n-grams of words, and of characters inside words.

    Texts are cut at ``MAX_TEXT_CHARS`` characters, brought to Unicode's NFKC form and case-folded. A word is
    a run of letters, digits and combining marks; everything else (NUL and lone surrogates too) separates.
    N-grams of words run over separators within one text; n-grams of characters stay in a word padded with one
    space on each side (as scikit-learn's ``char_wb``; the padding alone is no n-gram, and words shorter than
    the n-gram give none).

    Parameters
    ----------
    texts: N texts; None and "" give an empty row.
    words, chars: shortest and longest n-gram (1 to ``MAX_NGRAM``), or None for no n-grams of that kind.
    lowercase: False keeps case, so that "Apple" and "apple" are different words.
    chunk_chars: about how many characters are hashed together; changes speed and memory, never the result.

    Returns
    -------
    CSR float32 [N, ``BUCKETS``] of counts; columns sorted and unique in each row. A row depends on its
    own text alone.

    Raises ``ValueError`` where a range is not 1 ≤ shortest ≤ longest ≤ ``MAX_NGRAM``, or both are None.
    """
    for limits in (words, chars):
        if limits is not None and not 1 <= limits[0] <= limits[1] <= MAX_NGRAM:
            raise ValueError(f"expected 1 ≤ shortest ≤ longest ≤ {MAX_NGRAM} for n-grams, got {limits}")
    if words is None and chars is None:
        raise ValueError("expected n-grams of words, of characters or of both, got neither")
    if COUNT is not None:
        return _counted_in_c(texts, words, chars, lowercase)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    normalised = (_normalised(text, lowercase) for text in texts)
    for chunk in _chunks(normalised, _CHUNK_TEXTS, chunk_chars):
        parts.append(_grouped(_chunk_keys(chunk, words, chars), len(chunk)))
    return _stacked(parts)


def _counted_in_c(
    texts: Sequence[str | None], words: NgramRange | None, chars: NgramRange | None, lowercase: bool
) -> sp.csr_matrix:
    """What `hash_texts` gives, by the compiled loop, which brings ASCII to lower case by itself."""
    plain = [
        text
        if text is None or (len(text) <= MAX_TEXT_CHARS and text.isascii())
        else _normalised(text, lowercase)
        for text in texts
    ]
    wanted = (_word_characters(), *(words or (0, 0)), *(chars or (0, 0)), lowercase, BUCKET_BITS)
    try:
        found = COUNT(plain, *wanted)
    except UnicodeEncodeError:  # lone surrogates, which separate words, are no UTF-8
        found = COUNT([text and _SURROGATES.sub(" ", text) for text in plain], *wanted)
    return as_rows(found, BUCKETS)


def hash_values(values: Sequence[str | None]) -> np.ndarray:
    """One bucket in 0 … ``VALUE_BUCKETS`` - 1 for each whole value (brand, colour …); -1 for None and blanks.

    Values are cut at ``MAX_TEXT_CHARS``, brought to NFKC, case-folded, and their white space is trimmed and
    collapsed, so "Nike" and " NIKE" share a bucket. Among 10,000 distinct values two share one by accident in
    about 2 % of catalogs. Returns int64 [N].
    """
    tidy = (" ".join(_normalised(value, lowercase=True).split()) for value in values)
    found = [np.empty(0, np.int64)]
    for chunk in _chunks(tidy, CHUNK_CHARS, CHUNK_CHARS):
        codes = _code_points(chunk).astype(np.uint64) + np.uint64(1)
        lengths = np.fromiter(map(len, chunk), np.int64, len(chunk))
        ends = np.cumsum(lengths + 1)
        hashes = _finished(_span_hashes(codes, ends - lengths, ends))
        buckets = ((hashes >> np.uint64(32)) % np.uint64(VALUE_BUCKETS)).astype(np.int64)
        found.append(np.where(lengths > 0, buckets, -1))
    return np.concatenate(found)


def _normalised(text: str | None, lowercase: bool) -> str:
    """The text as it is hashed. ASCII needs no normal form, and skipping it there makes it free."""
    if not text:
        return ""
    text = text[:MAX_TEXT_CHARS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.casefold() if lowercase else text


def _chunks(texts: Iterable[str], max_texts: int, max_chars: int) -> Iterator[list[str]]:
    """Texts in pieces that bound memory: by number of texts, and by characters (the last text may exceed)."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= max_chars or len(chunk) == max_texts:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _code_points(texts: list[str]) -> np.ndarray:
    """The texts' characters as one array, with one space before, between and after them: uint8 or uint32."""
    joined = f" {' '.join(texts)} "
    if joined.isascii():
        return np.frombuffer(joined.encode("ascii"), np.uint8)
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint32, copy=False)


def _chunk_keys(texts: list[str], words: NgramRange | None, chars: NgramRange | None) -> np.ndarray:
    """uint32 [n-grams], unsorted: number of the text in the high bits, bucket in the low ``BUCKET_BITS``."""
    points = _code_points(texts)
    in_word = _word_characters()[points]
    codes = np.where(in_word, points.astype(np.uint64) + np.uint64(1), _SPACE)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    text_keys = np.arange(len(texts), dtype=np.uint32) << np.uint32(BUCKET_BITS)
    keys: list[np.ndarray] = []
    if words is not None:
        keys += _word_ngrams(codes, in_word, lengths, text_keys, words)
    if chars is not None:
        # The space before a text is its own, so an n-gram belongs to the text that it starts in.
        keys += _char_ngrams(codes, in_word, np.repeat(text_keys, lengths + 1), chars)
    return np.concatenate(keys)


def _word_ngrams(
    codes: np.ndarray, in_word: np.ndarray, lengths: np.ndarray, text_keys: np.ndarray, limits: NgramRange
) -> Iterator[np.ndarray]:
    """Keys of all n-grams of words, one array a length."""
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    word = _span_hashes(codes, starts, ends)
    text_ends = np.cumsum(lengths + 1)
    words_before = np.searchsorted(starts, text_ends)
    key = np.repeat(text_keys, np.diff(words_before, prepend=0))
    gram = word
    for n in range(1, limits[1] + 1):
        if n > 1:
            gram = gram[:-1] * _WORD_BASE + word[n - 1 :]
        if n >= limits[0]:
            inside = key[: len(gram)] == key[n - 1 :]
            yield (key[: len(gram)] | _buckets(gram))[inside]


def _char_ngrams(
    codes: np.ndarray, in_word: np.ndarray, char_keys: np.ndarray, limits: NgramRange
) -> Iterator[np.ndarray]:
    """Keys of all n-grams of characters in padded words, one array a length."""
    gram = codes
    for n in range(1, limits[1] + 1):
        # An n-gram may begin or end on the space beside its word, so only what lies between must be word
        # characters.
        if n == 1:
            valid = in_word
        elif n == 2:
            valid = in_word[:-1] | in_word[1:]
        elif n == 3:
            valid = in_word[1:-1]
        else:
            valid = valid[:-1] & in_word[n - 2 : -1]
        if n > 1:
            gram = gram[:-1] * np.uint64(_BASE) + codes[n - 1 :]
        if n >= limits[0]:
            at = np.flatnonzero(valid)
            yield char_keys[at] | _buckets(gram[at] ^ _CHARS)


def _span_hashes(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """uint64 polynomial hashes of ``codes[start:end]`` (start ≥ 1), wherever they lie in the array."""
    powers, inverse_powers = _powers(1 << len(codes).bit_length())
    sums = np.cumsum(codes * powers[: len(codes)])
    return (sums[ends - 1] - sums[starts - 1]) * inverse_powers[starts]


def _finished(hashes: np.ndarray) -> np.ndarray:
    """The hashes with every bit's influence moved into the high bits."""
    mixed = hashes ^ (hashes >> np.uint64(32))
    mixed *= _FINISH
    return mixed


def _buckets(hashes: np.ndarray) -> np.ndarray:
    """uint32 buckets: the highest bits, the ones that depend on all others."""
    return (_finished(hashes) >> np.uint64(64 - BUCKET_BITS)).astype(np.uint32)


def _grouped(keys: np.ndarray, n_texts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equal keys counted: int32 buckets, float32 counts, and int64 [texts] buckets in each text."""
    keys.sort()
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.arange(0)
    counts = np.diff(first, append=len(keys)).astype(np.float32)
    unique = keys[first]
    per_text = np.bincount(unique >> np.uint32(BUCKET_BITS), minlength=n_texts)
    return (unique & np.uint32(BUCKETS - 1)).astype(np.int32), counts, per_text


def _stacked(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> sp.csr_matrix:
    """The chunks' rows as one matrix."""
    if not parts:
        return sp.csr_matrix((0, BUCKETS), dtype=np.float32)
    indices, counts, per_text = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    bounds = np.concatenate(([0], np.cumsum(per_text)))
    if bounds[-1] < 2**31:
        bounds = bounds.astype(np.int32)
    matrix = sp.csr_matrix((counts, indices, bounds), shape=(len(per_text), BUCKETS))
    matrix.has_canonical_format = True
    return matrix


@lru_cache(maxsize=4)
def _powers(n: int) -> tuple[np.ndarray, np.ndarray]:
    """uint64 [n]: powers of the hash's base and of its inverse modulo 2**64, from the 0th on."""
    both = []
    for base in (_BASE, _BASE_INVERSE):
        factors = np.full(n, base, np.uint64)
        factors[0] = 1
        both.append(np.multiply.accumulate(factors))
    return both[0], both[1]


@lru_cache(maxsize=1)
def _word_characters() -> np.ndarray:
    """bool [every code point]: whether it is part of a word.

    Combining marks are: without them the words of Hindi, Thai and many other scripts fall apart at each vowel
    sign. The table is this Python's edition of Unicode: only characters new in a later one can change sides.
    """
    is_word = np.char.isalnum(np.arange(_UNICODE_SIZE, dtype=np.uint32).view("U1"))
    for code in range(_MARKS_END):
        if unicodedata.category(chr(code)).startswith("M"):
            is_word[code] = True
    is_word[_VARIATION_SELECTORS] = False
    return is_word
