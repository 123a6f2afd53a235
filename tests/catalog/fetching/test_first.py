"""Catalogs of URLs go straight into training and prediction: what they need is fetched first, once."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from _image_server import ImageServer
from tests.images_zoo import jpeg

from shelfwise.catalog import Catalog
from shelfwise.catalog.column import Role, State
from shelfwise.catalog.fetching import AddressRules, FetchOptions
from shelfwise.catalog.fetching import first as module
from shelfwise.catalog.fetching.first import FetchFirst
from shelfwise.catalog.image_source import URL_REASON
from shelfwise.demo import StoreFiles
from shelfwise.progress import Silent
from shelfwise.recipe import InputRecipe

Shelfwise = Callable[..., Any]


class Said(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def fetch_first(options: FetchOptions, said: Said) -> Iterator[FetchFirst]:
    with FetchFirst(options, said) as running:
        yield running


def catalog_of(path: Path, *urls: str) -> Catalog:
    lines = "".join(f"p{number},shoe {number},{url}\n" for number, url in enumerate(urls))
    path.write_text("id,title,image_url\n" + lines, encoding="utf-8")
    return Catalog.read(path)


class TestCatalogs:
    def test_a_column_of_urls_becomes_an_input(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path, said: Said
    ) -> None:
        urls = [server.url(f"image/{number}") for number in range(8)]
        catalog = catalog_of(tmp_path / "c.csv", *urls, "", server.url("missing/1"), "ftp://a/b.jpg")
        assert catalog.fields["image_url"].role is Role.IGNORED
        assert any("image_url" in note for note in catalog.notes)
        fetched = fetch_first.catalog(catalog)
        assert fetched.fields["image_url"].role is Role.IMAGE
        assert not any("image_url" in note for note in fetched.notes)
        assert (fetched.ids, fetched.table) == (catalog.ids, catalog.table)
        images = fetched.input("image_url").values.load(range(11))
        assert [image.state for image in images] == [*[State.PRESENT] * 8, State.ABSENT, *[State.FAILED] * 2]
        assert images[9].reason == "image could not be fetched: not found (404)"
        assert "only http and https" in images[10].reason
        assert said.messages == [
            "image_url: 8 of 9 images on the web could be had; most often: not found (404)"
        ]
        # The catalog as it was read knows nothing of it.
        assert catalog.input("image_url", Role.IMAGE).values.load([0])[0].reason == URL_REASON

    def test_it_stays_with_parts_of_the_catalog(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path
    ) -> None:
        catalog = catalog_of(tmp_path / "c.csv", *(server.url(f"image/{number}") for number in range(8)))
        fetched = fetch_first.catalog(catalog)
        whole = [image.data for image in fetched.input("image_url").values.load(range(8))]
        assert len(set(whole)) == 8
        import numpy as np

        part = fetched.take(np.array([5, 2])).with_fields({}).input("image_url").values
        assert [image.data for image in part.load([0, 1])] == [whole[5], whole[2]]
        assert [image.data for image in part.take(np.array([1])).load([0])] == [whole[2]]

    def test_nothing_is_asked_for_twice(
        self, server: ImageServer, options: FetchOptions, tmp_path: Path
    ) -> None:
        urls = [*(server.url(f"image/{number}") for number in range(8)), server.url("missing/1")]
        catalog = catalog_of(tmp_path / "c.csv", *urls)
        for _ in range(3):
            with FetchFirst(options) as running:
                running.catalog(catalog)
                running.catalog(catalog)
        assert set(server.asked.requests.values()) == {1}

    def test_a_column_of_which_nothing_can_be_had_stays_out(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path, said: Said
    ) -> None:
        catalog = catalog_of(tmp_path / "c.csv", *(server.url(f"missing/{number}") for number in range(8)))
        fetched = fetch_first.catalog(catalog)
        assert fetched.fields["image_url"].role is Role.IGNORED
        left_out = (
            "Column 'image_url' is left out: addresses of images on the web, none of which could be had."
        )
        assert [note for note in fetched.notes if "image_url" in note] == [left_out]
        assert "0 of 8" in said.messages[0]

    def test_catalogs_without_urls_are_left_alone(
        self, fetch_first: FetchFirst, options, tmp_path: Path
    ) -> None:
        (tmp_path / "1.jpg").write_bytes(jpeg(1))
        catalog = catalog_of(tmp_path / "c.csv", "1.jpg", "2.jpg")
        assert fetch_first.catalog(catalog) is catalog
        assert not options.store.exists()

    def test_a_single_url_among_paths(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path
    ) -> None:
        for number in range(9):
            (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
        cells = [*(f"{number}.jpg" for number in range(9)), server.url("image/1")]
        catalog = fetch_first.catalog(catalog_of(tmp_path / "c.csv", *cells))
        images = catalog.input("image_url").values.load(range(10))
        assert all(image.state is State.PRESENT for image in images)
        assert images[3].data == jpeg(3)

    def test_embedded_images_come_before_the_web(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path
    ) -> None:
        kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        images = [
            {"bytes": jpeg(1), "path": server.url("image/1")},
            {"bytes": None, "path": server.url("image/2")},
            None,
        ]
        path = tmp_path / "c.parquet"
        pq.write_table(pa.table({"id": ["1", "2", "3"], "image": pa.array(images, kind)}), path)
        loaded = fetch_first.catalog(Catalog.read(path)).input("image").values.load(range(3))
        assert loaded[0].data == jpeg(1)
        assert [image.state for image in loaded] == [State.PRESENT, State.PRESENT, State.ABSENT]
        assert dict(server.asked.requests) == {"/image/2": 1}

    def test_only_inputs_that_are_images_are_fetched(
        self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path
    ) -> None:
        path = tmp_path / "c.csv"
        lines = [
            f"{n},{server.url(f'image/{n}')},{server.url(f'page/{n}')},{server.url(f'image/b{n}')}"
            for n in range(9)
        ]
        path.write_text("id,image_url,page,back_image\n" + "\n".join(lines))
        catalog = Catalog.read(path)
        for inputs in ([], [InputRecipe(name="page", role="text")]):
            fetch_first.inputs(catalog, [InputRecipe(name="page"), *inputs])
        assert not server.asked.requests
        fetch_first.inputs(catalog, [InputRecipe(name="page"), InputRecipe(name="image_url")])
        assert len(server.asked.requests) == 9
        fetch_first.inputs(catalog, [InputRecipe(name="back_image", role="image")])
        assert len(server.asked.requests) == 18
        assert not any(path.startswith("/page") for path in server.asked.requests)

    def test_batches(self, server: ImageServer, fetch_first: FetchFirst, tmp_path: Path, said: Said) -> None:
        urls = [server.url(f"image/{number % 7}") for number in range(20)] + [server.url("missing/1")]
        catalog_of(tmp_path / "c.csv", *urls)
        inputs = [InputRecipe(name="title", role="text"), InputRecipe(name="image_url", role="image")]
        states = []
        for batch in fetch_first.batches(Catalog.scan(tmp_path / "c.csv", rows=6), inputs):
            source = batch.input_or_absent("image_url", Role.IMAGE).values
            states += [image.state for image in source.load(range(len(batch)))]
        assert states == [*[State.PRESENT] * 20, State.FAILED]
        assert set(server.asked.requests.values()) == {1}
        assert len(said.messages) == 1


class TestWithoutTheWeb:
    def test_only_what_is_there(self, server: ImageServer, options: FetchOptions, tmp_path: Path) -> None:
        urls = [server.url(f"image/{number}") for number in range(8)]
        with FetchFirst(options) as running:
            running.catalog(catalog_of(tmp_path / "some.csv", *urls[:6]))
        asked = sum(server.asked.requests.values())
        offline = FetchOptions(options.store, AddressRules(), options.limits, ask_the_web=False)
        with FetchFirst(offline) as running:
            catalog = running.catalog(catalog_of(tmp_path / "all.csv", *urls))
        images = catalog.input("image_url").values.load(range(8))
        assert [image.state for image in images] == [*[State.PRESENT] * 6, *[State.FAILED] * 2]
        assert "not in the image store" in images[7].reason
        assert sum(server.asked.requests.values()) == asked

    def test_without_the_library_it_is_said_and_the_work_goes_on(
        self, server: ImageServer, fetch_first, tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "can_fetch", lambda: False)
        catalog = fetch_first.catalog(
            catalog_of(tmp_path / "c.csv", *(server.url(f"image/{number}") for number in range(8)))
        )
        assert catalog.fields["image_url"].role is Role.IGNORED
        assert "pip install 'shelfwise[fetch]'" in said.messages[0]
        assert "httpx" in catalog.input("image_url", Role.IMAGE).values.load([0])[0].reason
        assert not server.asked.requests


class TestCommands:
    """The made-up store with its images on a server: train, evaluate, predict, each told only the addresses."""

    @pytest.fixture
    def web_store(self, store: StoreFiles, server: ImageServer, tmp_path: Path) -> dict[str, Path]:
        made = {}
        for name, source in (("train", store.catalog), ("held", store.held_out), ("new", store.new_products)):
            with source.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))[:150]
            for number, row in enumerate(rows):
                path = f"missing/{name}{number}" if number % 10 == 0 else f"image/{name}{number}"
                row["image"] = server.url(path)
            made[name] = tmp_path / f"{name}.csv"
            with made[name].open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        return made

    def test_from_addresses_to_predictions(
        self,
        web_store: dict[str, Path],
        server: ImageServer,
        quick_recipe: Path,
        tmp_path: Path,
        shelfwise: Shelfwise,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SHELFWISE_CACHE", str(tmp_path / "cache"))
        allowed = ["--allow-host", "127.0.0.1", "--allow-port", server.port]
        # Most images were fetched before, faster than `train` would: those of the validation catalog were not.
        folder, model = tmp_path / "images", tmp_path / "model"
        assert shelfwise("fetch", web_store["train"], "-o", folder, "--rate", 1000, *allowed).status == 0
        trained = shelfwise(
            *("train", web_store["train"], "--validation", web_store["held"], "--recipe", quick_recipe),
            *("-o", model, "--image-store", folder, *allowed),
        )
        assert trained.status == 0
        assert "image: 135 of 150 images on the web could be had; most often: not found (404)" in trained.err
        assert "image alone" in trained.out
        evaluated = shelfwise("evaluate", model, web_store["held"], "--image-store", folder, *allowed)
        assert evaluated.status == 0
        assert "left out" not in evaluated.err
        # Another store, in the folder of caches, as none is named.
        out = tmp_path / "out.jsonl"
        predicted = shelfwise("predict", model, web_store["new"], "-o", out, *allowed)
        assert predicted.status == 0
        inputs = [json.loads(line)["inputs"]["image"] for line in out.read_text().splitlines()]
        assert len(inputs) == 30
        for number, state in enumerate(inputs):
            missing = "failed: image could not be fetched: not found (404)"
            assert state == (missing if number % 10 == 0 else "present")
        assert set(server.asked.requests.values()) == {1}
        assert list((tmp_path / "cache").glob("*/images"))
        # All that can be had is there: no request is needed any more, and the predictions are the same.
        before = sum(server.asked.requests.values())
        again = tmp_path / "again.jsonl"
        done = shelfwise("predict", model, web_store["new"], "-o", again, "--no-fetch")
        assert done.status == 0
        assert again.read_text() == out.read_text()
        assert sum(server.asked.requests.values()) == before
