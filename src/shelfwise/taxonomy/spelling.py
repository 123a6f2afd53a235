"""One category, one spelling: "Men > shoes" and "Men > Shoes" are the same shelf, whoever typed them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from shelfwise.taxonomy.tree import Path

_EXAMPLES = 3
_SPACE = re.compile(r"(?<!\d)\s+|\s+(?!\d)")
"""White space says nothing in a name, except between two numbers."""

Spellings = dict[Path, Counter[str]]
"""Key of a category → how often its name is written which way."""


def spelling_key(name: str) -> str:
    """What all spellings of a name have in common: capitals, white space and Unicode's variants of a letter aside.

    >>> spelling_key("Home  Decor") == spelling_key("homeDecor")
    True
    >>> spelling_key("size 1 0") == spelling_key("size 10")
    False
    """
    return _SPACE.sub("", unicodedata.normalize("NFKC", name).casefold())


def one_spelling(values: Sequence[Path], known: Iterable[Path] = ()) -> tuple[list[Path], tuple[str, ...]]:
    """Paths with every category spelled in one way, and what was merged, in words.

    A category that is in ``known`` (paths that a model was trained on) is spelled as there; any other as most products spell it,
    of equals the first in the alphabet. What lies below two spellings of a category lies below one afterwards.
    """
    keys = {path: tuple(map(spelling_key, path)) for path in {*values, *known}}
    counts = _count(((path, 1) for path in values), keys)
    settled = _count(((path, 1) for path in known), keys)
    chosen = {
        key: min(names, key=lambda name: (-names[name], name)) for key, names in {**counts, **settled}.items()
    }
    spelled = {
        path: tuple(chosen[key[:depth]] for depth in range(1, len(key) + 1)) for path, key in keys.items()
    }
    merged = {
        key: others
        for key, names in counts.items()
        if (others := {name: count for name, count in names.items() if name != chosen[key]})
    }
    return [spelled[path] for path in values], _told(chosen, merged)


def one_spelling_of_labels(
    values: Sequence[tuple[str, ...]], known: Iterable[str] = ()
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """The same for label sets; a label that a product carries in two spellings counts once."""
    flat = [(label,) for labels in values for label in labels]
    spelled, notes = one_spelling(flat, [(label,) for label in known])
    names = {given[0]: name[0] for given, name in zip(flat, spelled, strict=True)}
    return [tuple(dict.fromkeys(names[label] for label in labels)) for labels in values], notes


def _count(paths: Iterable[tuple[Path, int]], keys: dict[Path, Path]) -> Spellings:
    totals: Counter[Path] = Counter()
    for path, count in paths:
        totals[path] += count
    found: Spellings = defaultdict(Counter)
    for path, count in totals.items():
        for depth in range(1, len(path) + 1):
            found[keys[path][:depth]][path[depth - 1]] += count
    return found


def _told(chosen: dict[Path, str], merged: dict[Path, dict[str, int]]) -> tuple[str, ...]:
    if not merged:
        return ()
    products = sum(count for others in merged.values() for count in others.values())
    examples = [
        f"'{other}' as '{chosen[key]}' ({count:,})"
        for key, others in sorted(merged.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        for other, count in sorted(others.items(), key=lambda item: (-item[1], item[0]))
    ]
    more = f", and {len(examples) - _EXAMPLES:,} more" if len(examples) > _EXAMPLES else ""
    names = "name is" if len(merged) == 1 else "names are"
    return (
        f"{len(merged):,} category {names} spelled in several ways and taken as one, {products:,} times: "
        f"{', '.join(examples[:_EXAMPLES])}{more}",
    )
