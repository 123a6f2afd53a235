"""What someone should know of a catalog's categories before anything is learned from them, in plain sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from shelfwise.taxonomy.tree import Path

PATH_JOINT = " > "
"""What joins the levels of a path in CSV predictions and on the screen."""


def remarks(values: Sequence[Path], level_names: Sequence[str] = ()) -> tuple[str, ...]:
    """Sentences about the paths of a catalog (an empty one: no category): none where there is nothing to say."""
    paths = {path for path in values if path}
    found = [_several_parents(paths), _levels_of_one(paths, level_names), _joint_in_names(paths)]
    return tuple(remark for remark in found if remark)


def single_products(values: Sequence[Path]) -> str | None:
    """How many categories have one product only; None where none has."""
    counts = Counter(path for path in values if path)
    single = sum(count == 1 for count in counts.values())
    if not single:
        return None
    have = "has a single product" if single == 1 else "have a single product each"
    return f"{single:,} of {len(counts):,} categories {have}, which cannot be both learned from and tested on"


def _several_parents(paths: set[Path]) -> str | None:
    parents: dict[str, set[Path]] = defaultdict(set)
    for node in {path[:depth] for path in paths for depth in range(2, len(path) + 1)}:
        parents[node[-1]].add(node[:-1])
    shared = sorted(
        (name for name, above in parents.items() if len(above) > 1), key=lambda n: (-len(parents[n]), n)
    )
    if not shared:
        return None
    first, second, *_ = sorted(parents[shared[0]])
    names = "category name stands" if len(shared) == 1 else "category names stand"
    return (
        f"{len(shared):,} {names} under more than one parent ('{shared[0]}' under '{PATH_JOINT.join(first)}' and "
        f"'{PATH_JOINT.join(second)}'): each is a category of its own"
    )


def _levels_of_one(paths: set[Path], level_names: Sequence[str]) -> str | None:
    depth = max(map(len, paths), default=0)
    if depth < 2:
        return None
    single = []
    for level in range(depth):
        names = {path[level] for path in paths if len(path) > level}
        everywhere = all(len(path) > level for path in paths)
        if len(names) == 1 and everywhere:
            known = level_names[level] if level < len(level_names) else f"level {level + 1}"
            single.append(f"{known} ('{names.pop()}')")
    if not single:
        return None
    if len(single) == 1:
        return f"one level holds the same category for every product and tells nothing: {single[0]}"
    return (
        f"{len(single)} levels hold the same category for every product and tell nothing: {', '.join(single)}"
    )


def _joint_in_names(paths: set[Path]) -> str | None:
    names = sorted({name for path in paths for name in path if PATH_JOINT in name})
    if not names:
        return None
    hold = "category name holds" if len(names) == 1 else "category names hold"
    return (
        f"{len(names):,} {hold} '{PATH_JOINT}', with which paths are joined in CSV ('{names[0]:.80}'): write predictions as "
        "Parquet or JSON lines, where paths are lists"
    )
