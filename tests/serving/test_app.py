"""The service over HTTP: what shops' systems send, and what they get for everything that is wrong with it."""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shelfwise import Catalog, Categorizer
from shelfwise.batch.rows import prediction_row
from shelfwise.decision.rules import RuleSet
from shelfwise.demo import StoreFiles
from shelfwise.errors import ModelFolderError
from shelfwise.serving.app import make_app
from shelfwise.serving.keys import add_key, read_keys
from shelfwise.serving.served_model import ModelSlot
from shelfwise.serving.service import Service
from shelfwise.serving.settings import MAX_PRODUCTS, ServeSettings


def product(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"p{number}", "fields": {"title": f"warm cotton shirt {number}", "price": 12.5}, **more}


def predictions(client: TestClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["predictions"]
    return found


class TestPredicting:
    def test_a_catalog_and_the_service_say_the_same(
        self, client: TestClient, store: StoreFiles, model_folder: Path
    ) -> None:
        model = Categorizer.load(model_folder)
        catalog = Catalog.read(str(store.new_products))
        expected = [prediction_row(one, multilabel=False) for one in model.predict(catalog)]
        given = []
        for row, one in enumerate(catalog.table.to_pylist()):
            picture = catalog.input("image").values.load([row])[0].data  # type: ignore[union-attr]
            image = {"image": base64.b64encode(picture).decode()} if picture else {}
            fields = {name: one[name] for name in ("title", "brand", "price") if one.get(name) is not None}
            given.append({"id": catalog.ids[row], "fields": fields, **image})
        found = predictions(client, {"products": given})
        for mine, theirs in zip(found, expected, strict=True):
            # Why a picture cannot be read is told with its path there, and there is none here.
            if not any(state.startswith("failed") for state in theirs["inputs"].values()):
                assert mine == json.loads(json.dumps(theirs))

    def test_one_product_by_itself(self, client: TestClient) -> None:
        (one,) = predictions(client, product())
        assert one["id"] == "p1"
        assert one["path"]
        assert one["inputs"] == {"title": "present", "brand": "absent", "price": "present", "image": "absent"}

    def test_order_and_ids_are_kept_whatever_the_batch(self, client: TestClient) -> None:
        many = predictions(client, {"products": [product(number) for number in range(MAX_PRODUCTS)]})
        assert [one["id"] for one in many] == [f"p{number}" for number in range(MAX_PRODUCTS)]
        assert predictions(client, product(77)) == [many[77]]

    def test_without_an_id_its_place_is_its_name(self, client: TestClient) -> None:
        given = [{"fields": {"title": "a"}}, {"fields": {"title": "b"}}]
        assert [one["id"] for one in predictions(client, {"products": given})] == ["1", "2"]

    def test_a_form_with_a_picture(self, client: TestClient, store: StoreFiles) -> None:
        picture = next(path for path in sorted(store.images.iterdir()) if path.suffix == ".jpg").read_bytes()
        form = {"id": "x", "title": "lamp"}
        answer = client.post("/v1/predict", data=form, files={"image": ("a.jpg", picture)})
        (one,) = answer.json()["predictions"]
        same = product(image=base64.b64encode(picture).decode()) | {"id": "x", "fields": {"title": "lamp"}}
        assert [one] == predictions(client, same)

    def test_a_form_of_several_products(self, client: TestClient, store: StoreFiles) -> None:
        picture = next(path for path in sorted(store.images.iterdir()) if path.suffix == ".jpg").read_bytes()
        text = json.dumps({"products": [product(1), product(2)]})
        answer = client.post("/v1/predict", data={"products": text}, files={"image.1": ("b.jpg", picture)})
        first, second = answer.json()["predictions"]
        assert (first["inputs"]["image"], second["inputs"]["image"]) == ("absent", "present")


class TestProductsThatFail:
    """Each is a marked product in the answer; the others are as they would be without it."""

    @pytest.mark.parametrize(
        ("broken", "input_name", "told"),
        [
            ({"image": "%%%"}, "image", "not base64"),
            ({"image": base64.b64encode(b"<html>").decode()}, "image", "not an image"),
            ({"fields": {"title": "shirt", "price": "cheap"}}, "price", "not a number"),
            ({"fields": {"title": "shirt", "image": "/etc/passwd"}}, "image", "sent itself"),
        ],
    )
    def test_the_input_is_marked(
        self, client: TestClient, broken: dict[str, Any], input_name: str, told: str
    ) -> None:
        bad, good = predictions(client, {"products": [{**product(1), **broken}, product(2)]})
        assert told in bad["inputs"][input_name]
        assert [good] == predictions(client, product(2))

    def test_a_product_without_any_usable_input(self, client: TestClient) -> None:
        nothing, good = predictions(client, {"products": [{"fields": {}}, product(2)]})
        assert nothing["decision"] == "failed"
        assert "none of its inputs can be used" in nothing["reason"]
        assert good["decision"] != "failed"

    def test_a_picture_of_too_many_pixels_is_not_decoded(self, slot: ModelSlot, store: StoreFiles) -> None:
        picture = next(path for path in sorted(store.images.iterdir()) if path.suffix == ".jpg").read_bytes()
        small = Service(slot, ServeSettings(max_pixels=100))
        with TestClient(make_app(small)) as client:
            (one,) = predictions(client, product(image=base64.b64encode(picture).decode()))
        assert "at most 100 in all" in one["inputs"]["image"]

    def test_a_product_that_the_model_fails_on(
        self, client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        predict = Categorizer.predict

        def failing(self: Categorizer, catalog: Catalog, *more: Any) -> Any:
            if "p2" in catalog.ids:
                raise RuntimeError("no luck")
            return predict(self, catalog, *more)

        monkeypatch.setattr(Categorizer, "predict", failing)
        found = predictions(client, {"products": [product(1), product(2), product(3)]})
        assert [one["decision"] == "failed" for one in found] == [False, True, False]
        assert "no luck" in found[1]["reason"]


class TestMalformed:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b'{"products": [], "x": 1}', 422),
            (b'{"products": []}', 422),
            (b'{"products": [3]}', 422),
            (b"[]", 422),
            (b"{}", 422),
            (b'{"products": [{"id": 7}]}', 422),
            (b'{"products": [{"fields": {"title": {"a": 1}}}]}', 422),
            (b'{"fields": {"price": 1e999}}', 422),
            (b'{"fields": {"title": "\\ud800"}}', 400),
            (b'{"fields": {"title": "\xff"}}', 400),
            (b'{"products": ' + b"[" * 5000, 400),
        ],
    )
    def test_json(self, client: TestClient, body: bytes, status: int) -> None:
        answer = client.post("/v1/predict", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]

    def test_too_many_products(self, client: TestClient) -> None:
        many = {"products": [product(number) for number in range(MAX_PRODUCTS + 1)]}
        assert client.post("/v1/predict", json=many).status_code == 422

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
    def test_another_type(self, client: TestClient, kind: str) -> None:
        answer = client.post("/v1/predict", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415

    @pytest.mark.parametrize(
        "body", [b"", b"--x", b"--x\r\n\r\n", b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n']
    )
    def test_forms(self, client: TestClient, body: bytes) -> None:
        kind = "multipart/form-data; boundary=x"
        answer = client.post("/v1/predict", content=body, headers={"content-type": kind})
        assert answer.status_code in (400, 422)

    def test_a_form_without_a_boundary(self, client: TestClient) -> None:
        answer = client.post("/v1/predict", content=b"x", headers={"content-type": "multipart/form-data"})
        assert answer.status_code == 400

    def test_files_for_products_that_are_not_there(self, client: TestClient) -> None:
        text = json.dumps({"products": [product(1)]})
        for name in ("image.1", "image.-1", "image", "image.0x"):
            answer = client.post("/v1/predict", data={"products": text}, files={name: ("a", b"a")})
            assert answer.status_code == 422, name

    def test_a_body_that_is_too_large(self, slot: ModelSlot) -> None:
        service = Service(slot, ServeSettings(max_body_bytes=1_000))
        with TestClient(make_app(service)) as client:
            told = {"content-type": "application/json"}
            assert client.post("/v1/predict", content=b" " * 1_001, headers=told).status_code == 413
            parts = (b" " * 100 for _ in range(11))  # without a length
            assert client.post("/v1/predict", content=parts, headers=told).status_code == 413

    def test_other_paths_and_methods(self, client: TestClient) -> None:
        assert client.get("/nowhere").status_code == 404
        assert client.get("/v1/predict").status_code == 405
        assert client.post("/healthz").status_code == 405


class TestRulesActHere:
    def test_as_in_predict(
        self, model_folder: Path, zeppelin_rule: RuleSet, a_category: tuple[str, ...]
    ) -> None:
        slot = ModelSlot(model_folder, lambda _multilabel: zeppelin_rule)
        with TestClient(make_app(Service(slot, ServeSettings(wait_ms=0)))) as client:
            given = [{"fields": {"title": "a ZEPPELIN shirt"}}, {"fields": {"title": "a shirt"}}]
            ruled, plain = predictions(client, {"products": given})
        assert (ruled["path"], ruled["rule"]) == (list(a_category), 3)
        assert ruled["reason"].startswith("rule 3: with 'zeppelin'")
        assert plain["rule"] is None


class TestKeys:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "keys.txt"

    def test_who_is_let_in(self, slot: ModelSlot, file: Path) -> None:
        user, admin = add_key(file, "shop", "user"), add_key(file, "boss", "admin")
        assert user not in file.read_text()
        service = Service(slot, ServeSettings(wait_ms=0), read_keys(file), lambda: read_keys(file))
        with TestClient(make_app(service)) as client:

            def status(path: str, key: str | None, method: str = "GET") -> int:
                headers = {} if key is None else {"authorization": f"Bearer {key}"}
                body = product() if path == "/v1/predict" else None
                return client.request(method, path, headers=headers, json=body).status_code

            assert status("/v1/predict", None, "POST") == 401
            assert status("/v1/predict", user[:-1], "POST") == 401
            assert status("/v1/predict", user, "POST") == 200
            assert status("/v1/taxonomy", None) == status("/metrics", None) == 401
            assert status("/openapi.json", None) == 401
            assert status("/openapi.json", user) == 200
            assert status("/docs", user) == status("/redoc", user) == 404
            assert status("/healthz", None) == status("/readyz", None) == 200
            assert status("/v1/reload", None, "POST") == 401
            assert status("/v1/reload", user, "POST") == 403
            assert status("/v1/reload", admin, "POST") == 200
            assert client.post("/v1/predict", json=product(), headers={"x-api-key": user}).status_code == 200
            # A line that was taken out takes its key back.
            file.write_text("\n".join(line for line in file.read_text().splitlines() if "shop" not in line))
            assert status("/v1/reload", admin, "POST") == 200
            assert status("/v1/predict", user, "POST") == 401

    def test_without_keys_nobody_is_an_admin(self, client: TestClient) -> None:
        assert client.post("/v1/reload").status_code == 403

    def test_only_by_its_own_names(self, service: Service) -> None:
        with TestClient(make_app(service, ("127.0.0.1",)), base_url="http://127.0.0.1:8078") as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


class TestReload:
    def test_requests_go_on_and_a_bad_model_stays_out(
        self, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        key = add_key(tmp_path / "keys", "boss", "admin")
        headers = {"authorization": f"Bearer {key}"}
        slot = ModelSlot(model_folder)
        service = Service(slot, ServeSettings(), read_keys(tmp_path / "keys"))
        with TestClient(make_app(service)) as client:
            before = client.post("/v1/predict", json=product(), headers=headers).json()
            statuses: list[int] = []

            def ask() -> None:
                for _ in range(25):
                    statuses.append(client.post("/v1/predict", json=product(), headers=headers).status_code)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for one in threads:
                one.start()
            for _ in range(3):
                assert client.post("/v1/reload", headers=headers).status_code == 200
            for one in threads:
                one.join()
            assert statuses == [200] * 100

            def broken(_folder: Path) -> Categorizer:
                raise ModelFolderError("the folder is torn")

            monkeypatch.setattr(Categorizer, "load", broken)
            answer = client.post("/v1/reload", headers=headers)
            assert (answer.status_code, "torn" in answer.json()["error"]) == (409, True)
            assert client.post("/v1/predict", json=product(), headers=headers).json() == before
            told = client.get("/metrics", headers=headers).text
            assert 'shelfwise_reloads_total{outcome="done"} 3.0' in told
            assert 'shelfwise_reloads_total{outcome="refused"} 1.0' in told


class TestTelling:
    def test_taxonomy(self, client: TestClient, a_category: tuple[str, ...]) -> None:
        told = client.get("/v1/taxonomy").json()
        by_path = {tuple(one["path"]): one for one in told["categories"]}
        assert told["kind"] == "path"
        assert by_path[a_category]["leaf"]
        assert not by_path[a_category[:1]]["leaf"]
        assert by_path[a_category[:1]]["products"] >= by_path[a_category]["products"] > 0

    def test_ready_and_healthy(self, client: TestClient, service: Service) -> None:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ready", "model": service.model.fingerprint}
        service.close()
        assert client.get("/readyz").status_code == 503
        refused = client.post("/v1/predict", json=product())
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1

    def test_metrics(self, client: TestClient) -> None:
        predictions(client, {"products": [product(1), product(2)]})
        client.get("/x/y/z")
        told = client.get("/metrics")
        assert told.headers["content-type"].startswith("text/plain")
        assert 'shelfwise_requests_total{method="POST",path="/v1/predict",status="200"} 1.0' in told.text
        assert "shelfwise_batch_products_sum 2.0" in told.text
        assert "x/y/z" not in told.text

    def test_openapi_knows_every_path(self, client: TestClient) -> None:
        told = client.get("/openapi.json").json()
        assert set(told["paths"]) == {
            "/v1/predict",
            "/v1/taxonomy",
            "/v1/reload",
            "/healthz",
            "/readyz",
            "/metrics",
        }
        body = told["paths"]["/v1/predict"]["post"]["requestBody"]["content"]
        assert set(body) == {"application/json", "multipart/form-data"}
        references = {text for text in json.dumps(told).split('"') if text.startswith("#/components/")}
        assert all(name.rsplit("/", 1)[1] in told["components"]["schemas"] for name in references)
