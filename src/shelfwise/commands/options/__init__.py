"""Options that several commands share, by subject: as types for one parameter, or as groups (``option_groups.py``)."""
