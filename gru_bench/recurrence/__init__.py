"""A cell through time: one scan whose backward pass is written by hand, and kernels for GPUs."""
