"""What the store holds: the shares of dirt it promises, and a task that is neither trivial nor hopeless."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from shelfwise.demo.assemble import MIN_PRODUCTS, Assembly, Item, assemble, quotas
from shelfwise.demo.dirt import ImageFault
from shelfwise.demo.words import SHELVES


@pytest.fixture(scope="module")
def store() -> Assembly:
    return assemble(2000, seed=0)


def _share(part: list[Item], **wanted: object) -> float:
    return sum(all(getattr(item.row, key) == value for key, value in wanted.items()) for item in part) / len(
        part
    )


def test_the_dirt_comes_in_the_promised_shares(store: Assembly) -> None:
    assert _share(store.catalog, fault=ImageFault.MISSING) == pytest.approx(0.06, abs=0.02)
    assert _share(store.catalog, fault=ImageFault.LOST) == pytest.approx(0.01, abs=0.008)
    assert _share(store.catalog, description="") == pytest.approx(0.08, abs=0.02)
    wrong = sum(item.row.path != item.product.path for item in store.catalog) / len(store.catalog)
    assert wrong == pytest.approx(0.02, abs=0.01)
    faults = Counter(item.row.fault for item in store.catalog)
    assert faults[ImageFault.TRUNCATED] == faults[ImageFault.EMPTY_FILE] == 1


def test_about_one_product_in_eight_is_a_variant(store: Assembly) -> None:
    stems = Counter((item.product.brand, item.product.description) for item in store.catalog)
    assert 1 - len(stems) / len(store.catalog) == pytest.approx(0.12, abs=0.04)


def test_labels_outside_the_catalog_are_right(store: Assembly) -> None:
    assert all(item.row.path == item.product.path for item in [*store.held_out, *store.new])


def test_no_family_is_in_two_parts(store: Assembly) -> None:
    parts = [{item.product.title for item in part} for part in (store.catalog, store.held_out, store.new)]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_every_type_is_in_the_smallest_catalog() -> None:
    smallest = assemble(MIN_PRODUCTS, seed=3)
    assert {item.product.path for item in smallest.catalog} == {
        (department.name, group.name, kind.name) for department, group, kind in SHELVES
    }


@given(st.integers(0, 5000))
def test_quotas_add_up_and_are_shared_fairly(count: int) -> None:
    counts = [quota for _, quota in quotas(count)]
    assert sum(counts) == count
    assert min(counts) >= (1 if count >= len(SHELVES) else 0)
    assert max(counts) <= 6 * (min(counts) + 1)


def test_no_text_alone_gives_the_category_away_and_none_is_useless(store: Assembly) -> None:
    truth = np.array([" > ".join(item.row.path) for item in store.held_out])
    labels = [" > ".join(item.row.path) for item in store.catalog]

    def accuracy(*fields: str) -> float:
        def texts(part: list[Item]) -> list[str]:
            return [" ".join(getattr(item.row, field) for field in fields) for item in part]

        vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        model = LinearSVC().fit(vectors.fit_transform(texts(store.catalog)), labels)
        return float((model.predict(vectors.transform(texts(store.held_out))) == truth).mean())

    assert accuracy("brand") < 0.25
    assert 0.35 < accuracy("title") < 0.7
    assert 0.6 < accuracy("description") < 0.87
    assert 0.76 < accuracy("title", "description", "brand") < 0.92
