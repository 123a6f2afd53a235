"""Makes sure that a store has what is wanted: looks it up, fetches the rest, and says how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from shelfwise.catalog.fetching.download import Downloader, Network, run_to_end
from shelfwise.catalog.fetching.keep import take_up
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.catalog.fetching.plan import AskFor
from shelfwise.catalog.fetching.records import Result, is_ok
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.progress import Reporter


@dataclass
class Filling:
    """One or more rounds of fetching into a store, each while it is held with ``store.filling``.

    ``given_up``: hosts that could not be reached in any round, and why; ``asked``: URLs asked for so far.
    """

    store: ImageStore
    options: FetchOptions
    reporter: Reporter
    network: Network = field(default_factory=Network)
    asked: int = 0
    given_up: dict[str, str] = field(default_factory=dict)

    def fill(self, urls: Iterable[str], ask_for: AskFor, results: dict[str, Result]) -> None:
        """Fetch those of ``urls`` that are to be asked for.

        ``results`` gets what is known of each URL that was ever tried, at first and while images come. Raises
        FetchError and OSError where the store fails.
        """
        take_up(self.store, ask_for.run)
        every = list(dict.fromkeys(urls))
        known = self.store.index.look_up(every)
        wanted = ask_for.wanted(every, known, self.store)
        anew = {one.url for one in wanted if one.earlier is None}
        results.update((url, record) for url, record in known.items() if url not in anew)
        if not wanted:
            return
        for url in anew:
            results.pop(url, None)
        self.asked += len(wanted)
        with self.reporter.stage("fetching images", len(wanted), "images") as stage:
            pace = _Pace()

            def done(url: str, result: Result) -> None:
                results[url] = result
                stage.advance(1, pace.note(result))

            downloader = Downloader(
                self.store,
                self.options.rules,
                self.options.limits,
                run=ask_for.run,
                on_result=done,
                given_up=self.given_up,
                network=self.network,
            )
            run_to_end(downloader.fetch(wanted))


class _Pace:
    """How fast it goes, in words for a progress bar."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._images = self._failed = 0

    def note(self, result: Result) -> str:
        """The note after one more image."""
        self._images += 1
        self._failed += not is_ok(result)
        rate = self._images / max(time.monotonic() - self._started, 1e-3)
        return f"{rate:,.1f}/s" + (f", {self._failed:,} failed" if self._failed else "")
