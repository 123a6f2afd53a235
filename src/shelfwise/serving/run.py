"""What `shelfwise serve` does: loads the model, lets callers in, and serves until it is stopped."""

from __future__ import annotations

import gc
import socket
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from shelfwise.encoders.open_cache import keep_features_in_memory
from shelfwise.errors import ShelfwiseError
from shelfwise.review.listening import is_loopback
from shelfwise.review.rule_source import rules_in_force
from shelfwise.serving.app import make_app
from shelfwise.serving.keys import Keys, read_keys
from shelfwise.serving.served_model import ModelSlot
from shelfwise.serving.service import Service
from shelfwise.serving.settings import ServeSettings
from shelfwise.training.loop import compute_in_blocks_of

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_MOST_CONNECTIONS = 2_000
_FEATURE_BYTES = 256 << 20
_BLOCK_ROWS = 16
"""Products that networks compute at a time, always: one alone is answered soon, and gets the same answer in any company."""


@dataclass(frozen=True)
class ServeOptions:
    """What is given on the command line. ``rules``: a rule file or a review desk's database."""

    host: str = "127.0.0.1"
    rules: str | None = None
    keys: Path | None = None
    settings: ServeSettings = field(default_factory=ServeSettings)


def open_service(model: Path, options: ServeOptions) -> Service:
    """A service whose model is loaded and tried. Raises ShelfwiseError, also for an open door without keys."""
    keys_file = options.keys
    if keys_file is None and not is_loopback(options.host):
        raise ShelfwiseError(
            f"expected --keys FILE to serve on {options.host}, where other machines can reach it; make a key with "
            "`shelfwise api-key NAME --keys FILE`, or serve on 127.0.0.1"
        )
    keys = Keys() if keys_file is None else read_keys(keys_file)
    # A shop asks for each picture once, so features are not worth a disk; copies within minutes are.
    keep_features_in_memory(_FEATURE_BYTES)
    compute_in_blocks_of(_BLOCK_ROWS)
    rules = options.rules
    service = Service(
        ModelSlot(model, None if rules is None else partial(rules_in_force, rules)),
        options.settings,
        keys,
        None if keys_file is None else lambda: read_keys(keys_file),
    )
    service.slot.load()
    # What is loaded by now stays: looking through it for garbage again and again takes time from every request.
    gc.collect()
    gc.freeze()
    return service


def welcome(listening: socket.socket, service: Service, options: ServeOptions) -> list[str]:
    """What is told when the service is up."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    served = service.model
    lines = [f"Serving {served.fingerprint} at http://{shown}:{port}/v1/predict (OpenAPI: /openapi.json)"]
    lines += list(served.ruling.notes)
    if len(served.ruling.rules):
        lines.append(f"{len(served.ruling.rules):,} rules act after the model.")
    if not service.keys:
        lines.append(
            "No API keys: every program on this machine may ask. Give --keys FILE to let in only some."
        )
    elif not is_loopback(options.host):
        lines.append(
            "Other machines can reach this service. It speaks plain HTTP: on a network that you do not trust, put an "
            "HTTPS proxy before it."
        )
    lines.append(
        "Stop it with Ctrl-C; accepted requests are answered first. SIGHUP reads model, rules and keys anew."
    )
    return lines


def serve(service: Service, listening: socket.socket, *, loopback: bool) -> None:
    """Serve until the process is told to stop; what was accepted is answered."""
    import uvicorn

    from shelfwise.serving.patience import PatientProtocol

    config = uvicorn.Config(
        make_app(service, LOOPBACK_NAMES if loopback else ()),
        http=PatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=service.settings.shutdown_s,
    )
    uvicorn.Server(config).run(sockets=[listening])
