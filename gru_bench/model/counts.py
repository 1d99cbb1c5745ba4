"""Exact counts of parameters and operations, in plain integers, and the sizes that match them.

With input size I and hidden size H, one weight matrix from the input, one from the state and one
bias vector make up each of a cell's k affine maps: k H (I + H + 1) parameters, or k H (I + 1) where
the maps do not read the state. The reset-after GRU adds a second bias, H numbers, inside its reset
product.

A built-in cell is given by its name, a user's by its class, `package.module:Class`. The latter has
no formula here: it is imported, and JAX with it, and its parameters are counted. The formulas of
attention, which has no affine maps from a state, are in `attention_counts`.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product

from gru_bench.config.cell import ATTENTION, BUILT_IN, MAIN_CELLS
from gru_bench.model.attention_counts import attention_flops, attention_parameters, attention_state

NORMALISING = 6  # operations of layer normalisation for each number
NUMBER_BYTES = 4  # of a number in float32


def cell_parameters(cell: str, input_size: int, hidden_size: int, layer_norm: bool = False) -> int:
    """Returns the number of parameters of one recurrent layer.

    Layer normalisation of a built-in cell adds a gain for each column of the products with input
    and state; where there is a memory, gain and bias for each of its units.
    """
    if cell not in BUILT_IN:
        from gru_bench.model.user_cell import layer_parameters

        return layer_parameters(cell, input_size, hidden_size)
    declared = BUILT_IN[cell]
    read = input_size + (hidden_size if declared.reads_state else 0)
    count = declared.affine_maps * hidden_size * (read + 1)
    gains = declared.affine_maps * (1 + declared.reads_state)
    gains += 2 * (declared.state_arrays - 1)  # those of a memory, and its bias
    return count + hidden_size * (declared.inner_bias + gains * layer_norm)


def cell_flops(cell: str, input_size: int, hidden_size: int, layer_norm: bool = False) -> int:
    """Returns the floating point operations of one forward step of one sequence, in one layer.

    A multiply-add of the matrix products counts two; every addition, subtraction, product, sigmoid
    and tanh of the cell's equations one. Of a user's cell the products and the biases are
    known, and the class states the rest. Layer normalisation takes six operations of each number:
    two for the mean and the difference from it, two for the variance, two for scale and gain; what
    is done once a product is left out.
    """
    if cell not in BUILT_IN:
        from gru_bench.model.user_cell import layer_flops

        return layer_flops(cell, input_size, hidden_size)
    declared = BUILT_IN[cell]
    read = input_size + (hidden_size if declared.reads_state else 0)
    affine_maps = declared.affine_maps * hidden_size * (2 * read + 1)
    normalising = NORMALISING * declared.affine_maps * (1 + declared.reads_state)
    normalising += (NORMALISING + 1) * (declared.state_arrays - 1)  # that of a memory, and its bias
    return affine_maps + hidden_size * (declared.pointwise + normalising * layer_norm)


def cell_state(cell: str, input_size: int, hidden_size: int, layer_norm: bool = False) -> int:
    """Returns how many numbers one recurrent layer keeps of a sequence between two steps.

    They do not depend on the input size, nor on layer normalisation.
    """
    if cell not in BUILT_IN:
        from gru_bench.model.user_cell import load_cell

        return load_cell(cell).state_arrays * hidden_size
    return BUILT_IN[cell].state_arrays * hidden_size


def stack_parameters(
    cell: str,
    input_size: int,
    hidden_size: int,
    layers: int,
    bidirectional: bool = False,
    layer_norm: bool = False,
) -> int:
    """Returns the number of parameters of `layers` layers on top of each other."""
    if cell == ATTENTION:
        return attention_parameters(input_size, hidden_size, layers)
    count = partial(cell_parameters, cell, layer_norm=layer_norm)
    return _stacked(count, input_size, hidden_size, layers, bidirectional)


def stack_flops(
    cell: str,
    input_size: int,
    hidden_size: int,
    layers: int,
    bidirectional: bool = False,
    layer_norm: bool = False,
    length: int = 1,
) -> int:
    """Returns the floating point operations of one forward step of one sequence, in all layers.

    Those of attention are the mean over the steps of a sequence of this `length`.
    """
    if cell == ATTENTION:
        return attention_flops(input_size, hidden_size, layers, length)
    count = partial(cell_flops, cell, layer_norm=layer_norm)
    return _stacked(count, input_size, hidden_size, layers, bidirectional)


def stack_state(
    cell: str,
    input_size: int,
    hidden_size: int,
    layers: int,
    bidirectional: bool = False,
    layer_norm: bool = False,
    length: int = 1,
) -> int:
    """Returns how many numbers all layers keep of a sequence between two steps.

    Those of attention are kept at the last step of a sequence of this `length`.
    """
    if cell == ATTENTION:
        return attention_state(hidden_size, layers, length)
    count = partial(cell_state, cell, layer_norm=layer_norm)
    return _stacked(count, input_size, hidden_size, layers, bidirectional)


def _stacked(
    count: Callable[[int, int], int],
    input_size: int,
    hidden_size: int,
    layers: int,
    bidirectional: bool,
) -> int:
    """Returns a count of one cell over all layers; of two directions each has a cell in each."""
    directions = 2 if bidirectional else 1
    first = count(input_size, hidden_size)
    later = count(directions * hidden_size, hidden_size)
    return directions * (first + (layers - 1) * later)


# Keys are values of `match`.
COUNTS: dict[str, Callable[..., int]] = {
    "parameters": stack_parameters,
    "flops": stack_flops,
    "state": stack_state,
}


def nearest_hidden_size(count: Callable[[int], int], target: int) -> int:
    """Returns the hidden size whose count is nearest to a target; of two, the smaller.

    Args:
        count: A number that grows with the hidden size, without bound.
        target: What it is to come near to.
    """
    high = 1
    while count(high) < target:
        high *= 2
    reached = bisect_left(range(high), target, lo=1, key=count)
    return min(max(reached - 1, 1), reached, key=lambda size: abs(count(size) - target))


def matched_hidden_size(
    cell: str,
    input_size: int,
    hidden_size: int,
    layers: int,
    match: str,
    budget: int | None = None,
    bidirectional: bool = False,
    layer_norm: bool = False,
    length: int = 1,
) -> int:
    """Returns the hidden size of a cell that is to be compared with an LSTM of `hidden_size` units.

    Args:
        cell: The cell.
        input_size: Features that the first recurrent layer reads.
        hidden_size: The hidden size of the LSTM.
        layers: Recurrent layers, of the cell as of the LSTM.
        match: `hidden` for as many units, `parameters`, `flops` or `state` for the size at which
            those of all recurrent layers come nearest to the LSTM's.
        budget: A number of parameters that takes the place of the LSTM's, for the LSTM, too.
        bidirectional: Whether each layer has two cells, of the cell as of the LSTM.
        layer_norm: Whether they are layer-normalised, the cell as the LSTM.
        length: Steps of a sequence, with which operations and state of attention grow.
    """
    if match == "hidden":
        return hidden_size
    grows = {} if match == "parameters" else {"length": length}

    def count(cell: str, size: int) -> int:
        return COUNTS[match](cell, input_size, size, layers, bidirectional, layer_norm, **grows)

    target = count("lstm", hidden_size) if budget is None else budget
    return nearest_hidden_size(partial(count, cell), target)


def parameter_table(
    input_sizes: list[int],
    hidden_sizes: list[int],
    match: str = "hidden",
    own: Mapping[str, str] | None = None,
    length: int = 1,
) -> list[dict[str, str | int | float]]:
    """Returns a row for every main cell at the size that matches each LSTM, with ratios to it.

    Args:
        input_sizes: Features that the layer reads.
        hidden_sizes: The hidden sizes of the LSTM.
        match: What is matched, as in `matched_hidden_size`.
        own: Further cells by their names in tables, those that users wrote as
            `package.module:Class`.
        length: Steps of a sequence, with which operations and state of attention grow.
    """
    return [
        row
        for input_size, hidden_size in product(input_sizes, hidden_sizes)
        for row in _rows(
            input_size,
            partial(
                matched_hidden_size, hidden_size=hidden_size, layers=1, match=match, length=length
            ),
            own,
            length,
        )
    ]


def budget_table(
    input_sizes: list[int], budget: int, own: Mapping[str, str] | None = None, length: int = 1
) -> list[dict[str, str | int | float]]:
    """Returns the same rows, every cell at the size whose parameters come nearest to the budget."""

    def size_of(cell: str, input_size: int) -> int:
        count = partial(stack_parameters, cell, input_size, layers=1)
        return nearest_hidden_size(count, budget)

    return [row for input_size in input_sizes for row in _rows(input_size, size_of, own, length)]


def _rows(
    input_size: int, size_of: Callable[[str, int], int], own: Mapping[str, str] | None, length: int
) -> list[dict[str, str | int | float]]:
    """Returns a row for each cell, at the hidden size that it has with this input."""
    cells = {cell: cell for cell in MAIN_CELLS} | dict(own or {})
    sizes = {name: size_of(cell, input_size) for name, cell in cells.items()}
    parameters = {n: stack_parameters(cell, input_size, sizes[n], 1) for n, cell in cells.items()}
    flops = {
        n: stack_flops(cell, input_size, sizes[n], 1, length=length) for n, cell in cells.items()
    }
    return [
        {
            "cell": name,
            "input_size": input_size,
            "hidden_size": size,
            "parameters": parameters[name],
            "ratio_to_lstm": parameters[name] / parameters["lstm"],
            "flops": flops[name],
            "flops_ratio_to_lstm": flops[name] / flops["lstm"],
            "state_bytes": NUMBER_BYTES
            * stack_state(cells[name], input_size, size, layers=1, length=length),
        }
        for name, size in sizes.items()
    ]
