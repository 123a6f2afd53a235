"""A made-up store, so that anyone can see the whole job done without bringing a catalog."""

from shelfwise.demo.assemble import MIN_PRODUCTS
from shelfwise.demo.store import INPUTS, LEVELS, TARGET, StoreFiles, generate_store, store_size

__all__ = ["INPUTS", "LEVELS", "MIN_PRODUCTS", "TARGET", "StoreFiles", "generate_store", "store_size"]
