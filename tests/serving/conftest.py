"""A service on a model that was trained once, asked without a socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from shelfwise.decision.rules import Rule, RuleSet, RuleText
from shelfwise.review.listening import listen
from shelfwise.serving.app import make_app
from shelfwise.serving.served_model import ModelSlot
from shelfwise.serving.service import Service
from shelfwise.serving.settings import ServeSettings


@pytest.fixture(scope="module", autouse=True)
def small_blocks() -> Iterator[None]:
    """Networks compute as few products at a time as in a service."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shelfwise.training.loop.PREDICT_ROWS", 16)
        yield


@pytest.fixture(scope="session")
def slot(model_folder: Path) -> ModelSlot:
    """The model, loaded once. Not to be changed."""
    slot = ModelSlot(model_folder)
    slot.load()
    return slot


@pytest.fixture
def service(slot: ModelSlot) -> Service:
    """A service that has not begun."""
    return Service(slot, ServeSettings(wait_ms=0))


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    """Asks a running service; whatever goes wrong inside is raised."""
    with TestClient(make_app(service)) as client:
        yield client


@pytest.fixture(scope="module")
def served_url(slot: ModelSlot) -> Iterator[str]:
    """The address of a service as a real server, on a free port."""
    server = uvicorn.Server(
        uvicorn.Config(make_app(Service(slot, ServeSettings(wait_ms=0))), log_level="error", lifespan="on")
    )
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def a_category(model_folder: Path) -> tuple[str, ...]:
    """A path of the model."""
    stored = json.loads((model_folder / "model.json").read_text(encoding="utf-8"))
    return tuple(stored["target"]["outcomes"][0])


@pytest.fixture
def zeppelin_rule(a_category: tuple[str, ...]) -> RuleSet:
    """A rule that every product with the word "zeppelin" falls under."""
    return RuleSet((Rule(3, RuleText("", "", ("zeppelin",), a_category)),))
