"""A folder of features has every product once, in order, with the vectors that training reads, however it was made."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.features.pictured_catalogs import (
    BROKEN_PICTURE,
    NO_PICTURE,
    NO_TEXT,
    SIZES,
    DiesOnce,
    features_of,
    pictured_table,
    request_for,
)

from shelfwise.batch.folder import fill_folder
from shelfwise.batch.manifest import MANIFEST_FILE, file_identity
from shelfwise.batch.workers import WorkerPool
from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import Role
from shelfwise.encoders.registry import build_encoder
from shelfwise.errors import CatalogError, MissingDependencyError, ShelfwiseError
from shelfwise.features.backbones import Backbones
from shelfwise.features.maker import FeatureJob
from shelfwise.features.request import FeatureRequest
from shelfwise.features.run import compute_features, make_plan
from shelfwise.learning.presets import complete
from shelfwise.progress import Silent
from shelfwise.recipe import Recipe
from shelfwise.taxonomy.truth import read_truth

IDS = [f"{file}-{row:03d}" for file, size in enumerate(SIZES) for row in range(size)]


def test_every_product_has_its_row_its_states_and_its_vectors(
    files: list[Path], backbones: Backbones, tmp_path: Path
) -> None:
    done = compute_features(request_for(files, tmp_path / "out", backbones), Silent())
    assert (done.products, done.shards, done.found) == (44, 5, 0)
    assert done.inputs["image"] == {"present": 40, "absent": 2, "failed": 2}
    assert done.inputs["title"] == {"present": 42, "absent": 2, "failed": 0}
    table = features_of(tmp_path / "out")
    assert table["id"].to_pylist() == IDS
    states = table["image_state"].to_pylist()
    assert states[NO_PICTURE] == "absent"
    assert states[BROKEN_PICTURE].startswith("failed: ")
    assert states.count("present") == 40
    assert [row for row, value in enumerate(table["image_features"].to_pylist()) if value is None] == [
        *(NO_PICTURE, BROKEN_PICTURE),
        *(30 + NO_PICTURE, 30 + BROKEN_PICTURE),
    ]
    assert table["title_state"][NO_TEXT].as_py() == "absent"
    assert table["title_features"][NO_TEXT].as_py() is None
    assert table["image_key"][9] == table["image_key"][0] != table["image_key"][1]


def test_the_vectors_are_those_that_training_reads_from_the_cache(
    files: list[Path], backbones: Backbones, tmp_path: Path
) -> None:
    compute_features(request_for(files, tmp_path / "out", backbones), Silent())
    table = features_of(tmp_path / "out")
    catalog = Catalog.read(*files, id="id", text="title", image="image")
    recipe = Recipe(
        target="shelf",
        inputs=[{"name": "title"}, {"name": "image"}],
        image_model=backbones.image,
        text_model=backbones.text,
    )
    truth = read_truth(catalog, recipe.target)
    whole = complete(recipe, catalog, truth, np.arange(len(catalog)), Silent())
    read = {one.name: one for one in whole.inputs if (one.encoder or {})["kind"].startswith("pretrained")}
    assert read.keys() == {"image", "title_meaning"}
    for name, one in read.items():
        options = {key: value for key, value in one.encoder.items() if key != "kind"}
        encoder = build_encoder(one.encoder["kind"], options)
        encoded = encoder.prepare(catalog.input(one.columns[0], Role(str(one.role))))
        broken = {BROKEN_PICTURE, 30 + BROKEN_PICTURE} if name == "image" else set()
        assert encoded.reasons.keys() == broken
        assert vars(encoder)["_backbone"] is None, f"{name} was computed again"
        expected = [
            row.tolist() if there else None
            for row, there in zip(encoded.matrix, encoded.present, strict=True)
        ]
        assert table[f"{one.columns[0]}_features"].to_pylist() == expected


def test_workers_write_the_same_and_a_killed_one_costs_nothing(
    files: list[Path], backbones: Backbones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_features(request_for(files, tmp_path / "one", backbones), Silent())
    monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "empty"))
    request = request_for(files, tmp_path / "two", backbones, workers=2)
    fields = next(iter(Catalog.scan(*files, **request.roles))).fields
    plan = make_plan(request, fields, [file_identity(file) for file in files])
    work = DiesOnce(FeatureJob(plan.inputs, backbones), "0-017", tmp_path / "killed")
    with WorkerPool(work, 2) as pool:
        fill_folder(
            lambda skip: plan.batches(8, skip), tmp_path / "two", plan.identity, pool.blocks, shard_rows=10
        )
    assert (tmp_path / "killed").exists()
    assert features_of(tmp_path / "two").equals(features_of(tmp_path / "one"))


KILLED = """
import sys
from pathlib import Path
from tests.features.pictured_catalogs import request_for
from shelfwise.features import run
from shelfwise.features.backbones import Backbones
from shelfwise.features.maker import FeatureMaker
from shelfwise.progress import Silent
import os, signal
out, image, text, *files = sys.argv[1:]
compute = FeatureMaker.__call__
def dies(self, batch):
    if "1-000" in batch.ids:
        os.kill(os.getpid(), signal.SIGKILL)
    return compute(self, batch)
FeatureMaker.__call__ = dies
run.compute_features(request_for([Path(file) for file in files], Path(out), Backbones(image, text)), Silent())
"""


def test_after_a_kill_the_same_command_goes_on(
    files: list[Path], backbones: Backbones, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    root = Path(__file__).resolve().parents[2]
    finished = subprocess.run(
        [sys.executable, "-c", KILLED, out, str(backbones.image), str(backbones.text), *files],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    before = {file.name: file.stat().st_mtime_ns for file in out.glob("part-*.parquet")}
    assert len(before) == 2  # the third is finished when the fourth begins
    done = compute_features(request_for(files, out, backbones), Silent())
    assert (done.products, done.found) == (44, 20)
    assert done.inputs["image"] == {"present": 40, "absent": 2, "failed": 2}
    assert features_of(out)["id"].to_pylist() == IDS
    assert all((out / name).stat().st_mtime_ns == when for name, when in before.items())
    assert compute_features(request_for(files, out, backbones), Silent()).found == 44


def test_a_row_that_cannot_be_read_is_a_row(backbones: Backbones, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"id": "a", "title": "blue lamp"}\nnot json\n{"id": "c", "title": "red car"}\n')
    done = compute_features(
        request_for(
            [file], tmp_path / "out", Backbones(text=backbones.text), roles={"id": "id", "text": "title"}
        ),
        Silent(),
    )
    assert done.inputs == {"title": {"present": 2, "absent": 0, "failed": 1}}
    table = features_of(tmp_path / "out")
    assert table["title_state"].to_pylist()[1].startswith("failed: ")
    assert table["title_features"].is_null().to_pylist() == [False, True, False]


def test_a_folder_of_other_features_or_of_predictions_is_refused(
    files: list[Path], backbones: Backbones, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    texts = Backbones(text=backbones.text)
    compute_features(request_for(files, out, texts), Silent())
    with pytest.raises(ShelfwiseError, match="holds features by another model"):
        compute_features(request_for(files, out, Backbones(text=backbones.text, max_tokens=9)), Silent())
    with pytest.raises(ShelfwiseError, match="holds features with 'shard_rows' 10 and not 11"):
        compute_features(request_for(files, out, texts, shard_rows=11), Silent())
    manifest = out / MANIFEST_FILE
    header, *lines = manifest.read_text().splitlines()
    predictions = {key: value for key, value in json.loads(header).items() if key != "of"}
    manifest.write_text("\n".join([json.dumps(predictions), *lines]) + "\n")
    with pytest.raises(ShelfwiseError, match="holds predictions and no features"):
        compute_features(request_for(files, out, texts), Silent())


class TestBadRequests:
    def refused(self, match: str, request: FeatureRequest, kind: type[Exception] = ShelfwiseError) -> None:
        with pytest.raises(kind, match=match):
            compute_features(request, Silent())
        assert not Path(request.output).is_dir(), "nothing is begun"

    def test_no_backbone(self, files: list[Path], tmp_path: Path) -> None:
        self.refused("name one with --image-model", request_for(files, tmp_path / "out", Backbones()))

    def test_no_column_of_images(self, backbones: Backbones, tmp_path: Path) -> None:
        pq.write_table(pictured_table(12).drop_columns(["image"]), tmp_path / "texts.parquet")
        request = request_for([tmp_path / "texts.parquet"], tmp_path / "out", backbones, roles={})
        self.refused("--image-model was given, but no column looks like images", request, CatalogError)

    def test_columns_that_no_backbone_reads(
        self, files: list[Path], backbones: Backbones, tmp_path: Path
    ) -> None:
        for inputs, match in (
            (("titel",), "Did you mean 'title'"),
            (("price",), "'price' is neither"),
            (("image",), "'image' holds image values; name what reads them with --image-model"),
        ):
            texts = Backbones(text=backbones.text)
            self.refused(match, request_for(files, tmp_path / "out", texts, inputs=inputs), CatalogError)

    def test_no_such_backbone(self, files: list[Path], tmp_path: Path) -> None:
        missing = Backbones(image=str(tmp_path / "nowhere"))
        self.refused("--image-model", request_for(files, tmp_path / "out", missing), MissingDependencyError)

    def test_an_empty_catalog(self, backbones: Backbones, tmp_path: Path) -> None:
        pq.write_table(pictured_table(3).slice(0, 0), tmp_path / "empty.parquet")
        self.refused("no products", request_for([tmp_path / "empty.parquet"], tmp_path / "out", backbones))

    def test_places_that_are_no_folder(self, files: list[Path], backbones: Backbones, tmp_path: Path) -> None:
        self.refused(
            "expected a name such as features/", request_for(files, tmp_path / "x.parquet", backbones)
        )
        (tmp_path / "file").touch()
        self.refused("is a file", request_for(files, tmp_path / "file", backbones))
        with pytest.raises(ShelfwiseError, match="holds the catalog's own files"):
            compute_features(request_for(files, files[0].parent, backbones), Silent())

    def test_what_is_for_clusters_only(self, files: list[Path], backbones: Backbones, tmp_path: Path) -> None:
        out = tmp_path / "out"
        self.refused("--address is for --engine ray", request_for(files, out, backbones, address="auto"))
        self.refused("--gpus is for --engine ray", request_for(files, out, backbones, gpus=1))
