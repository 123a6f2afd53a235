"""What `shelfwise review` does: opens the database, queues predictions, lets people in, and serves until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from shelfwise.catalog import Catalog
from shelfwise.errors import MissingDependencyError, ShelfwiseError
from shelfwise.progress import Reporter
from shelfwise.recipe import TargetRecipe
from shelfwise.review import clock, people
from shelfwise.review.app import LOOPBACK_NAMES, make_app
from shelfwise.review.arrivals import add_model, queue_file
from shelfwise.review.arriving_products import Arrived
from shelfwise.review.database import Database
from shelfwise.review.desk import Desk
from shelfwise.review.model_card import ModelCard, read_model_card
from shelfwise.review.product_fields import ProductFields
from shelfwise.review.queue import progress

if TYPE_CHECKING:
    from shelfwise.review.neighbours import Neighbours

MAX_HEADERS = 64 << 10
"""Bytes of a request's headers."""
SHUTDOWN_S = 10
"""How long requests under way may take after Ctrl-C."""


@dataclass(frozen=True)
class DeskOptions:
    """What is given on the command line. ``labelled``: the catalog to show similar labelled products from."""

    database: str
    catalogs: Sequence[str] = ()
    labelled: Sequence[str] = ()
    images: Path | None = None
    id: str | None = None
    worth: str | None = None
    votes: int = 1
    https: bool = False
    encoding: str | None = None


@dataclass
class TokenNews:
    """Tokens that were made just now, to be shown once. The empty name is everyone's."""

    made: dict[str, str] = field(default_factory=dict)


def open_desk(model: Path, predictions: Sequence[Path], options: DeskOptions, reporter: Reporter) -> Desk:
    """A desk with the given predictions queued. Raises ShelfwiseError for everything that is wrong with them."""
    card = read_model_card(model)
    shop = _read_shop(card, options, reporter)
    database = Database(options.database)
    before, after = database.migrated
    if 0 < before < after:
        reporter.say(f"the database was brought from schema version {before} to {after}")
    number = add_model(database, card)
    for path in predictions:
        _tell(queue_file(database, path, card, number, shop, reporter), len(shop) > 0, reporter)
    with database.read() as connection:
        queued = progress(connection)
    if not queued.products:
        raise ShelfwiseError(
            "there is nothing to review: give a file that `shelfwise predict` wrote, or the --database of an "
            "earlier review"
        )
    reporter.say(
        f"{queued.to_review:,} of {queued.products:,} products ask for a person, {queued.reviewed:,} of them decided"
    )
    return Desk(
        database,
        card,
        number,
        shop,
        votes=options.votes,
        neighbours=_read_neighbours(card, options, reporter),
        secure_cookies=options.https,
    )


def let_in(database: Database, names: Sequence[str], renew: bool) -> TokenNews:
    """Make the shared token where there is none (or ``renew``), and a token of their own for each of ``names``."""
    news = TokenNews()
    now = clock.now()
    with database.write() as connection:
        if renew or not people.has_token(connection, people.EVERYONE):
            news.made[people.EVERYONE] = people.make_token()
        for name in names:
            news.made[people.clean_name(name)] = people.make_token()
        for name, token in news.made.items():
            people.set_token(connection, name, token, now)
    return news


def welcome(listening: socket.socket, news: TokenNews, *, loopback: bool) -> list[str]:
    """What is told when the desk is up: where it is, how to get in, and who can reach it."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    lines = [f"The review desk is at http://{shown}:{port}/"]
    for name, token in news.made.items():
        whose = f"Token of {name}" if name else "Token for everyone"
        lines.append(f"{whose} (shown this once): {token}")
    if not news.made:
        lines.append("Sign in with the token from the first start, or make another with --new-token.")
    if not loopback:
        lines.append(
            "Other machines can reach this desk. It speaks plain HTTP: on a network that you do not trust, put an "
            "HTTPS proxy before it and start it with --https."
        )
    lines.append("Stop it with Ctrl-C; decisions are kept.")
    return lines


def serve(desk: Desk, listening: socket.socket, *, loopback: bool) -> None:
    """Serve until the process is told to stop; requests under way are finished."""
    try:
        import uvicorn
    except ImportError as error:
        raise MissingDependencyError(
            "the review desk needs: pip install 'shelfwise[serve]' (uvicorn is not there)"
        ) from error
    config = uvicorn.Config(
        make_app(desk, LOOPBACK_NAMES if loopback else ()),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # The parser in Python, because it alone limits the size of headers, which no guard of ours ever sees.
        http="h11",
        h11_max_incomplete_event_size=MAX_HEADERS,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _read_shop(card: ModelCard, options: DeskOptions, reporter: Reporter) -> ProductFields:
    catalog = None
    if options.catalogs:
        with reporter.stage("reading the catalog", total=None) as stage:
            catalog = Catalog.read(
                *options.catalogs,
                images_dir=options.images,
                id=options.id,
                encoding=options.encoding,
                progress=stage.advance,
            )
    return ProductFields(catalog, hidden=card.target_columns, images_dir=options.images, worth=options.worth)


def _read_neighbours(card: ModelCard, options: DeskOptions, reporter: Reporter) -> Neighbours | None:
    if not options.labelled:
        return None
    # scikit-learn takes a second to import.
    from shelfwise.review.neighbours import Neighbours

    target = TargetRecipe(
        columns=list(card.target_columns), multilabel=card.multilabel, separator=card.separator
    )
    with reporter.stage("reading labelled products", total=None) as stage:
        catalog = Catalog.read(
            *options.labelled, id=options.id, encoding=options.encoding, progress=stage.advance
        )
        return Neighbours.of(catalog, target)


def _tell(done: Arrived, fields_given: bool, reporter: Reporter) -> None:
    if done.known:
        reporter.say(f"{done.file}: in the queue already")
        return
    said = f"{done.file}: {done.new:,} products queued"
    if done.renewed:
        said += f", {done.renewed:,} got a newer prediction"
    if done.kept:
        said += f", {done.kept:,} were decided before and stay as they are"
    if done.without_fields and fields_given:
        said += f"; {done.without_fields:,} are not in the catalog, so only their ids are known"
    elif done.without_fields:
        said += "; give --catalog to show their fields and pictures"
    reporter.say(said)
