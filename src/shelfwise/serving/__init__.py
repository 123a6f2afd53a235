"""The HTTP service that shops' own systems ask for categories."""
