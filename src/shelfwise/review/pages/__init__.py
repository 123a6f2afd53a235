"""The desk's pages, one file a part of the desk."""
