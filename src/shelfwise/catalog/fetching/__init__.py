"""Images from the web: asked for politely, taken only from public addresses, each fetched once."""
