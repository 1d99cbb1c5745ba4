"""Simulations of which the truth is known: how often the package's verdicts err, and are right."""
