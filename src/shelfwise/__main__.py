"""Lets `python -m shelfwise` stand for the `shelfwise` command."""

from shelfwise.cli import main

main()
