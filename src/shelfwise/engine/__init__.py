"""Runs networks that were exported to ONNX, without PyTorch: see `manifest` for what an export holds."""
