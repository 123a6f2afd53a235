"""Features from elsewhere get into the cache as they are; what is no folder of features does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import Shelfwise
from tests.features.pictured_catalogs import features_of, request_for

from shelfwise.encoders.feature_cache import FeatureCache
from shelfwise.errors import ShelfwiseError
from shelfwise.features.backbones import Backbones
from shelfwise.features.run import compute_features
from shelfwise.features.to_cache import TakenIn, fill_cache
from shelfwise.progress import Silent


class _Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def folder(files: list[Path], backbones: Backbones, tmp_path: Path) -> Path:
    """Features of texts, in five shards; they are in this test's cache too."""
    request = request_for(files, tmp_path / "out", Backbones(text=backbones.text))
    compute_features(request, Silent())
    return tmp_path / "out"


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache from here on."""
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "elsewhere"))


def rewritten(shard: Path, **columns: pa.Array) -> None:
    """The shard with other columns, and a manifest that knows its length."""
    table = pq.read_table(shard)
    for name, column in columns.items():
        table = table.set_column(table.column_names.index(name), name, column)
    before = shard.stat().st_size
    pq.write_table(table, shard)
    manifest = shard.parent / "_manifest.jsonl"
    manifest.write_text(
        manifest.read_text().replace(f'"bytes": {before}', f'"bytes": {shard.stat().st_size}')
    )


def test_what_is_taken_in_is_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shelfwise: Shelfwise
) -> None:
    elsewhere(monkeypatch, tmp_path)
    finished = shelfwise("cache", "fill", folder, "--quiet")
    assert finished.status == 0, finished.err
    table = features_of(folder)
    by_key = {
        key: vector
        for key, vector in zip(
            table["title_key"].to_pylist(), table["title_features"].to_pylist(), strict=True
        )
        if key is not None
    }
    assert f"new            {len(by_key)}" in finished.out
    name = next((tmp_path / "elsewhere" / "features").glob("text-*")).name
    found, vectors = FeatureCache(name).get(list(by_key))
    assert found.all()
    assert vectors.tolist() == list(by_key.values())
    again = fill_cache(folder.as_uri(), Silent())
    assert (again.new, again.unusable) == (0, 0)
    assert again.there >= len(by_key)


def test_numbers_that_are_none_are_left_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch, tmp_path)
    shard = folder / "part-000000.parquet"
    vectors = pq.read_table(shard)["title_features"].combine_chunks()
    numbers = np.array(vectors.values.fill_null(0))
    numbers[:16] = np.nan
    rewritten(
        shard,
        title_features=pa.FixedSizeListArray.from_arrays(pa.array(numbers), 16, mask=vectors.is_null()),
    )
    taken = fill_cache(str(folder), Silent())
    assert taken.unusable == 1
    assert taken.new > 10


def test_another_precision_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, tmp_path)
    monkeypatch.setattr("shelfwise.features.to_cache.precision", lambda: "torch.float64")
    heard = _Heard()
    fill_cache(str(folder), heard)
    assert any("this machine computes in float64 and will not use it" in said for said in heard.said)


@pytest.mark.parametrize("place", ["nowhere", "other"])
def test_folders_of_something_else_are_refused_and_not_made(tmp_path: Path, place: str) -> None:
    if place == "other":
        (tmp_path / place).mkdir()
        (tmp_path / place / "_manifest.jsonl").write_text(json.dumps({"version": 1, "files": []}) + "\n")
    with pytest.raises(ShelfwiseError, match="expected a folder of features"):
        fill_cache(str(tmp_path / place), Silent())
    assert (tmp_path / place).exists() == (place == "other")


def test_foreign_and_damaged_files_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch, tmp_path)
    shard = folder / "part-000000.parquet"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-50] + b"x" * 50)
    with pytest.raises(ShelfwiseError, match="is damaged"):
        fill_cache(str(folder), Silent())
    shard.write_bytes(whole)
    stranger = pq.read_table(shard).replace_schema_metadata(
        {
            b"shelfwise.features": json.dumps(
                {"title": {"cache": "../../away", "precision": "float32"}}
            ).encode()
        }
    )
    before = shard.stat().st_size
    pq.write_table(stranger, shard)
    manifest = folder / "_manifest.jsonl"
    manifest.write_text(
        manifest.read_text().replace(f'"bytes": {before}', f'"bytes": {shard.stat().st_size}')
    )
    with pytest.raises(ShelfwiseError, match="expected a file that `shelfwise features` wrote"):
        fill_cache(str(folder), Silent())


def test_a_full_cache_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, tmp_path)
    monkeypatch.setenv("SHELFWISE_CACHE_GB", "0")
    with pytest.raises(ShelfwiseError, match="raise SHELFWISE_CACHE_GB"):
        fill_cache(str(folder), Silent())


def test_a_folder_that_is_not_finished_gives_what_it_has(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch, tmp_path)
    for shard in sorted(folder.glob("part-*.parquet"))[1:]:
        shard.unlink()
    assert fill_cache(str(folder), Silent()) == TakenIn(new=9)
