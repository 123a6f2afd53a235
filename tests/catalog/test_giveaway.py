"""Columns that give the target away are found, by measurement, and honest ones never are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.catalog.cells import read_cells
from shelfwise.catalog.giveaway import find_giveaways

DATA = Path(__file__).parents[2].parent / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data, which is not here")

PATHS = [
    ("Women", "Shoes", "Boots"),
    ("Women", "Shoes", "Heels"),
    ("Women", "Bags", "Totes"),
    ("Men", "Shoes", "Boots"),
    ("Men", "Topwear", "Shirts"),
    ("Men", "Topwear", "Jackets"),
]
DEPARTMENT = {"Shoes": "Footwear", "Bags": "Accessories", "Topwear": "Apparel"}


def make_truth(products: int = 600, seed: int = 3) -> list[tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    return [PATHS[i] for i in rng.choice(len(PATHS), products, p=[0.3, 0.2, 0.15, 0.15, 0.1, 0.1])]


def find(columns: dict[str, list], truth: list[tuple[str, ...]], **options) -> dict:
    options = {"multilabel": False, "groups": None} | options
    return find_giveaways({name: pa.array(values) for name, values in columns.items()}, truth, **options)


def dirty(values: list, share: float, seed: int = 5) -> list:
    rng = np.random.default_rng(seed)
    return [values[rng.integers(len(values))] if rng.random() < share else value for value in values]


def test_a_coarsening_of_the_path_is_found_and_says_why():
    truth = make_truth()
    found = find({"master": [DEPARTMENT[path[1]] for path in truth]}, truth)
    assert found["master"].share == 1
    assert found["master"].why == "the category decides its value for all products"


def test_the_joined_path_and_each_of_its_levels_are_found():
    truth = make_truth()
    columns = {
        "joined": [" > ".join(path) for path in truth],
        "slashed": ["/".join(path) for path in truth],
        "gender": [path[0].upper() for path in truth],
        "kind": [path[2] for path in truth],
    }
    assert set(find(columns, truth)) == set(columns)


def test_a_code_that_stands_for_the_path_is_found_without_sharing_a_word_with_it():
    truth = make_truth()
    numbers = {path: 1000 + 7 * i for i, path in enumerate(PATHS)}
    found = find({"node_number": [numbers[path] for path in truth]}, truth)
    assert "node_number" in found


def test_a_finer_category_is_found_though_it_follows_from_nothing():
    truth = make_truth(1200)
    rng = np.random.default_rng(0)
    finer = [f"{'-'.join(path)}-{rng.integers(4)}".encode().hex() for path in truth]
    found = find({"leaf": finer}, truth)
    assert "alone it tells the right category" in found["leaf"].why


def test_a_little_dirt_hides_no_giveaway():
    truth = make_truth(1500)
    columns = {
        "master": dirty([DEPARTMENT[path[1]] for path in truth], 0.03),
        "joined": dirty([" > ".join(path) for path in truth], 0.03),
    }
    assert set(find(columns, truth)) == set(columns)


def test_delimited_noisy_store_categories_are_found_by_their_elements():
    truth = make_truth(900)
    rng = np.random.default_rng(1)
    shown = []
    for path in truth:
        elements = [f"{DEPARTMENT[path[1]]} wear"] + [
            noise for noise in ("Sale", "New") if rng.random() < 0.4
        ]
        rng.shuffle(elements)
        shown.append(",".join(elements))
    assert "display" in find({"display": shown}, truth)


def test_honest_columns_are_left_alone():
    truth = make_truth(2000)
    rng = np.random.default_rng(2)
    brand_of = {"Women": ["Ida", "Rue", "Both"], "Men": ["Tom", "Ox", "Both"]}
    columns = {
        "id": [f"{i:05d}" for i in range(len(truth))],
        "title": [f"Fine {path[0]} {path[2]} no {rng.integers(9_000)}, {path[1]}" for path in truth],
        "brand": [brand_of[path[0]][rng.integers(3)] for path in truth],
        "price": [float(rng.integers(10, 60)) + (30 if path[1] == "Shoes" else 0) for path in truth],
        "season": [
            ("Summer", "Winter")[int(rng.random() < (0.8 if path[2] == "Boots" else 0.3))] for path in truth
        ],
        "currency": ["EUR"] * len(truth),
        "empty": [None] * len(truth),
        "photo": [f"images/{i}.jpg" for i in range(len(truth))],
    }
    columns["empty"][0] = "x"
    assert find(columns, truth) == {}


def test_a_brand_of_one_department_is_no_giveaway_of_the_whole_path():
    truth = make_truth(2000)
    rng = np.random.default_rng(4)
    own = [
        f"{'IR'[path[0] == 'Men']}{rng.integers(12)}" for path in truth
    ]  # tells the first level for certain
    assert find({"brand": own}, truth) == {}


def test_titles_shared_by_variants_are_no_giveaway_once_groups_are_known():
    truth = [PATHS[i % len(PATHS)] for i in range(240) for _ in range(5)]
    titles = [f"Model {i}" for i in range(240) for _ in range(5)]
    groups = np.repeat(np.arange(240), 5)
    assert find({"title": titles}, truth, groups=groups) == {}


def test_facets_of_a_label_set_are_found_by_name():
    truth = [tuple(sorted((*path, "Everyday"))) for path in make_truth()]
    columns = {
        "index": ["Men" if "Men" in labels else "Women" for labels in truth],
        "colour": [("Black", "White")[i % 2] for i in range(len(truth))],
    }
    found = find(columns, truth, multilabel=True)
    assert set(found) == {"index"}
    assert "one of the product's own labels for all products" in found["index"].why


def test_list_columns_are_read_and_pictures_are_not():
    truth = make_truth(100)
    columns = {
        "facets": pa.array([list(path) for path in truth]),
        "image": pa.array([{"bytes": b"x", "path": "a"}] * 100),
        "chunked": pa.chunked_array([[path[2] for path in truth[:40]], [path[2] for path in truth[40:]]]),
    }
    found = find_giveaways(columns, truth, multilabel=False, groups=None)
    assert set(found) == {"facets", "chunked"}


def test_products_without_an_answer_do_not_count():
    truth = make_truth()
    truth = [path if i % 3 else () for i, path in enumerate(truth)]
    columns = {"kind": [path[2] if path else f"unknown {i}" for i, path in enumerate(truth)]}
    assert find(columns, truth)["kind"].share == 1
    assert find(columns, [()] * len(truth)) == {}


def test_lengths_must_agree():
    with pytest.raises(ValueError, match=r"one entry per product \(3\), got 2 in column 'a'"):
        find({"a": ["x", "y"]}, [("A",)] * 3)
    with pytest.raises(ValueError, match="groups"):
        find({"a": ["x", "y", "z"]}, [("A",)] * 3, groups=np.zeros(4, int))


@settings(max_examples=40, deadline=None)
@given(
    truth=st.lists(st.sampled_from([(), *PATHS]), max_size=60),
    seed=st.integers(0, 9),
    multilabel=st.booleans(),
    data=st.data(),
)
def test_any_small_column_is_judged_and_order_does_not_matter_for_names(truth, seed, multilabel, data):
    cell = st.one_of(
        st.none(), st.text("ab ,>|/", max_size=6), st.sampled_from(["Men", "Boots", "Men, Boots"])
    )
    values = data.draw(st.lists(cell, min_size=len(truth), max_size=len(truth)))
    columns = {"x": pa.array(values, pa.string())}
    found = find_giveaways(columns, truth, multilabel=multilabel, groups=None, seed=seed)
    assert all(0 < giveaway.share <= 1 for giveaway in found.values())
    if any("names" in giveaway.why for giveaway in found.values()):
        mixed = np.random.default_rng(seed).permutation(len(truth))
        again = find_giveaways(
            {"x": columns["x"].take(pa.array(mixed))},
            [truth[i] for i in mixed],
            multilabel=multilabel,
            groups=None,
        )
        assert again == found


def test_cells_split_lists_but_not_sentences():
    lists = read_cells(pa.array(["Sale, Shoes", "Shoes, New", "New, Sale", "Sale"] * 5))
    assert lists is not None
    assert len(list(lists.splits())) == 2
    prose = read_cells(
        pa.array([f"A shoe of size {i}, which is not a very long one at all" for i in range(20)])
    )
    assert prose is not None
    assert len(list(prose.splits())) == 1
    assert read_cells(pa.array([b"bytes"])) is None


def split_path(text: str | None, separator: str = " > ") -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(separator) if part.strip())


def group_by(values: list) -> np.ndarray:
    return np.unique([str(value) for value in values], return_inverse=True)[1]


@pytest.fixture(scope="module")
def myntra() -> pa.Table:
    files = sorted((DATA / "myntra").glob("*.parquet"))
    schema = pyarrow.parquet.read_schema(files[0])
    names = [name for name in schema.names if name != "image"]
    return pa.concat_tables([pyarrow.parquet.read_table(file, columns=names) for file in files])


def columns_of(table: pa.Table, target: list[str]) -> dict[str, pa.Array]:
    return {name: table[name] for name in table.column_names if name not in target}


@pytest.mark.real_data
@real_data
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (
            ["gender", "sub_category", "article_type"],
            {"master_category", "category_path", "display_categories"},
        ),
        (["article_type"], {"master_category", "sub_category", "category_path", "display_categories"}),
        (["usage"], set()),
    ],
)
def test_myntra(myntra, target, expected):
    truth = list(zip(*(myntra[name].to_pylist() for name in target), strict=True))
    groups = group_by(myntra["title"].to_pylist())
    for seed in (0, 1):
        found = find_giveaways(columns_of(myntra, target), truth, multilabel=False, groups=groups, seed=seed)
        assert set(found) == expected


@pytest.mark.real_data
@real_data
def test_hm_labels():
    files = sorted((DATA / "hm").glob("*.parquet"))
    names = [name for name in pyarrow.parquet.read_schema(files[0]).names if name != "image"]
    table = pa.concat_tables([pyarrow.parquet.read_table(file, columns=names) for file in files])
    truth = [tuple(labels) for labels in table["labels"].to_pylist()]
    facets = ("index_group", "index", "section", "garment_group", "product_group", "product_type")
    for groups in (group_by(table["product_code"].to_pylist()), None):
        found = find_giveaways(columns_of(table, ["labels"]), truth, multilabel=True, groups=groups)
        assert set(found) == {f"{facet}_name" for facet in facets}


@pytest.mark.real_data
@real_data
@pytest.mark.parametrize(
    ("target", "multilabel", "expected"),
    [
        ("category_path", False, {"product_type", "tags"}),
        ("tags", True, {"product_type", "category_path"}),
    ],
)
def test_livostyle(target, multilabel, expected):
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    table = pyarrow.csv.read_csv(DATA / "livostyle" / "products.csv", parse_options=options)
    separator = " | " if multilabel else " > "
    truth = [split_path(value, separator) for value in table[target].to_pylist()]
    groups = group_by(table["title"].to_pylist())
    for seed in (0, 1, 2):
        found = find_giveaways(
            columns_of(table, [target]), truth, multilabel=multilabel, groups=groups, seed=seed
        )
        assert set(found) == expected


@pytest.mark.real_data
@real_data
@pytest.mark.parametrize(
    ("file", "target"),
    [("mwpd2020/train.jsonl", ["lvl1", "lvl2", "lvl3"]), ("flipkart/products.jsonl", ["category_path"])],
)
def test_mwpd_and_flipkart_have_none(file, target):
    rows = [json.loads(line) for line in (DATA / file).read_text(encoding="utf-8").splitlines()]
    table = pa.Table.from_pylist(rows)
    if len(target) > 1:
        truth = [tuple(row[name] for name in target) for row in rows]
    else:
        truth = [split_path(row[target[0]]) for row in rows]
    assert find_giveaways(columns_of(table, target), truth, multilabel=False, groups=None) == {}
