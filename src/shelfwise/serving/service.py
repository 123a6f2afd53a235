"""A running service: the model's slot, the queue before it, who is let in, and the figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from shelfwise.errors import ShelfwiseError
from shelfwise.serving.batcher import Batcher
from shelfwise.serving.errors import OverloadedError, RequestRefusedError
from shelfwise.serving.keys import Keys
from shelfwise.serving.metrics import Metrics
from shelfwise.serving.products import Product
from shelfwise.serving.served_model import ModelSlot, ServedModel
from shelfwise.serving.settings import ServeSettings

logger = logging.getLogger("shelfwise.serve")
_BEARER = "bearer "


@dataclass(frozen=True)
class Predicted:
    """The answers of one request, and the fingerprint of the model that gave them."""

    model: str
    answers: list[dict[str, Any]]


@dataclass
class Service:
    """Everything that the routes ask for. ``read_keys`` reads the keys anew."""

    slot: ModelSlot
    settings: ServeSettings
    keys: Keys = field(default_factory=Keys)
    read_keys: Callable[[], Keys] | None = None
    batcher: Batcher[tuple[str, dict[str, Any]]] = field(init=False)
    metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        self.batcher = Batcher(self._work, self.settings, lambda *told: self.metrics.batch(*told))
        self.metrics = Metrics(lambda: self.batcher.products)

    def start(self) -> None:
        """Load the model where that is not done, and begin to compute. Raises ShelfwiseError."""
        served = self.slot.current or self.slot.load()
        self.metrics.model(served.fingerprint)
        self.batcher.start()

    def close(self) -> None:
        """Answer what was accepted, and stop."""
        self.batcher.close()

    @property
    def model(self) -> ServedModel:
        """The model that answers. Raises OverloadedError before it is loaded."""
        served = self.slot.current
        if served is None:
            raise OverloadedError("the model is being loaded")
        return served

    @property
    def ready(self) -> bool:
        """Whether products would be predicted."""
        return self.slot.current is not None and self.batcher.alive

    async def predict(self, products: list[Product]) -> Predicted:
        """The predictions of one request. Raises OverloadedError."""
        found = await self.batcher.ask(products)
        answers = [answer for _, answer in found]
        self.metrics.predicted(answers)
        return Predicted(found[0][0], answers)

    async def reload(self) -> ServedModel:
        """Read model, rules and keys anew while requests go on. Raises ShelfwiseError; all then stays as it was."""
        try:
            keys = await asyncio.to_thread(self.read_keys) if self.read_keys else self.keys
            served = await asyncio.to_thread(self.slot.load)
        except ShelfwiseError as error:
            self.metrics.reload("refused")
            logger.warning("The model stays as it is: %s", error)
            raise
        self.keys = keys
        self.metrics.reload("done")
        self.metrics.model(served.fingerprint)
        logger.warning("The model was read anew: %s", served.fingerprint)
        return served

    def let_in(self, request: Request, *, admin: bool = False) -> None:
        """Raise RequestRefusedError where the request's key is missing, unknown (401) or not enough (403)."""
        if not self.keys:
            if admin:
                raise RequestRefusedError(
                    403, "without keys nobody is an admin; start the service with --keys, or send it SIGHUP"
                )
            return
        found = self.keys.find(_given_key(request))
        if found is None:
            raise RequestRefusedError(401, "expected a known API key, as 'Authorization: Bearer KEY'")
        if admin and found.role != "admin":
            raise RequestRefusedError(403, "expected an admin's key")

    def _work(self, products: list[Product]) -> list[tuple[str, dict[str, Any]]]:
        served = self.model
        return [(served.fingerprint, answer) for answer in served.answers(products)]


def _given_key(request: Request) -> str:
    given = request.headers.get("authorization", "")
    if given[: len(_BEARER)].lower() == _BEARER:
        return given[len(_BEARER) :].strip()
    return request.headers.get("x-api-key", "").strip()
