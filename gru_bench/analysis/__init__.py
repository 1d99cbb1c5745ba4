"""What trained cells do: gradients through time, gates, longer sequences."""
