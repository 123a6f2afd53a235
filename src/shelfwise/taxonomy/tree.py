"""The tree of categories: every path that exists, and which category lies under which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Path = tuple[str, ...]
"""Category names from the root down. The root itself has no name."""
MAX_LEVELS = 64
"""No taxonomy is as deep; work on a path grows with the square of its length, so damaged data must not bring longer ones."""


@dataclass(frozen=True)
class Taxonomy:
    """A tree of categories; a category is known by its whole path, so one name may occur under several parents.

    ``paths`` holds every category (inner ones too), sorted, so that a parent comes before its children.
    """

    paths: tuple[Path, ...]

    @classmethod
    def from_paths(cls, paths: Iterable[Path]) -> Taxonomy:
        """The smallest tree that holds ``paths``; ancestors are added.

        >>> Taxonomy.from_paths([("Men", "Shoes")]).paths
        (('Men',), ('Men', 'Shoes'))
        """
        nodes = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
        return cls(tuple(sorted(nodes)))

    @cached_property
    def index(self) -> dict[Path, int]:
        """Position of every category in ``paths``."""
        return {path: position for position, path in enumerate(self.paths)}

    @cached_property
    def depth(self) -> int:
        """Length of the longest path; 0 for an empty tree."""
        return max(map(len, self.paths), default=0)

    def __len__(self) -> int:
        return len(self.paths)

    def __contains__(self, path: object) -> bool:
        return path in self.index

    def ancestors(self, path: Path) -> np.ndarray:
        """int64 [len(path)]: positions of the categories on ``path``, from the root down, itself included.

        Raises KeyError for a path that is not in the tree.
        """
        return np.array([self.index[path[:depth]] for depth in range(1, len(path) + 1)], dtype=np.int64)
