"""Experiments: the papers' tables and figures, on any catalog."""
