"""The review desk: where people decide on the products that the model is not sure of."""
