"""`shelfwise cache`: what is kept to save time can be seen, checked, made smaller and cleared, and nothing else is touched."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import Shelfwise

from shelfwise.caches import cache_parts, prune_caches
from shelfwise.catalog.fetching.store import default_store
from shelfwise.catalog.fetching.upkeep import image_limit, stored_images, trim_images
from shelfwise.commands.caches import read_size, size
from shelfwise.encoders.cache_upkeep import features_folder, verify_cache
from shelfwise.encoders.feature_cache import FeatureCache
from shelfwise.errors import ShelfwiseError

DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def add_image(data: bytes, age_s: float = 0.0) -> Path:
    """An image as the store keeps it (what it shows does not matter here)."""
    name = f"{hashlib.sha256(data).hexdigest()}.jpg"
    path = default_store() / "images" / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def add_features(count: int, age_s: float = 0.0, first: int = 0) -> Path:
    """A shard of feature vectors."""
    before = set(features_folder().rglob("*.safetensors"))
    keys = [number.to_bytes(16, "little") for number in range(first, first + count)]
    FeatureCache("backbone").put(keys, np.ones((count, 100), np.float32))
    (shard,) = set(features_folder().rglob("*.safetensors")) - before
    os.utime(shard, (time.time() - age_s,) * 2)
    return shard


def test_nothing_is_there(shelfwise: Shelfwise, cache: Path) -> None:
    done = shelfwise("cache", "show")
    assert (done.status, str(cache) in done.out) == (0, True)
    assert shelfwise("cache", "clear").status == 0
    assert shelfwise("cache", "prune", "--max-size", "1GB").status == 0


def test_shows_both_parts(shelfwise: Shelfwise) -> None:
    add_features(5)
    add_image(b"a" * 2_000, DAY_S * 3)
    told = shelfwise("cache", "show").out
    assert "features backbone" in told
    assert "fetched images" in told
    assert "3 days ago" in told
    assert [(part.name, part.entries) for part in cache_parts()] == [
        ("features backbone", 5),
        ("fetched images", 1),
    ]


def test_prunes_what_was_used_longest_ago_in_either_part(shelfwise: Shelfwise) -> None:
    oldest, shard = add_image(b"a" * 5_000, 9 * DAY_S), add_features(5, 8 * DAY_S)
    newer, used = add_image(b"b" * 5_000, 2 * DAY_S), add_image(b"c" * 5_000)
    done = shelfwise("cache", "prune", "--max-size", "11kB")
    assert done.status == 0
    assert [path.exists() for path in (oldest, shard, newer, used)] == [False, False, True, True]
    done = shelfwise("cache", "prune", "--max-size", "0")
    assert [path.exists() for path in (newer, used)] == [False, True], "what a run may be using stays"
    assert "used within the hour" in done.err


def test_clear_removes_all_and_only_its_own(shelfwise: Shelfwise, cache: Path) -> None:
    add_features(5)
    image = add_image(b"a")
    foreign = image.with_name("notes.txt")
    foreign.write_text("mine")
    elsewhere = cache.with_name("elsewhere")
    elsewhere.mkdir()
    linked = elsewhere / f"{'0' * 64}.jpg"
    linked.write_bytes(b"x")
    (image.parent / linked.name).symlink_to(linked)
    assert shelfwise("cache", "clear").status == 0
    assert not image.exists()
    assert foreign.exists()
    assert linked.exists()
    assert cache_parts() == []


def test_verify_finds_damage_and_removes_it_if_asked(shelfwise: Shelfwise) -> None:
    shard, image = add_features(3), add_image(b"a" * 100)
    assert shelfwise("cache", "verify").status == 0
    for path in (shard, image):
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
    done = shelfwise("cache", "verify")
    assert (done.status, "2 entries" in done.err) == (1, True)
    assert image.exists()
    assert shelfwise("cache", "verify", "--remove").status == 0
    assert not image.exists()
    assert not shard.exists()
    assert shelfwise("cache", "verify").status == 0


def test_the_limit_of_images_spares_what_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = add_image(b"a" * 1000, DAY_S), add_image(b"b" * 1000)
    assert trim_images(default_store(), 500) == 1000
    assert [image.path for image in stored_images(default_store())] == [new]
    assert not old.exists()
    monkeypatch.setenv("SHELFWISE_IMAGES_GB", "0.5")
    assert image_limit() == 500_000_000
    monkeypatch.setenv("SHELFWISE_IMAGES_GB", "much")
    assert image_limit() == 50_000_000_000


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("5GB", 5 * 10**9),
        ("500 mb", 5 * 10**8),
        ("1.5g", 15 * 10**8),
        ("12", 12),
        ("0", 0),
        ("2 TB", 2 * 10**12),
    ],
)
def test_sizes(text: str, count: int) -> None:
    assert read_size(text) == count
    assert read_size(size(count).replace("bytes", "")) == count


@pytest.mark.parametrize("text", ["", "GB", "-1", "1e9", "5 potatoes", "9" * 100, "inf", "nan"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ShelfwiseError, match="expected a size"):
        read_size(text)


def test_pruning_beside_another_process_that_tidies_is_refused(cache: Path) -> None:
    from shelfwise.encoders.cache_upkeep import exclusive

    features_folder().mkdir(parents=True)
    with exclusive(features_folder()) as mine:
        assert mine
        with pytest.raises(ShelfwiseError, match="another process"):
            prune_caches(0)


def _write_without_end(first: int) -> None:
    cache = FeatureCache("backbone")
    number = first
    while True:
        keys = [(number + one).to_bytes(16, "little") for one in range(4)]
        cache.put(keys, np.full((4, 50), 1.0, np.float32))
        cache.get(keys)
        number += 4


def test_two_processes_at_once_killed_at_any_moment_leave_a_sound_cache() -> None:
    context = multiprocessing.get_context("fork")
    rng = np.random.default_rng(0)
    for attempt in range(4):
        writers = [
            context.Process(target=_write_without_end, args=(n * 10**6 + attempt * 10**5,)) for n in (0, 1)
        ]
        for writer in writers:
            writer.start()
        time.sleep(rng.uniform(0.05, 0.25))
        for writer in writers:
            assert writer.pid is not None
            os.kill(writer.pid, signal.SIGKILL)
            writer.join()
        found = verify_cache()
        assert (found.damaged, found.unreadable) == (0, ())
    cache = FeatureCache("backbone")
    assert len(cache) > 0
    here, vectors = cache.get([(0).to_bytes(16, "little")])
    assert here.all()
    np.testing.assert_array_equal(vectors, 1.0)
