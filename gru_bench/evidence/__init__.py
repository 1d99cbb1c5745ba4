"""What finished runs show: estimates, verdicts and textbook claims.

Nothing here imports JAX.
"""
