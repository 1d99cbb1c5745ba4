"""The memory that a compiled program holds, by the compiler's own account."""

from typing import Any


def program_memory_mb(program: Any) -> float | None:
    """Returns the megabytes (10^6 bytes) that a program holds at its peak on one device.

    Buffers that are donated count once, for the argument and the result that takes its place.

    Args:
        program: A compiled program of JAX.

    Returns:
        The megabytes, or None where the backend does not tell.
    """
    analysis = program.memory_analysis()
    if analysis is None:
        return None
    held = (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        + analysis.temp_size_in_bytes
        - analysis.alias_size_in_bytes
    )
    return float(held) / 1e6
