"""Reads taxonomies that others publish, so that a shop's categories can be checked against them or moved to them.

Every format becomes a list of nodes or of paths; the tree is built, and checked, in one place (``nodes.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path as File
from typing import Any

from shelfwise.errors import TaxonomyError
from shelfwise.taxonomy.nodes import ReadTaxonomy, TaxonomyNode, tree_of_nodes, tree_of_paths
from shelfwise.taxonomy.tree import Path

MAX_BYTES = 64 * 1024**2
"""The largest published taxonomies have a few megabytes."""
SEPARATOR = " > "
_NUMBERED = re.compile(r"(\d+) - (.+)")
_GLOBAL_ID = re.compile(r"(gid://\S+)\s*:\s+(.+)")
_NAMES = ("name", "title")


def read_taxonomy(file: str | File) -> ReadTaxonomy:
    """The taxonomy in a file, whatever its format, with the ids that its nodes have there.

    - Shopify's ``categories.json``: ``verticals`` with ``categories`` of ``id``, ``name`` and ``parent_id``;
    - a JSON list of nodes with ``id``, ``parent_id`` and ``title`` or ``name``, as Google's taxonomy is often converted to;
    - Google's plain text (``taxonomy.txt``, ``taxonomy-with-ids.txt``) and Shopify's (``categories.txt``): one path a line,
      levels joined by " > ", ids before them or not, comments behind "#".

    Raises TaxonomyError for a file that cannot be read as one of these, is larger than ``MAX_BYTES``, or is not a tree: an id
    used twice, a parent that is not there, a cycle, a node without a name.
    """
    path = File(file)
    text = _text(path)
    if text.lstrip()[:1] in ("{", "["):
        return _named(path, lambda: _from_json(text))
    return _named(path, lambda: _from_lines(text.splitlines()))


def taxonomy_of_column(paths: Iterable[Path]) -> ReadTaxonomy:
    """The tree that the paths of a catalog's column make (``read_truth(...).values``); empty paths are left out.

    Raises TaxonomyError where none is filled.
    """
    return tree_of_paths([(path, None) for path in paths if path], listed=False)


def _named(path: File, read: Callable[[], ReadTaxonomy]) -> ReadTaxonomy:
    try:
        return read()
    except TaxonomyError as error:
        raise TaxonomyError(f"{path}: {error}") from error


def _text(path: File) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TaxonomyError(
                f"{path}: expected a taxonomy of at most {MAX_BYTES // 1024**2} MB, got {size / 1024**2:,.0f} MB"
            )
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaxonomyError(
            f"{path}: expected UTF-8, but byte {error.start:,} is not; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise TaxonomyError(f"{path}: expected a taxonomy file, but: {error.strerror or error}") from error


def _from_json(text: str) -> ReadTaxonomy:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaxonomyError(
            f"expected JSON, but it cannot be read: {' '.join(str(error).split()):.200}"
        ) from error
    match value:
        case {"verticals": [*verticals]}:
            listed = [part.get("categories") if isinstance(part, dict) else None for part in verticals]
            if not all(isinstance(part, list) for part in listed):
                raise TaxonomyError("expected 'verticals' that each have a list of 'categories', got others")
            nodes = [node for part in listed if part for node in part]
        case [*nodes]:
            pass
        case _:
            raise TaxonomyError(
                "expected a list of nodes with 'id', 'parent_id' and 'name' or 'title', or Shopify's 'verticals'"
            )
    return tree_of_nodes([_node(node, position) for position, node in enumerate(nodes)])


def _node(value: Any, position: int) -> TaxonomyNode:
    if not isinstance(value, dict):
        raise TaxonomyError(f"expected an object as node {position}, got {value!r:.60}")
    missing = [key for key in ("id", "parent_id") if key not in value]
    name = next((value[key] for key in _NAMES if key in value), None)
    if missing or not isinstance(name, str):
        raise TaxonomyError(
            f"expected 'id', 'parent_id' and 'name' or 'title' in every node, got {json.dumps(value)[:120]} as node {position}"
        )
    return TaxonomyNode(_id(value["id"], position), _parent(value["parent_id"], position), name)


def _id(value: Any, position: int) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise TaxonomyError(
            f"expected a text or a whole number as the id of node {position}, got {value!r:.60}"
        )
    return str(value)


def _parent(value: Any, position: int) -> str | None:
    return None if value is None or value == "" else _id(value, position)


def _from_lines(lines: list[str]) -> ReadTaxonomy:
    texts = [text for line in lines if (text := line.strip()) and not text.startswith("#")]
    if not texts:
        raise TaxonomyError("expected one category path a line, but the file is empty")
    for pattern in (_NUMBERED, _GLOBAL_ID):
        matches = [pattern.fullmatch(text) for text in texts]
        # All or none: a category of its own may well begin with a number.
        if all(matches):
            found = [(_split(match[2]), match[1]) for match in matches if match is not None]
            return tree_of_paths(found, listed=True)
    return tree_of_paths([(_split(text), None) for text in texts], listed=True)


def _split(text: str) -> Path:
    path = tuple(" ".join(name.split()) for name in text.split(SEPARATOR))
    if not all(path):
        raise TaxonomyError(f"expected names between every '{SEPARATOR}', got the line '{text[:120]}'")
    return path
