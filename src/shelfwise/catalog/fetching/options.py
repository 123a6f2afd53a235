"""How a person wants images fetched, from whom, and where to: one value from the command line down."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shelfwise.catalog.fetching.addresses import AddressRules
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.errors import MissingDependencyError

HOW_TO_INSTALL = "pip install 'shelfwise[fetch]'"


@dataclass(frozen=True)
class FetchOptions:
    """Where images go and what may be asked of whom.

    Attributes
    ----------
    store
        The folder of the image store; None: in the folder of caches.
    rules
        Addresses that may be connected to.
    limits
        How many requests, how fast, how large.
    max_side
        Pixels a side of stored images; None: the store's own, or 512 for a new one.
    ask_the_web
        False: only what is in the store is used, and no request is made.
    """

    store: Path | None = None
    rules: AddressRules = field(default_factory=AddressRules)
    limits: FetchLimits = field(default_factory=FetchLimits)
    max_side: int | None = None
    ask_the_web: bool = True

    @classmethod
    def given(
        cls,
        store: Path | None,
        allow_hosts: Sequence[str] | None,
        allow_ports: Sequence[int] | None,
        ask_the_web: bool,
    ) -> FetchOptions:
        """From what stands on the command line of `train`, `evaluate` and `predict`. Raises FetchError."""
        rules = AddressRules.of(allow_hosts or (), allow_ports or ())
        return cls(store, rules, ask_the_web=ask_the_web)


def need_httpx() -> None:
    """Raise MissingDependencyError where images cannot be fetched for want of a library."""
    if not can_fetch():
        raise MissingDependencyError(
            f"fetching images needs the library httpx; install it with: {HOW_TO_INSTALL}"
        )


def can_fetch() -> bool:
    """Whether the optional library that makes the requests is installed."""
    return importlib.util.find_spec("httpx") is not None
