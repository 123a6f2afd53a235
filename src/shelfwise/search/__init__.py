"""Search: tries recipes and keeps the best. What may change is a block of dotted paths and ranges in a recipe file."""
