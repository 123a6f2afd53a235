"""What the catalog says the answer is: paths from one column or from one column a level, or label sets."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inputs import ABSENT_WORDS, as_text
from shelfwise.catalog.list_cells import LISTS, looks_like_list, mostly_lists, read_list
from shelfwise.errors import TargetError
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.checks import remarks
from shelfwise.taxonomy.spelling import one_spelling, one_spelling_of_labels
from shelfwise.taxonomy.tree import MAX_LEVELS

PATH_SEPARATORS = (" > ", ">", " » ", "»", " / ", " | ", "|", " :: ", "::", "/")
LABEL_SEPARATORS = (" | ", "|", ";", ",", "\t")
_SHARE_THAT_SPEAKS = 0.2
"""A separator is recognised when at least this share of the filled values holds it."""
_SHARE_FOR_BARE_SLASH = 0.8
"""A bare "/" is more often part of a name ("Computers/Games") than a separator."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_NOTHING = frozenset(ABSENT_WORDS)
_WHOLE_FLOAT = re.compile(r"(-?(?:0|[1-9]\d*))\.0+")

Words = Counter[str]
"""Words for nothing that were met, and how often."""


@dataclass(frozen=True)
class Truth:
    """The known answers of a catalog: a path or a label set a product, empty where it has none.

    ``separator``: what stood between the parts; ``LISTS`` where they were lists; None where nothing was taken apart.
    """

    values: list[tuple[str, ...]]
    separator: str | None
    level_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_truth(catalog: Catalog, target: TargetRecipe, known: Sequence[tuple[str, ...]] = ()) -> Truth:
    """The answers that ``target`` names. An empty separator splits nothing: every value is one name.

    Where most cells are lists written out (``["a", "b"]``), they are read as a list column is: see `_lists`.
    Words for nothing, as in inputs (``ABSENT_WORDS``), are no category. Whole numbers are spelled as ``known`` does, else, where
    a column holds numbers only, as they would come from a column of floats: "8.0" is "8".
    Names that differ in capitals or spaces only are one category, spelled as in ``known`` (a model's paths, or its labels as
    paths of one name), else as most products spell it. ``notes`` say what was changed or is worth knowing.
    Raises TargetError when no column is named or one is missing (the message names the nearest).
    """
    words: Words = Counter()
    read = _read(catalog, target, words, known)
    read = replace(read, notes=(*_taken_as_none(words, target.columns), *read.notes))
    if target.multilabel:
        labels, notes = one_spelling_of_labels(read.values, [name for names in known for name in names])
        return replace(read, values=labels, notes=(*read.notes, *notes))
    values = [path if len(path) <= MAX_LEVELS else () for path in read.values]
    paths, notes = one_spelling(values, known)
    notes = (*_too_deep(read.values), *notes, *remarks(paths, read.level_names))
    return replace(read, values=paths, notes=(*read.notes, *notes))


def _read(catalog: Catalog, target: TargetRecipe, words: Words, known: Sequence[tuple[str, ...]]) -> Truth:
    if not target.columns:
        raise TargetError("expected a target: name the column of categories, or one column per level")
    for name in target.columns:
        if name not in catalog.table.column_names:
            nearest = difflib.get_close_matches(name, catalog.table.column_names, n=1, cutoff=0.3)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            raise TargetError(
                f"target column '{name}' is not in the catalog, which has {', '.join(catalog.table.column_names)}{hint}"
            )
    if target.multilabel:
        return _label_sets(catalog, target, words, {path[-1] for path in known if path})
    names = {name for path in known for name in path}
    settled = {**{_whole_number(name): name for name in names}, **{name: name for name in names}}
    if len(target.columns) > 1:
        return _level_columns(catalog, target.columns, words, settled)
    return _delimited_paths(catalog.column(target.columns[0]), target, words, settled)


def has_truth(catalog: Catalog, target: TargetRecipe) -> bool:
    """Whether the catalog carries every column of the target."""
    return all(name in catalog.table.column_names for name in target.columns)


def _level_columns(
    catalog: Catalog, columns: Sequence[str], words: Words, settled: Mapping[str, str]
) -> Truth:
    levels = [_one_number_style(_texts(catalog.column(name), words), settled) for name in columns]
    values, gaps = [], 0
    known: dict[tuple[str, ...], tuple[tuple[str, ...], bool]] = {}
    for written in zip(*levels, strict=True):
        if written not in known:
            row = tuple(" ".join(text.split()) for text in written)
            path = row[: row.index("")] if "" in row else row
            known[written] = path, any(row[len(path) :])
        path, gap = known[written]
        gaps += gap
        values.append(path)
    notes = (f"{gaps} products skip a level: their paths were cut at the gap",) if gaps else ()
    return Truth(values, None, tuple(columns), notes)


def _delimited_paths(
    column: pa.Array, target: TargetRecipe, words: Words, settled: Mapping[str, str]
) -> Truth:
    if pa.types.is_list(column.type):
        lists = [_without_words(value or (), words) for value in column.to_pylist()]
        return Truth([_clean(value) for value in lists], LISTS, notes=_gaps(map(_has_gap, lists)))
    texts = _texts(column, words)
    listed = _lists(texts, target, words, settled)
    if target.separator != LISTS and all(len(names) < 2 for names in listed.of.values()):
        # Lists of one path each, such as ["Home > Lamps"], are those paths.
        texts = [next(iter(listed.of[text]), "") if text in listed.of else text for text in texts]
        listed = replace(listed, of={}, most=False)
    texts = _one_number_style(texts, settled) if not listed.of else texts
    separator = listed.separator(texts, PATH_SEPARATORS)
    # Every different path is taken apart once, and products share what it comes to: millions have few paths.
    parts_of = {
        text: _without_words(listed.of[text] if text in listed.of else _parts(text, separator), words, times)
        for text, times in Counter(texts).items()
    }
    clean = {text: _clean(names) for text, names in parts_of.items()}
    parts, values = [parts_of[text] for text in texts], [clean[text] for text in texts]
    notes = (*listed.notes, *_gaps(map(_has_gap, parts)), *_separator_in_names(values, separator))
    return Truth(values, LISTS if listed.most else separator, notes=notes)


def _label_sets(catalog: Catalog, target: TargetRecipe, words: Words, known: Collection[str]) -> Truth:
    columns = [catalog.column(name) for name in target.columns]
    if len(columns) > 1:
        rows = zip(*(_texts(column, words) for column in columns), strict=True)
        return Truth([_unique(_clean(row)) for row in rows], None)
    if pa.types.is_list(columns[0].type):
        lists = [_without_words(value or (), words) for value in columns[0].to_pylist()]
        return Truth([_unique(_clean(value)) for value in lists], LISTS)
    texts = _texts(columns[0], words)
    listed = _lists(texts, target, words, known)
    separator = listed.separator(texts, LABEL_SEPARATORS)
    rows_of = (
        _without_words(listed.of[text] if text in listed.of else _parts(text, separator), words)
        for text in texts
    )
    values = [_unique(_clean(parts)) for parts in rows_of]
    return Truth(values, LISTS if listed.most else separator, notes=listed.notes)


@dataclass(frozen=True)
class _Listed:
    """A column's cells that are lists written out: what each comes to (``of``), and whether ``most`` filled cells are such."""

    of: Mapping[str, tuple[str, ...]]
    most: bool
    given: str | None
    notes: tuple[str, ...] = ()

    def separator(self, texts: Sequence[str], candidates: Sequence[str]) -> str | None:
        """What stands between the parts of the other cells; among lists they are single names."""
        if self.given not in (None, LISTS):
            return self.given
        others = () if self.most else [text for text in texts if text not in self.of]
        return recognise_separator(others, candidates)


def _lists(texts: Sequence[str], target: TargetRecipe, words: Words, known: Collection[str]) -> _Listed:
    """The cells to be read as lists: where most seem to be such, or where ``LISTS`` is the separator, all that seem to be.

    One that cannot be read is no label, and is told of. An empty separator leaves all cells as they are written, unless a model
    is asked (``known``: its names), whose own catalog had nothing to take apart.
    """
    counts = Counter(text for text in texts if text)
    seeming = [text for text in counts if looks_like_list(text) and text.strip() not in known]
    most = mostly_lists(counts, counts.values()) and bool(seeming)
    if not seeming or (target.separator == "" and not known):
        return _Listed({}, False, target.separator)
    column = ",".join(target.columns)
    if not most and target.separator != LISTS:
        quoted = [text for text in seeming if "'" in text or '"' in text]
        note = _strange_cells(quoted, counts, column, "a list")
        note += ", while most cells do not: taken as they are written; --separator '[]' reads them as lists"
        return _Listed({}, False, target.separator, (note,) if quoted else ())
    words.pop("[]", None)  # among lists an empty one is no word
    read = {text: read_list(text) for text in seeming}
    bad = [text for text, names in read.items() if names is None]
    note = _strange_cells(bad, counts, column, "a list that cannot be read")
    note += (
        """: taken as having none; expected texts and numbers in one level, as ["a", "b"] or ['a', 'b']; --separator '' takes """
        "all cells as they are written"
    )
    found = {text: names or () for text, names in read.items()}
    return _Listed(found, most, target.separator, (note,) if bad else ())


def _strange_cells(strange: Sequence[str], counts: Mapping[str, int], column: str, what: str) -> str:
    count = sum(counts[text] for text in strange)
    hold = "cell of '{}' seems" if count == 1 else "cells of '{}' seem"
    example = f" ({min(strange):.60})" if strange else ""
    return f"{count:,} {hold.format(column)} to hold {what}{example}"


def recognise_separator(texts: Sequence[str], candidates: Sequence[str]) -> str | None:
    """The first candidate that enough of the filled values hold; None where the values are single names.

    >>> recognise_separator(["Men > Shoes", "Women"], PATH_SEPARATORS)
    ' > '
    """
    filled = Counter(text for text in texts if text.strip())
    spaced = {text: " ".join(text.split()) for text in filled}
    for candidate in candidates:
        holding = sum(
            count
            for text, count in filled.items()
            if candidate in (text if candidate.isspace() else spaced[text])
        )
        share = holding / max(filled.total(), 1)
        if share >= (_SHARE_FOR_BARE_SLASH if candidate == "/" else _SHARE_THAT_SPEAKS):
            return candidate
    return None


def _texts(column: pa.Array, words: Words) -> list[str]:
    """One text a product as it was written; "" where there is none or only a word for nothing, which is counted.

    Equal texts are one object: they are few.
    """
    coded = as_text(column).dictionary_encode()
    texts = [text or "" for text in coded.dictionary.to_pylist()]
    codes = coded.indices.to_pylist()
    nothing = {code: text.strip() for code, text in enumerate(texts) if _is_nothing(text)}
    if nothing:
        words.update(nothing[code] for code in codes if code in nothing)
        texts = ["" if code in nothing else text for code, text in enumerate(texts)]
    return ["" if code is None else texts[code] for code in codes]


def _is_nothing(part: object) -> bool:
    return isinstance(part, str) and part.strip() in _NOTHING


def _without_words(parts: Sequence[object], words: Words, times: int = 1) -> Sequence[object]:
    """The parts, "" in place of words for nothing, which are counted as ``times``."""
    found = [str(part).strip() for part in parts if _is_nothing(part)]
    if not found:
        return parts
    words.update({word: times * count for word, count in Counter(found).items()})
    return ["" if _is_nothing(part) else part for part in parts]


def _taken_as_none(words: Words, columns: Sequence[str]) -> tuple[str, ...]:
    if not words:
        return ()
    have = "word for nothing is" if words.total() == 1 else "words for nothing are"
    counted = ", ".join(f"'{word}' ({count:,})" for word, count in words.most_common())
    return (
        f"{words.total():,} {have} taken as no category in '{','.join(columns)}': {counted}; a category that is really called so "
        "needs another name",
    )


def _one_number_style(texts: list[str], settled: Mapping[str, str]) -> list[str]:
    """Whole numbers in one style. CSV keeps "8.0" where a column of floats, as in Parquet, comes to "8".

    ``settled``: a model's names by themselves, and by what they are as whole numbers.
    """
    different = {text: text.strip() for text in set(texts)}
    numbers = {written: text for written, text in different.items() if _NUMBER.fullmatch(text)}
    numbers_only = len(numbers) == sum(map(bool, different.values()))
    styled = {}
    for written, text in numbers.items():
        whole = _whole_number(text)
        styled[written] = settled.get(text) or settled.get(whole) or (whole if numbers_only else written)
    return [styled.get(text, text) for text in texts] if styled else texts


def _whole_number(text: str) -> str:
    """The text without a fraction of zeros, where it is a number with one: "8.0" is "8", "08.0" and "8.5" are themselves."""
    found = _WHOLE_FLOAT.fullmatch(text)
    return found[1] if found else text


def _parts(text: str, separator: str | None) -> Sequence[str]:
    """What stands between separators, as it was written.

    White space at a separator's ends stands for any white space, or the end of the text.
    """
    signs = separator.strip() if separator else ""
    if not separator or not signs:
        return text.split(separator) if separator else (text,)
    before = r"(?:^|(?<=\s))" if separator[0].isspace() else ""
    after = r"(?=\s|$)" if separator[-1].isspace() else ""
    return re.split(before + re.escape(signs) + after, text)


def _has_gap(parts: Sequence[object]) -> bool:
    """Whether an empty level lies between two that are filled; empty ends are no more than a separator too many."""
    filled = [place for place, part in enumerate(parts) if part is not None and str(part).strip()]
    return bool(filled) and filled[-1] - filled[0] >= len(filled)


def _too_deep(values: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    count = sum(len(path) > MAX_LEVELS for path in values)
    if not count:
        return ()
    have = "product has a path" if count == 1 else "products have paths"
    return (f"{count:,} {have} of more than {MAX_LEVELS} levels, which is no category: taken as having none",)


def _gaps(gaps: Iterable[bool]) -> tuple[str, ...]:
    count = sum(gaps)
    if not count:
        return ()
    have = (
        "product has an empty level in its path"
        if count == 1
        else "products have empty levels in their paths"
    )
    return (f"{count:,} {have}, which was left out: what follows moved up",)


def _separator_in_names(values: Sequence[tuple[str, ...]], separator: str | None) -> tuple[str, ...]:
    """What is said where a separator that is written with spaces also stands in names without them."""
    signs = (separator or "").strip()
    if not signs or signs == separator:
        return ()
    holding = [name for path in values for name in path if signs in name]
    if not holding:
        return ()
    hold = "product holds" if len(holding) == 1 else "products hold"
    return (
        f"{len(holding):,} {hold} '{signs}' inside a category name ('{min(holding):.80}'), which is read as part of the "
        f"name; if it separates levels, give --separator '{signs}'",
    )


def _clean(parts: Sequence[object]) -> tuple[str, ...]:
    cleaned = (" ".join(str(part).split()) for part in parts if part is not None)
    return tuple(part for part in cleaned if part)


def _unique(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(labels))
