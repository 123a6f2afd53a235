"""Catalogs whose images are on the web can be worked with like any other: the images are fetched first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from shelfwise.catalog.catalog import Catalog
from shelfwise.catalog.column import RawImage, Role
from shelfwise.catalog.fetching.addresses import AddressRefusedError
from shelfwise.catalog.fetching.options import HOW_TO_INSTALL, FetchOptions, can_fetch
from shelfwise.catalog.fetching.plan import AskFor, has_urls, image_rows, url_columns, wanted_urls
from shelfwise.catalog.fetching.records import Record, Result, is_ok
from shelfwise.catalog.fetching.store import ImageStore, default_store
from shelfwise.catalog.fetching.upkeep import image_limit, trim_images
from shelfwise.catalog.fetching.web_address import web_address
from shelfwise.catalog.image_source import failed
from shelfwise.progress import Reporter, Silent

if TYPE_CHECKING:
    from shelfwise.catalog.fetching.download import Network
    from shelfwise.catalog.fetching.fill import Filling

FAILURES_COUNT_S = 24 * 3600.0
"""How long a failed image is left alone by `train`, `evaluate` and `predict`; `fetch` tries it again at once."""
_ALL_PORTS = range(1, 1 << 16)
_ASK_FOR = AskFor(run=0, failures_count_s=FAILURES_COUNT_S)


class FetchedImages:
    """The images of a store by URL, for a catalog."""

    def __init__(
        self, store: ImageStore, results: Mapping[str, Result], ports: Container[int], otherwise: str
    ) -> None:
        """``otherwise``: why there is no image where nothing is known of a URL."""
        self._store, self._results, self._ports, self._otherwise = store, results, ports, otherwise

    def load(self, url: str) -> RawImage:
        """The image at a URL as the catalog has it, or FAILED with the reason."""
        try:
            result = self._results.get(web_address(url, self._ports))
        except AddressRefusedError as error:
            return failed(f"image could not be fetched: {error}")
        if isinstance(result, Record):
            return self._store.load(result)
        return failed(f"image was not fetched: {result.reason if result else self._otherwise}")


class Input(Protocol):
    """What is needed of a recipe's input."""

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        ...

    @property
    def role(self) -> str | None:
        """What its columns hold; only images are fetched."""
        ...


@dataclass
class _Tally:
    """How many of a column's images could be had, and why not."""

    images: int = 0
    had: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, urls: Iterable[str], results: Mapping[str, Result]) -> None:
        for url in urls:
            result = results.get(url)
            self.images += 1
            if is_ok(result):
                self.had += 1
            elif result is not None:
                self.reasons[result.reason] += 1


class FetchFirst:
    """Fetches what catalogs need before they are worked with. Opens no store where no product has a URL.

    Used as a context manager, which closes the store; catalogs that were handed out stay usable.
    """

    def __init__(
        self,
        options: FetchOptions | None = None,
        reporter: Reporter | None = None,
        network: Network | None = None,
    ) -> None:
        self._options = options or FetchOptions()
        self._reporter = reporter or Silent()
        self._network = network
        self._filling: Filling | None = None
        self._store: ImageStore | None = None
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._store is not None:
            self._store.close()
            self._store = self._filling = None

    def catalog(self, catalog: Catalog, names: Iterable[str] | None = None) -> Catalog:
        """The same products, whose images by URL are those of the store.

        ``names``: the columns to look at, where they are there; None: those of images, and those that are left
        out of the inputs because they hold addresses of images, which become inputs if at least one image
        could be had. An image that cannot be fetched is FAILED with its reason, and how many are is said.
        Raises FetchError and OSError where the store fails, never for what the web does.
        """
        tallies: dict[str, _Tally] = {}
        fetched = self._catalog(catalog, names, tallies)
        self._tell(tallies)
        return fetched

    def inputs(self, catalog: Catalog, inputs: Iterable[Input]) -> Catalog:
        """``catalog`` with those columns that a recipe's inputs say or leave to be images; all where it has none."""
        roles = {column: one.role for one in inputs for column in one.columns}
        if not roles:
            return self.catalog(catalog)
        guessed = url_columns(catalog)
        return self.catalog(
            catalog,
            [name for name, role in roles.items() if role == Role.IMAGE or (not role and name in guessed)],
        )

    def batches(self, batches: Iterable[Catalog], inputs: Iterable[Input]) -> Iterator[Catalog]:
        """One batch after the other, each fetched when its turn comes; ``inputs``: those of a trained model."""
        columns = [column for one in inputs if one.role == Role.IMAGE for column in one.columns]
        tallies: dict[str, _Tally] = {}
        for batch in batches:
            yield self._catalog(batch, columns, tallies)
        self._tell(tallies)

    def _catalog(self, catalog: Catalog, names: Iterable[str] | None, tallies: dict[str, _Tally]) -> Catalog:
        chosen = url_columns(catalog) if names is None else list(names)
        columns = [name for name in chosen if name in catalog.table.column_names and has_urls(catalog, name)]
        if not columns:
            return catalog
        store = self._open_store()
        # Who asks nobody takes what the store has, whatever was allowed when it was fetched.
        ports = self._options.rules.ports if self._options.ask_the_web else _ALL_PORTS
        urls = {name: wanted_urls(image_rows(catalog, name, ports)) for name in columns}
        results, otherwise = self._fetch(store, [url for some in urls.values() for url in some])
        for name, some in urls.items():
            tallies.setdefault(name, _Tally()).add(some, results)
        web = FetchedImages(store, results, ports, otherwise)
        had = {name: any(is_ok(results.get(url)) for url in some) for name, some in urls.items()}
        return _as_inputs(catalog.with_web_images(web), had)

    def _fetch(self, store: ImageStore, urls: list[str]) -> tuple[dict[str, Result], str]:
        """What is known of ``urls`` after all that can be done, and why nothing is known of the others."""
        known = store.index.look_up(urls)
        results: dict[str, Result] = dict(known)
        if not _ASK_FOR.wanted(urls, known, store):
            return results, ""
        if not self._options.ask_the_web:
            return results, "it is not in the image store, and --no-fetch was given"
        if not can_fetch():
            why = f"fetching needs httpx ({HOW_TO_INSTALL})"
            self._say(f"images at web addresses are not fetched: {why}")
            return results, why
        with store.filling(self._reporter):
            # Looks the URLs up again: another process may have fetched them while this one waited.
            self._open_filling(store).fill(urls, _ASK_FOR, results)
            if self._options.store is None:  # a folder that somebody named is theirs to tidy
                trim_images(store.folder, image_limit())
        return results, ""

    def _open_store(self) -> ImageStore:
        if self._store is None:
            self._store = ImageStore(self._options.store or default_store(), self._options.max_side)
        return self._store

    def _open_filling(self, store: ImageStore) -> Filling:
        # Imported here: what needs httpx is loaded only when something is fetched.
        from shelfwise.catalog.fetching.download import Network
        from shelfwise.catalog.fetching.fill import Filling

        if self._filling is None:
            self._filling = Filling(store, self._options, self._reporter, self._network or Network())
        return self._filling

    def _tell(self, tallies: Mapping[str, _Tally]) -> None:
        for name, tally in tallies.items():
            if tally.had < tally.images:
                why = f"; most often: {tally.reasons.most_common(1)[0][0]}" if tally.reasons else ""
                self._say(f"{name}: {tally.had:,} of {tally.images:,} images on the web could be had{why}")

    def _say(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self._reporter.say(message)


def _as_inputs(catalog: Catalog, had: Mapping[str, bool]) -> Catalog:
    """The catalog with what is now known of columns that were left out because nobody had fetched them.

    ``had``: column → whether any of its images could be had; those become inputs, the others stay out.
    """
    fields = {
        name: replace(
            catalog.fields[name],
            role=Role.IMAGE if any_image else Role.IGNORED,
            why=f"addresses of images on the web, {'fetched' if any_image else 'none of which could be had'}",
        )
        for name, any_image in had.items()
        if catalog.fields[name].role is Role.IGNORED
    }
    changed = catalog.with_fields(fields)
    left_out = {name: f"Column '{name}' is left out: " for name in fields}
    changed.notes = [note for note in changed.notes if not note.startswith(tuple(left_out.values()))]
    changed.notes += [f"{left_out[name]}{fields[name].why}." for name in fields if not had[name]]
    return changed
