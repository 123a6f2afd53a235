"""What a column's values look like, counted on a sample: the facts from which its role is guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.image_source import is_url
from shelfwise.catalog.inputs import as_text, image_paths
from shelfwise.catalog.list_cells import mostly_lists
from shelfwise.catalog.numbers import parse_number
from shelfwise.catalog.rows import NUMBER

_IMAGE_ENDING = re.compile(r"\.(jpe?g|png|gif|webp|bmp|tiff?|avif|heic)(\?.*)?$", re.IGNORECASE)
_DATE = re.compile(r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$")
_CODE = re.compile(r"^(?=\S*\d)\S+$")
_DIGIT = re.compile(r"\d")
_FIRST_LETTERS = re.compile(r"[^\W\d_]{2,6}(?![^\W\d_])")
_CODES_A_BEGINNING = 10
"""Codes, on average, that begin with the same letters, from which those seem to mean something."""
MAX_NUMBER_CHARACTERS = 30
MAX_CHARACTERS = 2_000  # the beginning of a text is enough to tell what it is
_PATH_SEPARATORS = (" > ", " >> ", " » ", " › ")


@dataclass(frozen=True)
class Profile:
    """Facts about a column of ``rows`` sampled rows; shares are of the rows that are filled, 0–1."""

    rows: int
    filled: int = 0
    distinct: int = 0
    words: float = 0.0
    """Mean number of words."""
    numeric: float = 0.0
    whole: float = 0.0
    """Share of numbers without a fraction."""
    leading_zero: float = 0.0
    """Share of numbers written with a zero in front that numbers do not have."""
    digits: float = 0.0
    """Mean number of digits of the numeric values."""
    images: float = 0.0
    """Share ending like an image file."""
    urls: float = 0.0
    dates: float = 0.0
    paths: float = 0.0
    """Share with several levels, such as "Shoes > Boots"."""
    codes: float = 0.0
    """Share that is one word with a digit in it."""
    beginnings: int = 0
    """How many different letters codes begin with, where these repeat: "ABC-1045" begins with "ABC"; else 0."""
    is_list: bool = False
    """Whether it is a column of lists, or most cells are lists written out."""
    typed_number: bool = False
    examples: tuple[str, ...] = field(default=())

    @property
    def distinct_share(self) -> float:
        """Distinct values per filled row: 1 where each product has its own."""
        return self.distinct / self.filled if self.filled else 0.0

    @property
    def filled_share(self) -> float:
        """Filled rows per row."""
        return self.filled / self.rows if self.rows else 0.0


def profile_column(column: pa.Array) -> Profile:
    """Count the facts of a sampled column (string, float64 or list<string>)."""
    is_list = pa.types.is_list(column.type)
    typed_number = column.type == NUMBER
    texts = pc.utf8_slice_codeunits(image_paths(as_text(column)), 0, MAX_CHARACTERS).drop_null().to_pylist()
    count = len(texts)
    is_list = is_list or mostly_lists(texts, [1] * count)
    if not count:
        return Profile(len(column), is_list=is_list, typed_number=typed_number)
    short = (
        []
        if is_list
        else [text for text in texts if len(text) <= MAX_NUMBER_CHARACTERS and _DIGIT.search(text)]
    )
    numbers = [text for text in short if parse_number(text) is not None]
    return Profile(
        rows=len(column),
        filled=count,
        distinct=len(set(texts)),
        words=sum(len(text.split()) for text in texts) / count,
        numeric=len(numbers) / count,
        whole=sum(text.lstrip("+-").isdigit() for text in numbers) / max(1, len(numbers)),
        leading_zero=sum(len(text) > 1 and text[0] == "0" and text.isdigit() for text in numbers)
        / max(1, len(numbers)),
        digits=sum(sum(map(str.isdigit, text)) for text in numbers) / max(1, len(numbers)),
        images=sum(_IMAGE_ENDING.search(text) is not None for text in texts) / count,
        urls=sum(is_url(text) for text in texts) / count,
        dates=sum(_DATE.match(text) is not None for text in texts) / count,
        paths=sum(any(separator in text for separator in _PATH_SEPARATORS) for text in texts) / count,
        codes=sum(_CODE.match(text) is not None for text in texts) / count,
        beginnings=_beginnings(texts),
        is_list=is_list,
        typed_number=typed_number,
        examples=tuple(dict.fromkeys(text[:40] for text in texts[:50]))[:3],
    )


def _beginnings(texts: list[str]) -> int:
    found = [match.group().casefold() for text in texts if (match := _FIRST_LETTERS.match(text))]
    different = len(set(found))
    repeat = 2 <= different <= len(found) / _CODES_A_BEGINNING and len(found) >= 0.8 * len(texts)
    return different if repeat else 0
