"""Exact parameter counts of the cells, in plain integers.

With input size I and hidden size H, one weight matrix from the input, one from the state and one
bias vector make up each of a cell's k affine maps: k H (I + H + 1) parameters. The reset-after GRU
adds a second bias, H numbers, inside its reset product.
"""

AFFINE_MAPS = {"gru": 3, "gru_reset_after": 3, "lstm": 4, "rnn": 1}


def cell_parameters(cell: str, input_size: int, hidden_size: int) -> int:
    """Number of parameters of one recurrent layer."""
    count = AFFINE_MAPS[cell] * hidden_size * (input_size + hidden_size + 1)
    return count + hidden_size if cell == "gru_reset_after" else count


def stack_parameters(cell: str, input_size: int, hidden_size: int, layers: int) -> int:
    """Number of parameters of `layers` recurrent layers, each on top of the one before."""
    first = cell_parameters(cell, input_size, hidden_size)
    return first + (layers - 1) * cell_parameters(cell, hidden_size, hidden_size)


def parameter_table(
    input_sizes: list[int], hidden_sizes: list[int]
) -> list[dict[str, str | int | float]]:
    """One row for every pair of sizes and every cell, with its ratio to an LSTM of those sizes."""
    return [
        {
            "cell": cell,
            "input_size": input_size,
            "hidden_size": hidden_size,
            "parameters": cell_parameters(cell, input_size, hidden_size),
            "ratio_to_lstm": cell_parameters(cell, input_size, hidden_size)
            / cell_parameters("lstm", input_size, hidden_size),
        }
        for input_size in input_sizes
        for hidden_size in hidden_sizes
        for cell in AFFINE_MAPS
    ]
