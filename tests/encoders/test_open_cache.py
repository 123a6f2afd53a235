"""The cache of a service: in memory, bounded, and never on the disk; and the disk's, kept open from batch to batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shelfwise.encoders.cache_files import read_keys
from shelfwise.encoders.feature_cache import FeatureCache
from shelfwise.encoders.open_cache import (
    MemoryCache,
    OpenCaches,
    keep_features_in_memory,
    kept_open,
    open_cache,
)


def keys(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 16 for number in numbers]


def test_what_was_put_is_found() -> None:
    cache = MemoryCache(1 << 20)
    found, vectors = cache.get(keys(1))
    assert (found.tolist(), vectors.shape) == ([False], (1, 0))
    cache.put(keys(1, 2), np.array([[1, 2], [3, 4]], np.float32))
    found, vectors = cache.get(keys(2, 9, 1))
    assert found.tolist() == [True, False, True]
    assert vectors.tolist() == [[3, 4], [0, 0], [1, 2]]
    assert cache.width == 2


def test_what_comes_while_somebody_looks_is_found_whole() -> None:
    cache = MemoryCache(1 << 20)

    class Overtaken:
        """A lock that another thread had just before."""

        def __enter__(self) -> None:
            cache._lock = threading.Lock()
            cache.put(keys(1), np.ones((1, 2), np.float32))

        def __exit__(self, *_: object) -> None:
            pass

    cache._lock = Overtaken()  # type: ignore[assignment]
    found, vectors = cache.get(keys(1))
    assert (found.tolist(), vectors.tolist()) == ([True], [[1, 1]])


def test_what_was_unused_for_longest_goes() -> None:
    cache = MemoryCache(3 * 8)
    cache.put(keys(1, 2, 3), np.ones((3, 2), np.float32))
    cache.get(keys(1))
    cache.put(keys(4), np.ones((1, 2), np.float32))
    assert cache.get(keys(1, 2, 3, 4))[0].tolist() == [True, False, True, True]
    assert len(cache) == 3


@pytest.fixture
def in_memory() -> Iterator[None]:
    keep_features_in_memory(1 << 20)
    yield
    keep_features_in_memory(0)


@pytest.mark.usefixtures("in_memory")
def test_a_process_may_keep_all_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    open_cache("one").put(keys(1), np.ones((1, 2), np.float32))
    assert open_cache("one").get(keys(1))[0].all()
    assert open_cache("two").width is None
    assert not list(tmp_path.rglob("*.safetensors"))


def test_otherwise_it_is_the_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    assert isinstance(open_cache("one"), FeatureCache)


def test_one_that_is_kept_open_reads_only_what_was_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    caches: OpenCaches = {}
    with kept_open(caches):
        mine = open_cache("one")
        mine.put(keys(1), np.ones((1, 2), np.float32))
    FeatureCache("one").put(keys(2), np.full((1, 2), 2, np.float32))  # another process
    read: list[Path] = []
    monkeypatch.setattr(
        "shelfwise.encoders.feature_cache.read_keys",
        lambda path, read_keys=read_keys: (read.append(path), read_keys(path))[1],
    )
    with kept_open(caches):
        assert open_cache("one") is mine
        assert mine.get(keys(1, 2))[0].all()
        assert len(read) == 1
        monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "other"))
        assert open_cache("one").width is None
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    assert open_cache("one") is not mine


def test_one_that_is_kept_open_notices_what_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    with kept_open({}):
        open_cache("one").put(keys(1), np.ones((1, 2), np.float32))
        for shard in tmp_path.rglob("*.safetensors"):
            shard.unlink()
        assert not open_cache("one").get(keys(1))[0].any()
        open_cache("one").put(keys(1), np.ones((1, 2), np.float32))
        assert open_cache("one").get(keys(1))[0].all()
