"""Products kept aside are no part of any trial, nor are their groups or categories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.search.conftest import make_bench, quick_recipe
from tests.tiny_catalog import read, tiny_rows

from shelfwise.errors import TargetError
from shelfwise.progress import Silent
from shelfwise.search.bench import Bench, set_up


def test_nothing_aside_is_seen(quick_bench: Bench) -> None:
    seen = np.concatenate([np.r_[one.fit, one.held_out] for one in quick_bench.rounds])
    assert len(quick_bench.aside) == 24
    assert not set(seen) & set(quick_bench.aside)
    assert not set(quick_bench.groups[seen]) & set(quick_bench.groups[quick_bench.aside])
    assert set(seen) == set(quick_bench.learned)


def test_a_category_of_products_aside_alone_is_not_known(tmp_path: Path) -> None:
    rows = tiny_rows(160)
    known = make_bench(tmp_path, quick_recipe())
    first = int(known.aside[0])
    rows[first]["category"] = "Toys > Kites"
    bench = set_up(quick_recipe(), read(tmp_path / "kites.csv", rows), 0.15, Silent())
    if first in bench.aside:
        assert ("Toys", "Kites") not in bench.target.as_paths
        assert bench.answers[first] == -1


def test_the_key_follows_products_and_parts(tmp_path: Path) -> None:
    keys = {
        make_bench(tmp_path, quick_recipe(), 160).key,
        make_bench(tmp_path, quick_recipe(), 159).key,
        make_bench(tmp_path, quick_recipe(), 160, 0.2).key,
        make_bench(tmp_path, quick_recipe(training={"threads": 1, "folds": 3}), 160).key,
    }
    assert len(keys) == 4
    assert make_bench(tmp_path, quick_recipe(), 160).key in keys


def test_few_products_are_all_learned_from(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, quick_recipe(), 80)
    assert (len(bench.aside), len(bench.learned)) == (0, 80)


def test_too_few_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="at least 10"):
        make_bench(tmp_path, quick_recipe(), 8)
