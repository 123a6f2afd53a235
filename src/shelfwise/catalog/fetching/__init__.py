"""Images from the web: asked for politely, taken only from public addresses, each fetched once."""

from shelfwise.catalog.fetching.addresses import AddressRules
from shelfwise.catalog.fetching.limits import FetchLimits
from shelfwise.catalog.fetching.options import FetchOptions

__all__ = ["AddressRules", "FetchLimits", "FetchOptions"]
