"""Training: one loop for every trained part."""
