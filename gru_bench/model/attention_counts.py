"""The sizes of a layer of attention, and exact counts of its parameters and operations.

All of them follow from the width H of the layer, in plain integers, without JAX.
"""

LARGEST_HEAD = 32
MLP_FACTOR = 4  # hidden units of the MLP over the width of the layer
# Operations of each number: mean, difference, variance (2), scale and gain as for a normalised
# cell, and a bias; x (1 + tanh(c (x + a x³))) / 2; two products and a sum.
NORMALISING, GELU, ROTATING = 7, 9, 3
SOFTMAX = 4  # operations of each score: a difference, an exponential, a sum, a quotient


def heads(hidden_size: int) -> int:
    """Returns the number of heads: as few as keep each at `LARGEST_HEAD` numbers at most."""
    return -(-hidden_size // LARGEST_HEAD)


def head_size(hidden_size: int) -> int:
    """Returns the numbers of a head: the least even one with which all are as wide as the layer.

    It is even, since rotary positions turn pairs of numbers.
    """
    return 2 * -(-hidden_size // (2 * heads(hidden_size)))


def attention_width(hidden_size: int) -> int:
    """Returns the numbers of all heads together: the width of the layer, or a few more."""
    return heads(hidden_size) * head_size(hidden_size)


def attention_parameters(input_size: int, hidden_size: int, layers: int) -> int:
    """Returns the number of parameters of layers on top of each other.

    Args:
        input_size: Features that the first one reads, and projects to its width.
        hidden_size: Their width.
        layers: How many.
    """
    return (input_size + 1) * hidden_size + layers * _block_parameters(hidden_size)


def _block_parameters(hidden_size: int) -> int:
    width, inner = attention_width(hidden_size), MLP_FACTOR * hidden_size
    norms = 2 * 2 * hidden_size
    attention = 3 * width * (hidden_size + 1) + hidden_size * (width + 1)
    mlp = inner * (hidden_size + 1) + hidden_size * (inner + 1)
    return norms + attention + mlp


def attention_state(hidden_size: int, layers: int, length: int) -> int:
    """Returns how many numbers layers keep at the end of a sequence: keys and values of all steps.

    Args:
        hidden_size: Their width.
        layers: How many.
        length: Steps of the sequence.
    """
    return 2 * length * layers * attention_width(hidden_size)


def attention_flops(input_size: int, hidden_size: int, layers: int, length: int) -> int:
    """Returns the floating point operations of a forward step of one sequence, in all layers.

    A step attends to itself and those before it, t of them at step t: what is counted is the mean
    over all steps of a sequence, at which t is (length + 1) / 2. A multiply-add counts two, every
    other operation one.

    Args:
        input_size: Features that the first layer reads.
        hidden_size: The width of the layers.
        layers: How many.
        length: Steps of a sequence.
    """
    projection = (2 * input_size + 1) * hidden_size
    return projection + layers * _block_flops(hidden_size, length)


def _block_flops(hidden_size: int, length: int) -> int:
    width, inner = attention_width(hidden_size), MLP_FACTOR * hidden_size
    norms = 2 * NORMALISING * hidden_size
    maps = 3 * width * (2 * hidden_size + 1) + hidden_size * (2 * width + 1)
    mlp = inner * (2 * hidden_size + 1) + hidden_size * (2 * inner + 1)
    # Queries and keys are rotated, and queries scaled.
    positions = 2 * ROTATING * width + width
    # Two products of a head's size and a softmax for each of (length + 1) / 2 steps.
    attending = (4 * width + SOFTMAX * heads(hidden_size)) * (length + 1) // 2
    residuals = 2 * hidden_size
    return norms + maps + positions + attending + mlp + GELU * inner + residuals
