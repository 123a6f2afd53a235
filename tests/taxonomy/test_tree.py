"""The tree of categories: ancestors are added, and a category is its whole path."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.taxonomy.tree import Taxonomy

PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=0, max_size=12)


def test_ancestors_are_added_and_parents_come_first() -> None:
    tree = Taxonomy.from_paths([("Men", "Shoes", "Sneakers"), ("Women",)])
    assert tree.paths == (("Men",), ("Men", "Shoes"), ("Men", "Shoes", "Sneakers"), ("Women",))
    assert len(tree) == 4
    assert tree.depth == 3


def test_one_name_under_two_parents_is_two_categories() -> None:
    tree = Taxonomy.from_paths([("Men", "Shoes"), ("Women", "Shoes")])
    assert len(tree) == 4
    assert ("Men", "Shoes") in tree
    assert ("Shoes",) not in tree
    assert tree.index[("Men", "Shoes")] != tree.index[("Women", "Shoes")]


def test_a_name_may_be_its_own_parent() -> None:
    tree = Taxonomy.from_paths([("Toys", "Toys")])
    assert tree.ancestors(("Toys", "Toys")).tolist() == [0, 1]


def test_ancestors_from_the_root_down() -> None:
    tree = Taxonomy.from_paths([("Men", "Shoes", "Sneakers"), ("Men", "Belts")])
    assert [tree.paths[place] for place in tree.ancestors(("Men", "Shoes", "Sneakers"))] == [
        ("Men",),
        ("Men", "Shoes"),
        ("Men", "Shoes", "Sneakers"),
    ]
    with pytest.raises(KeyError):
        tree.ancestors(("Men", "Hats"))


def test_no_paths_make_an_empty_tree() -> None:
    tree = Taxonomy.from_paths([])
    assert (len(tree), tree.depth) == (0, 0)


@given(PATHS)
def test_every_prefix_is_a_category_and_nothing_else_is(paths: list[tuple[str, ...]]) -> None:
    tree = Taxonomy.from_paths(paths)
    expected = {path[:depth] for path in paths for depth in range(1, len(path) + 1)}
    assert set(tree.paths) == expected
    assert list(tree.paths) == sorted(tree.paths)
    for path in expected:
        above = tree.ancestors(path)
        assert [tree.paths[place] for place in above] == [path[: depth + 1] for depth in range(len(path))]
        assert sorted(above) == list(above)


@given(PATHS)
def test_a_tree_does_not_depend_on_the_order_of_its_paths(paths: list[tuple[str, ...]]) -> None:
    assert Taxonomy.from_paths(paths) == Taxonomy.from_paths(reversed(paths * 2))
