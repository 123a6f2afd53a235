"""Published taxonomies: each format, the real files, and everything that can be wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.errors import TaxonomyError
from shelfwise.taxonomy.formats import read_taxonomy, taxonomy_of_column
from shelfwise.taxonomy.nodes import TaxonomyNode, tree_of_nodes, tree_of_paths
from shelfwise.taxonomy.tree import Taxonomy

NODES = [
    {"id": 3, "parent_id": 2, "title": "Live"},
    {"id": 1, "parent_id": None, "title": "Toys", "depth": 1},
    {"id": 2, "parent_id": None, "title": "Animals"},
]


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(content: Any) -> Path:
        file = tmp_path / "taxonomy"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return file

    return write


class TestFormats:
    def test_a_list_of_nodes_in_any_order(self, written: Any) -> None:
        read = read_taxonomy(written(NODES))
        assert read.taxonomy.paths == (("Animals",), ("Animals", "Live"), ("Toys",))
        assert read.ids == {("Animals", "Live"): "3", ("Toys",): "1", ("Animals",): "2"}
        assert read.notes == ()

    def test_shopify(self, written: Any) -> None:
        categories = [
            {"id": "ap", "name": "Animals", "parent_id": None},
            {"id": "ap-1", "name": "Live", "parent_id": "ap", "attributes": []},
        ]
        others = [{"id": "ty", "name": "Toys", "parent_id": None}]
        read = read_taxonomy(
            written(
                {
                    "version": "1",
                    "verticals": [{"name": "a", "categories": categories}, {"categories": others}],
                }
            )
        )
        assert read.ids[("Animals", "Live")] == "ap-1"
        assert len(read.taxonomy) == 3

    @pytest.mark.parametrize(
        ("text", "ids"),
        [
            (
                "# Google_Product_Taxonomy_Version: 2021-09-21\nToys\nToys > Dolls\n\nToys > 3 - Wheelers\n",
                set(),
            ),
            ("\ufeff1 - Toys\r\n22 - Toys > Dolls\r\n3 - Toys > 3 - Wheelers\r\n", {"1", "22", "3"}),
            (
                "# Shopify\ngid://shopify/TaxonomyCategory/tg     : Toys\ngid://shopify/TaxonomyCategory/tg-1 : Toys > Dolls\n"
                "gid://shopify/TaxonomyCategory/tg-2 : Toys > 3 - Wheelers\n",
                {f"gid://shopify/TaxonomyCategory/{end}" for end in ("tg", "tg-1", "tg-2")},
            ),
        ],
    )
    def test_plain_text(self, written: Any, text: str, ids: set[str]) -> None:
        read = read_taxonomy(written(text))
        assert read.taxonomy.paths == (("Toys",), ("Toys", "3 - Wheelers"), ("Toys", "Dolls"))
        assert set(read.ids.values()) == ids
        assert read.notes == ()

    def test_a_column_of_paths(self) -> None:
        read = taxonomy_of_column([("Men", "Shoes"), (), ("Men",), ("Men", "Shoes")])
        assert read.taxonomy.paths == (("Men",), ("Men", "Shoes"))
        assert (read.ids, read.notes) == ({}, ())
        with pytest.raises(TaxonomyError, match="at least one category"):
            taxonomy_of_column([(), ()])

    @given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple), min_size=1))
    @settings(deadline=None)
    def test_nodes_bring_back_their_paths(self, paths: list[tuple[str, ...]]) -> None:
        tree = Taxonomy.from_paths(paths)
        nodes = [TaxonomyNode("/".join(path), "/".join(path[:-1]) or None, path[-1]) for path in tree.paths]
        assert tree_of_nodes(nodes[::-1]).taxonomy == tree
        assert tree_of_paths([(path, None) for path in tree.paths], listed=True).notes == ()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "nodes", "depth", "path", "id"),
    [
        ("google.json", 5595, 7, ("Animals & Pet Supplies", "Pet Supplies"), "3"),
        ("shopify-2024-07.json", 10281, 8, ("Animals & Pet Supplies", "Pet Supplies"), "ap-2"),
    ],
)
def test_the_published_ones(
    shared_data: Path, name: str, nodes: int, depth: int, path: tuple[str, ...], id: str
) -> None:
    read = read_taxonomy(shared_data / "taxonomies" / name)
    assert (len(read.taxonomy), read.taxonomy.depth) == (nodes, depth)
    assert read.ids[path] == id
    assert len(read.ids) == nodes
    assert read.notes == ()


def node(id: Any, parent: Any, name: Any = "x") -> dict[str, Any]:
    return {"id": id, "parent_id": parent, "name": name}


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (
                [node(1, 2, "a"), node(2, 3, "b"), node(3, 1, "c")],
                "in a circle: 'a' under 'b' under 'c' under 'a'",
            ),
            ([node(1, 1, "self")], "in a circle: 'self' under 'self'"),
            ([node(0, 1, "leaf"), node(1, 2, "a"), node(2, 1, "b")], "in a circle: 'a' under 'b' under 'a'"),
            ([node(1, None, "a"), node(1, None, "b")], "1 is used 2 times, by 'a' and 'b'"),
            ([node(1, None, "a"), node("1", None, "b")], "1 is used 2 times"),
            ([node(1, None), node(2, 7, "orphan")], r"1 name one that is not there: 'orphan' \(2\) says 7"),
            ([node(1, None, " ")], "expected a name for every category, but node 1 has none"),
            (
                [node(1, None, None)],
                "expected 'id', 'parent_id' and 'name' or 'title' in every node, got .* as node 0",
            ),
            ([{"id": 1, "name": "a"}], "expected 'id', 'parent_id'"),
            ([node(None, None)], "expected a text or a whole number as the id of node 0, got None"),
            ([node(True, None)], "as the id of node 0"),
            ([node(1, ["x"])], "as the id of node 0"),
            ([1, 2], "expected an object as node 0, got 1"),
            ([], "at least one category, got none"),
            ({"verticals": [{"name": "a"}]}, "each have a list of 'categories'"),
            ({"verticals": [3]}, "each have a list of 'categories'"),
            ({"categories": []}, "expected a list of nodes"),
            ("[1, 2", "expected JSON, but it cannot be read"),
            ("[" * 100_000, "expected JSON, but it cannot be read"),
            ("", "the file is empty"),
            ("# only a comment\n", "the file is empty"),
            ("Toys >  > Dolls", "expected names between every ' > ', got the line 'Toys >  > Dolls'"),
            ("1 - Toys\n1 - Dolls", "1 is both 'Toys' and 'Dolls'"),
            ("x > " * 70 + "x", "at most 64 levels, got one of 71"),
            ([node(n, n - 1 if n else None, "x") for n in range(3000)], "at most 64 levels, got one of"),
            (b"\xff\xfeT\x00", "expected UTF-8, but byte 0 is not"),
        ],
    )
    def test_is_one_clear_line(self, written: Any, content: Any, says: str) -> None:
        file = written(content)
        with pytest.raises(TaxonomyError, match=says) as raised:
            read_taxonomy(file)
        assert str(raised.value).startswith(str(file))
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 600

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(TaxonomyError, match="No such file"):
            read_taxonomy(tmp_path / "no.json")
        with pytest.raises(TaxonomyError, match="directory"):
            read_taxonomy(tmp_path)

    def test_a_huge_file_is_not_read(self, tmp_path: Path) -> None:
        file = tmp_path / "huge.txt"
        with file.open("wb") as stream:
            stream.truncate(10**9)
        with pytest.raises(TaxonomyError, match="at most 64 MB, got 954 MB"):
            read_taxonomy(file)


class TestWhatIsNoted:
    def test_siblings_of_one_name(self, written: Any) -> None:
        read = read_taxonomy(
            written([node(1, None, "a"), node(2, 1, "b"), node(3, 1, "b "), node(4, 3, "c")])
        )
        assert read.taxonomy.paths == (("a",), ("a", "b"), ("a", "b", "c"))
        assert read.ids[("a", "b")] == "2"
        assert read.notes == ("1 category stands there more than once, and once is enough: 'a > b'",)

    def test_siblings_that_differ_in_capitals_only(self, written: Any) -> None:
        read = read_taxonomy(written("Toys\nToys > Dolls\nToys > dolls\n"))
        assert len(read.taxonomy) == 3
        assert read.notes == (
            "2 categories differ from a sibling in capitals or spaces only: 'Toys > Dolls', 'Toys > dolls'",
        )

    def test_parents_without_a_line(self, written: Any) -> None:
        read = read_taxonomy(written("Toys > Dolls\nGames\n"))
        assert ("Toys",) in read.taxonomy
        assert read.notes == ("1 parent without a line of its own was added: 'Toys'",)

    def test_the_joint_inside_a_name(self, written: Any) -> None:
        read = read_taxonomy(written([node(1, None, "a > b")]))
        assert read.taxonomy.paths == (("a > b",),)
        assert "1 name holds ' > '" in read.notes[0]
