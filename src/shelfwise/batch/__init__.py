"""Predictions for whole files of products, batch by batch, in bounded memory."""
