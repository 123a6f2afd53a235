"""Which columns look like categories somebody could want predicted, when nobody has said."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.cells import Cells, normalise, read_cells
from shelfwise.catalog.column import Role
from shelfwise.catalog.column_names import LEVEL_NAME, normal_name, words
from shelfwise.catalog.inspection import Suggestion
from shelfwise.taxonomy.truth import LABEL_SEPARATORS, PATH_SEPARATORS, recognise_separator

TAXONOMY_WORDS = frozenset(
    (
        "category",
        "categories",
        "department",
        "type",
        "class",
        "segment",
        "section",
        "division",
        "group",
        "taxonomy",
    )
)
LABEL_WORDS = frozenset(("labels", "tags", "categories", "keywords"))
NO_TAXONOMY_WORDS = frozenset(("colour", "color", "season", "usage", "condition", "size", "unit", "currency"))
LIST_ONLY_SEPARATORS = (" | ", "|")
"""Paths are hardly ever written with these where labels usually are."""
MIN_PRODUCTS_PER_VALUE = 3.0
MAX_NEW_SHARE = 0.3
"""Share of a list column's elements that may be new ones; free text cut at commas has more."""
DETERMINED = 0.995
"""Share of products whose value of an upper level is the usual one for their value of the level below."""
MAX_LEVELS = 6
MAX_CANDIDATES = 16
_WEB_OR_FILE = re.compile(r"://|\.(jpe?g|png|gif|webp|html?)\b", re.IGNORECASE)

_Ranked = tuple[float, Suggestion]


def suggest_targets(catalog: Catalog) -> list[Suggestion]:
    """Likely targets, the likeliest first: paths, label lists, chains of level columns, single category
    columns."""
    cells = {
        name: read
        for name, field in catalog.fields.items()
        if field.role in (Role.TEXT, Role.CATEGORY, Role.IGNORED, Role.NUMBER)
        and (read := read_cells(catalog.column(name))) is not None
        and len(read.values) >= 2
    }
    ranked: list[_Ranked] = []
    singles: dict[str, Cells] = {}
    for name, column in cells.items():
        found = _path(name, column) if not column.lists else None
        found = found or _labels(name, column)
        if found is not None:
            ranked.append(found)
        elif _is_single(name, column):
            singles[name] = column
    chain = _level_chain(singles)
    if len(chain) > 1:
        ranked.append(
            (
                2.2 + _named_levels(chain),
                _suggest(chain, False, None, f"one column a level, {len(chain)} levels"),
            )
        )
    ranked += [(1.0, _suggest([name], False, None, _counted(column))) for name, column in singles.items()]
    ranked.sort(key=lambda one: -one[0])
    return [suggestion for _, suggestion in ranked]


def _path(name: str, column: Cells) -> _Ranked | None:
    if not _repeats(column) or any(_WEB_OR_FILE.search(value) for value in column.values[:100]):
        return None
    separator = recognise_separator(column.values, PATH_SEPARATORS)
    if separator is None or separator in LIST_ONLY_SEPARATORS:
        return None
    depth = max(value.count(separator) + 1 for value in column.values)
    firsts = {normalise(value.split(separator)[0]) for value in column.values}
    if depth < 2 or len(firsts) > len(column.values) / 2:
        return None
    why = f"paths of up to {depth} levels, {len(column.values):,} of them"
    return 3.0, _suggest([name], False, separator, why)


def _labels(name: str, column: Cells) -> _Ranked | None:
    separator = None if column.lists else recognise_separator(column.values, LABEL_SEPARATORS)
    if separator is None and not column.lists:
        return None
    found = list(column.splits())[1:]
    per_value = max(found, key=lambda one: len(one[1]), default=None)
    if per_value is None:
        return None
    lengths, elements = per_value
    distinct = len(set(elements))
    carried = int(lengths[column.codes[column.codes >= 0]].sum())
    if distinct > MAX_NEW_SHARE * carried:
        return None
    named = bool(words(normal_name(name)) & LABEL_WORDS)
    why = f"lists of labels, {distinct:,} different ones"
    return 1.2 + named + 0.4 * column.lists, _suggest([name], True, separator, why)


def _is_single(name: str, column: Cells) -> bool:
    usual = normal_name(name)
    named = bool(LEVEL_NAME.match(usual)) or bool(words(usual) & (TAXONOMY_WORDS | {"gender"}))
    return named and not words(usual) & NO_TAXONOMY_WORDS and _repeats(column)


def _repeats(column: Cells) -> bool:
    return int((column.codes >= 0).sum()) >= MIN_PRODUCTS_PER_VALUE * len(column.values)


def _level_chain(columns: dict[str, Cells]) -> list[str]:
    """The longest run of columns, fewest values first, in which each is decided by the next."""
    order = sorted(columns, key=lambda name: len(columns[name].values))[:MAX_CANDIDATES]
    best: dict[str, list[str]] = {}
    for lower in order:
        runs = [
            best[upper]
            for upper in best
            if len(columns[upper].values) < len(columns[lower].values)
            and len(best[upper]) < MAX_LEVELS
            and _decides(columns[lower].codes, columns[upper].codes)
        ]
        best[lower] = [*max(runs, key=len, default=[]), lower]
    return max(best.values(), key=lambda run: (len(run), _named_levels(run)), default=[])


def _decides(lower: np.ndarray, upper: np.ndarray) -> bool:
    both = (lower >= 0) & (upper >= 0)
    if both.sum() < 0.5 * (lower >= 0).sum() or not both.any():
        return False
    width = int(upper.max()) + 1
    pairs, count = np.unique(lower[both] * width + upper[both], return_counts=True)
    usual = np.zeros(int(lower.max()) + 1, dtype=np.int64)
    np.maximum.at(usual, pairs // width, count)
    return bool(usual.sum() >= DETERMINED * both.sum())


def _named_levels(names: Sequence[str]) -> bool:
    return all(LEVEL_NAME.match(normal_name(name)) for name in names)


def _counted(column: Cells) -> str:
    return f"one category a product, {len(column.values):,} of them"


def _suggest(names: list[str], multilabel: bool, separator: str | None, why: str) -> Suggestion:
    columns = ",".join(names)
    quoted = f'"{columns}"' if re.search(r"[^\w,.-]", columns) else columns
    options = f"--target {quoted}" + (" --multilabel" if multilabel else "")
    return Suggestion(columns=names, multilabel=multilabel, separator=separator, why=why, options=options)
