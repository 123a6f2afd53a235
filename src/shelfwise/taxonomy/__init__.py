"""The tree of categories and what is predicted from it."""
