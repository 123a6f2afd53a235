"""Which encoding from before UTF-8 a text is in: the one in which its letters are those of a language, in their usual places.

A naive Bayes classifier over characters. General detectors weigh long prose; what is to be told apart here is often one letter
in a few product titles (niño or nińo, cipő or cipõ), so the languages' own letters and what stands beside them decide.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

# By encoding, the likeliest first: each language's letters beyond ASCII, the most frequent first.
_ALPHABETS: Mapping[str, tuple[str, ...]] = {
    "cp1252": (
        "éàèêçâîôûùëïœæÿ",  # French
        "üäößé",  # German
        "óíáéñúü",  # Spanish
        "ãçáéóíêâõúàô",  # Portuguese
        "àèùìòé",  # Italian
        "éëèïöüê",  # Dutch
        "äöåéü",  # Swedish, Finnish
        "åøæéòó",  # Danish, Norwegian
        "ðáíþóöæúéý",  # Icelandic
        "àóèéíçòúïü",  # Catalan
    ),
    "cp1250": (
        "łęóąśżćńź",  # Polish
        "íáěýéřžščůúťňóď",  # Czech
        "áíéýčžšľťúňôóďäĺŕ",  # Slovak
        "éáóíőöüúű",  # Hungarian
        "čšžćđ",  # Croatian, Slovene
        "ăîţâş",  # Romanian
        "üäößé",  # German among them
    ),
    "cp1251": (
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",  # Russian
        "оанитвісреклудмпзяьбгчйхцжюїєфшщґ",  # Ukrainian
        "аиоентрсвлкдпмзгъуячбцжщхшюфйь",  # Bulgarian
        "аоиенрсјтукмвдпљњћбгзшчцжђфхџ",  # Serbian, Macedonian
    ),
    "cp1253": ("αοιετσνηυρπκμλςωάόδγίχθέφήβύώξζψϊ",),
    "cp1254": ("ıüşöçğİâî",),
    "koi8-r": ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",),
    "cp1257": (
        "ėšąžųįūčę",  # Lithuanian
        "āēīšūņļķčžģ",  # Latvian
        "äõüöšž",  # Estonian
    ),
    "cp1255": ("יוהלאתרמבשנפדקעחטכסגזצםןךףץ",),
    "cp1256": ("ايلمنرتوبةدعسفهكقحجشطصخضذثزئءظغىأإآؤپچژگ",),
    "cp874": (
        "านร\u0e48อก\u0e49เงม\u0e31\u0e35ลวยด\u0e34สทตปะบค\u0e4cหแพจ\u0e38\u0e39\u0e37ชขไใ\u0e33โถผซภณธ\u0e47ศฟญษๆฐฉฮฝฆ\u0e4a\u0e4bฏฎฌฬฤฒ",
    ),  # marks by number: an editor would show them on top of each other
}
_TWO_BYTES = ("cp932", "gb18030", "cp949", "cp950", "euc_jp")

_ASCII, _STRANGE_LETTER, _STRANGE, _BROKEN = (math.log(p) for p in (1 / 40, 1e-4, 1e-6, 1e-9))
_ODD_PLACE = math.log(1 / 100)
_SHARE_OF_LETTERS = 0.9
_SIGN, _PRICE_SIGN = math.log(1 / 500), math.log(1 / 50)

_PRICES = "£¥€"
_OPENING = "¿¡"
_AT_A_WORD = "²³¹ªº¼½¾"
"""Follow a number or a word, and nothing goes on behind them."""
_WITHIN_WORDS = "’‘´·\xa0\xad–—…®™°•"
_OTHER_SIGNS = "“”„‹›«»©×±§µ†№"
_DIAMETER = "Øø"
_SIGNS = frozenset(_PRICES + _OPENING + _AT_A_WORD + _WITHIN_WORDS + _OTHER_SIGNS)
_NEVER_BEFORE_A_VOWEL = "ńśź"
"""Polish writes ni, si, zi there; in cp1252 the bytes of ń and ś are ñ and œ, which stand nowhere else."""
_VOWELS = frozenset("aeiouy")
_BEYOND_LATIN = "\u0370"
"""From here on letters do not mix with ASCII ones."""

_KANA, _HALF_WIDTH, _HALF_WIDTH_SIGN, _FULL_WIDTH = (
    math.log(p) for p in (1 / 250, 1 / 150, 1 / 3000, 1 / 500)
)
_USUAL_IDEOGRAPH, _RARE_IDEOGRAPH, _SYLLABLE = (math.log(p) for p in (1 / 3000, 1e-6, 1 / 1500))


def guess_encoding(lines: bytes) -> str:
    """The likeliest encoding of lines that are not UTF-8; where some read them alike, the most usual of those.

    >>> guess_encoding("Sukienka w kwiaty długi rękaw".encode("cp1250"))
    'cp1250'
    """
    foreign = b"\n".join(dict.fromkeys(line for line in lines.splitlines() if not line.isascii()))
    order = (*_ALPHABETS, *_TWO_BYTES)
    texts = {encoding: foreign.decode(encoding, "replace") for encoding in order}
    scores = {
        encoding: _likelihood(texts[encoding], encoding) - math.log(place)  # a prior of 1 to 1/2 to 1/3 …
        for place, encoding in enumerate(order, start=1)
    }
    best = max(order, key=scores.__getitem__)
    return next(encoding for encoding in order if texts[encoding] == texts[best])


def _likelihood(text: str, encoding: str) -> float:
    """The logarithm of how likely such a text is in an encoding's languages: all of it in one, or each line in its own."""
    if encoding in _TWO_BYTES:
        return sum(_of_two_bytes(character, encoding) for character in text)
    languages = [_letters_of(letters) for letters in _ALPHABETS[encoding]]
    placed, one_language, any_language = 0.0, [0.0] * len(languages), 0.0
    for line in text.split("\n"):
        letters, rest = _weigh(line)
        found = [sum(known.get(letter, _STRANGE_LETTER) for letter in letters) for known in languages]
        placed += rest
        one_language = [sum(pair) for pair in zip(one_language, found, strict=True)]
        any_language += max(found) - math.log(len(languages))
    return placed + max(*one_language, any_language)


def _weigh(line: str) -> tuple[list[str], float]:
    """The letters beyond ASCII, in lower case, and the logarithm of how likely all else is, and that they stand where they do."""
    letters, rest = [], 0.0
    for before, character, after in zip(" " + line, line, line[1:] + " ", strict=False):
        if character.isascii():
            rest += _ASCII
        elif _is_letter(before, character, after):
            letters.append(character if character == "İ" else character.lower())
            rest += _ODD_PLACE * _is_odd_letter(before, character, after)
        else:
            rest += _of_sign(before, character, after)
    return letters, rest


@cache
def _letters_of(letters: str) -> Mapping[str, float]:
    """Logarithms of how often each of a language's letters occurs, falling with its place among them (Zipf)."""
    weights = {letter: 1 / (place + 2) for place, letter in enumerate(letters)}
    whole = sum(weights.values())
    return {letter: math.log(_SHARE_OF_LETTERS * weight / whole) for letter, weight in weights.items()}


def _is_letter(before: str, character: str, after: str) -> bool:
    if character in _DIAMETER:
        return before.isalpha() or after.isalpha()
    # Thai and Arabic write some vowels as marks, which are no letters to Unicode.
    return character not in _SIGNS and (character.isalpha() or "\u0600" <= character < "\u0f00")


def _is_odd_letter(before: str, character: str, after: str) -> bool:
    """Whether a letter stands where no language would have it."""
    if character.lower() in _NEVER_BEFORE_A_VOWEL and after.lower() in _VOWELS:
        return True
    if character >= _BEYOND_LATIN and (_is_ascii_letter(before) or _is_ascii_letter(after)):
        return True
    if not (before.isalpha() or after.isalpha()):  # hardly a word by itself: rather × read as Χ
        return True
    return before.isdigit() or after.isdigit() or (before.islower() and character.isupper())


def _is_ascii_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _of_sign(before: str, character: str, after: str) -> float:
    if character == "\ufffd":
        return _BROKEN
    if character in _DIAMETER:
        return _SIGN
    if character not in _SIGNS:
        return _STRANGE
    if character in _PRICES and (before.isdigit() or after.isdigit()):
        return _PRICE_SIGN
    if character in _WITHIN_WORDS:
        return _SIGN
    if character in _OPENING:
        odd = before.isalpha() or not after.isalpha()
    elif character in _PRICES + _AT_A_WORD:
        odd = after.isalpha()
    else:
        odd = before.isalpha() and after.isalpha()
    return _SIGN + _ODD_PLACE * odd


@cache
def _of_two_bytes(character: str, encoding: str) -> float:
    """The logarithm of how often a character occurs in the East Asian texts of an encoding."""
    if character.isascii():
        return _ASCII
    if character == "\ufffd":
        return _BROKEN
    japanese = encoding in ("cp932", "euc_jp")
    if "\u3040" <= character < "\u3100":
        return _KANA if japanese else _STRANGE
    if "\uff61" <= character < "\uffa0":
        sign = _HALF_WIDTH_SIGN if character < "\uff66" else _HALF_WIDTH
        return sign if japanese else _STRANGE
    if "\u3000" <= character < "\u3040" or "\uff01" <= character < "\uff61":
        return _FULL_WIDTH
    if "\uac00" <= character < "\ud7b0":
        return _SYLLABLE if _lead_byte(character, "euc_kr") else _STRANGE
    if "\u4e00" <= character < "\ua000":
        return _of_ideograph(character, encoding)
    return _SIGN if character in "①②③④⑤⑥⑦⑧⑨⑩ⅠⅡⅢⅣⅤ㈱㎝㎜㎏×・★☆●○◎◆■□▲△▼※→←↑↓♪♥℃" else _STRANGE


def _of_ideograph(character: str, encoding: str) -> float:
    """National standards give the usual ideographs their first level, told by the first byte."""
    if encoding in ("cp932", "euc_jp"):
        usual = 0xB0 <= _lead_byte(character, "euc_jp") <= 0xCF
    elif encoding == "gb18030":
        usual = 0xB0 <= _lead_byte(character, "gb2312") <= 0xD7
    else:
        usual = encoding == "cp950" and 0xA4 <= _lead_byte(character, "big5") <= 0xC6
    return _USUAL_IDEOGRAPH if usual else _RARE_IDEOGRAPH


def _lead_byte(character: str, standard: str) -> int:
    """The first byte of a character in a standard; 0 where it is not one of its two-byte characters."""
    written = character.encode(standard, "ignore")
    return written[0] if len(written) == 2 else 0
