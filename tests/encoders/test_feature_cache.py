"""The cache gives back exactly what was put in, or nothing; it is never a reason to fail."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfwise.encoders import feature_cache
from shelfwise.encoders.feature_cache import FeatureCache, cache_folder, content_key


def keys_of(*numbers: int) -> list[bytes]:
    return [content_key(str(number).encode()) for number in numbers]


def vectors_of(*numbers: int, width: int = 6) -> np.ndarray:
    return np.stack([np.random.default_rng(number).standard_normal(width) for number in numbers]).astype("f4")


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_gives_back_what_was_put_in_another_process_or_order(tmp_path):
    FeatureCache("n", tmp_path).put(keys_of(1, 2, 3), vectors_of(1, 2, 3))
    cache = FeatureCache("n", tmp_path)
    found, vectors = cache.get(keys_of(3, 9, 1, 3))
    assert found.tolist() == [True, False, True, True]
    np.testing.assert_array_equal(vectors[found], vectors_of(3, 1, 3))
    assert not vectors[1].any()
    assert (len(cache), cache.width) == (3, 6)


def test_an_empty_namespace(tmp_path):
    cache = FeatureCache("n", tmp_path)
    found, _ = cache.get(keys_of(1, 2))
    assert not found.any()
    assert cache.width is None
    cache.put([], np.zeros((0, 6), dtype=np.float32))
    assert shards(tmp_path) == []


def test_namespaces_do_not_mix(tmp_path):
    FeatureCache("one", tmp_path).put(keys_of(1), vectors_of(1))
    assert not FeatureCache("two", tmp_path).get(keys_of(1))[0].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=10, unique=True), max_size=8), st.integers(0, 2**32))
def test_any_history_of_puts_is_found_again(tmp_path_factory, history, seed):
    folder = tmp_path_factory.mktemp("cache")
    for numbers in history:
        if numbers:
            FeatureCache("n", folder).put(keys_of(*numbers), vectors_of(*numbers))
    asked = np.random.default_rng(seed).integers(0, 41, 20).tolist()
    found, vectors = FeatureCache("n", folder).get(keys_of(*asked))
    known = {number for numbers in history for number in numbers}
    assert found.tolist() == [number in known for number in asked]
    for place in np.flatnonzero(found):
        np.testing.assert_array_equal(vectors[place], vectors_of(asked[place])[0])


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "header"])
def test_a_damaged_shard_is_ignored_and_filled_again(tmp_path, damage, caplog):
    FeatureCache("n", tmp_path).put(keys_of(1, 2), vectors_of(1, 2))
    FeatureCache("n", tmp_path).put(keys_of(3), vectors_of(3))
    path = next(path for path in shards(tmp_path) if len(path.read_bytes()) > 230)
    data = path.read_bytes()
    path.write_bytes(
        {"cut": data[:-20], "empty": b"", "garbage": b"\xff" * 300, "header": b"\xff" * 8 + data[8:]}[damage]
    )
    cache = FeatureCache("n", tmp_path)
    assert cache.get(keys_of(1, 2, 3))[0].tolist() in ([False, False, True], [True, True, False])
    assert "Ignoring the unreadable cache file" in caplog.text
    cache.put(keys_of(1, 2, 3), vectors_of(1, 2, 3))
    np.testing.assert_array_equal(FeatureCache("n", tmp_path).get(keys_of(1, 2, 3))[1], vectors_of(1, 2, 3))


def test_a_flipped_bit_loses_its_vector_and_no_other(tmp_path):
    FeatureCache("n", tmp_path).put(keys_of(1, 2, 3), vectors_of(1, 2, 3))
    (path,) = shards(tmp_path)
    data = bytearray(path.read_bytes())
    at = bytes(data).index(vectors_of(2).tobytes())
    data[at + 5] ^= 1
    path.write_bytes(data)
    found, vectors = FeatureCache("n", tmp_path).get(keys_of(1, 2, 3))
    assert found.tolist() == [True, False, True]
    np.testing.assert_array_equal(vectors[found], vectors_of(1, 3))


def test_a_shard_removed_by_another_process_is_computed_again(tmp_path, caplog):
    FeatureCache("n", tmp_path).put(keys_of(1), vectors_of(1))
    cache = FeatureCache("n", tmp_path)
    shards(tmp_path)[0].unlink()
    assert not cache.get(keys_of(1))[0].any()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_without_a_writable_disk_work_goes_on_with_one_warning(tmp_path, monkeypatch, caplog, number):
    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)
    cache = FeatureCache("n", tmp_path)
    with caplog.at_level(logging.WARNING):
        cache.put(keys_of(1), vectors_of(1))
        cache.put(keys_of(2), vectors_of(2))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert os.strerror(number) in caplog.text
    assert not cache.get(keys_of(1))[0].any()


def test_a_disk_that_fills_up_while_writing_leaves_nothing_behind(tmp_path, monkeypatch, caplog):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    FeatureCache("n", tmp_path).put(keys_of(1), vectors_of(1))
    assert list((tmp_path / "n").iterdir()) == []
    assert "No space left" in caplog.text


def test_a_cache_folder_that_is_a_file_is_no_cache(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = FeatureCache("n", tmp_path / "file")
    cache.put(keys_of(1), vectors_of(1))
    assert "Going on without the feature cache" in caplog.text


def test_half_written_files_of_killed_processes_are_ignored_and_in_time_removed(tmp_path):
    FeatureCache("n", tmp_path).put(keys_of(1), vectors_of(1))
    young, old = tmp_path / "n" / ".a.part", tmp_path / "n" / "b.tmp"
    for path in (young, old):
        path.write_bytes(shards(tmp_path)[0].read_bytes()[:50])
    two_days_ago = time.time() - 48 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    cache = FeatureCache("n", tmp_path)
    assert len(cache) == 1
    assert young.exists()
    assert not old.exists()


def _writer(folder: Path, first: int) -> None:
    for number in range(first, first + 30):
        FeatureCache("n", folder).put(keys_of(number), vectors_of(number))


def test_two_processes_share_a_namespace(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_writer, args=(tmp_path, first)) for first in (0, 15)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found, vectors = FeatureCache("n", tmp_path).get(keys_of(*range(45)))
    assert found.all()
    np.testing.assert_array_equal(vectors, vectors_of(*range(45)))


def test_many_small_shards_are_merged_without_loss(tmp_path):
    cache = FeatureCache("n", tmp_path)
    for number in range(70):
        cache.put(keys_of(number), vectors_of(number))
    assert len(shards(tmp_path)) == 70
    found, vectors = FeatureCache("n", tmp_path).get(keys_of(*range(70)))
    assert len(shards(tmp_path)) == -(-70 // (feature_cache.MAX_SHARD_VECTORS // 128))
    assert found.all()
    np.testing.assert_array_equal(vectors, vectors_of(*range(70)))


def test_large_puts_are_split(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_cache, "MAX_SHARD_VECTORS", 4)
    FeatureCache("n", tmp_path).put(keys_of(*range(10)), vectors_of(*range(10)))
    assert len(shards(tmp_path)) == 3
    assert FeatureCache("n", tmp_path).get(keys_of(*range(10)))[0].all()


def test_the_folder_is_the_users_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    FeatureCache("n").put(keys_of(1), vectors_of(1))
    assert len(shards(tmp_path / "mine" / "features" / "n")) == 1
    monkeypatch.delenv("SHELFWISE_CACHE")
    assert cache_folder().name == "shelfwise"
