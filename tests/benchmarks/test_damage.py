"""Damage done on purpose is as large as it says, and touches nothing else."""

from __future__ import annotations

from pathlib import Path

import _noise
import _variants
import bench_doctor
import numpy as np
import pytest
from tests.doctor.shops import shop_rows, with_photos, write_shop

from shelfwise import Catalog
from shelfwise.catalog.column import State


@pytest.fixture
def shop(tmp_path: Path) -> Catalog:
    return Catalog.read(
        write_shop(tmp_path, with_photos(tmp_path, shop_rows(60))),
        text=["title"],
        category=["brand"],
        image=["photo"],
    )


def test_wrong_answers_are_others_and_only_where_asked() -> None:
    answers = [("a",), ("b",), ("c",)] * 20
    wrong = _noise.some(60, 0.25, 0)
    assert wrong.sum() == 15
    changed = _noise.wrong_answers(answers, wrong, 1)
    assert [one != other for one, other in zip(answers, changed, strict=True)] == wrong.tolist()
    assert set(changed) <= set(answers)


def test_hidden_inputs(shop: Catalog) -> None:
    rows = _noise.some(60, 0.5, 0)
    titles = _noise.hidden(shop, "title", rows).input("title").state == State.ABSENT
    np.testing.assert_array_equal(titles, rows)
    images = _noise.hidden(shop, "photo", rows)
    source = images.input("photo").values
    assert [image.data is None for image in source.load(range(60))] == rows.tolist()
    some = np.array([5, 3, 40])
    assert [image.data is None for image in source.take(some).load(range(3))] == rows[some].tolist()
    assert images.column("title").equals(shop.column("title"))


def test_swapped_images_are_other_products_own(shop: Catalog) -> None:
    rows = _noise.some(60, 0.2, 0)
    before = [image.data for image in shop.input("photo").values.load(range(60))]
    after = [
        image.data
        for image in _noise.swapped_images(shop, "photo", rows, 0).input("photo").values.load(range(60))
    ]
    assert [one != other for one, other in zip(before, after, strict=True)] == rows.tolist()
    assert sorted(before) == sorted(after)


def test_typos_and_cuts(shop: Catalog) -> None:
    titles = shop.column("title").to_pylist()
    typed = _noise.with_typos(shop, ["title"], 1.0, 0).column("title").to_pylist()
    assert all(len(one.split()) == len(other.split()) for one, other in zip(titles, typed, strict=True))
    assert sum(one != other for one, other in zip(titles, typed, strict=True)) > 55
    assert _noise.with_typos(shop, ["title"], 0.0, 0).column("title").to_pylist() == titles
    cut = _noise.cut_off(shop, ["title"], 2).column("title").to_pylist()
    assert cut == [" ".join(title.split()[:2]) for title in titles]


def test_planted_variants_know_their_originals(tmp_path: Path) -> None:
    rows = [{**row, "description": f"Text {row['title']} number {n}"} for n, row in enumerate(shop_rows(120))]
    catalog = Catalog.read(write_shop(tmp_path, rows), text=["title", "description"], category=["brand"])
    planted, truth = _variants.planted_variants(catalog, 90, 0)
    assert len(planted) == len(truth) == len(set(planted.ids))
    assert (np.bincount(truth) >= 1).all()
    assert 0.4 < (np.bincount(truth) > 1).mean() < 0.9
    brands = planted.column("brand").to_pylist()
    for number in range(truth.max() + 1):
        assert len({brands[row] for row in np.flatnonzero(truth == number)}) == 1
    assert len(_variants.many_products(catalog, 300, 0)) == 300


def test_pair_scores() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2])
    assert bench_doctor.pair_scores(np.array([0, 0, -1, 1, 1, 1]), truth) == (0.5, 0.5)
    assert bench_doctor.pair_scores(truth, truth) == (1.0, 1.0)
