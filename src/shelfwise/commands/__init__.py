"""The command line's commands, one a file: they parse, call and print, and decide nothing.

Each has ``add_to(app)``. Heavy imports live inside the commands.
"""
