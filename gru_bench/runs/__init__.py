"""The run folder: its result and schema, reading and writing, status and TensorBoard events.

Nothing here imports JAX.
"""
