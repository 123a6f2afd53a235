"""How good predicted paths are: level by level, as a whole, and with credit for the part that is right.

Paths are tuples of category names from the root down, the root itself left out. Depths may differ: below its
end a path has the value "no category" on every level, and that is a value like any other — it is right to
predict no third level for a product that has none. On catalogs of very unequal depth the deepest levels are
therefore easy; look at the whole path and the hierarchical F1 there. A level compares its own name only, as
the papers do: "Shoes" under Men and under Women are the same value of level 2, and only the whole path tells
them apart.

An empty predicted path means the product failed; it is wrong on every level, also on those its true path
lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shelfwise.errors import ShelfwiseError
from shelfwise.evaluation.metrics import accuracy, check_lengths, count_categories, weighted_f1

Path = tuple[str, ...]

NO_CATEGORY = ""
"""The value of a level that lies below a path's end. Category names are never empty, so it cannot be one."""


@dataclass(frozen=True)
class HierarchicalScore:
    """Precision, recall and F1 (0–1) over categories with their ancestors."""

    precision: float
    recall: float
    f1: float


def deepest(*groups: Sequence[Path]) -> int:
    """Number of levels of the longest path in any of the groups; 0 where there is none."""
    return max((len(path) for paths in groups for path in paths), default=0)


def level_values(paths: Sequence[Path], level: int) -> list[str | None]:
    """What each path says on a level (0 is the topmost): a name, `NO_CATEGORY`, or None for an empty path."""
    return [None if not path else path[level] if level < len(path) else NO_CATEGORY for path in paths]


def level_accuracy(truth: Sequence[Path], predicted: Sequence[Path], depth: int) -> list[float]:
    """Accuracy (0–1) on each of ``depth`` levels; Wang & Guthrie 2015 plot these and their mean."""
    _check_paths(truth, predicted)
    return [accuracy(level_values(truth, level), level_values(predicted, level)) for level in range(depth)]


def level_weighted_f1(truth: Sequence[Path], predicted: Sequence[Path], depth: int) -> list[float]:
    """Weighted F1 (0–1) on each of ``depth`` levels, as the MWPD 2020 challenge scores them."""
    _check_paths(truth, predicted)
    return [
        weighted_f1(count_categories(level_values(truth, level), level_values(predicted, level)))
        for level in range(depth)
    ]


def whole_path_accuracy(truth: Sequence[Path], predicted: Sequence[Path]) -> float:
    """Share of products (0–1) whose path is right from the first level to the last."""
    _check_paths(truth, predicted)
    return accuracy(truth, predicted)


def hierarchical_score(truth: Sequence[Path], predicted: Sequence[Path]) -> HierarchicalScore:
    """Precision, recall and F1 where a category stands for itself and its ancestors, the root excluded.

    Kiritchenko, Matwin, Nock & Famili 2006, *Learning and Evaluation in the Presence of Class Hierarchies*,
    section 4: hP = Σ |P ∩ T| / Σ |P| and hR = Σ |P ∩ T| / Σ |T|, summed over products.
    """
    _check_paths(truth, predicted)
    shared = sum(common_prefix(t, p) for t, p in zip(truth, predicted, strict=True))
    true_size, predicted_size = sum(map(len, truth)), sum(map(len, predicted))
    return HierarchicalScore(
        precision=shared / predicted_size if predicted_size else 0.0,
        recall=shared / true_size if true_size else 0.0,
        f1=2 * shared / (true_size + predicted_size) if true_size + predicted_size else 0.0,
    )


@dataclass(frozen=True)
class TreeErrors:
    """How far from the truth predictions are in the tree, on average over all products and over the mistakes alone.

    ``distance``: steps from the predicted category up to the lowest common ancestor and down to the true one. ``common_depth``:
    depth of that ancestor, the levels that are right before the prediction first goes wrong; the root's is 0.
    Of mistakes both are None where there are none.
    """

    distance: float
    common_depth: float
    mistakes: int
    distance_of_mistakes: float | None
    common_depth_of_mistakes: float | None


def tree_errors(truth: Sequence[Path], predicted: Sequence[Path]) -> TreeErrors:
    """Tree distance and depth of the lowest common ancestor; a product that failed is where it started, at the root.

    The tree-induced error of Dekel, Keshet & Singer 2004, *Large Margin Hierarchical Classification*, which counts edges, and the
    depth that Bertinetto et al. 2020 measure mistakes by from below.
    """
    _check_paths(truth, predicted)
    pairs = list(zip(truth, predicted, strict=True))
    wrong = [(t, p) for t, p in pairs if t != p]
    return TreeErrors(
        distance=sum(tree_distance(t, p) for t, p in wrong) / max(len(pairs), 1),
        common_depth=sum(common_prefix(t, p) for t, p in pairs) / max(len(pairs), 1),
        mistakes=len(wrong),
        distance_of_mistakes=sum(tree_distance(t, p) for t, p in wrong) / len(wrong) if wrong else None,
        common_depth_of_mistakes=sum(common_prefix(t, p) for t, p in wrong) / len(wrong) if wrong else None,
    )


def tree_distance(first: Path, second: Path) -> int:
    """Steps between two categories by way of their lowest common ancestor; the root is the empty path."""
    return len(first) + len(second) - 2 * common_prefix(first, second)


def mean_common_depth(truth: Sequence[Path], predicted: Sequence[Path]) -> float:
    """How many levels down, on average, the prediction is right before it first goes wrong (0 to depth)."""
    return tree_errors(truth, predicted).common_depth


def common_prefix(first: Path, second: Path) -> int:
    """Number of levels from the top on which two paths agree."""
    for level, (a, b) in enumerate(zip(first, second, strict=False)):
        if a != b:
            return level
    return min(len(first), len(second))


def _check_paths(truth: Sequence[Path], predicted: Sequence[Path]) -> None:
    check_lengths(truth=truth, predicted=predicted)
    for row, path in enumerate(truth):
        if not path:
            raise ShelfwiseError(
                f"Expected a true path for every product, but product {row} has none. "
                "Leave products without a category out before scoring."
            )
