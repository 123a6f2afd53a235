"""Vectors of a catalog's images and texts, computed apart from any training: on this machine or on a cluster."""
