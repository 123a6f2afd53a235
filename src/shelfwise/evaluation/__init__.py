"""How good the predictions are: numbers, curves, mistakes, and the report that tells them to a person."""
