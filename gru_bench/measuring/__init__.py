"""What a cell costs: the time of a training step, latency, memory, and sizes of equal time."""
