"""The files of the made-up store are what their contract says, and the same each time."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from shelfwise.demo import INPUTS, LEVELS, MIN_PRODUCTS, StoreFiles, generate_store, store_size
from shelfwise.demo.words import SHELVES, path_of
from shelfwise.errors import CatalogError


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _decodes(path: Path) -> bool:
    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.load()
    except OSError:
        return False
    return True


def test_counts_and_columns(small_store: StoreFiles) -> None:
    catalog, held_out = _rows(small_store.catalog), _rows(small_store.held_out)
    new, answers = _rows(small_store.new_products), _rows(small_store.new_products_answers)
    assert (len(catalog), len(held_out), len(new), len(answers)) == (300, 45, 30, 30)
    assert (small_store.catalog_count, small_store.held_out_count, small_store.new_count) == (300, 45, 30)
    labelled = ["id", *INPUTS, "category_path", *LEVELS, "tags"]
    assert list(catalog[0]) == list(held_out[0]) == labelled
    assert list(new[0]) == ["id", *INPUTS]
    assert [row["id"] for row in new] == [row["id"] for row in answers]


def test_ids_are_unique_across_files_and_have_leading_zeros(small_store: StoreFiles) -> None:
    files = (small_store.catalog, small_store.held_out, small_store.new_products)
    ids = [row["id"] for path in files for row in _rows(path)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"0\d{5}", each) for each in ids)


def test_levels_agree_with_the_path_and_the_taxonomy(small_store: StoreFiles) -> None:
    known = {" > ".join(path_of(shelf)) for shelf in SHELVES}
    for path in (small_store.catalog, small_store.held_out, small_store.new_products_answers):
        for row in _rows(path):
            assert row["category_path"] in known
            assert row["category_path"].split(" > ") == [row[level] for level in LEVELS]
            assert len(row["tags"].split(" | ")) == 4


def test_held_out_and_new_products_have_no_twin_in_the_catalog(small_store: StoreFiles) -> None:
    def titles(path: Path) -> set[str]:
        return {re.sub(r"\W+", " ", row["title"]).strip().lower() for row in _rows(path)}

    def pictures(path: Path) -> set[bytes]:
        files = (small_store.catalog.parent / row["image"] for row in _rows(path) if row["image"])
        return {file.read_bytes() for file in files if file.exists()}

    for part in (small_store.held_out, small_store.new_products):
        assert not titles(part) & titles(small_store.catalog)
        assert not pictures(part) & pictures(small_store.catalog)


def test_image_faults_on_disk(small_store: StoreFiles) -> None:
    rows = _rows(small_store.catalog)
    named = [small_store.catalog.parent / row["image"] for row in rows if row["image"]]
    found = [path for path in named if path.exists()]
    broken = [path for path in found if not _decodes(path)]
    assert 0.02 < 1 - len(named) / len(rows) < 0.12
    assert 0 < len(named) - len(found) < 0.04 * len(rows)
    assert sorted(path.stat().st_size == 0 for path in broken) == [False, True]
    others = [*_rows(small_store.held_out), *_rows(small_store.new_products)]
    paths = [small_store.catalog.parent / row["image"] for row in others if row["image"]]
    assert all(_decodes(path) for path in paths if path.exists())


def test_some_variants_share_their_picture_byte_for_byte(small_store: StoreFiles) -> None:
    digests = list(_digests(small_store.images).values())
    assert len(set(digests)) < len(digests)


def test_same_arguments_same_bytes_and_another_seed_another_store(tmp_path: Path) -> None:
    for name, seed in (("first", 5), ("second", 5), ("third", 6)):
        generate_store(tmp_path / name, products=MIN_PRODUCTS, seed=seed)
    first, second, third = (_digests(tmp_path / name) for name in ("first", "second", "third"))
    assert first == second
    assert first["catalog.csv"] != third["catalog.csv"]


def test_writing_over_another_store_leaves_no_image_that_should_be_lost(tmp_path: Path) -> None:
    generate_store(tmp_path / "over", products=MIN_PRODUCTS, seed=5)
    generate_store(tmp_path / "over", products=MIN_PRODUCTS, seed=6)
    generate_store(tmp_path / "fresh", products=MIN_PRODUCTS, seed=6)
    assert _digests(tmp_path / "over") == _digests(tmp_path / "fresh")


def test_progress_adds_up_to_the_store_size(tmp_path: Path) -> None:
    done: list[int] = []
    generate_store(tmp_path, products=MIN_PRODUCTS, progress=done.append)
    assert sum(done) == store_size(MIN_PRODUCTS)


def test_too_few_products_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=f"at least {MIN_PRODUCTS}.*but 10 were asked for"):
        generate_store(tmp_path / "store", products=10)
    assert not (tmp_path / "store").exists()


def test_importing_the_demo_does_not_import_numpy_or_pillow() -> None:
    probe = "import sys, shelfwise.demo; print([m for m in ('numpy', 'PIL', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
