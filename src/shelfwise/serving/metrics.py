"""What the service tells Prometheus: requests, products, batches, the queue, and which model answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PRODUCTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The figures of one service; ``waiting`` tells how many products are accepted and not answered."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        mine = self._registry
        self._requests = Counter(
            "shelfwise_requests", "Requests answered.", ["method", "path", "status"], registry=mine
        )
        self._seconds = Histogram(
            "shelfwise_request_seconds",
            "Time to answer a request.",
            ["path"],
            buckets=_SECONDS,
            registry=mine,
        )
        self._products = Counter("shelfwise_products", "Products predicted.", ["decision"], registry=mine)
        self._batch_products = Histogram(
            "shelfwise_batch_products", "Products computed together.", buckets=_PRODUCTS, registry=mine
        )
        self._batch_seconds = Histogram(
            "shelfwise_batch_seconds", "Time that a batch took.", buckets=_SECONDS, registry=mine
        )
        self._reloads = Counter(
            "shelfwise_reloads", "Times that the model was read anew.", ["outcome"], registry=mine
        )
        self._model = Gauge("shelfwise_model", "The model that answers.", ["fingerprint"], registry=mine)
        Gauge(
            "shelfwise_waiting_products", "Products accepted and not answered.", registry=mine
        ).set_function(waiting)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """One request was answered. ``path`` is one of the service's own: a stranger's would be a label for ever."""
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def predicted(self, answers: Iterable[dict[str, Any]]) -> None:
        """Products were predicted."""
        for one in answers:
            self._products.labels(one["decision"]).inc()

    def batch(self, products: int, seconds: float) -> None:
        """A batch was computed."""
        self._batch_products.observe(products)
        self._batch_seconds.observe(seconds)

    def model(self, fingerprint: str) -> None:
        """A model took its place."""
        self._model.clear()
        self._model.labels(fingerprint).set(1)

    def reload(self, outcome: str) -> None:
        """The model was to be read anew: ``done`` or ``refused``."""
        self._reloads.labels(outcome).inc()

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
