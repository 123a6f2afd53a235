"""Texts that name the answer: how often, and what those words are worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shelfwise import Catalog
from shelfwise.catalog.groups import group_products
from shelfwise.catalog.leaks import find_leaks, named_share
from shelfwise.recipe import TargetRecipe
from shelfwise.taxonomy.truth import read_truth

KINDS = ("Casual Shoes", "Hand Bags", "Watches")


def made_up(
    products: int = 240, hint: float = 0.0, seed: int = 0
) -> tuple[list[str], list[tuple[str, ...]], np.ndarray]:
    """Texts that all name their category; a share ``hint`` of them says it in other words too."""
    random = np.random.default_rng(seed)
    singular = ("casual shoe", "hand bag", "watch")
    others = ("sole laces", "zip strap", "dial hands")
    texts, truth = [], []
    for number in range(products):
        kind = number % 3
        said = others[kind] if random.random() < hint else ""
        texts.append(f"Fine {singular[kind]} number {random.integers(1000)} {said}")
        truth.append(("Apparel", KINDS[kind]))
    return texts, truth, np.arange(products)


def test_words_that_alone_tell_are_found_out() -> None:
    texts, truth, groups = made_up()
    (leak,) = find_leaks({"title": pa.array(texts)}, truth, multilabel=False, groups=groups)
    assert leak.name == "title"
    assert leak.share == 1.0
    assert leak.accuracy == 1.0
    assert leak.accuracy_masked is not None
    assert leak.accuracy_masked < 0.5
    assert 60 <= leak.tested <= 80


def test_words_that_only_repeat_what_is_there_cost_nothing() -> None:
    texts, truth, groups = made_up(hint=1.0)
    (leak,) = find_leaks({"title": pa.array(texts)}, truth, multilabel=False, groups=groups)
    assert (leak.accuracy, leak.accuracy_masked) == (1.0, 1.0)


def test_columns_that_do_not_name_it_are_left_out() -> None:
    texts, truth, groups = made_up(hint=1.0)
    clean = [text.replace("shoe", "").replace("bag", "").replace("watch", "") for text in texts]
    columns = {"clean": pa.array(clean), "none": pa.nulls(len(texts), pa.string()), "title": pa.array(texts)}
    assert [leak.name for leak in find_leaks(columns, truth, multilabel=False, groups=groups)] == ["title"]


def test_of_label_sets_any_label_counts() -> None:
    texts, truth, groups = made_up()
    labels = [(path[1], "Sale") for path in truth]
    (leak,) = find_leaks({"title": pa.array(texts)}, labels, multilabel=True, groups=groups)
    assert leak.share == 1.0
    assert leak.accuracy is not None
    assert leak.accuracy_masked is not None
    assert leak.accuracy > 0.95 > leak.accuracy_masked


def test_too_few_products_are_counted_and_not_tested() -> None:
    texts, truth, groups = made_up(products=30)
    (leak,) = find_leaks({"title": pa.array(texts)}, truth, multilabel=False, groups=groups)
    assert (leak.share, leak.accuracy, leak.tested) == (1.0, None, 0)
    (leak,) = find_leaks(
        {"title": pa.array(texts * 9)}, truth * 9, multilabel=False, groups=np.zeros(270, int)
    )
    assert leak.accuracy is None, "one group cannot be on both sides"


def test_nothing_known_nothing_found() -> None:
    assert find_leaks({"title": pa.array(["x"])}, [()], multilabel=False, groups=np.zeros(1, int)) == []
    assert find_leaks({}, [("a",)], multilabel=False, groups=np.zeros(1, int)) == []


@pytest.mark.parametrize(
    ("text", "answer", "named"),
    [
        ("casual leather SHOE", ("Men", "Casual Shoes"), True),
        ("shoe", ("Men", "Casual Shoes"), False),
        ("for men", ("Men", "Casual Shoes"), False),
        ("t shirt", ("Tshirts",), True),
        ("a scarf", ("1",), False),
        ("", ("Shoes",), False),
    ],
)
def test_a_name_is_all_its_words(text: str, answer: tuple[str, ...], named: bool) -> None:
    assert named_share([text], [answer], multilabel=False) == named


@pytest.mark.real_data
def test_flipkart_titles_name_their_category(shared_data: Path) -> None:
    catalog = Catalog.read(shared_data / "flipkart" / "products.jsonl")
    catalog = catalog.take(np.arange(0, len(catalog), 5))
    truth = read_truth(catalog, TargetRecipe(columns=["category_path"]))
    (leak,) = find_leaks(
        {"title": catalog.column("title")}, truth.values, multilabel=False, groups=group_products(catalog)
    )
    assert leak.share > 0.5
    assert leak.accuracy is not None
    assert leak.accuracy_masked is not None
    assert leak.accuracy - leak.accuracy_masked > 0.2
