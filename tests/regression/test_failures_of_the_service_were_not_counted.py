"""A request that the service failed on was an "Internal Server Error" without JSON, and no figure of /metrics knew of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from shelfwise.serving.app import make_app
from shelfwise.serving.served_model import ModelSlot
from shelfwise.serving.service import Service
from shelfwise.serving.settings import ServeSettings


def test_it_is_told_as_everything_else_is(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(ModelSlot(model_folder), ServeSettings(wait_ms=0))
    with TestClient(make_app(service), raise_server_exceptions=False) as client:

        def fails(_products: object) -> None:
            raise KeyError("nobody thought of it")

        monkeypatch.setattr(service.batcher, "_work", fails)
        answer = client.post("/v1/predict", json={"fields": {"title": "a"}})
        assert (answer.status_code, list(answer.json())) == (500, ["error"])
        told = client.get("/metrics").text
    assert 'shelfwise_requests_total{method="POST",path="/v1/predict",status="500"} 1.0' in told
