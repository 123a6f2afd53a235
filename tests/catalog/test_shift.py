"""Figures of two catalogs' differences: by hand, by chance, and for planted shifts."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shelfwise.catalog import Catalog
from shelfwise.catalog.domain_classifier import domain_auc, domain_features
from shelfwise.catalog.shift import compare_catalogs, shannon_divergence, stability_by_chance, stability_index

SHARES = st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda values: sum(values) > 0)
MANY = (10**9, 10**9)


def shares(values: list[float]) -> dict[str, float]:
    return {str(place): value / sum(values) for place, value in enumerate(values)}


def test_by_hand() -> None:
    assert shannon_divergence({"a": 1.0}, {"b": 1.0}) == 1.0
    assert shannon_divergence({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}) == 0.0
    assert shannon_divergence({"a": 1.0}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.3112781)
    assert stability_index({"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 0.5}, MANY) == pytest.approx(0.0)


@given(SHARES, SHARES)
def test_symmetric_and_never_negative(first: list[float], second: list[float]) -> None:
    one, two = shares(first), shares(second)
    assert shannon_divergence(one, two) == pytest.approx(shannon_divergence(two, one))
    assert 0.0 <= shannon_divergence(one, two) <= 1.0
    index = stability_index(one, two, (500, 500))
    assert index == pytest.approx(stability_index(two, one, (500, 500)))
    assert index >= -1e-12


def test_chance_stays_under_its_bound() -> None:
    random = np.random.default_rng(0)
    population = random.dirichlet(np.ones(12))
    over = 0
    for _ in range(300):
        one, two = (random.multinomial(count, population) / count for count in (400, 150))
        index = stability_index(shares(one.tolist()), shares(two.tolist()), (400, 150))
        over += index > stability_by_chance(12, (400, 150))
    assert over <= 3


def write(file: Path, rows: list[dict[str, str]]) -> Catalog:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Catalog.read(file, id="id", text=["title"], category=["brand"], number=["price"])


def rows_of(
    count: int, seed: int, word: str = "", brands: str = "abc", price: float = 10.0
) -> list[dict[str, str]]:
    random = np.random.default_rng(seed)
    return [
        {
            "id": f"{seed}-{n}",
            "title": f"{random.choice(['lamp', 'sofa', 'chair'])} {random.integers(10**6)} {word}".strip(),
            "brand": str(random.choice(list(brands))),
            "price": f"{price + random.random() * 10:.2f}",
        }
        for n in range(count)
    ]


def test_planted_shifts_are_found_and_nothing_else(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", rows_of(300, 0))
    second = write(tmp_path / "b.csv", rows_of(300, 1, word="outlet", brands="cde"))
    shift = compare_catalogs(first, second, ["title", "brand", "price"])
    found = {one.name: one for one in shift.inputs}
    assert found["title"].auc is not None
    assert found["title"].auc > 0.95
    assert found["brand"].new == pytest.approx(2 / 3, abs=0.1)
    assert found["price"].auc == pytest.approx(0.5, abs=0.12)
    assert found["price"].stability is not None
    assert found["price"].by_chance is not None
    assert found["price"].stability < found["price"].by_chance
    assert shift.auc is not None
    assert shift.auc > 0.95


def test_brands_that_lack_an_input_are_named(tmp_path: Path) -> None:
    rows = rows_of(200, 2)
    first = write(tmp_path / "a.csv", rows)
    second = write(
        tmp_path / "b.csv", [{**row, "price": "" if row["brand"] == "a" else row["price"]} for row in rows]
    )
    (price,) = compare_catalogs(first, second, ["price"]).inputs
    assert [(gap.brand, gap.first, gap.second) for gap in price.brands] == [("a", 1.0, 0.0)]


def test_variants_of_a_title_are_on_one_side(tmp_path: Path) -> None:
    """A title that each catalog has twenty times would tell them apart by heart."""
    rows = [
        {"id": f"{shop}{n}", "title": f"thing {shop}{n // 20}", "brand": "x", "price": "1"}
        for shop in "ab"
        for n in range(100)
    ]
    first, second = write(tmp_path / "a.csv", rows[:100]), write(tmp_path / "b.csv", rows[100:])
    (title,) = compare_catalogs(first, second, ["title"]).inputs
    assert title.auc is not None
    assert title.auc < 0.75


def test_one_catalog_alone_is_chance() -> None:
    import scipy.sparse as sp

    assert domain_auc(sp.csr_matrix((4, 2)), np.zeros(4, bool), list("abcd")) == 0.5


def test_numbers_of_both_are_cut_at_the_same_places(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / "a.csv", rows_of(50, 0)),
        write(tmp_path / "b.csv", rows_of(50, 1, price=900.0)),
    )
    features = domain_features([first.input("price"), second.input("price")]).toarray()
    assert not (features[:50].any(0) & features[50:].any(0)).any()
