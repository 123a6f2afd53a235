"""The one family of errors a user can meet: each says what was expected, what came, and what to do."""


class ShelfwiseError(Exception):
    """The data or the request is wrong; the command line prints the message and exits with status 1."""


class CatalogError(ShelfwiseError):
    """A catalog file cannot be read, or lacks what was asked of it."""


class TargetError(ShelfwiseError):
    """The target column is missing, empty, or cannot be learned from."""


class RecipeError(ShelfwiseError):
    """A recipe holds an unknown key or a value that cannot work."""


class ModelFolderError(ShelfwiseError):
    """A model folder is missing, truncated, altered, or of a format this version does not read."""


class MissingDependencyError(ShelfwiseError):
    """An optional library or pretrained weights are needed and not at hand."""


class ImageError(ShelfwiseError):
    """One image cannot be decoded safely; the message is recorded as the product's reason."""


class FetchError(ShelfwiseError):
    """An image cannot be fetched from the web, or an image store cannot be used."""


class TaxonomyError(ShelfwiseError):
    """A taxonomy file cannot be read, or what it holds is not a tree."""


class RulesError(ShelfwiseError):
    """Rules that should act beside a model cannot be read, or are about another kind of answers."""


class DecisionsError(ShelfwiseError):
    """A file of decisions cannot be read, or is about another kind of answers than the target."""
