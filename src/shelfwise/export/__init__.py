"""Makes networks of a trained model that run without PyTorch, and shows that they answer alike."""
