"""What can be asked for: the schema of every key, its checks, and their composition by Hydra.

Nothing here imports JAX.
"""
