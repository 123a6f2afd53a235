"""From nodes with parents, or from paths, to a tree: everything that can be wrong with it is found here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shelfwise.errors import TaxonomyError
from shelfwise.taxonomy.checks import PATH_JOINT
from shelfwise.taxonomy.spelling import spelling_key
from shelfwise.taxonomy.tree import MAX_LEVELS, Path, Taxonomy

_EXAMPLES = 3


@dataclass(frozen=True)
class TaxonomyNode:
    """One category of a published taxonomy: ``parent`` is the id of the node above it, None at the top."""

    id: str
    parent: str | None
    name: str


@dataclass(frozen=True)
class ReadTaxonomy:
    """A taxonomy as it was read. ``ids``: each category's id in its source, where it has one. ``notes``: what was noticed."""

    taxonomy: Taxonomy
    ids: dict[Path, str]
    notes: tuple[str, ...] = ()


def tree_of_nodes(nodes: Sequence[TaxonomyNode]) -> ReadTaxonomy:
    """The tree that nodes make by their parents, in any order.

    Siblings of one name become one category with the id of the first, which is noted. Raises TaxonomyError for no nodes, an id
    that is used twice, a parent that is not there, a cycle, a node without a name, or more than ``MAX_LEVELS`` levels.
    """
    if not nodes:
        raise TaxonomyError("expected a taxonomy with at least one category, got none")
    by_id = {node.id: node for node in nodes}
    _refuse_wrong_nodes(nodes, by_id)
    paths: dict[str, Path] = {}
    for node in nodes:
        chain = []
        here: TaxonomyNode | None = node
        while here is not None and here.id not in paths:
            chain.append(here)
            if len(chain) > len(nodes):
                raise TaxonomyError(f"expected a tree, but its nodes go in a circle: {_circle(node, by_id)}")
            here = by_id[here.parent] if here.parent is not None else None
        above = paths[here.id] if here is not None else ()
        _refuse_depth(len(above) + len(chain))
        for one in reversed(chain):
            above = paths[one.id] = (*above, " ".join(one.name.split()))
    ids: dict[Path, str] = {}
    for node in nodes:
        ids.setdefault(paths[node.id], node.id)
    repeated = Counter(paths.values())
    return _checked(ids, [path for path, count in repeated.items() if count > 1])


def tree_of_paths(paths: Sequence[tuple[Path, str | None]], *, listed: bool) -> ReadTaxonomy:
    """The tree that paths with or without ids make. ``listed``: every category is expected to have its own line, so that an
    ancestor without one is noted, as is a path that stands there twice.

    Raises TaxonomyError for no paths, more than ``MAX_LEVELS`` levels, or an id that stands for two paths.
    """
    if not paths:
        raise TaxonomyError("expected a taxonomy with at least one category, got none")
    _refuse_depth(max(len(path) for path, _ in paths))
    owner: dict[str, Path] = {}
    ids: dict[Path, str] = {}
    for path, given in paths:
        if given is not None and owner.setdefault(given, path) != path:
            raise TaxonomyError(
                f"expected every id once, but {given} is both '{PATH_JOINT.join(owner[given])}' and '{PATH_JOINT.join(path)}'"
            )
        if given is not None:
            ids.setdefault(path, given)
    counts = Counter(path for path, _ in paths)
    read = _checked(
        dict.fromkeys(counts, ""), [path for path, count in counts.items() if count > 1 and listed]
    )
    missing = [path for path in read.taxonomy.paths if path not in counts] if listed else []
    notes = read.notes
    if missing:
        parents = (
            "parent without a line of its own was"
            if len(missing) == 1
            else "parents without a line of their own were"
        )
        notes += (f"{len(missing):,} {parents} added: {_examples(missing)}",)
    return ReadTaxonomy(read.taxonomy, ids, notes)


def _refuse_depth(levels: int) -> None:
    if levels > MAX_LEVELS:
        raise TaxonomyError(f"expected a taxonomy of at most {MAX_LEVELS} levels, got one of {levels:,}")


def _refuse_wrong_nodes(nodes: Sequence[TaxonomyNode], by_id: dict[str, TaxonomyNode]) -> None:
    if len(by_id) < len(nodes):
        twice, count = Counter(node.id for node in nodes).most_common(1)[0]
        names = " and ".join(f"'{node.name[:60]}'" for node in [n for n in nodes if n.id == twice][:2])
        raise TaxonomyError(f"expected every id once, but {twice[:60]} is used {count} times, by {names}")
    for node in nodes:
        if not node.name.strip():
            raise TaxonomyError(f"expected a name for every category, but node {node.id[:60]} has none")
    orphans = [node for node in nodes if node.parent is not None and node.parent not in by_id]
    if orphans:
        first = orphans[0]
        raise TaxonomyError(
            f"expected every parent among the nodes, but {len(orphans):,} name one that is not there: '{first.name[:60]}' "
            f"({first.id[:60]}) says {str(first.parent)[:60]}; the file may be cut off"
        )


def _circle(node: TaxonomyNode, by_id: dict[str, TaxonomyNode]) -> str:
    seen: dict[str, None] = {}
    while node.id not in seen:
        seen[node.id] = None
        node = by_id[str(node.parent)]
    round_trip = [*list(seen)[list(seen).index(node.id) :], node.id]
    names = [f"'{by_id[one].name[:60]}'" for one in round_trip]
    return " under ".join(names if len(names) <= 6 else [*names[:5], "…", names[-1]])


def _checked(categories: dict[Path, str], repeated: Sequence[Path]) -> ReadTaxonomy:
    """The tree of the categories with notes on what looks wrong in it but can be read."""
    notes = []
    if repeated:
        stand = "category stands" if len(repeated) == 1 else "categories stand"
        notes.append(
            f"{len(repeated):,} {stand} there more than once, and once is enough: {_examples(repeated)}"
        )
    taxonomy = Taxonomy.from_paths(categories)
    by_key: dict[Path, list[Path]] = {}
    for path in taxonomy.paths:
        by_key.setdefault((*path[:-1], spelling_key(path[-1])), []).append(path)
    alike = [path for paths in by_key.values() if len(paths) > 1 for path in paths]
    if alike:
        notes.append(
            f"{len(alike):,} categories differ from a sibling in capitals or spaces only: {_examples(alike)}"
        )
    joints = [path for path in taxonomy.paths if PATH_JOINT in path[-1]]
    if joints:
        hold = "name holds" if len(joints) == 1 else "names hold"
        notes.append(f"{len(joints):,} {hold} '{PATH_JOINT}', which joins levels: {_examples(joints)}")
    return ReadTaxonomy(taxonomy, categories, tuple(notes))


def _examples(paths: Sequence[Path]) -> str:
    shown = ", ".join(f"'{PATH_JOINT.join(path)[:120]}'" for path in sorted(paths)[:_EXAMPLES])
    return shown if len(paths) <= _EXAMPLES else f"{shown}, …"
