"""Training: one compiled program for a whole population of runs."""
