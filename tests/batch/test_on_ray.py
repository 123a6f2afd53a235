"""A cluster of several workers, one of them killed, gives the rows that one process gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.batch.catalogs import Dies, Repeats, rows_of

from shelfwise.batch.manifest import MANIFEST_FILE
from shelfwise.batch.pieces import cut_sources, find_fields, find_sources, read_piece
from shelfwise.batch.predict import predict_to_folder
from shelfwise.batch.predict_on_ray import check_request, predict_on_ray
from shelfwise.batch.request import PredictRequest
from shelfwise.batch.workers import Job
from shelfwise.catalog.catalog import Catalog
from shelfwise.errors import CatalogError, ShelfwiseError
from shelfwise.progress import Silent

SIZES = (700, 45, 301)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three Parquet files without ids."""
    (tmp_path / "in").mkdir()
    found = []
    for number, size in enumerate(SIZES):
        titles = [f"file {number} title {row}" for row in range(size)]
        file = tmp_path / "in" / f"{number}.parquet"
        pq.write_table(pa.table({"title": titles}), file, row_group_size=100)
        found.append(file)
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What passes for a model folder."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "checksums.txt").write_text("of this model")
    return tmp_path / "model"


class MadeUpPredictor:
    """In place of a `BatchPredictor`: a model that needs no folder and is killed over one title once."""

    def __init__(self, job: Job) -> None:
        from shelfwise.batch.blocks import BlockMaker

        assert (job.request.model / "checksums.txt").read_text() == "of this model"
        mark = Path(job.request.output.removeprefix("file://")).parent / "killed"
        self._make = BlockMaker(Dies("file 0 title 250", mark), ".parquet").make

    def __call__(self, batch: Catalog) -> Any:
        return self._make(batch)


def test_pieces_are_the_shards_of_the_local_engine(files: list[Path]) -> None:
    sources = find_sources([str(files[0].parent)])
    pieces = cut_sources(sources, 100)
    assert [piece.rows for piece in pieces] == [100] * 7 + [45] + [100, 100, 100, 1]
    fields = find_fields(sources)
    read = [
        (name, title)
        for piece in pieces
        for batch in read_piece(piece, 33, fields, None)
        for name, title in zip(batch.ids, batch.column("title").to_pylist(), strict=True)
    ]
    titles = [f"file {number} title {row}" for number, size in enumerate(SIZES) for row in range(size)]
    assert read == [(str(row + 1), title) for row, title in enumerate(titles)]


def test_pieces_of_other_file_systems(files: list[Path]) -> None:
    plain, remote = find_sources([str(files[0].parent)]), find_sources([files[0].parent.as_uri()])
    assert [source.rows for source in remote] == list(SIZES)
    for mine, theirs in zip(cut_sources(plain, 90), cut_sources(remote, 90), strict=True):
        fields = find_fields(remote)
        here, there = (
            [
                pair
                for batch in read_piece(piece, 50, fields, None)
                for pair in zip(batch.ids, batch.table["title"], strict=True)
            ]
            for piece in (mine, theirs)
        )
        assert here == there


def test_only_parquet_and_only_folders(files: list[Path], tmp_path: Path, model: Path) -> None:
    (tmp_path / "in" / "more.csv").write_text("title\nx\n")
    with pytest.raises(CatalogError, match="reads Parquet"):
        find_sources([str(tmp_path / "in")])
    pytest.importorskip("ray", reason="needs the extra `ray`, which is not installed")
    with pytest.raises(ShelfwiseError, match="ends in a slash"):
        check_request(PredictRequest(model, (str(files[0]),), "out.parquet", engine="ray"))


def test_a_killed_worker_costs_its_piece_only(
    files: list[Path], model: Path, tmp_path: Path, ray_cluster: Path
) -> None:
    catalogs = tuple(map(str, files))
    request = PredictRequest(model, catalogs, f"{tmp_path}/out/", engine="ray", workers=3, shard_rows=100)
    done = predict_on_ray(request, Silent(), make_predictor=MadeUpPredictor)
    assert (tmp_path / "killed").exists()
    assert (done.products, done.shards) == (sum(SIZES), 12)
    local = PredictRequest(model, catalogs, f"{tmp_path}/local/", shard_rows=100)
    predict_to_folder(
        Repeats(),
        lambda skip: local.batches(64, skip),
        tmp_path / "local",
        local.identity(None),
        shard_rows=100,
    )
    for shard in sorted((tmp_path / "local").glob("*.parquet")):
        assert pq.read_table(shard).equals(pq.read_table(tmp_path / "out" / shard.name)), shard.name
    # A folder that one engine began is gone on with by the other, and one that is complete is left alone.
    (tmp_path / "out" / "part-000003.parquet").unlink()
    again = predict_on_ray(request, Silent(), make_predictor=MadeUpPredictor)
    assert again.products == sum(SIZES)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "local")


def test_a_place_by_its_uri(files: list[Path], model: Path, tmp_path: Path, ray_cluster: Path) -> None:
    (tmp_path / "killed").touch()
    request = PredictRequest(
        model,
        (files[0].parent.as_uri(),),
        f"{tmp_path.as_uri()}/out",
        engine="ray",
        workers=2,
        shard_rows=400,
    )
    done = predict_on_ray(request, Silent(), make_predictor=MadeUpPredictor)
    assert done.products == sum(SIZES)
    assert [row["id"] for row in rows_of(tmp_path / "out")] == [str(row + 1) for row in range(sum(SIZES))]
    lines = [json.loads(line) for line in (tmp_path / "out" / MANIFEST_FILE).read_text().splitlines()]
    assert lines[-1] == {"complete": True, "shards": 4, "products": sum(SIZES)}
    assert predict_on_ray(request, Silent(), make_predictor=MadeUpPredictor).found == sum(SIZES)
