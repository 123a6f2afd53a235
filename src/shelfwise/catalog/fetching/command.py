"""`shelfwise fetch`: the images of a whole catalog into a folder, with a manifest; killed, it goes on later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.fetching.fill import Filling
from shelfwise.catalog.fetching.manifest import (
    MANIFEST_NAME,
    Fetched,
    ManifestKeeper,
    state_of,
    write_manifest,
)
from shelfwise.catalog.fetching.options import FetchOptions
from shelfwise.catalog.fetching.plan import AskFor, Given, ImageRow, image_rows, url_columns, wanted_urls
from shelfwise.catalog.fetching.records import Record, Result
from shelfwise.catalog.fetching.store import ImageStore
from shelfwise.catalog.locate import find_files
from shelfwise.errors import CatalogError
from shelfwise.progress import Reporter

REASONS_TOLD = 5


class FetchInterrupted(KeyboardInterrupt):
    """Ctrl-C during a fetch; the message says what is kept."""


@dataclass(frozen=True)
class FetchSummary:
    """What became of a catalog's images.

    ``products`` rows of the catalog; ``images`` different URLs, of which ``asked`` were asked for in this run;
    ``states`` products (with several columns: products × columns) by state; ``reasons`` the most frequent
    reasons of failures with their products; ``stored_bytes`` of all images of the catalog, each content once.
    """

    manifest: Path
    products: int
    images: int
    asked: int
    states: Mapping[Fetched, int]
    reasons: Sequence[tuple[str, int]]
    stored_bytes: int

    def rows(self) -> list[tuple[str, str]]:
        """Names and values for a person."""
        counts = [
            (str(state), f"{self.states.get(state, 0):,}") for state in Fetched if self.states.get(state)
        ]
        return [
            ("products", f"{self.products:,}"),
            ("different images", f"{self.images:,} ({self.asked:,} asked for now)"),
            *counts,
            *((f"  {number:,} of them", reason) for reason, number in self.reasons),
            ("stored", f"{self.stored_bytes / 1e6:,.1f} MB"),
            ("manifest", str(self.manifest)),
        ]


def fetch_to_folder(
    catalogs: Sequence[str],
    options: FetchOptions,
    *,
    reporter: Reporter,
    image: Sequence[str] = (),
    id: str | None = None,
    refresh: bool = False,
) -> FetchSummary:
    """Fetch the images that a catalog names by URL into ``options.store``, and write its manifest there.

    ``image``: the columns of URLs, by default all that look like it. ``refresh``: ask also for newer versions of
    images that are there. A run that was killed goes on where it was when it is asked for again in the same
    words; a finished one is asked for anew, which tries what failed.

    Raises CatalogError (no such column, no URLs), FetchError (the store), OSError, and FetchInterrupted on Ctrl-C.
    """
    assert options.store is not None
    columns, rows, products = _read(catalogs, image, id, options.rules.ports, reporter)
    urls = wanted_urls(rows)
    store = ImageStore(options.store, options.max_side)
    manifest = store.folder / MANIFEST_NAME
    results: dict[str, Result] = {}
    try:
        with store.filling(reporter):
            for part in store.folder.glob(f".{MANIFEST_NAME}.*.part"):
                part.unlink(missing_ok=True)
            run = store.index.begin_run(_request(catalogs, columns, options, refresh))
            results.update(store.index.look_up(urls))
            filling = Filling(store, options, reporter)
            with ManifestKeeper(lambda: write_manifest(manifest, rows, products, dict(results))):
                filling.fill(urls, AskFor(run, refresh), results)
            store.index.finish_run(run)
    except KeyboardInterrupt as error:
        raise FetchInterrupted(
            f"interrupted; images already fetched are kept in {store.folder}, and the same command goes on from there"
        ) from error
    finally:
        store.close()
    return _summary(manifest, rows, products, filling.asked, results)


def _read(
    catalogs: Sequence[str], image: Sequence[str], id: str | None, ports: frozenset[int], reporter: Reporter
) -> tuple[list[str], list[ImageRow], int]:
    """(Columns of URLs, a row per product and column: one column after the other, products)."""
    columns: list[str] = []
    rows: dict[str, list[ImageRow]] = {}
    products = 0
    with reporter.stage("reading the catalog", total=None) as stage:
        for batch in Catalog.scan(*catalogs, id=id, image=image):
            if not products:
                columns = list(image) or url_columns(batch)
                rows = {name: [] for name in columns}
            for name in columns:
                rows[name] += image_rows(batch, name, ports)
            products += len(batch)
            stage.advance(len(batch))
    used = [name for name in columns if any(row.given in (Given.WEB, Given.REFUSED) for row in rows[name])]
    if not used:
        raise CatalogError(
            f"{', '.join(catalogs)}: expected a column of image addresses (https://…), found none; name it with --image"
        )
    return used, [row for name in used for row in rows[name]], products


def _request(catalogs: Sequence[str], columns: Iterable[str], options: FetchOptions, refresh: bool) -> str:
    """What makes two runs the same, so that the second goes on with the first."""
    rules = options.rules
    return json.dumps(
        {
            "files": [str(file.path.resolve()) for file in find_files(catalogs)],
            "columns": list(columns),
            "refresh": refresh,
            "allowed": [sorted(rules.names), sorted(map(str, rules.networks)), sorted(rules.ports)],
        }
    )


def _summary(
    manifest: Path, rows: Sequence[ImageRow], products: int, asked: int, results: Mapping[str, Result]
) -> FetchSummary:
    states: Counter[Fetched] = Counter()
    reasons: Counter[str] = Counter()
    for row in rows:
        state, reason = state_of(row, results)
        states[state] += 1
        if state is Fetched.FAILED:
            reasons[reason] += 1
    sizes = {
        result.file: result.bytes for result in results.values() if isinstance(result, Record) and result.file
    }
    return FetchSummary(
        manifest,
        products,
        len({row.url for row in rows if row.url}),
        asked,
        states,
        reasons.most_common(REASONS_TOLD),
        sum(sizes.values()),
    )
