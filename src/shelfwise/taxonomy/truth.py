"""What the catalog says the answer is: paths from one column or from one column a level, or label sets."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.inputs import as_text
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


@dataclass(frozen=True)
class Truth:
    """The known answers of a catalog: a path or a label set a product, empty where it has none."""

    values: list[tuple[str, ...]]
    separator: str | None
    level_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_truth(catalog: Catalog, target: TargetRecipe, known: Sequence[tuple[str, ...]] = ()) -> Truth:
    """The answers that ``target`` names. An empty separator splits nothing: every value is one name.

    Names that differ in capitals or spaces only are one category, spelled as in ``known`` (a model's paths, or its labels as
    paths of one name), else as most products spell it. ``notes`` say what was changed or is worth knowing.
    Raises TargetError when no column is named or one is missing (the message names the nearest).
    """
    read = _read(catalog, target)
    if target.multilabel:
        labels, notes = one_spelling_of_labels(read.values, [name for names in known for name in names])
        return replace(read, values=labels, notes=(*read.notes, *notes))
    values = [path if len(path) <= MAX_LEVELS else () for path in read.values]
    paths, notes = one_spelling(values, known)
    notes = (*_too_deep(read.values), *notes, *remarks(paths, read.level_names))
    return replace(read, values=paths, notes=(*read.notes, *notes))


def _read(catalog: Catalog, target: TargetRecipe) -> Truth:
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
        return _label_sets(catalog, target)
    if len(target.columns) > 1:
        return _level_columns(catalog, target.columns)
    return _delimited_paths(catalog.column(target.columns[0]), target.separator)


def has_truth(catalog: Catalog, target: TargetRecipe) -> bool:
    """Whether the catalog carries every column of the target."""
    return all(name in catalog.table.column_names for name in target.columns)


def _level_columns(catalog: Catalog, columns: Sequence[str]) -> Truth:
    levels = [_texts(catalog.column(name)) for name in columns]
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


def _delimited_paths(column: pa.Array, separator: str | None) -> Truth:
    if pa.types.is_list(column.type):
        lists = [value or () for value in column.to_pylist()]
        return Truth([_clean(value) for value in lists], None, notes=_gaps(map(_has_gap, lists)))
    texts = _texts(column)
    if separator is None:
        separator = recognise_separator(texts, PATH_SEPARATORS)
    # Every different path is taken apart once, and products share what it comes to: millions have few paths.
    parts_of = {text: _parts(text, separator) for text in set(texts)}
    clean = {text: _clean(names) for text, names in parts_of.items()}
    parts, values = [parts_of[text] for text in texts], [clean[text] for text in texts]
    notes = (*_gaps(map(_has_gap, parts)), *_separator_in_names(values, separator))
    return Truth(values, separator, notes=notes)


def _label_sets(catalog: Catalog, target: TargetRecipe) -> Truth:
    columns = [catalog.column(name) for name in target.columns]
    if len(columns) > 1:
        rows = zip(*map(_texts, columns), strict=True)
        return Truth([_unique(_clean(row)) for row in rows], None)
    if pa.types.is_list(columns[0].type):
        return Truth([_unique(_clean(value or ())) for value in columns[0].to_pylist()], None)
    texts = _texts(columns[0])
    separator = recognise_separator(texts, LABEL_SEPARATORS) if target.separator is None else target.separator
    return Truth([_unique(_split(text, separator)) for text in texts], separator)


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


def _texts(column: pa.Array) -> list[str]:
    """One text a product as it was written; "" where there is none. Equal texts are one object: they are few."""
    coded = as_text(column).dictionary_encode()
    texts = [text or "" for text in coded.dictionary.to_pylist()]
    return ["" if code is None else texts[code] for code in coded.indices.to_pylist()]


def _split(text: str, separator: str | None) -> tuple[str, ...]:
    return _clean(_parts(text, separator))


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
