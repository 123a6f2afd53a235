"""input → vector: every way of reading one thing known about a product; ``registry`` lists them."""
