"""Damage to a cached vector's key was not damage to `verify_cache`: only the vectors have checksums of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from shelfwise.encoders.cache_upkeep import verify_cache
from shelfwise.encoders.feature_cache import FeatureCache


def test_a_damaged_key_is_found(tmp_path: Path) -> None:
    FeatureCache("n", tmp_path).put([b"0123456789abcdef"], np.ones((1, 4), np.float32))
    (shard,) = (tmp_path / "n").glob("*.safetensors")
    data = shard.read_bytes()
    shard.write_bytes(data.replace(b"0123456789abcdef", b"0123456789abcdeF"))
    assert verify_cache(tmp_path).unreadable == (shard,)
    assert verify_cache(tmp_path, remove=True).removed == (shard,)
