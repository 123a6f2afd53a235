"""Numbers as shops write them: "1,299.00", "1.299,00 €", "$12", and when a text is none."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shelfwise.catalog.rows import NUMBER

PLAIN_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_CURRENCY = re.compile(
    r"^(?:[A-Z]{3}|[A-Z]{0,2}\$|[€£¥₹₽₩₺฿₫₴₦₱]|Rs\.?|kr\.?|zł)?\s*([+-]?[0-9.,'’\s]+?)\s*"
    r"(?:[A-Z]{3}|\$|[€£¥₹₽₩₺฿₫₴₦₱%]|Rs\.?|kr\.?|zł|,-)?$",
    re.IGNORECASE,
)
_SPACES = re.compile(r"[\s'’]")


def parse_number(text: str) -> float | None:
    """The finite number a text states, or None.

    A currency sign or code, a percent sign and separators of thousands are understood. Of two kinds of
    separators the last is the decimal one; one kind that occurs several times, or a single comma before
    exactly three digits, separates thousands. Every text is read by itself, whatever its neighbours look
    like.

    >>> parse_number("1.299,00 €"), parse_number("$1,299"), parse_number("12,5"), parse_number("size 12")
    (1299.0, 1299.0, 12.5, None)
    """
    text = text.strip()
    if re.fullmatch(PLAIN_NUMBER[1:-1], text):
        return _finite(text)
    match = _CURRENCY.match(text)
    if match is None:
        return None
    digits = _SPACES.sub("", match.group(1))
    commas, points = digits.count(","), digits.count(".")
    if commas and points:
        decimal = max(",", ".", key=digits.rfind)
        if digits.count(decimal) > 1:
            return None
        digits = digits.replace("," if decimal == "." else ".", "").replace(",", ".")
    elif commas > 1 or points > 1:
        if not re.fullmatch(r"[+-]?\d{1,3}([.,]\d{2,3})*[.,]\d{3}", digits):
            return None
        digits = digits.replace(",", "").replace(".", "")
    elif commas:
        thousands = re.fullmatch(r"[+-]?[1-9]\d{0,2},\d{3}", digits) is not None
        digits = digits.replace(",", "" if thousands else ".")
    return _finite(digits)


def _finite(digits: str) -> float | None:
    try:
        value = float(digits)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def parse_column(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The numbers of a string array: float64 [N], and bool [N] of texts that state no finite number.

    Nulls stay null and are no failure.
    """
    plain = pc.fill_null(pc.match_substring_regex(texts, PLAIN_NUMBER), False)
    values = pc.cast(pc.if_else(plain, texts, pa.scalar(None, texts.type)), NUMBER).to_numpy(
        zero_copy_only=False
    )
    values = np.array(values, dtype=np.float64)  # a copy: Arrow's is read-only
    given = ~np.asarray(pc.is_null(texts))
    for row in np.flatnonzero(given & ~np.asarray(plain)):
        number = parse_number(texts[int(row)].as_py())
        values[row] = np.nan if number is None else number
    known = np.isfinite(values)
    return pa.array(values, NUMBER, mask=~known), given & ~known
