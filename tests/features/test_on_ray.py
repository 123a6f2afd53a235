"""A cluster of two workers, one of them killed, computes what one process computes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.features.pictured_catalogs import DiesOnce, features_of, request_for

from shelfwise.batch.on_ray import Actors, fill_on_ray
from shelfwise.batch.pieces import cut_sources, find_fields, find_sources
from shelfwise.errors import ShelfwiseError
from shelfwise.features.backbones import Backbones
from shelfwise.features.run import compute_features, make_plan
from shelfwise.progress import Silent


def test_a_killed_worker_costs_its_piece_only_and_values_are_the_same(
    files: list[Path], backbones: Backbones, tmp_path: Path, ray_cluster: Path
) -> None:
    request = request_for(files, tmp_path / "out", backbones, engine="ray", workers=2)
    sources = find_sources(request.catalogs)
    plan = make_plan(request, find_fields(sources, **request.roles), [source.identity for source in sources])
    job = plan.cluster_job()
    job = replace(job, work=DiesOnce(job.work, "0-017", tmp_path / "killed"))
    done = fill_on_ray(job, plan.identity, cut_sources(sources, 10), Actors(2), Silent())
    assert (tmp_path / "killed").exists()
    assert (done.tally.products, done.shards, done.found) == (44, 5, 0)
    assert not (tmp_path / "cache").exists(), "computed here and not by the cluster"
    assert (ray_cluster / "features").is_dir()
    compute_features(request_for(files, tmp_path / "alone", backbones), Silent())
    assert features_of(tmp_path / "alone").equals(features_of(tmp_path / "out"))
    assert compute_features(request, Silent()).found == 44


def test_gpus_that_are_not_there_are_not_waited_for(
    files: list[Path], backbones: Backbones, tmp_path: Path, ray_cluster: Path
) -> None:
    request = request_for(files, tmp_path / "out", backbones, engine="ray", workers=2, gpus=64)
    with pytest.raises(ShelfwiseError, match=r"64 GPU for each worker.*no features were written"):
        compute_features(request, Silent())
