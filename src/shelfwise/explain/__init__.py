"""What a model remembers of its training products, and why it answers as it does."""
