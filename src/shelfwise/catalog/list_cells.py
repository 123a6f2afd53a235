"""Lists written into single cells, as JSON (``["a", "b"]``), Python (``['a', 'b']``) and NumPy (``['a' 'b']``) write them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable

LISTS = "[]"
"""Stands in the place of a separator where a target's cells are lists."""
MAX_CHARACTERS = 100_000
"""A longer cell is no list that anyone wrote for one product."""

_JSON_TEXT = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_PYTHON_TEXT = r"'[^'\\]*(?:\\.[^'\\]*)*'"
_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NOTHING = r"(?:null|None|NaN|nan|<NA>)(?!\w)"
_ELEMENT = re.compile(
    rf"(?:np\.\w+\()?(?:(?P<text>{_JSON_TEXT}|{_PYTHON_TEXT})|(?P<number>{_NUMBER})|{_NOTHING})\)?", re.DOTALL
)
_BETWEEN = re.compile(r"\s*,\s*|\s+|(?=['\"])")
_END = {"[": "]", "(": ")"}


def looks_like_list(text: str) -> bool:
    """Whether a cell seems to hold a list, readable or not: cut off ones too, but no name such as "(Sale)" or "[Sale] Shoes".

    >>> [looks_like_list(text) for text in ('["a", "b"]', "['a', 'b", "[a, b]", "[Sale] Shoes", "(Sale)")]
    [True, True, True, False, False]
    """
    text = text.strip()
    if text[:1] not in _END:
        return False
    if text[:2] in ('["', "['", '("', "('", "[[", "[{") or re.match(r"[\[(]\s+['\"]", text):
        return True
    return text[:1] == "[" and text[-1:] == "]"


def read_list(text: str) -> tuple[str, ...] | None:
    """The elements of a list of texts and numbers, those that stand for nothing left out; None where the cell is no such list.

    Read from left to right in one pass, so that nothing nested or cut off costs more than its length.

    >>> read_list('["Bra, black", "Ladies\\\\u2019 wear"]'), read_list("['a' 'b']"), read_list("[]"), read_list("[['a']]")
    (('Bra, black', 'Ladies’ wear'), ('a', 'b'), (), None)
    """
    text = text.strip()
    end = _END.get(text[:1])
    if end is None or text[-1] != end or not 2 <= len(text) <= MAX_CHARACTERS:
        return None
    if text.startswith('["') and (texts := _json_texts(text)) is not None:
        return texts
    inside, place, found, quoted = text[1:-1].strip(), 0, list[str](), False
    while place < len(inside):
        element = _ELEMENT.match(inside, place)
        if element is None or element.group().endswith(")") != element.group().startswith("np."):
            return None
        written = element["text"]
        if written is not None:
            quoted = True
            read = _unquoted(written)
            if read is None:
                return None
            found.append(read)
        elif element["number"] is not None:
            found.append(element["number"])
        between = _BETWEEN.match(inside, element.end())
        place = element.end() if between is None else between.end()
        if between is None and place < len(inside):
            return None
    return tuple(found) if quoted or end == "]" else None


def _json_texts(text: str) -> tuple[str, ...] | None:
    """A JSON list of nothing but texts, read several times as fast as element by element."""
    try:
        read = json.loads(text)
        if not all(isinstance(one, str) for one in read):
            return None
        "".join(read).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    return tuple(read)


def _unquoted(written: str) -> str | None:
    """What a quoted text says, by the rules of JSON, else of Python."""
    if "\\" not in written:
        return written[1:-1]
    for read in (json.loads,) * (written[0] == '"') + (_python_text,):
        try:
            text = str(read(written))
            text.encode()  # half a surrogate pair is no text
        except (ValueError, SyntaxError):
            continue
        return text
    return None


def _python_text(written: str) -> object:
    with warnings.catch_warnings(action="ignore"):  # escapes that Python does not know, it keeps
        return ast.literal_eval(written.replace("\r", "\\r").replace("\n", "\\n"))


def mostly_lists(texts: Iterable[str], times: Iterable[int]) -> bool:
    """Whether most of the filled cells of a column seem to hold lists; ``times``: how often each text occurs.

    Empty lists do not count: in any column they are how some programs write an empty cell.
    """
    lists = filled = 0
    for text, count in zip(texts, times, strict=True):
        if text.strip() not in ("", "[]", "()"):
            filled += count
            lists += count * looks_like_list(text)
    return lists * 2 > filled


def joined_list(text: str, separator: str) -> str:
    """A cell that holds a list with a text in it as its elements joined; any other cell as it is."""
    if not (looks_like_list(text) and ("'" in text or '"' in text)):
        return text
    found = read_list(text)
    return text if found is None else separator.join(part for part in found if part.strip())
