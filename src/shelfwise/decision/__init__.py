"""Decision: calibration, thresholds, and what a person sees."""
