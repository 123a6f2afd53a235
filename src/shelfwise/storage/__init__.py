"""Model folders: what is written to disk, and the checks when it is read back."""
