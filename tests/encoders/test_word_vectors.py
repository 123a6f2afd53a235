"""Files of word vectors as they are found: with and without a header, packed, repeated, damaged; and what is said of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.encoders.text_preparation import TextPreparation
from shelfwise.encoders.word_vectors import WordVectors, read_word_vectors
from shelfwise.errors import RecipeError

WORDS = ["shoe", "red", "hat", "nike"]
GLOVE = "the 1 2 3\nshoe 0.5 -1.25 1e-2\n, 9 9 9\nhat 4 5 6\n"


def read(
    content: str | bytes, folder: Path, *, words: list[str] = WORDS, size: int | None = None, **options: bool
) -> WordVectors:
    file = folder / "vectors.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    place = {word: number for number, word in enumerate(words)}
    preparation = TextPreparation.model_validate(options)
    return read_word_vectors(file, lambda word: place.get(word, -1), len(words), preparation.normalised, size)


class TestForms:
    def check(self, found: WordVectors) -> None:
        assert found.places.tolist() == [0, 2]
        assert found.values.dtype == np.float32
        np.testing.assert_array_equal(found.values, np.array([[0.5, -1.25, 0.01], [4, 5, 6]], np.float32))
        assert (found.coverage.words, found.coverage.found, found.coverage.share) == (4, 2, 0.5)
        assert (found.coverage.lines, found.coverage.skipped, found.coverage.repeated) == (4, 0, 0)

    def test_glove(self, tmp_path: Path) -> None:
        self.check(read(GLOVE, tmp_path))

    def test_word2vec_with_its_header(self, tmp_path: Path) -> None:
        self.check(read("4 3\n" + GLOVE, tmp_path))

    def test_gzip_whatever_its_name(self, tmp_path: Path) -> None:
        self.check(read(gzip.compress(GLOVE.encode()), tmp_path))

    @pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", " \n"), (" ", "\t"), (" ", "  ")], ids=repr)
    def test_other_white_space(self, tmp_path: Path, change: tuple[str, str]) -> None:
        self.check(read(GLOVE.replace(*change), tmp_path))

    def test_without_a_last_line_end(self, tmp_path: Path) -> None:
        self.check(read(GLOVE.rstrip(), tmp_path))

    def test_none_of_the_words(self, tmp_path: Path) -> None:
        found = read(GLOVE, tmp_path, words=["sock"])
        assert found.values.shape == (0, 3)
        assert found.coverage.share == 0
        assert read(GLOVE, tmp_path, words=[]).coverage.share == 0

    def test_the_real_slice(self, shared_data: Path) -> None:
        file = shared_data / "glove" / "glove.6B.50d.top9163.txt"
        place = {word: number for number, word in enumerate(["cotton", "sneaker", "dress", "zzzz"])}
        found = read_word_vectors(
            file, lambda word: place.get(word, -1), 4, TextPreparation().normalised, None
        )
        assert found.values.shape[1] == 50
        assert {0, 2} <= set(found.places.tolist())
        assert found.coverage.lines == 9163
        assert found.coverage.skipped == 0


class TestWords:
    def test_of_repeated_words_the_first_counts(self, tmp_path: Path) -> None:
        found = read("red 1 1\nred 2 2\nother 3 3\nother 4 4\n", tmp_path)
        assert found.values.tolist() == [[1, 1]]
        assert found.coverage.repeated == 1

    def test_a_word_in_capitals_stands_in_for_the_word(self, tmp_path: Path) -> None:
        assert read("NIKE 1 1\nNike 2 2\n", tmp_path).values.tolist() == [[1, 1]]
        found = read("Nike 1 1\nnike 2 2\nNIKE 3 3\n", tmp_path)
        assert found.values.tolist() == [[2, 2]], "but the word itself wins"
        assert found.coverage.repeated == 0
        assert read("Nike 1 1\n", tmp_path, lowercase=False).coverage.found == 0


class TestDamage:
    def refused(self, content: str | bytes, folder: Path, says: str, size: int | None = None) -> None:
        with pytest.raises(RecipeError, match=says):
            read(content, folder, size=size)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match=r"word_vectors.*none\.txt.*check the path"):
            read_word_vectors(tmp_path / "none.txt", lambda word: -1, 0, str, None)
        with pytest.raises(RecipeError, match="cannot be read"):
            read_word_vectors(tmp_path, lambda word: -1, 0, str, None)

    @pytest.mark.parametrize("content", ["", "\n", "word\n", "word 1\n", "4 3\n", "\x00\x01\n"], ids=repr)
    def test_no_vectors_in_it(self, tmp_path: Path, content: str) -> None:
        self.refused(content, tmp_path, "expected word vectors as text")

    def test_another_size_than_asked_for(self, tmp_path: Path) -> None:
        for content in (GLOVE, "4 3\n" + GLOVE):
            self.refused(content, tmp_path, r"of 50 numbers \(the option embedding\).* has 3", size=50)
        assert read(GLOVE, tmp_path, size=3).coverage.found == 2

    @pytest.mark.parametrize(
        "line",
        [
            "hat 1 2",
            "hat 1 2 3 4",
            "hat 1 x 3",
            "hat 1 nan 3",
            "hat 1 2 1e99",
            "",
            "hat 1\t2 3 4",
            b"h\xffat 1 2 3",
        ],
        ids=repr,
    )
    def test_single_lines_that_cannot_be_read_are_counted(self, tmp_path: Path, line: str | bytes) -> None:
        many = b"".join(b"w%d 1 2 3\n" % number for number in range(200))
        bad = line if isinstance(line, bytes) else line.encode()
        found = read(many + bad + b"\nred 7 8 9\n", tmp_path)
        assert found.values.tolist() == [[7, 8, 9]]
        assert found.coverage.skipped == 1
        assert "1 of 202 lines could not be read" in found.coverage.sentence("file")
        self.refused(many + (bad + b"\n") * 50 + b"red 7 8 9\n", tmp_path, "50 of 251 lines")

    def test_fewer_lines_than_announced(self, tmp_path: Path) -> None:
        self.refused("5 3\n" + GLOVE, tmp_path, "announces 5 words, but 4 follow .*truncated")

    def test_truncated_and_altered_gzip(self, tmp_path: Path) -> None:
        many = "".join(f"w{number} {number} 2 3\n" for number in range(5000))
        packed = gzip.compress(many.encode())
        self.refused(packed[: len(packed) // 2], tmp_path, "download it again")
        altered = bytearray(packed)
        altered[len(packed) // 2] ^= 0xFF
        self.refused(bytes(altered), tmp_path, "vectors")

    def test_word2vecs_binary_form(self, tmp_path: Path) -> None:
        numbers = np.random.default_rng(0).normal(size=(300, 50)).astype(np.float32)
        binary = b"300 50\n" + b"".join(b"word%d " % n + row.tobytes() for n, row in enumerate(numbers))
        self.refused(binary, tmp_path, "lines are not a word and 50 numbers")

    def test_noise_and_endless_lines(self, tmp_path: Path) -> None:
        noise = np.random.default_rng(0).integers(0, 256, 100_000).astype(np.uint8).tobytes()
        self.refused(noise, tmp_path, "vectors")
        self.refused(b"x" * 3_000_000, tmp_path, "longer than 1,048,576 bytes")

    @given(st.binary(max_size=200))
    @settings(deadline=None, max_examples=100)
    def test_any_bytes_are_vectors_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, content: bytes
    ) -> None:
        folder = tmp_path_factory.getbasetemp()
        try:
            found = read(content, folder)
        except RecipeError:
            return
        assert np.isfinite(found.values).all()


def test_the_sentence(tmp_path: Path) -> None:
    told = read("red 1 1\nred 2 2\n", tmp_path).coverage.sentence("glove.txt")
    assert told == (
        "word vectors of glove.txt cover 1 of 4 words (25.0%); the others start at random; "
        "1 lines repeat a word and were left out"
    )
    whole = read("red 1 1\n", tmp_path, words=["red"]).coverage.sentence("glove.txt")
    assert whole == "word vectors of glove.txt cover 1 of 1 words (100.0%)"
