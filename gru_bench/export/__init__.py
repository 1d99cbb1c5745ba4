"""The weights of a cell in other runtimes: PyTorch layers and ONNX graphs, numerically equal."""
