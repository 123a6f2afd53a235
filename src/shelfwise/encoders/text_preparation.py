"""Turns a text into its words, with every cleaning step of the papers as an option that has a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, model_validator

from shelfwise.encoders.base import EncoderOptions
from shelfwise.encoders.hashing import MAX_TEXT_CHARS
from shelfwise.encoders.stop_words import ENGLISH

_STOP_WORDS = frozenset(ENGLISH)
_DIGITS = re.compile(r"\d+")
_MARKS_END = 0x20000
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)

TEXT_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper_description": {
        "stop_words": "english",
        "drop_digits": True,
        "drop_punctuation": True,
        "max_characters": 30,
        "max_words": 300,
    },
    "paper_title": {
        "stop_words": None,
        "drop_digits": True,
        "drop_punctuation": True,
        "max_characters": 30,
        "max_words": 57,
    },
}
"""How Wirojwatanakul & Wangperawong 2019 (section "Methods") read descriptions and titles.

Of titles they say that stop words stayed and that 57 words were read; that the rest was as with descriptions is a guess.
"""


def with_preset(values: Any, key: str, presets: Mapping[str, Mapping[str, Any]]) -> Any:
    """What was given, laid over the preset that ``values[key]`` names; unknown names are left to pydantic's check."""
    if not isinstance(values, dict) or not isinstance(values.get(key), str):
        return values
    return {**presets.get(values[key], {}), **values}


class TextPreparation(EncoderOptions):
    """Which words of a text are read, in which form. White space only separates words, however much of it there is."""

    text: Literal["paper_description", "paper_title"] | None = Field(None, exclude=True)
    """A preset of the options below, see ``TEXT_PRESETS``; what is given besides wins over it."""
    lowercase: bool = True
    """False tells "Apple" from "apple"."""
    stop_words: Literal["english"] | None = None
    """Words too common to tell products apart, left out; null keeps them."""
    drop_digits: bool = False
    """Take digits out of the text: "500ml" is read as "ml", "500" not at all."""
    drop_punctuation: bool = True
    """Punctuation and signs separate words; false also reads each as a word of its own, as GloVe's words were made."""
    max_characters: int | None = Field(30, ge=1)
    """Longer words (addresses, codes) are left out; null keeps all."""
    max_words: int = Field(300, ge=1, le=10_000)
    """Words read, from the text's beginning, of those that are left."""

    @model_validator(mode="before")
    @classmethod
    def _over_the_text_preset(cls, values: Any) -> Any:
        return with_preset(values, "text", TEXT_PRESETS)

    def normalised(self, text: str) -> str:
        """The text in Unicode's NFKC form, case-folded unless ``lowercase`` is false."""
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        return text.casefold() if self.lowercase else text

    def words(self, text: str) -> list[str]:
        """The words that are read of a text, in order: a function of this text and these options alone.

        A word is a run of letters, digits and combining marks, as for every encoder of texts. Texts are cut at
        ``MAX_TEXT_CHARS`` characters first.
        """
        text = self.normalised(text[:MAX_TEXT_CHARS])
        if self.drop_digits:
            text = _DIGITS.sub("", text)
        found: list[str] = _pattern(text.isascii(), self.drop_punctuation).findall(text)
        if self.max_characters is not None and len(text) > self.max_characters:
            longest = self.max_characters
            found = [word for word in found if len(word) <= longest]
        if self.stop_words == "english":
            if self.lowercase:
                found = [word for word in found if word not in _STOP_WORDS]
            else:
                found = [word for word in found if word.casefold() not in _STOP_WORDS]
        return found[: self.max_words]


@lru_cache(maxsize=4)
def _pattern(ascii_only: bool, drop_punctuation: bool) -> re.Pattern[str]:
    """What finds one word after the other; the quick form where a text has no combining marks."""
    letters = r"[^\W_]+" if ascii_only else rf"(?:[^\W_]|{_marks()})+"
    # Control characters say nothing, and the selectors only choose how the sign before them is drawn.
    sign = r"[^\s\x00-\x1f\x7f-\x9f\ufe00-\ufe0f]"
    return re.compile(letters if drop_punctuation else f"{letters}|{sign}")


def _marks() -> str:
    """A pattern for one combining mark: without them the words of Hindi, Thai and many other scripts fall apart."""
    codes = [
        code
        for code in range(_MARKS_END)
        if unicodedata.category(chr(code)).startswith("M") and code not in _VARIATION_SELECTORS
    ]
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][1] + 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    # The regular expressions' fast tables end with the basic plane, so the few marks beyond have a class of their own.
    planes = ([run for run in runs if run[1] < 0x10000], [run for run in runs if run[1] >= 0x10000])
    return "|".join("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in plane) + "]" for plane in planes)
