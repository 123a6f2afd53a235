"""The cache stays within its size, loses what was used longest ago, and several processes may tidy it at once."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.encoders.test_feature_cache import keys_of, shards, vectors_of

from shelfwise.encoders import cache_upkeep
from shelfwise.encoders.cache_upkeep import (
    LIMIT_VARIABLE,
    cache_limit,
    cache_usage,
    clear_cache,
    exclusive,
    make_room,
    verify_cache,
)
from shelfwise.encoders.feature_cache import FeatureCache
from shelfwise.errors import ShelfwiseError

WIDTH = 250  # a vector of 1,000 bytes


def filled(folder: Path, namespace: str, *numbers: int, hours_ago: float = 0.0) -> Path:
    """One shard of these vectors, last used so long ago."""
    before = set(shards(folder))
    FeatureCache(namespace, folder).put(keys_of(*numbers), vectors_of(*numbers, width=WIDTH))
    (path,) = set(shards(folder)) - before
    used = time.time() - hours_ago * 3600
    os.utime(path, (used, used))
    return path


def bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in shards(folder))


def test_what_was_used_longest_ago_goes_first(tmp_path, monkeypatch):
    old = filled(tmp_path, "a", 1, 2, hours_ago=9)
    older = filled(tmp_path, "b", 3, 4, hours_ago=30)
    young = filled(tmp_path, "a", 5, 6, hours_ago=2)
    monkeypatch.setenv(LIMIT_VARIABLE, str((bytes_in(tmp_path) + 500) / 1e9))
    FeatureCache("c", tmp_path).put(keys_of(7), vectors_of(7, width=WIDTH))
    assert not older.exists()
    assert old.exists()
    assert young.exists()
    assert FeatureCache("c", tmp_path).get(keys_of(7))[0].all()


def test_reading_counts_as_use(tmp_path, monkeypatch):
    first = filled(tmp_path, "a", 1, 2, hours_ago=30)
    second = filled(tmp_path, "a", 3, 4, hours_ago=20)
    assert FeatureCache("a", tmp_path).get(keys_of(1))[0].all()
    monkeypatch.setenv(LIMIT_VARIABLE, str((bytes_in(tmp_path) + 500) / 1e9))
    FeatureCache("a", tmp_path).put(keys_of(5), vectors_of(5, width=WIDTH))
    assert first.exists()
    assert not second.exists()


def test_what_is_in_use_stays_and_the_work_goes_on_with_one_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv(LIMIT_VARIABLE, str(5_000 / 1e9))
    cache = FeatureCache("a", tmp_path)
    with caplog.at_level(logging.WARNING):
        for number in range(0, 20, 2):
            cache.put(keys_of(number, number + 1), vectors_of(number, number + 1, width=WIDTH))
    assert caplog.text.count("feature cache is full") == 1
    assert LIMIT_VARIABLE in caplog.text
    assert bytes_in(tmp_path) <= 5_000
    assert FeatureCache("a", tmp_path).get(keys_of(0, 1))[0].all()  # the beginning, not the end


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.floats(0, 50)), max_size=8),
    st.integers(0, 12_000),
    st.integers(0, 6_000),
)
def test_room_is_made_within_the_limit_or_nothing_is_taken(tmp_path_factory, history, limit, needed):
    folder = tmp_path_factory.mktemp("cache")
    for at, (count, hours) in enumerate(history):
        filled(folder, f"n{at % 2}", *range(100 * at, 100 * at + count), hours_ago=hours)
    ages = {path: time.time() - path.stat().st_mtime for path in shards(folder)}
    in_use = {path for path, age in ages.items() if age < 3600}
    could = make_room(folder, needed, limit)
    after = set(shards(folder))
    evicted = set(ages) - after
    assert in_use <= after
    if could:
        assert bytes_in(folder) + needed <= limit
        idle = [ages[path] for path in after - in_use]
        assert all(ages[path] >= max(idle, default=0.0) for path in evicted)
    else:
        assert not evicted
        assert needed > limit or needed + sum(path.stat().st_size for path in in_use) > limit


@pytest.mark.parametrize("asked", ["0", " 0 "])
def test_a_limit_of_nothing_keeps_nothing_and_says_nothing(tmp_path, monkeypatch, caplog, asked):
    monkeypatch.setenv(LIMIT_VARIABLE, asked)
    cache = FeatureCache("a", tmp_path)
    cache.put(keys_of(1), vectors_of(1))
    assert shards(tmp_path) == []
    assert caplog.text == ""


@pytest.mark.parametrize("asked", ["ten", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_reported_and_the_default_used(monkeypatch, caplog, asked):
    monkeypatch.setenv(LIMIT_VARIABLE, asked)
    assert cache_limit() == int(cache_upkeep.DEFAULT_LIMIT_GB * 1e9)
    assert repr(asked) in caplog.text


def test_the_limit_is_in_gigabytes(monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, "1.5")
    assert cache_limit() == 1_500_000_000


def test_usage_and_clearing(tmp_path):
    filled(tmp_path, "small", 1, hours_ago=5)
    filled(tmp_path, "large", 1, 2, 3)
    large, small = cache_usage(tmp_path)
    assert (large.namespace, large.vectors, small.namespace, small.vectors) == ("large", 3, "small", 1)
    assert large.bytes + small.bytes == bytes_in(tmp_path)
    assert small.last_used == pytest.approx(time.time() - 5 * 3600, abs=60)
    assert clear_cache("small", tmp_path) == small.bytes
    assert [one.namespace for one in cache_usage(tmp_path)] == ["large"]
    assert not (tmp_path / "small").exists()
    assert clear_cache(folder=tmp_path) == large.bytes
    assert cache_usage(tmp_path) == []
    assert clear_cache(folder=tmp_path / "nowhere") == 0


def test_clearing_takes_only_what_is_the_caches_own(tmp_path):
    filled(tmp_path, "a", 1)
    (tmp_path / "a" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine too")
    clear_cache(folder=tmp_path)
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "file").exists()
    for name in ("../outside", "/", "..", "a/b"):
        with pytest.raises(ShelfwiseError, match="part of the cache"):
            clear_cache(name, tmp_path)


def test_the_users_own_cache_is_meant_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path))
    FeatureCache("a").put(keys_of(1), vectors_of(1))
    assert [one.namespace for one in cache_usage()] == ["a"]
    assert verify_cache().sound == 1
    assert clear_cache() > 0


def test_verifying_finds_damage_and_removes_it_if_asked(tmp_path):
    filled(tmp_path, "a", 1, 2, 3)
    FeatureCache("half", tmp_path, np.float16).put(keys_of(8, 9), vectors_of(8, 9).astype(np.float16))
    flipped, cut = filled(tmp_path, "a", 4, 5), filled(tmp_path, "b", 6)
    data = bytearray(flipped.read_bytes())
    data[bytes(data).index(vectors_of(5, width=WIDTH).tobytes()) + 3] ^= 1
    flipped.write_bytes(data)
    cut.write_bytes(cut.read_bytes()[:-9])
    found = verify_cache(tmp_path)
    assert (found.sound, found.damaged, found.unreadable, found.removed) == (3 + 2 + 1, 1, (cut,), ())
    assert flipped.exists()
    removed = verify_cache(tmp_path, remove=True).removed
    assert set(removed) == {flipped, cut}
    assert verify_cache(tmp_path) == cache_upkeep.Verification(5, 0, (), ())


def test_halves_are_kept_and_come_back_as_they_were(tmp_path):
    vectors = vectors_of(1, 2).astype(np.float16)
    FeatureCache("n", tmp_path, np.float16).put(keys_of(1, 2), vectors)
    cache = FeatureCache("n", tmp_path, np.float16)
    found, got = cache.get(keys_of(2, 1))
    assert found.all()
    assert got.dtype == np.float16
    np.testing.assert_array_equal(got, vectors[::-1])
    assert not FeatureCache("n", tmp_path).get(keys_of(1))[0].any()  # another type is another vector


def test_shards_of_long_vectors_stay_small(tmp_path, monkeypatch):
    monkeypatch.setattr("shelfwise.encoders.feature_cache.MAX_SHARD_BYTES", 2_500)
    FeatureCache("n", tmp_path).put(keys_of(1, 2, 3, 4, 5), vectors_of(1, 2, 3, 4, 5, width=WIDTH))
    assert len(shards(tmp_path)) == 3
    assert FeatureCache("n", tmp_path).get(keys_of(1, 2, 3, 4, 5))[0].all()


def test_only_one_tidies_at_a_time_and_the_lock_ends_with_its_holder(tmp_path):
    with exclusive(tmp_path) as mine:
        assert mine
        with exclusive(tmp_path) as other:
            assert not other
    with exclusive(tmp_path) as again:
        assert again
    with exclusive(tmp_path / "nowhere") as nothing:
        assert not nothing


def _use(folder: Path, first: int) -> None:
    cache = FeatureCache("n", folder)
    for number in range(first, first + 40):
        cache.put(keys_of(number), vectors_of(number, width=WIDTH))
        found, vectors = cache.get(keys_of(*range(80)))
        for place in np.flatnonzero(found):
            np.testing.assert_array_equal(vectors[place], vectors_of(int(place), width=WIDTH)[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_processes_that_add_read_and_evict_at_once_never_see_a_wrong_vector(tmp_path, monkeypatch):
    monkeypatch.setenv(LIMIT_VARIABLE, str(20_000 / 1e9))
    monkeypatch.setattr(cache_upkeep, "IN_USE_S", 0.0)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_use, args=(tmp_path, first)) for first in (0, 20, 40)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert bytes_in(tmp_path) <= 20_000 + 3 * 1_500
    assert verify_cache(tmp_path).damaged == 0
