"""The made-up store's departments with all their words, and the paths they span."""

from shelfwise.demo.words.books_toys import BOOKS_TOYS
from shelfwise.demo.words.clothing import CLOTHING
from shelfwise.demo.words.electronics import ELECTRONICS
from shelfwise.demo.words.home import HOME
from shelfwise.demo.words.kitchen import KITCHEN
from shelfwise.demo.words.model import Department, ProductGroup, ProductType
from shelfwise.demo.words.sports import SPORTS

DEPARTMENTS: tuple[Department, ...] = (CLOTHING, KITCHEN, HOME, ELECTRONICS, SPORTS, BOOKS_TOYS)

Shelf = tuple[Department, ProductGroup, ProductType]
"""Where a product stands: its department, group and type."""

SHELVES: tuple[Shelf, ...] = tuple(
    (department, group, kind)
    for department in DEPARTMENTS
    for group in department.groups
    for kind in group.types
)


def path_of(shelf: Shelf) -> tuple[str, str, str]:
    """The category path of a shelf, from the root down."""
    department, group, kind = shelf
    return department.name, group.name, kind.name


__all__ = ["DEPARTMENTS", "SHELVES", "Department", "ProductGroup", "ProductType", "Shelf", "path_of"]
