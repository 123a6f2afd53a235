"""Writes the made-up store to disk: catalog, held-out products, new products with their answers, pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from shelfwise.demo.assemble import Item, assemble, part_sizes
from shelfwise.demo.dirt import ImageFault
from shelfwise.whole_files import whole_file

INPUTS = ("title", "description", "brand", "price", "image")
"""The columns to categorize by."""
TARGET = "category_path"
LEVELS = ("department", "product_group", "product_type")
"""The target once more, one column a level."""
LABELS = (TARGET, *LEVELS, "tags")
PATH_SEPARATOR = " > "
TAG_SEPARATOR = " | "

Progress = Callable[[int], None]


@dataclass(frozen=True)
class StoreFiles:
    """Where the store's files are, and how many products each holds.

    No product of ``held_out`` or ``new_products`` has a variant in ``catalog``.
    """

    catalog: Path
    held_out: Path
    new_products: Path
    new_products_answers: Path
    images: Path
    catalog_count: int
    held_out_count: int
    new_count: int


def store_size(products: int) -> int:
    """Number of products ``generate_store`` makes in all (for a progress bar's end).

    >>> store_size(2000)
    2500
    """
    return sum(part_sizes(products))


def generate_store(
    folder: Path, products: int = 2000, seed: int = 0, progress: Progress | None = None
) -> StoreFiles:
    """Write a shop of ``products`` labelled products, and more to test on, into ``folder``.

    ``catalog.csv`` is labelled, with a few wrong labels; ``held_out.csv`` is labelled without mistakes;
    ``new_products.csv`` has no labels, and ``new_products_answers.csv`` has them by id; ``images/``
    holds the pictures, JPEG of 128 × 128 pixels. The bytes are a function of ``products`` and ``seed`` (the
    pictures' also of the installed Pillow and numpy). Files of the same names are replaced.

    ``progress`` is called with the number of products finished since its last call; ``store_size`` is their
    sum. Raises CatalogError when ``products`` is below ``MIN_PRODUCTS``, OSError when ``folder`` cannot be
    written.
    """
    store = assemble(products, seed)
    folder = Path(folder)
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    files = StoreFiles(
        catalog=folder / "catalog.csv",
        held_out=folder / "held_out.csv",
        new_products=folder / "new_products.csv",
        new_products_answers=folder / "new_products_answers.csv",
        images=images,
        catalog_count=len(store.catalog),
        held_out_count=len(store.held_out),
        new_count=len(store.new),
    )
    catalog = _cells(store.catalog, first=0)
    held_out = _cells(store.held_out, first=len(store.catalog))
    new = _cells(store.new, first=len(store.catalog) + len(store.held_out))
    _write_csv(files.catalog, ("id", *INPUTS, *LABELS), catalog)
    _write_csv(files.held_out, ("id", *INPUTS, *LABELS), held_out)
    _write_csv(files.new_products, ("id", *INPUTS), new)
    _write_csv(files.new_products_answers, ("id", *LABELS), new)
    for item, cells in zip(
        [*store.catalog, *store.held_out, *store.new], [*catalog, *held_out, *new], strict=True
    ):
        _write_image(images / f"{cells['id']}.jpg", item)
        if progress is not None:
            progress(1)
    return files


def _cells(part: list[Item], first: int) -> list[dict[str, str]]:
    """The cells of each row, by column; ids are six digits with leading zeros and gaps, as in shops."""
    cells = []
    for position, item in enumerate(part):
        row = item.row
        product_id = f"{1003 + 7 * (first + position):06d}"
        cells.append(
            {
                "id": product_id,
                "title": row.title,
                "description": row.description,
                "brand": row.brand,
                "price": row.price,
                "image": "" if row.fault is ImageFault.MISSING else f"images/{product_id}.jpg",
                TARGET: PATH_SEPARATOR.join(row.path),
                **dict(zip(LEVELS, row.path, strict=True)),
                "tags": TAG_SEPARATOR.join(row.tags),
            }
        )
    return cells


def _write_csv(path: Path, columns: tuple[str, ...], rows: Iterable[dict[str, str]]) -> None:
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_image(path: Path, item: Item) -> None:
    # Imported here so that the command line's --help need not wait for numpy and Pillow.
    from shelfwise.demo.pictures import PictureSpec, render_jpeg

    fault = item.row.fault
    if fault in (ImageFault.MISSING, ImageFault.LOST):
        # A store written here before may have had it.
        path.unlink(missing_ok=True)
        return
    if fault is ImageFault.EMPTY_FILE:
        path.write_bytes(b"")
        return
    data = render_jpeg(PictureSpec(item.product.drawing, item.product.colour, item.product.picture_seed))
    path.write_bytes(data[: len(data) // 2] if fault is ImageFault.TRUNCATED else data)
