"""Text hashing against a slow reference that shares nothing with it but the definition."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.encoders.hashing import (
    BUCKETS,
    MAX_TEXT_CHARS,
    VALUE_BUCKETS,
    NgramRange,
    hash_texts,
    hash_values,
)

MODULUS = 1 << 64
BASE = 0x9E3779B97F4A7C15
WORD_BASE = 0xBF58476D1CE4E5B9
CHARS = 0x94D049BB133111EB
FINISH = 0xFF51AFD7ED558CCD

TEXTS = st.lists(st.none() | st.text(max_size=40) | st.text("aAbß 1-éक्", max_size=40), max_size=12)
RANGES = st.sampled_from([(1, 1), (1, 2), (2, 3), (3, 3), (1, 4), (2, 5)])


def is_word_character(char: str) -> bool:
    mark = unicodedata.category(char).startswith("M") and ord(char) < 0x20000
    return char.isalnum() or (mark and not 0xFE00 <= ord(char) < 0xFE10)


def bucket_of(value: int) -> int:
    value = ((value ^ (value >> 32)) * FINISH) % MODULUS
    return value >> 42


def word_hash(word: str) -> int:
    return sum((ord(char) + 1) * pow(BASE, at, MODULUS) for at, char in enumerate(word)) % MODULUS


def reference(text: str | None, words: NgramRange | None, chars: NgramRange | None) -> Counter[int]:
    """Bucket → count, n-gram by n-gram in plain Python."""
    text = unicodedata.normalize("NFKC", (text or "")[:MAX_TEXT_CHARS]).casefold()
    found = "".join(char if is_word_character(char) else " " for char in text).split(" ")
    found = [word for word in found if word]
    counts: Counter[int] = Counter()
    if words:
        hashes = [word_hash(word) for word in found]
        for n in range(words[0], words[1] + 1):
            for at in range(len(hashes) - n + 1):
                value = 0
                for one in hashes[at : at + n]:
                    value = (value * WORD_BASE + one) % MODULUS
                counts[bucket_of(value)] += 1
    if chars:
        for word in found:
            for n in range(chars[0], chars[1] + 1):
                padded = word if n == 1 else f" {word} "
                for at in range(len(padded) - n + 1):
                    value = 0
                    for char in padded[at : at + n]:
                        value = (value * BASE + ord(char) + 1) % MODULUS
                    counts[bucket_of(value ^ CHARS)] += 1
    return counts


def rows_of(texts: list[str | None], **options: object) -> list[dict[int, float]]:
    matrix = hash_texts(texts, **options)  # type: ignore[arg-type]
    assert matrix.shape == (len(texts), BUCKETS)
    assert matrix.dtype == np.float32
    rows = []
    for row in range(len(texts)):
        entries = slice(matrix.indptr[row], matrix.indptr[row + 1])
        assert (np.diff(matrix.indices[entries]) > 0).all(), "columns sorted and unique"
        rows.append(dict(zip(matrix.indices[entries].tolist(), matrix.data[entries].tolist(), strict=True)))
    return rows


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.none() | RANGES, st.none() | RANGES)
def test_equals_the_reference(texts: list[str | None], words: NgramRange, chars: NgramRange) -> None:
    if words is None and chars is None:
        words = (1, 2)
    assert rows_of(texts, words=words, chars=chars) == [reference(text, words, chars) for text in texts]


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 60), st.integers(0, 12))
def test_neither_chunk_nor_batch_changes_a_row(texts: list[str | None], chunk_chars: int, cut: int) -> None:
    whole = rows_of(texts, chars=(2, 5))
    assert rows_of(texts, chars=(2, 5), chunk_chars=chunk_chars) == whole
    assert rows_of(texts[:cut], chars=(2, 5)) + rows_of(texts[cut:], chars=(2, 5)) == whole
    assert rows_of(texts[::-1], chars=(2, 5)) == whole[::-1]


def test_more_texts_than_one_chunk_holds() -> None:
    texts: list[str | None] = [f"blue shirt {number}" if number % 7 else None for number in range(3000)]
    rows = rows_of(texts)
    for number in (0, 1, 1023, 1024, 1025, 2999):
        assert rows[number] == reference(texts[number], (1, 2), None)


def test_an_ascii_text_keeps_its_row_beside_other_scripts() -> None:
    alone = rows_of(["Red Shoe"], chars=(2, 5))[0]
    assert rows_of(["靴 обувь", "Red Shoe", "🙂"], chars=(2, 5))[1] == alone


@pytest.mark.parametrize("text", [None, "", "   ", "!?—…", "\x00\x00", "\ud800 \udfff", "❤️"])
def test_texts_without_words_are_empty_rows(text: str | None) -> None:
    assert rows_of([text, "shoe"], chars=(2, 5)) == [{}, rows_of(["shoe"], chars=(2, 5))[0]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "CAFE\u0301"),  # composed and decomposed
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("STRASSE", "Straße"),
        ("a\x00b", "a b"),
        ("a\ud800b", "a b"),
        ("rock'n'roll", "rock n roll"),
    ],
)
def test_spellings_of_one_text_are_one_row(one: str, other: str) -> None:
    first, second = rows_of([one, other], chars=(2, 5))
    assert first == second
    assert first


def test_words_of_scripts_with_vowel_signs_stay_whole() -> None:
    assert sum(rows_of(["हिन्दी भाषा"], words=(1, 1))[0].values()) == 2
    assert sum(rows_of(["กำลังใจดี"], words=(1, 1))[0].values()) == 1


def test_case_can_be_kept() -> None:
    upper, lower = rows_of(["Apple", "apple"], lowercase=False)
    assert upper != lower


def test_word_and_character_ngrams_do_not_meet() -> None:
    assert len(rows_of(["a"], words=(1, 1), chars=(1, 1))[0]) == 2
    assert not rows_of(["ab"], words=(1, 1))[0].keys() & rows_of(["ab"], words=None, chars=(2, 2))[0].keys()


def test_a_huge_cell_is_cut_and_costs_little() -> None:
    huge = "fine words about shoes " * 450_000  # 10 MB
    texts = [huge, "shoes", "x" * 10_000_000, "é" * 10_000_000]
    rows_of(["warm"], chars=(2, 5))
    tracemalloc.start()
    rows = rows_of(texts, chars=(2, 5))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20_000_000, "one cell read whole would take hundreds of megabytes"
    assert rows[0] == rows_of([huge[:MAX_TEXT_CHARS]], chars=(2, 5))[0]
    assert rows[1] == rows_of(["shoes"], chars=(2, 5))[0]


def test_characters_that_normalise_to_many_are_no_trap() -> None:
    assert rows_of(["\ufdfa" * 30_000])[0]  # each becomes 18 characters


def test_buckets_are_the_same_everywhere() -> None:
    """Model folders hold buckets: these numbers may only change together with the folder's format version."""
    expected = dict.fromkeys((1625398, 1673543, 3476976), 1.0)
    assert rows_of(["Blue jeans"], words=(1, 2))[0] == expected
    assert hash_values(["Nike", "H&M"]).tolist() == [1968306123, 377616345]


def test_real_words_spread_over_the_buckets() -> None:
    texts: list[str | None] = [f"{chr(97 + i % 26)}{i} item-{i:05d} {i * i}cm" for i in range(20_000)]
    matrix = hash_texts(texts, words=(1, 1), chars=None)
    distinct = len({word for text in texts for word in (text or "").replace("-", " ").split()})
    expected = BUCKETS * (1 - (1 - 1 / BUCKETS) ** distinct)
    assert abs(len(np.unique(matrix.indices)) - expected) < 0.01 * expected


@pytest.mark.parametrize("limits", [(0, 2), (3, 2), (1, 11)])
def test_impossible_ranges_are_refused(limits: NgramRange) -> None:
    with pytest.raises(ValueError, match="shortest"):
        hash_texts(["a"], words=limits)
    with pytest.raises(ValueError, match="shortest"):
        hash_texts(["a"], chars=limits)


def test_no_ngrams_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="got neither"):
        hash_texts(["a"], words=None, chars=None)


def test_no_texts() -> None:
    assert hash_texts([]).shape == (0, BUCKETS)
    assert hash_values([]).shape == (0,)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text(max_size=20), max_size=10), st.integers(0, 10))
def test_a_value_keeps_its_bucket_in_any_batch(values: list[str | None], cut: int) -> None:
    whole = hash_values(values).tolist()
    assert hash_values(values[:cut]).tolist() + hash_values(values[cut:]).tolist() == whole
    assert [hash_values([value]).item() for value in values] == whole
    blank = [not (value or "").strip() for value in values]
    for bucket, is_blank in zip(whole, blank, strict=True):
        assert not is_blank or bucket == -1
        assert -1 <= bucket < VALUE_BUCKETS


def test_values_compare_tidied() -> None:
    buckets = hash_values(["Under  Armour", " under armour\t", "UNDER ARMOUR", "UnderArmour", "&", "&&", " "])
    assert len(set(buckets[:3].tolist())) == 1
    assert len(set(buckets.tolist())) == 5
    assert buckets[-1] == -1


def test_hundred_thousand_values_hardly_collide() -> None:
    buckets = hash_values([f"brand {number}" for number in range(100_000)])
    assert len(np.unique(buckets)) >= 100_000 - 20


def test_the_module_stays_light() -> None:
    """Processes that only hash text start without torch."""
    code = "import sys, shelfwise.encoders.hashing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
