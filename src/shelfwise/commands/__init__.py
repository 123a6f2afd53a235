"""The command line's commands and options: they parse, call and print."""
