"""What to label next, so that people's time is spent where a model learns most from it."""
